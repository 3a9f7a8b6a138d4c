//! GlobEnc (Modarressi et al., NAACL 2022): norm-based analysis of the whole encoder layer, rolled out.
//!
//! The attention contribution of position j to position i passes through the second residual connection and the second LayerNorm, which
//! uses the deviation of the full vector. The output of the feed-forward block is ignored. N_ij = |LN2(LN1(T_i(x_j)))|₂, rows sum to 1. In
//! models without a norm after the block, such as pre-norm decoders, it equals the norm-based method.

use candle_core::Result;

use super::TokenScores;
use super::contributions::{self, Mixing};
use crate::model::{Pooling, Trace};

/// One layer's matrix.
///
/// # Errors
/// If the interpreter did not run the pass, or the trace lacks the values.
pub fn layer(trace: &Trace, layer: usize) -> Result<Mixing> {
    Mixing::normalized(&trace.lengths_behind(layer)?)
}

/// Score of each token for the embedding: the pooled rows of the layers' product. Sums to 1.
///
/// # Errors
/// As [`layer`].
pub fn scores(trace: &Trace, pooling: Pooling) -> Result<TokenScores> {
    contributions::scores(
        (0..trace.layer_count()).rev().map(|number| layer(trace, number)),
        pooling,
    )
}
