//! The frozen-affine decomposition, backward form: which share of the embedding came in through each token.
//!
//! With attention probabilities, LayerNorm deviations and activation gates held at their values, the network is an affine map of
//! its input (DecompX, Modarressi et al., ACL 2023). Its linear part is pulled back from the embedding in one pass of plain
//! linear algebra; the inner product of a token's input with what arrives there is the token's share.

use candle_core::{Result, Tensor};

use super::TokenScores;
use crate::model::{LayerTrace, Model, ModelError, Pooling, Trace, ops};

/// Share of each token in the squared length of the embedding: ⟨x_k, Jᵀe⟩ / |e|². The bias share comes from the network's
/// biases by a sum of its own, so that shares + bias = 1 is a check and not a definition.
///
/// # Errors
/// [`ModelError::Tensor`] if the trace has no layers or its shapes do not fit.
pub fn shares(trace: &Trace, pooling: Pooling, embedding: &[f32]) -> std::result::Result<TokenScores, ModelError> {
    Ok(as_shares(pull_back(trace, pooling, embedding)?, embedding))
}

/// As [`shares`], for a model that may have a projection behind its pooling.
///
/// # Errors
/// As [`shares`].
pub fn shares_of(
    model: &Model,
    trace: &Trace,
    pooling: Pooling,
    embedding: &[f32],
) -> std::result::Result<TokenScores, ModelError> {
    Ok(as_shares(pull_back_of(model, trace, pooling, embedding)?, embedding))
}

/// Parts of ⟨e, e⟩ as shares of it.
fn as_shares(pulled: TokenScores, embedding: &[f32]) -> TokenScores {
    let length = embedding.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    let tokens = pulled
        .tokens
        .into_iter()
        .map(|score| (f64::from(score) * scale) as f32)
        .collect();
    TokenScores {
        tokens,
        bias: (f64::from(pulled.bias) * scale) as f32,
    }
}

/// As [`pull_back`], for a direction of the embeddings of a model that may have a projection behind its pooling.
///
/// # Errors
/// As [`shares`].
pub fn pull_back_of(
    model: &Model,
    trace: &Trace,
    pooling: Pooling,
    direction: &[f32],
) -> std::result::Result<TokenScores, ModelError> {
    let (direction, bias) = model.freeze(pooling, trace)?.back(direction);
    let mut pulled = pull_back(trace, pooling, &direction)?;
    pulled.bias = (f64::from(pulled.bias) + bias) as f32;
    Ok(pulled)
}

/// The frozen network's parts of ⟨direction, embedding⟩, by token and for the biases: the same pass for any direction, such as
/// another passage's embedding.
///
/// # Errors
/// As [`shares`].
pub fn pull_back(trace: &Trace, pooling: Pooling, direction: &[f32]) -> std::result::Result<TokenScores, ModelError> {
    let n = trace.len();
    let Some(first) = trace.layers.first() else {
        return Ok(TokenScores {
            tokens: vec![0.0; n],
            bias: 0.0,
        });
    };
    let device = trace.hidden.device();
    let weights = (0..n).map(|i| pooling.weight(i, n));
    let rows = weights.flat_map(|weight| direction.iter().map(move |v| weight * v));
    let mut gradient = Tensor::from_vec(rows.collect::<Vec<f32>>(), (n, direction.len()), device)?; // (n, hidden)
    let mut bias = 0f64;
    for layer in trace.layers.iter().rev() {
        let (before, part) = pull_back_layer(layer, &gradient)?;
        ops::done_with(std::mem::replace(&mut gradient, before));
        bias += part;
    }
    Ok(TokenScores {
        tokens: ops::row_products(&first.input, &gradient)?,
        bias: bias as f32,
    })
}

/// Gradient at a layer's output, (n, hidden) → gradient at its input, and what the layer's biases add.
fn pull_back_layer(layer: &LayerTrace, gradient: &Tensor) -> Result<(Tensor, f64)> {
    let w = &layer.weights;
    let mut bias = ops::shifted(gradient, &w.norm2.shift)?;
    let summed = ops::pull_back_norm(gradient, &w.norm2.scale, &layer.inverse_std2)?; // (n, hidden), at Y + FFN(Y)
    bias += ops::shifted(&summed, &w.down_bias)?;
    let (attended, part) = ops::feed_forward_back(&summed, &w.down, &layer.gate, &w.up, &w.up_bias)?; // (n, hidden), at Y
    bias += part;
    ops::done_with(summed);

    bias += ops::shifted(&attended, &w.norm1.shift)?;
    let mixed = ops::pull_back_norm(&attended, &w.norm1.scale, &layer.inverse_std1)?; // (n, hidden), at X + attention
    ops::done_with(attended);
    bias += ops::shifted(&mixed, &w.output_bias)?;
    let context = ops::linear_back(&mixed, &w.output)?; // (n, hidden), at the heads' concatenated contexts
    let values = ops::unmix(&layer.attention, &context)?; // (n, hidden), at XW_V + b_V
    ops::done_with(context);
    bias += ops::shifted(&values, &w.value_bias()?)?;
    let back = ops::linear_back(&values, w.value()?)?; // (n, hidden), at X through the values
    ops::done_with(values);
    let gradient = ops::add(&mixed, &back)?;
    ops::done_with(mixed);
    ops::done_with(back);
    Ok((gradient, bias))
}
