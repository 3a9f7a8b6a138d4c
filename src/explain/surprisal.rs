//! Surprisal: how unexpected each word is to a model that predicts the next token, given the words before it in the unit.
//!
//! A token's surprisal is -ln p(token | tokens before it). Only the excess over the entropy at its position counts, because the entropy is
//! the surprisal that the model expects there. If any name may follow, no name is odd; if the model is sure, any other word is odd (as in
//! locally typical sampling, Meister et al. 2023). Typos, variables in the wrong place and odd calls stand out; the plain surprisal finds
//! them hardly better than chance (`benches/surprisal`), because the first words of a text and all new names have most of it. A word's
//! score is the sum over its tokens. It does not explain an embedding. The scores are shares of the unit's sum, which makes units of
//! different lengths comparable.

use super::{Subject, TokenScores};
use crate::model::generate::log_sum;
use crate::model::{Ability, Checkpoint, Model, ModelError, ModelInfo};

/// Positions whose logits are computed at once: a large vocabulary makes logits large.
const BLOCK: usize = 32;

/// Why a model has no surprisal, and what to do; `None` if it has surprisal.
pub fn lack(info: &ModelInfo) -> Option<String> {
    let able = info.abilities.contains(&Ability::NextToken);
    (!able).then(|| {
        format!(
            "{} does not predict the next token, so it has no surprisal; use a model that does, such as a GGUF file of Gemma 3 270M \
             (`fovea model info` lists what a model can do)",
            info.name
        )
    })
}

/// The excess of each token's surprisal over the entropy at its position, in nats. It is 0 if there is no excess, for special tokens and
/// for the first token.
///
/// # Errors
/// [`ModelError::Meaningless`] for a model without surprisal ([`lack`]), [`ModelError::Stopped`] when the checkpoint stops the
/// work; [`ModelError::Tensor`] if the trace does not match the sequence.
pub fn excess(model: &Model, subject: &Subject, checkpoint: Checkpoint) -> Result<Vec<f32>, ModelError> {
    if let Some(why) = lack(model.info()) {
        return Err(ModelError::Meaningless(why));
    }
    let Some(network) = model.network() else {
        return Err(ModelError::Unable("predict the next token"));
    };
    let tokens = subject.tokens;
    let hidden: Vec<f32> = subject.trace.hidden.flatten_all()?.to_vec1()?;
    let width = model.info().hidden;
    let outputs = network.outputs().unwrap_or(1).max(1);
    let mut excess = vec![0f32; tokens.ids.len()];
    for (block, rows) in hidden.chunks(BLOCK * width).enumerate() {
        if checkpoint() {
            return Err(ModelError::Stopped);
        }
        let logits = network.logits(rows)?.unwrap_or_default();
        for (row, logits) in logits.chunks_exact(outputs).enumerate() {
            let position = block * BLOCK + row + 1;
            match tokens.ids.get(position) {
                Some(id) if !tokens.special[position] => {
                    excess[position] = (expected(logits) - logits[*id as usize]).max(0.0);
                }
                _ => {}
            }
        }
    }
    Ok(excess)
}

/// The expected logit. Minus a token's logit, it is the token's surprisal minus the entropy, because the log-sum-exp terms cancel.
fn expected(logits: &[f32]) -> f32 {
    let whole = log_sum(logits);
    let product = |logit: &f32| f64::from(logit - whole).exp() * f64::from(*logit);
    logits
        .iter()
        .filter(|logit| logit.is_finite())
        .map(product)
        .sum::<f64>() as f32
}

/// The shares of the tokens in the sum of the sequence.
///
/// # Errors
/// As [`excess`].
pub fn scores(model: &Model, subject: &Subject, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    let excess = excess(model, subject, checkpoint)?;
    let whole: f32 = excess.iter().sum();
    let share = |own: &f32| if whole > 0.0 { own / whole } else { 0.0 };
    Ok(TokenScores {
        tokens: excess.iter().map(share).collect(),
        bias: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excess_is_surprisal_minus_entropy() {
        let logits = [1.0f32, -2.0, 0.5, 3.0];
        let whole = log_sum(&logits);
        let entropy: f32 = logits
            .iter()
            .map(|logit| -(logit - whole).exp() * (logit - whole))
            .sum();
        for logit in logits {
            let (surprisal, excess) = (whole - logit, expected(&logits) - logit);
            assert!(
                (surprisal - entropy - excess).abs() < 1e-5,
                "{surprisal} {entropy} {excess}"
            );
        }
        // If all tokens are equally likely, none is odd.
        assert!((expected(&[2.0; 9]) - 2.0).abs() < 1e-6);
    }
}
