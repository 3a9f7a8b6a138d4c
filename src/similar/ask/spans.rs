//! Answers by a head that finds them: the span with the highest logits of start and end, and the words that decided for it.

use super::{Answer, Passage, ranked};
use crate::explain::trust::{Trust, trust_in_output};
use crate::explain::{Goal, Method, Subject, WordMap, number};
use crate::model::answers::{Asked, Span, asked, best_span};
use crate::model::tape::{Network, Target};
use crate::model::{Checkpoint, Encoder, Model, ModelError, Trace};
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

/// Judges the words that decided for a span of a passage: whether its logits fall more without the highest than without random words. `None`
/// if no window of the passage has the span.
pub(super) fn trust(
    (model, network): (&Model, &Network),
    question: &str,
    (passage, range): (&Passage, &ByteRange),
    checkpoint: Checkpoint,
) -> Result<Option<Trust>, ModelError> {
    let by = Method::Decomposition;
    let text = passage.snapshot.text(passage.range.clone());
    for window in asked(model, question, &text)? {
        let Some((trace, span)) = found(network, &window, by, checkpoint)? else {
            continue;
        };
        let spans = &window.tokens.spans;
        let from = passage.range.start;
        if (from + spans[span.start].start..from + spans[span.end].end) != *range {
            continue;
        }
        let words = WordMap::new(&text, &window.tokens);
        let subject = subject((&text, &window), (&trace, &span), &words);
        let scores = number(model, &subject, by, checkpoint)?.scores;
        return Ok(Some(trust_in_output(model, &subject, (by, &scores), checkpoint)?));
    }
    Ok(None)
}

/// The pass over a window and its best span, unless the head finds none more likely.
fn found(
    network: &Network,
    window: &Asked,
    by: Method,
    checkpoint: Checkpoint,
) -> Result<Option<(Trace, Span)>, ModelError> {
    let Some(trace) = network
        .forward(&window.packed(), by.keeps(), checkpoint)?
        .into_iter()
        .next()
    else {
        return Ok(None);
    };
    let hidden: Vec<f32> = trace.hidden.flatten_all()?.to_vec1()?;
    let logits = network.logits(&hidden)?.unwrap_or_default();
    let best = best_span(&logits, &window.passage).filter(|span| span.score > span.none);
    Ok(best.map(|span| (trace, span)))
}

/// What is explained of a window: the logits of a span's start and end.
fn subject<'a>(
    (text, window): (&'a str, &'a Asked),
    (trace, span): (&'a Trace, &Span),
    words: &'a WordMap,
) -> Subject<'a> {
    Subject {
        text,
        tokens: &window.tokens,
        trace,
        embedding: &[],
        words,
        goal: Goal::Output(Target::Span {
            start: span.start,
            end: span.end,
        }),
        types: &window.types,
    }
}

/// The best span of a window, unless the head finds none more likely.
fn span(
    (model, network): (&Model, &Network),
    (index, passage): (usize, &Passage),
    (text, window): (&str, &Asked),
    by: Method,
    checkpoint: Checkpoint,
) -> Result<Option<Answer>, ModelError> {
    let Some((trace, span)) = found(network, window, by, checkpoint)? else {
        return Ok(None);
    };
    let words = WordMap::new(text, &window.tokens);
    let subject = subject((text, window), (&trace, &span), &words);
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
