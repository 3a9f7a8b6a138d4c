//! The activation of the feed-forward block, as an epilogue of the product before it.

use std::ops::Range;

use super::super::config::Activation;
use super::super::simd::Simd;
use super::elementary::{erf, exp};
use super::gemm::{Epilogue, fetch, load_part, store_part};

/// The gate θ(u) of activation(u) = θ(u)·u.
#[inline(always)]
pub fn gate<S: Simd>(s: S, activation: Activation, u: S::F32) -> S::F32 {
    let (half, one) = (s.splat(0.5), s.splat(1.0));
    match activation {
        Activation::Gelu => {
            let erf = erf(s, s.mul(u, s.splat(std::f32::consts::FRAC_1_SQRT_2)));
            s.fma(erf, half, half)
        }
        // ½(1 + tanh z) = 1 / (1 + e^(-2z))
        Activation::GeluTanh => {
            let cubic = s.fma(s.mul(u, u), s.splat(0.044_715), one);
            let z = s.mul(s.mul(u, cubic), s.splat(-2.0 * 0.797_884_6));
            s.div(one, s.add(one, exp(s, z)))
        }
        Activation::Relu => s.positive(u),
    }
}

/// Epilogue: adds a bias and applies the activation while the sums are in registers.
pub struct Gated<'a> {
    /// θ ⊙ u, rows of `width` floats.
    pub active: &'a mut [f32],
    /// θ, same shape, or empty if it is not needed.
    pub gate: &'a mut [f32],
    /// Number of columns in `active`.
    pub width: usize,
    /// The first column of the product in `active`.
    pub first: usize,
    /// The bias, as long as the product has columns.
    pub bias: &'a [f32],
    /// The activation.
    pub activation: Activation,
}

impl Epilogue for Gated<'_> {
    #[inline(always)]
    fn next<S: Simd>(&self, s: S, rows: Range<usize>, column: usize, panels: usize) {
        fetch(s, self.gate, self.width, rows, column - self.first, panels);
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let u = s.add(sums, load_part(s, self.bias, column));
        let theta = gate(s, self.activation, u);
        let (at, column) = (row * self.width, column - self.first);
        store_part(s, &mut self.active[at..][..self.width], column, s.mul(u, theta));
        if !self.gate.is_empty() {
            store_part(s, &mut self.gate[at..][..self.width], column, theta);
        }
    }
}

/// Epilogue: multiplies by a gate, entry by entry; the vjp of an activation with frozen gate.
pub struct TimesGate<'a> {
    /// The result, rows of `width` floats.
    pub out: &'a mut [f32],
    /// θ, for the same rows: `columns` floats each.
    pub gate: &'a [f32],
    /// Number of columns in `out`.
    pub width: usize,
    /// The first column of the product in `out`.
    pub first: usize,
    /// Number of columns of the product.
    pub columns: usize,
}

impl Epilogue for TimesGate<'_> {
    #[inline(always)]
    fn next<S: Simd>(&self, s: S, rows: Range<usize>, column: usize, panels: usize) {
        fetch(s, self.gate, self.columns, rows, column, panels);
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let theta = load_part(s, &self.gate[row * self.columns..][..self.columns], column);
        let out = &mut self.out[row * self.width..][..self.width];
        store_part(s, out, column - self.first, s.mul(sums, theta));
    }
}
