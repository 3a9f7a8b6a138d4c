//! Value zeroing (Mohebbi et al., EACL 2023): how far each vector moves when a token's value is set to zero in a layer.
//!
//! V_ij = 1 - cos(y_i, y_i with the value of j zeroed in this layer), rows summing to 1, rolled out over the layers without the identity.
//! Unlike norms of attention contributions, it covers the feed-forward block. It costs about one pass for each token.

use super::TokenScores;
use super::contributions::{self, Mixing};
use crate::model::{Checkpoint, ModelError, Pooling, Trace};

/// One layer's matrix.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work, [`ModelError::Tensor`] if the pass did not keep everything.
pub fn layer(trace: &Trace, layer: usize, checkpoint: Checkpoint) -> Result<Mixing, ModelError> {
    Ok(Mixing::normalized(&trace.turns_without_values(layer, checkpoint)?)?)
}

/// Score of each token for the embedding: the pooled rows of the layers' product. Sums to 1.
///
/// # Errors
/// As [`layer`].
pub fn scores(trace: &Trace, pooling: Pooling, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    contributions::scores(trace, pooling, |number| layer(trace, number, checkpoint))
}
