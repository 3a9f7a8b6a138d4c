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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Source, UNSTOPPED};

    fn passage(text: &str) -> (Role, Language, &str) {
        (Role::Passage, Language::Prose, text)
    }

    #[test]
    fn a_long_text_is_the_mean_of_its_units_unless_it_is_cut() {
        let model = Model::load(&Source::EMBEDDED).unwrap();
        const SENTENCE: &str = "The server keeps the session of each user in a signed cookie. ";
        let long = SENTENCE.repeat(60) + &"Prices of apples rise in autumn. ".repeat(60);
        let embed = |texts: &[(Role, Language, &str)], plain| embed_texts(&model, texts, plain, UNSTOPPED).unwrap();
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        let both = embed(&[passage(&long), passage(SENTENCE)], false);
        let units = split(&model, &long, Language::Prose);
        assert!(units.len() > 2);
        let each = embed(&units.iter().map(|unit| passage(unit)).collect::<Vec<_>>(), false);
        let sizes = units.iter().map(|unit| {
            let tokens = model.tokenize_as(Role::Passage, unit, Language::Prose);
            tokens.unwrap().of_text()
        });
        let expected = mean(each.iter().map(Vec::as_slice).zip(sizes)).unwrap();
        assert!(near(&both[0], &expected));
        assert!(near(&both[1], &embed(&[passage(SENTENCE)], true)[0]));
        // The beginning alone speaks of sessions.
        let cut = embed(&[passage(&long)], true).remove(0);
        let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert!(cosine(&cut, &both[1]) > cosine(&both[0], &both[1]) + 0.02);
    }
}
