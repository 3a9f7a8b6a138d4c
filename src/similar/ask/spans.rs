//! Answers by a head that finds them: the span with the highest logits of start and end, and the words that decided for it.

use super::{Answer, Passage, ranked};
use crate::explain::{Goal, Method, Subject, WordMap, number};
use crate::model::answers::{Asked, asked, best_span};
use crate::model::tape::{Network, Target};
use crate::model::{Checkpoint, Encoder, Model, ModelError};
use crate::text::ByteRange;

/// The best span of each window of a passage. A text that the head says holds no answer has none.
pub(super) fn spans(
    (model, network): (&Model, &Network),
    question: &str,
    (index, passage): (usize, &Passage),
    by: Method,
    checkpoint: Checkpoint,
) -> Result<Vec<Answer>, ModelError> {
    let text = passage.snapshot.text(passage.range.clone());
    let mut found = Vec::new();
    for window in asked(model, question, &text)? {
        found.extend(span(
            (model, network),
            (index, passage),
            (&text, &window),
            by,
            checkpoint,
        )?);
    }
    Ok(found)
}

/// The best span of a window, unless the head finds none more likely.
fn span(
    (model, network): (&Model, &Network),
    (index, passage): (usize, &Passage),
    (text, window): (&str, &Asked),
    by: Method,
    checkpoint: Checkpoint,
) -> Result<Option<Answer>, ModelError> {
    let traces = network.forward(&window.packed(), by.keeps(), checkpoint)?;
    let Some(trace) = traces.first() else {
        return Ok(None);
    };
    let hidden: Vec<f32> = trace.hidden.flatten_all()?.to_vec1()?;
    let logits = network.logits(&hidden)?.unwrap_or_default();
    let found = best_span(&logits, &window.passage);
    let Some(span) = found.filter(|span| span.score > span.none) else {
        return Ok(None);
    };
    let words = WordMap::new(text, &window.tokens);
    let subject = Subject {
        text,
        tokens: &window.tokens,
        trace,
        embedding: &[],
        words: &words,
        goal: Goal::Output(Target::Span {
            start: span.start,
            end: span.end,
        }),
        types: &window.types,
    };
    let parts = number(model, &subject, by, checkpoint)?;
    let place = |range: &ByteRange| passage.range.start + range.start..passage.range.start + range.end;
    let words = parts.ranges.iter().zip(&parts.scores);
    let spans = &window.tokens.spans;
    Ok(Some(Answer {
        passage: index,
        range: place(&(spans[span.start].start..spans[span.end].end)),
        score: span.probability as f32,
        target: "span",
        method: by,
        value: parts.value as f32,
        residual: parts.residual.map(|residual| residual as f32),
        special: parts.special as f32,
        bias: parts.bias as f32,
        model: model.info().name.clone(),
        words: ranked(words.map(|(own, score)| (place(own), *score, None))),
    }))
}
