//! Residual connection and LayerNorm (Ba et al. 2016) of a row in one pass.

use super::super::simd::{LANES, Simd};
use super::gemm::{load_part, store_part};

/// LayerNorm(x + y + bias)·γ + β of one row into `out`; returns 1/s.
///
/// All slices have the length of the row. The mean is subtracted before squares are summed, and each lane has its own sum, which is more
/// accurate than one long sum.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a LayerNorm has this many")]
pub fn residual_norm<S: Simd>(
    s: S,
    out: &mut [f32],
    x: &[f32],
    y: &[f32],
    bias: &[f32],
    scale: &[f32],
    shift: &[f32],
    epsilon: f64,
) -> f32 {
    let width = out.len();
    let mut sum = s.splat(0.0);
    for column in (0..width).step_by(LANES) {
        let v = s.add(load_part(s, x, column), load_part(s, y, column));
        let v = s.add(v, load_part(s, bias, column));
        store_part(s, out, column, v);
        sum = s.add(sum, v);
    }
    let mean = s.sum(sum) / width as f32;
    let mut squares = s.splat(0.0);
    for column in (0..width).step_by(LANES) {
        // Padded with the mean, so that lanes after the row add zero.
        let v = s.sub(load_or(s, out, column, mean), s.splat(mean));
        squares = s.fma(v, v, squares);
    }
    let variance = f64::from(s.sum(squares)) / width as f64;
    let inverse = (1.0 / (variance + epsilon).sqrt()) as f32;
    for column in (0..width).step_by(LANES) {
        let v = s.mul(s.sub(load_part(s, out, column), s.splat(mean)), s.splat(inverse));
        let v = s.fma(v, load_part(s, scale, column), load_part(s, shift, column));
        store_part(s, out, column, v);
    }
    inverse
}

/// The transpose of v ↦ (v - mean v) / s ⊙ γ on one row, in place.
#[inline(always)]
pub fn norm_vjp<S: Simd>(s: S, row: &mut [f32], scale: &[f32], inverse_std: f32) {
    let width = row.len();
    let mut sum = s.splat(0.0);
    for column in (0..width).step_by(LANES) {
        let v = s.mul(load_part(s, row, column), load_part(s, scale, column));
        let v = s.mul(v, s.splat(inverse_std));
        store_part(s, row, column, v);
        sum = s.add(sum, v);
    }
    let mean = s.splat(s.sum(sum) / width as f32);
    for column in (0..width).step_by(LANES) {
        let v = s.sub(load_part(s, row, column), mean);
        store_part(s, row, column, v);
    }
}

#[inline(always)]
fn load_or<S: Simd>(s: S, row: &[f32], column: usize, beyond: f32) -> S::F32 {
    match row[column..].first_chunk::<LANES>() {
        Some(lanes) => s.load(lanes),
        None => {
            let mut lanes = [beyond; LANES];
            lanes[..row.len() - column].copy_from_slice(&row[column..]);
            s.load(&lanes)
        }
    }
}
