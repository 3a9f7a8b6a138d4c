//! ALTI, aggregation of layer-wise token-to-token interactions (Ferrando, Gállego & Costa-jussà, EMNLP 2022).

use candle_core::Result;

use super::TokenScores;
use super::contributions::{self, Mixing, roll_out};
use crate::model::{Pooling, Trace, ops};

/// One layer: c_ij ∝ max(0, |y_i|₁ - |y_i - T_i(x_j)|₁), rows summing to 1.
///
/// # Errors
/// If the shapes of the trace do not match.
pub fn layer(trace: &Trace, layer: usize) -> Result<Mixing> {
    let alti_proximity = trace.alti_proximity(layer)?; // (n, n)
    let mixing = Mixing::normalized(&alti_proximity)?;
    ops::recycle(alti_proximity);
    Ok(mixing)
}

/// All layers: M = C^L … C^1. Row i has the contributions of all positions to the final vector of position i, and sums to 1.
///
/// # Errors
/// If the trace has no layers.
pub fn rollout(trace: &Trace) -> Result<Mixing> {
    roll_out((0..trace.layer_count()).map(|number| layer(trace, number)))
}

/// Score of each token for the embedding: the pooled rows of [`rollout`]. Sums to 1.
///
/// # Errors
/// If the trace has no layers.
pub fn scores(trace: &Trace, pooling: Pooling) -> Result<TokenScores> {
    contributions::scores(trace, pooling, |number| layer(trace, number))
}
