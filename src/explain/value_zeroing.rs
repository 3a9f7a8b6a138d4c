//! Value zeroing (Mohebbi et al., EACL 2023): how far each position's vector turns in a layer when a token's value is set to zero there.
//!
//! V_ij = 1 - cos(y_i, y_i with the value of j zeroed in this layer), rows summing to 1, rolled out over the layers without the identity.
//! Unlike the norms of what attention brings, it takes the feed-forward block into account. It costs about as much as a pass for each token.

use super::TokenScores;
use super::contributions::{self, Mixing};
use crate::model::{Checkpoint, ModelError, Pooling, Trace};

/// One layer's matrix.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint says so, [`ModelError::Tensor`] if the pass did not keep everything.
pub fn layer(trace: &Trace, layer: usize, checkpoint: Checkpoint) -> Result<Mixing, ModelError> {
    Ok(Mixing::normalized(&trace.turns_without_values(layer, checkpoint)?)?)
}

/// Score of each token for the embedding: the pooled rows of the layers' product. Sums to 1.
///
/// # Errors
/// As [`layer`].
pub fn scores(trace: &Trace, pooling: Pooling, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    let layers = (0..trace.layer_count())
        .rev()
        .map(|number| layer(trace, number, checkpoint));
    let layers = layers.collect::<Result<Vec<_>, _>>()?;
    Ok(contributions::scores(layers.into_iter().map(Ok), pooling)?)
}
