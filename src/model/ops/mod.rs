//! Fused operations of the forward pass and of explanations: candle custom operations on the CPU. Each has a plain candle composition
//! (`…_reference`), which tests compare it with and which other devices run.
//!
//! All of them work on f32 and keep no state between calls except the buffer pool. Intermediate values that explanations need (attention
//! probabilities, the gate of the activation, the deviation of a LayerNorm) are returned with the result, so that they are computed once.
//! The arithmetic is in [`super::kernels`]; this module connects it to tensors and threads.

mod attention;
mod bias_contribution;
mod buffer_pool;
mod columns;
mod contributions;
mod feed_forward;
mod jvp;
mod linear;
mod norm;
mod share;
mod slices;
mod sum;

pub use attention::{attend, attend_reference, attention_vjp, attention_vjp_reference};
pub use bias_contribution::{bias_contribution, bias_contribution_reference};
pub use buffer_pool::{PooledRows, clear, expect, holds_any, recycle};
pub use columns::{columns, columns_reference};
pub use contributions::{
    alti_proximity, alti_proximity_reference, compose, compose_reference, lengths, lengths_reference,
};
pub use feed_forward::{feed_forward, feed_forward_back};
pub use jvp::{jvp, jvp_reference, jvp_summed, jvp_summed_reference, jvp_tokens, jvp_tokens_reference};
pub use linear::{
    activate, activate_reference, gate_back, gate_back_reference, linear, linear_back, linear_back_reference,
    linear_back_rows, linear_reference, linear_rows,
};
pub use norm::{norm_vjp, norm_vjp_reference, residual_norm, residual_norm_reference};
pub use share::side_by_side;
pub use sum::{add, add_reference, row_products, row_products_reference};

use candle_core::{CpuStorage, Device, Layout, Result, Tensor, bail};

fn on_cpu(tensor: &Tensor) -> bool {
    matches!(tensor.device(), Device::Cpu)
}

/// The f32 values of a contiguous tensor.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(data) = storage else {
        bail!("fused operations take f32 tensors")
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => match data.get(start..end) {
            Some(values) => Ok(values),
            None => bail!("a recycled tensor is read"),
        },
        None => bail!("fused operations take contiguous tensors"),
    }
}

/// Runs `work` on the f32 values of a tensor; copies them only if they are not contiguous.
pub(super) fn with_values<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(storage) => work(values(storage, layout)?),
        _ => bail!("fused operations take tensors on the CPU"),
    }
}

/// Number of rows per task for an operation in a single pass: enough work to pay for scheduling it.
fn rows_per_task(width: usize) -> usize {
    (16 * 1024 / width.max(1)).max(1)
}

#[cfg(test)]
mod tests;
