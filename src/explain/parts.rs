//! The frozen-affine decomposition, forward form: the embedding as a sum of vectors, one per group of tokens and one for biases.
//!
//! Part k starts as the input rows of its tokens and zero elsewhere, and goes through every layer with attention, deviations and
//! gates frozen (DecompX, Modarressi et al., ACL 2023; formula B4.8). Every bias enters the bias part. The parts sum to the
//! embedding exactly, up to rounding.

use candle_core::{D, Result, Tensor};

use crate::model::{Checkpoint, LayerTrace, ModelError, Norm, Pooling, Trace, ops};

/// The parts of one sequence's embedding.
#[derive(Debug, Clone)]
pub struct Parts {
    /// One vector per group, then one for the biases: (groups + 1, hidden).
    pub vectors: Tensor,
}

/// Rows of hidden states pushed through a layer at once: bounds the memory of the feed-forward block to 25 MB for the default
/// model, and is large enough for full speed.
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
    let mut vectors = Vec::new();
    for groups in groups.chunks(per_chunk) {
        let start = groups
            .iter()
            .map(|tokens| rows_of(&first.input, tokens))
            .collect::<Result<Vec<_>>>()?;
        vectors.push(push(trace, pooling, Tensor::stack(&start, 0)?, false, checkpoint)?); // (chunk, hidden)
    }
    let nothing = Tensor::zeros((1, n, hidden), first.input.dtype(), first.input.device())?;
    vectors.push(push(trace, pooling, nothing, true, checkpoint)?); // (1, hidden)
    Ok(Parts {
        vectors: Tensor::cat(&vectors, 0)?,
    })
}

/// The rows of some tokens, zero elsewhere: (n, hidden).
fn rows_of(input: &Tensor, tokens: &[usize]) -> Result<Tensor> {
    let mut mask = vec![0f32; input.dim(0)?];
    for token in tokens {
        mask[*token] = 1.0;
    }
    input.broadcast_mul(&Tensor::from_vec(mask, (input.dim(0)?, 1), input.device())?)
}

/// Pushes parts (k, n, hidden) through all layers and pools them: (k, hidden). `biased`: these are the bias part.
fn push(
    trace: &Trace,
    pooling: Pooling,
    mut parts: Tensor,
    biased: bool,
    checkpoint: Checkpoint,
) -> std::result::Result<Tensor, ModelError> {
    for layer in &trace.layers {
        if checkpoint() {
            return Err(ModelError::Stopped);
        }
        parts = push_layer(layer, &parts, biased)?;
    }
    Ok(match pooling {
        Pooling::Mean => parts.mean(1)?,
        Pooling::Cls => parts.narrow(1, 0, 1)?.squeeze(1)?,
    })
}

fn push_layer(layer: &LayerTrace, x: &Tensor, biased: bool) -> Result<Tensor> {
    let w = &layer.weights;
    let (k, n, hidden) = x.dims3()?;
    let flat = |tensor: &Tensor| tensor.reshape((k * n, tensor.dim(D::Minus1)?));

    let bias = |bias| biased.then_some(bias);
    let value_bias = w.value_bias()?;
    let values = ops::linear(&flat(x)?, w.value()?, bias(&value_bias))?; // (k·n, hidden)
    let context = mix(&layer.attention, &values.reshape((k, n, hidden))?)?; // (k, n, hidden)
    let attended = ops::linear(&flat(&context)?, &w.output, bias(&w.output_bias))?; // (k·n, hidden)
    let summed = (x + attended.reshape((k, n, hidden))?)?;
    let y = normalise(&summed, &w.norm1, &layer.inverse_std1, biased)?; // (k, n, hidden)

    let up = ops::linear(&flat(&y)?, &w.up, bias(&w.up_bias))?; // (k·n, intermediate)
    let gated = up.reshape((k, n, up.dim(1)?))?.broadcast_mul(&layer.gate)?; // (k, n, intermediate)
    let down = ops::linear(&flat(&gated)?, &w.down, bias(&w.down_bias))?; // (k·n, hidden)
    normalise(
        &(y + down.reshape((k, n, hidden))?)?,
        &w.norm2,
        &layer.inverse_std2,
        biased,
    )
}

/// (v - mean v) / s ⊙ γ with the deviation s of the full vector; β belongs to the bias part.
fn normalise(x: &Tensor, norm: &Norm, inverse_std: &Tensor, biased: bool) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let scaled = centred.broadcast_mul(inverse_std)?.broadcast_mul(&norm.scale)?; // (k, n, hidden)
    if biased {
        scaled.broadcast_add(&norm.shift)
    } else {
        Ok(scaled)
    }
}

/// Mixes every part's values with the sequence's attention: (k, n, hidden) → (k, n, hidden).
fn mix(attention: &Tensor, values: &Tensor) -> Result<Tensor> {
    let (heads, n, _) = attention.dims3()?;
    let (k, _, hidden) = values.dims3()?;
    let width = hidden / heads;
    let values = values
        .reshape((k, n, heads, width))?
        .permute((2, 1, 0, 3))? // (heads, n, k, width)
        .reshape((heads, n, k * width))?;
    attention
        .matmul(&values)? // (heads, n, k·width)
        .reshape((heads, n, k, width))?
        .permute((2, 1, 0, 3))? // (k, n, heads, width)
        .reshape((k, n, hidden))
}
