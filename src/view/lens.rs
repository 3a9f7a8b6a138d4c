//! The logit lens: what each layer's row of a token would predict if no other layer followed (nostalgebraist 2020).

use serde_json::{Value, json};

use super::error::missing;
use super::passes::Pass;
use super::question::Look;
use super::{Explorer, ViewError, tokens};
use crate::model::ModelError;
use crate::model::generate::log_sum;

/// Number of listed tokens per layer.
const TOP: usize = 6;

/// The likeliest tokens by each layer's row; entry 0 is the embedding, entry L the output of the model.
///
/// # Errors
/// If the token does not exist, or the model has no head for tokens.
pub(super) fn answer(explorer: &Explorer, pass: &Pass, look: Look, token: usize) -> Result<Value, ViewError> {
    if !explorer.names_tokens() {
        return Err(ModelError::Unable("predict tokens, so that no layer predicts one").into());
    }
    let (trace, network) = (pass.tape()?, &explorer.network);
    let tape = &trace.tape;
    let (blocks, output, count) = match look {
        Look::Reading => (&tape.blocks, tape.output, pass.tokens.len()),
        Look::Writing | Look::Cross => (&tape.decoder, tape.written, pass.written.len()),
    };
    if network.spec.decoder.is_some() != (look == Look::Writing) {
        return Err(ViewError::Missing("head that reads this stack".to_owned()));
    }
    if token >= count {
        return Err(missing("token", token, count));
    }
    let row = |node: usize| -> Result<&[f32], ViewError> {
        let width = tape.nodes[node].width;
        let rows = tape.value(trace.sequence, node)?;
        rows.get(token * width..(token + 1) * width).ok_or(ViewError::Unread)
    };
    let mut rows = Vec::new();
    for block in blocks {
        rows.extend_from_slice(row(block.before)?);
    }
    let mut logits = network.lens(&rows)?.unwrap_or_default();
    logits.extend(
        network
            .logits(row(output.ok_or(ViewError::Unread)?)?)?
            .unwrap_or_default(),
    );
    let columns = network.outputs().unwrap_or(1).max(1);
    let shares: Vec<Vec<f32>> = logits.chunks_exact(columns).map(probabilities).collect();
    let finally = shares.last().map_or(Vec::new(), |last| likeliest(last, 1));
    let finally = finally.first().copied().unwrap_or(0);
    let layers = shares.iter().map(|shares| {
        let listed = likeliest(shares, TOP)
            .into_iter()
            .map(|id| json!({ "id": id, "text": tokens::name(&explorer.model, id as u32), "probability": shares[id] }));
        let before = shares.iter().filter(|share| **share > shares[finally]).count();
        json!({
            "top": listed.collect::<Vec<_>>(),
            "probability": shares[finally],
            "rank": before + 1,
            "entropy": entropy(shares),
        })
    });
    Ok(json!({
        "token": token,
        "finally": tokens::name(&explorer.model, finally as u32),
        "layers": layers.collect::<Vec<_>>(),
    }))
}

/// Softmax.
pub(super) fn probabilities(logits: &[f32]) -> Vec<f32> {
    let whole = log_sum(logits);
    logits.iter().map(|logit| (logit - whole).exp()).collect()
}

/// Entropy in nats.
pub(super) fn entropy(shares: &[f32]) -> f32 {
    -shares.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f32>()
}

/// The indices of the largest shares, the largest first.
pub(super) fn likeliest(shares: &[f32], count: usize) -> Vec<usize> {
    let mut best: Vec<usize> = Vec::with_capacity(count + 1);
    for (at, share) in shares.iter().enumerate() {
        if best.len() == count && best.last().is_some_and(|last| *share <= shares[*last]) {
            continue;
        }
        let place = best.partition_point(|own| shares[*own] >= *share);
        best.insert(place, at);
        best.truncate(count);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_tokens_come_first_and_ties_keep_their_order() {
        assert_eq!(likeliest(&[0.1, 0.4, 0.4, 0.05, 0.05], 3), [1, 2, 0]);
        assert_eq!(likeliest(&[0.5, 0.5], 6), [0, 1]);
        assert!(likeliest(&[], 2).is_empty());
    }
}
