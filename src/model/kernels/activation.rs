//! The activation of the feed-forward block, in the same breath as the product it follows.

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

/// A product whose bias and activation are applied as it comes out of the registers.
pub struct Gated<'a> {
    /// θ ⊙ u, rows of `width` floats.
    pub active: &'a mut [f32],
    /// θ, the same shape, or empty if nobody asks.
    pub gate: &'a mut [f32],
    /// Columns in `active`.
    pub width: usize,
    /// The product's column that stands first.
    pub first: usize,
    /// Added to each row, as many as the product has columns.
    pub bias: &'a [f32],
    /// Which activation.
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

/// A product multiplied by the gate, entry by entry: the way back through an activation whose gate is held.
pub struct TimesGate<'a> {
    /// The result, rows of `width` floats.
    pub out: &'a mut [f32],
    /// θ, the same rows of the whole matrix: `columns` floats each.
    pub gate: &'a [f32],
    /// Columns in `out`.
    pub width: usize,
    /// The product's column that stands first.
    pub first: usize,
    /// Columns of the product.
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
