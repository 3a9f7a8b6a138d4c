//! The contribution of a bias to an output with a known gradient.

use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::slices::with_all;
use super::{on_cpu, rows_per_task};
use crate::model::kernels::bias_contribution as kernel;
use crate::model::simd::{self, Kernel, Simd};

/// The contribution of a bias (d) that is added to every row: ⟨Σ_i g_i, b⟩.
/// `gradient` is that after the addition, (n, d).
///
/// # Errors
/// If the shapes do not match.
pub fn bias_contribution(gradient: &Tensor, bias: &Tensor) -> Result<f64> {
    if !on_cpu(gradient) {
        return bias_contribution_reference(gradient, bias);
    }
    with_all([gradient, bias], |[rows, bias]| {
        let width = bias.len();
        if width == 0 || gradient.dims().last() != Some(&width) {
            bail!("a bias of {width} does not fit {:?}", gradient.shape());
        }
        let tasks = rows.par_chunks(rows_per_task(width) * width);
        let sums: Vec<f64> = tasks.map(|rows| simd::run(BiasContribution { rows, bias })).collect();
        // Summed in the order of the rows, so that the result does not depend on the threads.
        Ok(sums.into_iter().sum())
    })
}

/// The plain composition of [`bias_contribution`].
///
/// # Errors
/// Those of candle's operations.
pub fn bias_contribution_reference(gradient: &Tensor, bias: &Tensor) -> Result<f64> {
    let rows = gradient.sum(0)?; // (d)
    Ok(f64::from((rows * bias)?.sum_all()?.to_scalar::<f32>()?))
}

struct BiasContribution<'a> {
    rows: &'a [f32],
    bias: &'a [f32],
}

impl Kernel for BiasContribution<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        kernel::bias_contribution(s, self.rows, self.bias)
    }
}
