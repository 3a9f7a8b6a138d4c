//! The frozen-affine decomposition, backward form: the share of the embedding that comes from each token.
//!
//! With attention probabilities, LayerNorm deviations and activation gates held at their values, the network is an affine map of its input
//! (DecompX, Modarressi et al., ACL 2023). One backward pass of plain linear algebra applies the transpose of its linear part to the
//! embedding. The inner product of a token's input with the result at that token is the token's share.

use candle_core::Tensor;

use super::TokenScores;
use crate::model::{Model, ModelError, Pooling, Trace};

/// Share of each token in the squared length of the embedding: ⟨x_k, Jᵀe⟩ / |e|². The bias share is summed separately from the network's
/// biases, so that shares + bias = 1 is a check and not a definition.
///
/// # Errors
/// [`ModelError::Tensor`] if the trace has no layers or its shapes do not match.
pub fn shares(trace: &Trace, pooling: Pooling, embedding: &[f32]) -> std::result::Result<TokenScores, ModelError> {
    Ok(as_shares(vjp(trace, pooling, embedding)?, embedding))
}

/// As [`shares`], for a model that may have a projection after its pooling.
///
/// # Errors
/// As [`shares`].
pub fn shares_of(
    model: &Model,
    trace: &Trace,
    pooling: Pooling,
    embedding: &[f32],
) -> std::result::Result<TokenScores, ModelError> {
    Ok(as_shares(vjp_of(model, trace, pooling, embedding)?, embedding))
}

/// As [`shares_of`], but explains how the embedding e differs from a reference r: ⟨x_k, Jᵀ(e - r)⟩ / |e - r|². If a model crowds its texts
/// into a cone, all texts share most of |e|², and biases carry it; only the rest is specific to a text. The bias share is the contribution
/// of the biases beyond the reference, so that shares + bias = 1 still holds.
///
/// # Errors
/// As [`shares`].
pub fn shares_beyond(
    model: &Model,
    trace: &Trace,
    pooling: Pooling,
    (embedding, reference): (&[f32], &[f32]),
) -> std::result::Result<TokenScores, ModelError> {
    let own: Vec<f32> = embedding.iter().zip(reference).map(|(e, r)| e - r).collect();
    let mut pulled = vjp_of(model, trace, pooling, &own)?;
    let common: f64 = own
        .iter()
        .zip(reference)
        .map(|(o, r)| f64::from(*o) * f64::from(*r))
        .sum();
    pulled.bias = (f64::from(pulled.bias) - common) as f32;
    Ok(as_shares(pulled, &own))
}

/// Divides the parts of ⟨e, e⟩ by it.
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

/// As [`vjp`], for a direction in the embedding space of a model that may have a projection after its pooling.
///
/// # Errors
/// As [`shares`].
pub fn vjp_of(
    model: &Model,
    trace: &Trace,
    pooling: Pooling,
    direction: &[f32],
) -> std::result::Result<TokenScores, ModelError> {
    let (direction, bias) = model.freeze(pooling, trace)?.back(direction);
    let mut pulled = vjp(trace, pooling, &direction)?;
    pulled.bias = (f64::from(pulled.bias) + bias) as f32;
    Ok(pulled)
}

/// The frozen network's parts of ⟨direction, embedding⟩, by token and for the biases: the same pass for any direction, such as
/// another passage's embedding.
///
/// # Errors
/// As [`shares`].
pub fn vjp(trace: &Trace, pooling: Pooling, direction: &[f32]) -> std::result::Result<TokenScores, ModelError> {
    let n = trace.len();
    if trace.layer_count() == 0 {
        return Ok(TokenScores {
            tokens: vec![0.0; n],
            bias: 0.0,
        });
    }
    let rows = pooling.freeze(&trace.hidden)?.back(direction);
    let gradient = Tensor::from_vec(rows, (n, direction.len()), trace.hidden.device())?; // (n, hidden)
    let (tokens, bias) = trace.vjp(gradient)?;
    let bias = bias as f32;
    Ok(TokenScores { tokens, bias })
}
