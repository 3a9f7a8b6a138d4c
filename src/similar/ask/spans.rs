//! Answers by a head that finds them: the span with the highest logits of start and end, and the words that decided for it.

use super::{Answer, Passage, ranked};
use crate::explain::{Attribution, WordMap, target};
use crate::model::answers::{Asked, asked, best_span};
use crate::model::tape::{Network, Target};
use crate::model::{Checkpoint, Model, ModelError, TapeTrace, TraceLevel};
use crate::text::ByteRange;

/// The best span of each window of a passage. A text that the head says holds no answer has none.
pub(super) fn spans(
    (model, network): (&Model, &Network),
    question: &str,
    (index, passage): (usize, &Passage),
    checkpoint: Checkpoint,
) -> Result<Vec<Answer>, ModelError> {
    let text = passage.snapshot.text(passage.range.clone());
    let mut found = Vec::new();
    for window in asked(model, question, &text)? {
        found.extend(span((model, network), (index, passage), &text, &window, checkpoint)?);
    }
    Ok(found)
}

/// The best span of a window, unless the head finds none more likely.
fn span(
    (model, network): (&Model, &Network),
    (index, passage): (usize, &Passage),
    text: &str,
    window: &Asked,
    checkpoint: Checkpoint,
) -> Result<Option<Answer>, ModelError> {
    let read = network.read(&window.packed(), None, TraceLevel::Layers, checkpoint)?;
    let logits = network.logits(&read.hidden)?.unwrap_or_default();
    let Some(span) = best_span(&logits, &window.passage) else {
        return Ok(None);
    };
    let Some(tape) = read.tape.clone().filter(|_| span.score > span.none) else {
        return Ok(None);
    };
    let wanted = Target::Span {
        start: span.start,
        end: span.end,
    };
    let trace = TapeTrace { tape, sequence: 0 };
    let scores = target(network, &trace, &wanted, Attribution::Decomposition)?;
    let map = WordMap::new(text, &window.tokens);
    let by_word = scores.by_word(&map);
    let place = |range: &ByteRange| passage.range.start + range.start..passage.range.start + range.end;
    let words = map.words.iter().zip(&by_word.words);
    let spans = &window.tokens.spans;
    Ok(Some(Answer {
        passage: index,
        range: place(&(spans[span.start].start..spans[span.end].end)),
        score: span.probability as f32,
        target: "span",
        value: scores.value as f32,
        residual: scores.residual.unwrap_or(0.0) as f32,
        special: (by_word.special + by_word.written) as f32,
        bias: scores.bias as f32,
        model: model.info().name.clone(),
        words: ranked(words.map(|(own, score)| (place(own), *score, None))),
    }))
}
