//! What a model looked at for each token that it wrote, or which words decided for the token.

use super::continuation::{summed, together, words_before};
use super::translated::translated;
use crate::explain::{Goal, Method, Parts, Subject, WordMap, attention, number};
use crate::model::generate::Written;
use crate::model::tape::Target;
use crate::model::{Checkpoint, Encoder, Model, ModelError, Packed, Tokens, Trace};

/// The methods for tokens that a model wrote: those that need no pass of their own for each token. Attention says where the model looked, the
/// others what decided for the token's logit.
pub const OF_WRITTEN: [Method; 3] = [Method::Decomposition, Method::Gradient, Method::Attention];

/// For each token that a model wrote after a prompt, what the words before it add to its logit; with [`Method::Attention`] the share of attention
/// that they had in the position that predicted the token, averaged over layers and heads (of an encoder–decoder: of cross-attention). Ranges are those of the prompt followed by the
/// written text.
///
/// # Errors
/// [`ModelError::Meaningless`] for another method, and for the gradient of an encoder–decoder; [`ModelError::Stopped`] if the checkpoint says so.
pub fn written(
    model: &Model,
    (prompt, tokens): (&str, &Tokens),
    written: &[Written],
    method: Method,
    checkpoint: Checkpoint,
) -> Result<Vec<Parts>, ModelError> {
    let Some(network) = model.network().filter(|network| network.writes()) else {
        return Err(ModelError::Unable("predict the next token"));
    };
    if !OF_WRITTEN.contains(&method) {
        let names = OF_WRITTEN.map(Method::name).join(", ");
        return Err(ModelError::Meaningless(format!(
            "{}: too slow for each token; choose one of {names}",
            method.name()
        )));
    }
    if written.is_empty() || tokens.is_empty() {
        return Ok(Vec::new());
    }
    if network.writes_another_text() {
        if method == Method::Gradient {
            let why = "gradient: this model reads one text and writes another; choose decomposition or attention";
            return Err(ModelError::Meaningless(why.to_owned()));
        }
        return translated(network, (prompt, tokens), written, method, checkpoint);
    }
    let (text, all) = together((prompt, tokens), written);
    // The last token predicts none of these.
    let mut seen = all.clone();
    seen.ids.pop();
    seen.spans.pop();
    seen.special.pop();
    let read = network.forward(&Packed::new([seen.ids.as_slice()]), method.keeps(), checkpoint)?;
    let Some(trace) = read.first() else {
        return Ok(Vec::new());
    };
    let looked = match method {
        Method::Attention => mean_attention(trace)?,
        _ => Vec::new(),
    };
    let part = |position: usize| -> Result<Parts, ModelError> {
        if checkpoint() {
            return Err(ModelError::Stopped);
        }
        let map = words_before(&text, &all, position);
        let row = position - 1;
        if method == Method::Attention {
            let n = trace.len();
            return Ok(attended(&looked[row * n..][..n], map));
        }
        let output = all.ids[position] as usize;
        let subject = Subject {
            text: &text,
            tokens: &seen,
            trace,
            embedding: &[],
            words: &map,
            goal: Goal::Output(Target::Logit { row, output }),
            types: &[],
        };
        number(model, &subject, method, checkpoint)
    };
    (tokens.len()..all.len()).map(part).collect()
}

/// The attention of each position, averaged over layers and heads: (n, n), each row sums to 1.
fn mean_attention(trace: &Trace) -> Result<Vec<f32>, ModelError> {
    let layers = trace.layer_count();
    let mut sum = vec![0f32; trace.len() * trace.len()];
    for layer in 0..layers {
        let map = attention::map(trace, layer, None)?;
        sum.iter_mut()
            .zip(map.entries)
            .for_each(|(sum, own)| *sum += own / layers as f32);
    }
    Ok(sum)
}

/// A row of attention, by words.
fn attended(row: &[f32], map: WordMap) -> Parts {
    let (ranges, scores, special) = summed(&map, row);
    let sum: f64 = scores.iter().map(|score| f64::from(*score)).sum();
    Parts {
        ranges,
        scores,
        special,
        value: 1.0,
        residual: Some((1.0 - sum - special).abs()),
        ..Parts::default()
    }
}
