//! What a vector that was added to every row adds up to.

use super::super::simd::{LANES, Simd};
use super::gemm::load_part;

/// Σ_i ⟨row_i, bias⟩ over rows as long as `bias`.
#[inline(always)]
pub fn shifted<S: Simd>(s: S, rows: &[f32], bias: &[f32]) -> f64 {
    let mut total = 0.0;
    for row in rows.chunks_exact(bias.len()) {
        let mut sum = s.splat(0.0);
        for column in (0..bias.len()).step_by(LANES) {
            sum = s.fma(load_part(s, row, column), load_part(s, bias, column), sum);
        }
        total += f64::from(s.sum(sum));
    }
    total
}
