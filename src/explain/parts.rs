//! The frozen-affine decomposition, forward form: the embedding as a sum of vectors, one per group of tokens and one for biases.
//!
//! Part k starts as the input rows of its tokens and zero elsewhere, and goes through every layer with attention, deviations and
//! gates frozen (DecompX, Modarressi et al., ACL 2023; formula B4.8). Every bias enters the bias part. The parts sum to the
//! embedding exactly, up to rounding.

use candle_core::{Result, Tensor};

use crate::model::{Checkpoint, Model, ModelError, Pooling, Trace, ops};

/// The parts of one sequence's embedding.
#[derive(Debug, Clone)]
pub struct Parts {
    /// One vector per group, then one for the biases: (groups + 1, hidden).
    pub vectors: Tensor,
}

/// Rows of hidden states pushed through a layer at once: bounds their memory to 6 MB for the default model, and is large enough for
/// full speed.
const ROWS: usize = 4096;

/// Splits the embedding of a sequence over groups of its tokens; `groups[k]` lists the tokens of part k.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint says so, [`ModelError::Tensor`] if the trace has no layers.
pub fn parts(
    trace: &Trace,
    pooling: Pooling,
    groups: &[Vec<usize>],
    checkpoint: Checkpoint,
) -> std::result::Result<Parts, ModelError> {
    let Some(first) = trace.layers.first() else {
        return Err(candle_core::Error::Msg("the trace has no layers".into()).into());
    };
    let (n, hidden) = first.input.dims2()?;
    let per_chunk = (ROWS / n.max(1)).max(1);
    let words = || -> std::result::Result<Vec<Tensor>, ModelError> {
        let chunks = groups.chunks(per_chunk);
        chunks
            .map(|groups| push(trace, pooling, Start::Tokens(groups), checkpoint))
            .collect()
    };
    let nothing = Tensor::zeros((1, n, hidden), first.input.dtype(), first.input.device())?;
    let bias = || push(trace, pooling, Start::Biases(nothing), checkpoint); // (1, hidden)
    // One part is too little work to share, so it goes beside the others.
    let (words, bias) = rayon::join(words, bias);
    let mut vectors = words?; // each (chunk, hidden)
    vectors.push(bias?);
    Ok(Parts {
        vectors: Tensor::cat(&vectors, 0)?,
    })
}

/// The part of the embedding that came in through some tokens of a sequence: a vector of the embedding's width.
///
/// # Errors
/// As [`parts`].
pub fn part(
    trace: &Trace,
    pooling: Pooling,
    tokens: &[usize],
    checkpoint: Checkpoint,
) -> std::result::Result<Vec<f32>, ModelError> {
    let pushed = push(trace, pooling, Start::Tokens(&[tokens.to_vec()]), checkpoint)?; // (1, hidden)
    Ok(pushed.flatten_all()?.to_vec1()?)
}

/// As [`parts`], for a model that may have a projection behind its pooling.
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
            true => frozen.push(row)?,
            false => frozen.push_biased(row)?,
        });
    }
    Ok(Parts {
        vectors: Tensor::from_vec(pushed, (rows.len(), model.hidden()), pooled.vectors.device())?,
    })
}

/// As [`part`], for a model that may have a projection behind its pooling.
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
    Ok(model.freeze(pooling, trace)?.push(&pooled)?)
}

/// What is pushed.
enum Start<'a> {
    /// The rows of some tokens each.
    Tokens(&'a [Vec<usize>]),
    /// Nothing, (1, n, hidden), to which every bias will be added.
    Biases(Tensor),
}

/// Pushes parts through all layers and pools them: (k, hidden).
fn push(
    trace: &Trace,
    pooling: Pooling,
    start: Start,
    checkpoint: Checkpoint,
) -> std::result::Result<Tensor, ModelError> {
    let Some((last, before)) = trace.layers.split_last() else {
        return Err(candle_core::Error::Msg("the trace has no layers".into()).into());
    };
    let n = trace.len();
    let weights: Vec<f32> = (0..n).map(|i| pooling.weight(i, n)).collect();
    let stop = || if checkpoint() { Err(ModelError::Stopped) } else { Ok(()) };
    stop()?;
    let (mut parts, before, biased) = match (start, before) {
        (Start::Tokens(groups), [first, later @ ..]) => (ops::push_tokens(first, groups)?, later, false),
        (Start::Tokens(groups), []) => (rows_of(&last.input, groups)?, before, false),
        (Start::Biases(nothing), _) => (nothing, before, true),
    };
    for layer in before {
        stop()?;
        parts = ops::push(layer, &parts, biased)?; // (k, n, hidden)
    }
    stop()?;
    Ok(ops::push_summed(last, &parts, &weights, biased)?)
}

/// The rows of each group's tokens, zero elsewhere: (groups, n, hidden).
fn rows_of(input: &Tensor, groups: &[Vec<usize>]) -> Result<Tensor> {
    let (n, hidden) = input.dims2()?;
    let rows: Vec<f32> = input.flatten_all()?.to_vec1()?;
    let mut parts = vec![0f32; groups.len() * n * hidden];
    for (part, tokens) in parts.chunks_exact_mut((n * hidden).max(1)).zip(groups) {
        for token in tokens {
            let row = token * hidden..(token + 1) * hidden;
            part[row.clone()].copy_from_slice(&rows[row]);
        }
    }
    Tensor::from_vec(parts, (groups.len(), n, hidden), input.device())
}
