//! Norm-based analysis with residual and LayerNorm (Kobayashi et al., EMNLP 2020 and 2021), rolled out over the layers.

use candle_core::Result;

use super::TokenScores;
use super::contributions::{self, Mixing, roll_out};
use crate::model::{LayerTrace, Pooling, Trace, ops};

/// One layer: N_ij ∝ |T_i(x_j)|₂, rows summing to 1.
///
/// # Errors
/// If the trace's shapes do not fit.
pub fn layer(layer: &LayerTrace) -> Result<Mixing> {
    let lengths = ops::lengths(layer)?; // (n, n)
    let mixing = Mixing::normalised(&lengths)?;
    ops::done_with(lengths);
    Ok(mixing)
}

/// M = N^L … N^1. The residual stream is inside N, so no identity is added.
///
/// # Errors
/// If the trace has no layers.
pub fn rollout(trace: &Trace) -> Result<Mixing> {
    roll_out(trace.layers.iter().map(layer))
}

/// Score of each token for the embedding: the pooled rows of [`rollout`]. Sums to 1.
///
/// # Errors
/// If the trace has no layers.
pub fn scores(trace: &Trace, pooling: Pooling) -> Result<TokenScores> {
    contributions::scores(trace.layers.iter().rev().map(layer), pooling)
}
