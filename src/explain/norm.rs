//! Norm-based analysis with residual and LayerNorm (Kobayashi et al., EMNLP 2020 and 2021), rolled out over the layers.

use candle_core::Result;

use super::TokenScores;
use super::contributions::{self, Mixing, roll_out};
use crate::model::{Pooling, Trace, ops};

/// One layer: N_ij ∝ |T_i(x_j)|₂, rows summing to 1.
///
/// # Errors
/// If the shapes of the trace do not match.
pub fn layer(trace: &Trace, layer: usize) -> Result<Mixing> {
    let lengths = trace.lengths(layer)?; // (n, n)
    let mixing = Mixing::normalized(&lengths)?;
    ops::recycle(lengths);
    Ok(mixing)
}

/// M = N^L … N^1. The residual stream is inside N, so no identity is added.
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
