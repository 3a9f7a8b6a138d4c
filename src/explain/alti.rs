//! ALTI, aggregation of layer-wise token-to-token interactions (Ferrando, Gállego & Costa-jussà, EMNLP 2022).

use candle_core::Result;

use super::contributions::{Mixing, layer_mixing, roll_out};
use crate::model::{LayerTrace, Trace};

/// One layer: c_ij ∝ max(0, |y_i|₁ - |y_i - T_i(x_j)|₁), rows summing to 1.
///
/// # Errors
/// If the trace's shapes do not fit.
pub fn layer(layer: &LayerTrace) -> Result<Mixing> {
    let length = |y: &[f32]| lane_sum(y, y, |y, _| y.abs());
    layer_mixing(layer, length, |y, length, t| {
        (length - lane_sum(y, t, |y, t| (y - t).abs())).max(0.0)
    })
}

/// All layers: M = C^L … C^1. Row i is what the final vector of position i is made of, and sums to 1.
///
/// # Errors
/// If the trace has no layers.
pub fn rollout(trace: &Trace) -> Result<Mixing> {
    roll_out(trace.layers.iter().map(layer))
}

/// Σ f(a_i, b_i) in 16 lanes, which compilers turn into vector additions.
pub(super) fn lane_sum(a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; 16];
    let (mut a, mut b) = (a.chunks_exact(16), b.chunks_exact(16));
    for (a, b) in (&mut a).zip(&mut b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += of(*a, *b);
        }
    }
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| of(*a, *b)).sum();
    lanes.iter().sum::<f32>() + rest
}
