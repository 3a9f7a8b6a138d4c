//! GlobEnc (Modarressi et al., NAACL 2022): norm-based analysis of the whole encoder layer, rolled out.
//!
//! The attention contribution of position j to position i passes through the second residual connection and the second LayerNorm. That
//! norm divides by the deviation of the full vector. The method ignores the output of the feed-forward block. The matrix is
//! N_ij = |LN2(LN1(T_i(x_j)))|₂ with rows scaled to sum to 1. In models without a norm after the block, such as pre-norm decoders, the
//! method equals the norm-based method.

use candle_core::Result;

use super::TokenScores;
use super::contributions::{self, Mixing};
use crate::model::{Pooling, Trace};

/// The matrix of one layer, (tokens, tokens); its rows sum to 1.
///
/// # Errors
/// If the interpreter did not run the pass, or the trace lacks the values of the layer.
pub fn layer(trace: &Trace, layer: usize) -> Result<Mixing> {
    Mixing::normalized(&trace.lengths_behind(layer)?)
}

/// The score of each token for the embedding: the pooled rows of the product of all layers. The scores sum to 1.
///
/// # Errors
/// The same as for [`layer`].
pub fn scores(trace: &Trace, pooling: Pooling) -> Result<TokenScores> {
    contributions::scores(trace, pooling, |number| layer(trace, number))
}
