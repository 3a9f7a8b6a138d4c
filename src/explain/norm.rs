//! Norm-based analysis with residual and LayerNorm (Kobayashi et al., EMNLP 2020 and 2021), rolled out over the layers.

use candle_core::Result;

use super::alti::lane_sum;
use super::contributions::{Mixing, layer_mixing, roll_out};
use crate::model::Trace;

/// M = N^L … N^1 with N_ij ∝ |T_i(x_j)|₂, rows summing to 1. The residual stream is inside N, so no identity is added.
///
/// # Errors
/// If the trace has no layers.
pub fn rollout(trace: &Trace) -> Result<Mixing> {
    let length = |t: &[f32]| lane_sum(t, t, |a, b| a * b).sqrt();
    roll_out(
        trace
            .layers
            .iter()
            .map(|layer| layer_mixing(layer, |_| 0.0, |_, _, t| length(t))),
    )
}
