//! Selects columns of a matrix.

use std::ops::Range;

use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use super::buffer_pool::acquire;
use super::{on_cpu, rows_per_task, with_values};

/// Columns of x (n, width): (n, columns).
///
/// # Errors
/// If x is not a matrix or does not have the columns.
pub fn columns(x: &Tensor, columns: Range<usize>) -> Result<Tensor> {
    let (n, width) = x.dims2()?;
    if columns.is_empty() || columns.end > width {
        bail!("a matrix of {width} columns has no columns {columns:?}");
    }
    if !on_cpu(x) {
        return columns_reference(x, columns);
    }
    with_values(x, |x| {
        let mut out = acquire(n * columns.len());
        let rows = rows_per_task(columns.len());
        let tasks = out.par_chunks_mut(rows * columns.len()).zip(x.par_chunks(rows * width));
        tasks.for_each(|(out, x)| {
            for (out, x) in out.chunks_exact_mut(columns.len()).zip(x.chunks_exact(width)) {
                out.copy_from_slice(&x[columns.clone()]);
            }
        });
        Ok(out)
    })
    .and_then(|out| Tensor::from_vec(out, (n, columns.len()), x.device()))
}

/// The plain composition of [`columns`].
///
/// # Errors
/// Those of candle's operations.
pub fn columns_reference(x: &Tensor, columns: Range<usize>) -> Result<Tensor> {
    x.narrow(1, columns.start, columns.len())?.contiguous()
}
