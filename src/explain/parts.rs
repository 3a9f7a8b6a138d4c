//! The frozen-affine decomposition, forward form: the embedding as a sum of vectors, one per group of tokens and one for biases.
//!
//! Part k starts as the input rows of its tokens and zero elsewhere, and goes through every layer with attention, deviations and
//! gates frozen (DecompX, Modarressi et al., ACL 2023; formula B4.8). Every bias enters the bias part. The parts sum to the
//! embedding exactly, up to rounding.

use candle_core::Tensor;

use crate::model::{Checkpoint, Model, ModelError, Pooling, Trace};

/// The parts of one sequence's embedding.
#[derive(Debug, Clone)]
pub struct Parts {
    /// One vector per group, then one for the biases: (groups + 1, hidden).
    pub vectors: Tensor,
}

/// Maximum rows of hidden states that pass through a layer at once. It bounds their memory to 6 MB for the default model, and is large
/// enough for full speed.
const ROWS: usize = 4096;

/// Splits the embedding of a sequence over groups of its tokens; `groups[k]` lists the tokens of part k.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work, [`ModelError::Tensor`] if the trace has no layers.
pub fn parts(
    trace: &Trace,
    pooling: Pooling,
    groups: &[Vec<usize>],
    checkpoint: Checkpoint,
) -> std::result::Result<Parts, ModelError> {
    let frozen = pooling.freeze(&trace.hidden)?;
    let per_chunk = (ROWS / trace.len().max(1)).max(1);
    let words = || -> std::result::Result<Vec<Tensor>, ModelError> {
        let chunks = groups.chunks(per_chunk);
        chunks
            .map(|groups| trace.jvp_tokens(groups, &frozen, checkpoint))
            .collect()
    };
    let bias = || trace.jvp_biases(&frozen, checkpoint); // (1, hidden)
    // One part is too little work to split over threads, so it runs beside the others.
    let (words, bias) = rayon::join(words, bias);
    let mut vectors = words?; // each (chunk, hidden)
    vectors.push(bias?);
    Ok(Parts {
        vectors: Tensor::cat(&vectors, 0)?,
    })
}

/// The part of the embedding that comes from some tokens: a vector of the embedding's width.
///
/// # Errors
/// As [`parts`].
pub fn part(
    trace: &Trace,
    pooling: Pooling,
    tokens: &[usize],
    checkpoint: Checkpoint,
) -> std::result::Result<Vec<f32>, ModelError> {
    let frozen = pooling.freeze(&trace.hidden)?;
    let pushed = trace.jvp_tokens(&[tokens.to_vec()], &frozen, checkpoint)?; // (1, hidden)
    Ok(pushed.flatten_all()?.to_vec1()?)
}

/// As [`parts`], for a model that may have a projection after its pooling.
///
/// # Errors
/// As [`parts`].
pub fn parts_of(
    model: &Model,
    trace: &Trace,
    pooling: Pooling,
    groups: &[Vec<usize>],
    checkpoint: Checkpoint,
) -> std::result::Result<Parts, ModelError> {
    let pooled = parts(trace, pooling, groups, checkpoint)?;
    if !model.has_projection() {
        return Ok(pooled);
    }
    let frozen = model.freeze(pooling, trace)?;
    let rows: Vec<Vec<f32>> = pooled.vectors.to_vec2()?;
    let mut pushed = Vec::with_capacity(rows.len() * model.hidden());
    for (index, row) in rows.iter().enumerate() {
        pushed.extend(match index < groups.len() {
            true => frozen.jvp(row)?,
            false => frozen.jvp_biased(row)?,
        });
    }
    Ok(Parts {
        vectors: Tensor::from_vec(pushed, (rows.len(), model.hidden()), pooled.vectors.device())?,
    })
}

/// As [`part`], for a model that may have a projection after its pooling.
///
/// # Errors
/// As [`parts`].
pub fn part_of(
    model: &Model,
    trace: &Trace,
    pooling: Pooling,
    tokens: &[usize],
    checkpoint: Checkpoint,
) -> std::result::Result<Vec<f32>, ModelError> {
    let pooled = part(trace, pooling, tokens, checkpoint)?;
    Ok(model.freeze(pooling, trace)?.jvp(&pooled)?)
}
