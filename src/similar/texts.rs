//! Embeds texts: one vector of unit length for each.

use super::mean;
use crate::model::{Checkpoint, Model, ModelError, Packed, Role, Tokens, TraceLevel};
use crate::text::{Language, Snapshot};

/// Embeddings of unit length, [`Model::hidden`] floats each, of texts in their roles and languages. A text over the window is the token-weighted mean of its units, unless `plain`
/// cuts it as the reference pipeline does.
///
/// # Errors
/// [`ModelError::Stopped`] if the checkpoint stops the pass; otherwise what the model reports.
pub fn embed_texts(
    model: &Model,
    texts: &[(Role, Language, &str)],
    plain: bool,
    checkpoint: Checkpoint,
) -> Result<Vec<Vec<f32>>, ModelError> {
    let mut sequences: Vec<(usize, Tokens)> = Vec::new();
    for (index, &(role, language, text)) in texts.iter().enumerate() {
        let mut tokens = model.tokenize_as(role, text, language)?;
        if tokens.len() <= model.info().window {
            sequences.push((index, tokens));
        } else if plain {
            tokens.cut(model.info().window);
            sequences.push((index, tokens));
        } else {
            for unit in split(model, text, language) {
                sequences.push((index, model.tokenize_as(role, &unit, language)?));
            }
        }
    }
    let packed = Packed::new(sequences.iter().map(|(_, tokens)| tokens.ids.as_slice()));
    let traces = model.encoder().forward(&packed, TraceLevel::LastHidden, checkpoint)?;
    let mut units: Vec<Vec<(Vec<f32>, usize)>> = vec![Vec::new(); texts.len()];
    for ((index, tokens), trace) in sequences.iter().zip(&traces) {
        units[*index].push((model.pool_of(tokens, trace)?, tokens.of_text()));
    }
    let embedding = |units: &Vec<(Vec<f32>, usize)>| {
        let mean = mean(units.iter().map(|(pooled, tokens)| (&**pooled, *tokens)));
        mean.unwrap_or_else(|| vec![0.0; model.hidden()])
    };
    Ok(units.iter().map(embedding).collect())
}

fn split(model: &Model, text: &str, language: Language) -> Vec<String> {
    let snapshot = Snapshot::new(text, 0, language);
    let units = model.segment(&snapshot).units.into_iter();
    units.map(|unit| text[unit.range].to_owned()).collect()
}
