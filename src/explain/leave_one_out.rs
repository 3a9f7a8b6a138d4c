//! Leave-one-out: how far the embedding moves when one word is removed, 1 - cos(e(x), e(x without the word)).
//!
//! For a number, it is how far the number falls. It needs one pass of the model for each word. The result is exact for one word at a time, but two words with the same meaning hide each
//! other. A word can be deleted, masked, or hidden from attention; whole lines and sentences can be removed instead of words. A token that
//! attention and pooling ignore contributes nothing, so hiding it equals a pass over all other rows. This works for models that add
//! positions to the embedding rows. Other models cannot distinguish hiding from deletion, so they refuse it.

use super::choice::{Choice, Extent, Operator};
use super::deletion::{Deletions, Rest, Whole, blank};
use super::{Subject, TokenScores, layout};
use crate::model::spec::Positions;
use crate::model::tape::Network;
use crate::model::{Checkpoint, Model, ModelError, TraceLevel};

/// The change that each word's absence makes, on the first token of the word; 0 on the others and on special tokens.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
pub fn scores(model: &Model, subject: &Subject, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    choose(model, subject, Choice::default(), checkpoint)
}

/// As [`scores`], with a choice of what to remove, and how.
///
/// # Errors
/// As [`scores`]; [`ModelError::Meaningless`] if a model cannot hide a token from attention without moving others.
pub fn choose(
    model: &Model,
    subject: &Subject,
    choice: Choice,
    checkpoint: Checkpoint,
) -> Result<TokenScores, ModelError> {
    let words = subject.words.tokens_of_words();
    let groups = match choice.extent {
        Extent::Word => (0..words.len()).map(|word| word..word + 1).collect(),
        Extent::Line => layout::lines(subject.text, &subject.words.words),
        Extent::Sentence => layout::sentences(subject.text, &subject.words.words),
    };
    let without: Vec<Vec<bool>> = groups
        .iter()
        .map(|group| (0..words.len()).map(|word| group.contains(&word)).collect())
        .collect();
    let changes = match choice.operator {
        Operator::Delete => Deletions::of(model, subject, &words)?.changes(&without, checkpoint)?,
        Operator::Mask | Operator::Attention => {
            let gone: Vec<Vec<usize>> = groups.iter().map(|group| words[group.clone()].concat()).collect();
            match choice.operator {
                Operator::Mask => masked(model, subject, &gone, checkpoint)?,
                _ => hidden(model, subject, &gone, checkpoint)?,
            }
        }
    };
    let mut tokens = vec![0f32; subject.tokens.len()];
    for (group, change) in groups.iter().zip(changes) {
        let first = words[group.clone()].iter().filter_map(|own| own.first());
        first.for_each(|token| tokens[*token] = change);
    }
    Ok(TokenScores { tokens, bias: 0.0 })
}

/// The change when the mask token replaces each set of tokens.
fn masked(
    model: &Model,
    subject: &Subject,
    gone: &[Vec<usize>],
    checkpoint: Checkpoint,
) -> Result<Vec<f32>, ModelError> {
    let mask = blank(model)?;
    let texts = gone.iter().map(|gone| {
        let mut ids = subject.tokens.ids.clone();
        gone.iter().for_each(|token| ids[*token] = mask);
        Rest {
            kept: (0..ids.len()).collect(),
            types: subject.types.to_vec(),
            ids,
        }
    });
    Whole::of(model, subject)?.changes(model, &texts.collect::<Vec<_>>(), checkpoint)
}

/// The change when attention ignores each set of tokens.
fn hidden(
    model: &Model,
    subject: &Subject,
    gone: &[Vec<usize>],
    checkpoint: Checkpoint,
) -> Result<Vec<f32>, ModelError> {
    let able = |network: &&Network| network.spec.stack.embedding.positions != Positions::None;
    let Some(network) = model.network().map(|network| &**network).filter(able) else {
        return Err(ModelError::Meaningless(
            "this model's positions are relative, so that hiding a token from attention moves the others as deletion does: leave words out \
             by deletion or mask"
                .to_owned(),
        ));
    };
    let whole = Whole::of(model, subject)?;
    let traces = model
        .encoder()
        .forward(&subject.packed(), TraceLevel::Layers, checkpoint)?;
    let Some(trace) = traces.first() else {
        return Ok(vec![0.0; gone.len()]);
    };
    let (rows, width) = super::gradient::input(trace)?;
    let mut changes = Vec::with_capacity(gone.len());
    for gone in gone {
        if checkpoint() {
            return Err(ModelError::Stopped);
        }
        let kept: Vec<usize> = (0..subject.tokens.len())
            .filter(|token| !gone.contains(token))
            .collect();
        let left = kept.iter().flat_map(|token| &rows[token * width..(token + 1) * width]);
        let sequence = 0..kept.len();
        let sequences = std::slice::from_ref(&sequence);
        for trace in network.forward_rows(left.copied().collect(), sequences, TraceLevel::LastHidden, checkpoint)? {
            changes.push(whole.change(model, &trace, &kept)?);
        }
    }
    Ok(changes)
}
