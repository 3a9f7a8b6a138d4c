//! Access to the values of several tensors at once.

use candle_core::{Result, Storage, Tensor, bail};

use super::values;

/// Runs `work` on the f32 values of some tensors; copies only those that are not contiguous.
pub(super) fn with_all<T, const N: usize>(
    tensors: [&Tensor; N],
    work: impl FnOnce([&[f32]; N]) -> Result<T>,
) -> Result<T> {
    let tensors = tensors.map(Tensor::contiguous);
    let mut held = Vec::with_capacity(N);
    for tensor in &tensors {
        match tensor {
            Ok(tensor) => held.push(tensor.storage_and_layout()),
            Err(error) => bail!("{error}"),
        }
    }
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(&held) {
        match &**storage {
            Storage::Cpu(storage) => *slice = values(storage, layout)?,
            _ => bail!("fused operations take tensors on the CPU"),
        }
    }
    work(slices)
}
