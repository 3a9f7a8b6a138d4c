//! The answer that a head for questions finds in a unit, before and after an edit.

use std::time::Instant;

use serde_json::{Value, json};

use super::edit::Edit;
use super::passes::Pass;
use super::whatif::{Reading, change, check};
use super::{Explorer, ViewError};
use crate::explain::Owner;
use crate::model::answers::{Asked, Span, asked, best_span};
use crate::model::spec::Task;
use crate::model::tape::HeadOff;
use crate::model::{ModelError, Packed, TraceLevel, UNSTOPPED};

/// The best span for a question in a unit as it is, and after an edit; of a long unit, the best of its windows.
///
/// # Errors
/// If the model has no head for questions, or the edit names what does not exist; otherwise errors of the model.
pub(super) fn answer(explorer: &Explorer, unit: usize, edit: &Edit, question: &str) -> Result<Value, ViewError> {
    let start = Instant::now();
    if !matches!(explorer.network.task(), Some(Task::Span)) {
        return Err(ModelError::Unable("answer questions").into());
    }
    let pass = explorer.pass(unit)?;
    check(explorer, &pass, edit)?;
    let windows = asked(&explorer.model, question, &pass.text)?;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for window in &windows {
        let owners = owners(&pass, window);
        before.extend(found(explorer, &window.packed(), &window.passage, &owners, &[])?);
        let read = Reading {
            tokens: &window.tokens,
            owners: &owners,
        };
        let changed = change(explorer, unit, &pass, &read, edit)?;
        let kept = window.passage.len() as isize + changed.tokens.len() as isize - window.tokens.len() as isize;
        let passage = window.passage.start..window.passage.start + kept.max(0) as usize;
        let mut packed = Packed::new([changed.tokens.ids.as_slice()]);
        if !window.types.is_empty() {
            packed.types = window.types[..passage.start].to_vec();
            packed.types.resize(changed.tokens.len(), 1);
        }
        after.extend(found(explorer, &packed, &passage, &changed.owners, &edit.off)?);
    }
    let best = |all: &[(Span, [usize; 2])]| {
        let beyond = |(span, _): &(Span, _)| span.score - span.none;
        let best = all.iter().max_by(|a, b| beyond(a).total_cmp(&beyond(b)));
        best.map(
            |(span, words)| json!({ "words": words, "probability": span.probability, "none": span.score <= span.none }),
        )
    };
    Ok(json!({
        "before": best(&before),
        "after": best(&after),
        "ms": start.elapsed().as_secs_f64() * 1e3,
    }))
}

/// The best span in a passage, and its first and last word.
fn found(
    explorer: &Explorer,
    packed: &Packed,
    passage: &std::ops::Range<usize>,
    owners: &[Owner],
    off: &[HeadOff],
) -> Result<Option<(Span, [usize; 2])>, ViewError> {
    let network = &explorer.network;
    let read = network.read_without(packed, None, off, TraceLevel::LastHidden, UNSTOPPED)?;
    let logits = network.logits(&read.hidden)?.unwrap_or_default();
    let Some(span) = best_span(&logits, passage) else {
        return Ok(None);
    };
    let word = |at: usize| match owners.get(at) {
        Some(Owner::Word(word)) => Some(*word),
        _ => None,
    };
    Ok(word(span.start)
        .zip(word(span.end))
        .map(|(first, last)| (span, [first, last])))
}

/// Whose each token of question and unit is; those of the question are special.
fn owners(pass: &Pass, window: &Asked) -> Vec<Owner> {
    let words = &pass.words.words;
    let of = |at: usize| {
        let span = &window.tokens.spans[at];
        let word = words.partition_point(|word| word.end <= span.start);
        match window.passage.contains(&at) && words.get(word).is_some_and(|word| word.start < span.end) {
            true => Owner::Word(word),
            false => Owner::Special,
        }
    };
    (0..window.tokens.len()).map(of).collect()
}
