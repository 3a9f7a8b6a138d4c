//! The contribution of a vector that is added to every row.

use super::super::simd::{LANES, Simd};
use super::gemm::load_part;

/// Σ_i ⟨row_i, bias⟩ over rows as long as `bias`.
#[inline(always)]
pub fn bias_contribution<S: Simd>(s: S, rows: &[f32], bias: &[f32]) -> f64 {
    let mut sum = 0.0;
    for row in rows.chunks_exact(bias.len()) {
        sum += f64::from(product(s, row, bias));
    }
    sum
}

/// The inner product of two rows of equal length.
#[inline(always)]
pub fn product<S: Simd>(s: S, x: &[f32], y: &[f32]) -> f32 {
    let mut sum = s.splat(0.0);
    for column in (0..y.len()).step_by(LANES) {
        sum = s.fma(load_part(s, x, column), load_part(s, y, column), sum);
    }
    s.sum(sum)
}
