//! Answers by a head that finds them: the span with the highest logits of start and end, and the words that decided for it.

use anyhow::Result;

use super::{Answer, AnswerWord, Ask, Candidate};
use crate::explain::{Attribution, WordMap, target};
use crate::model::answers::{Asked, asked, best_span};
use crate::model::tape::{Network, Target};
use crate::model::{Model, TapeTrace, TraceLevel, UNSTOPPED};
use crate::render::json::{ExplainWord, JsonPosition};
use crate::text::ByteRange;

/// The spans that answer a question, the most certain first. A text that a head says holds no answer gives none.
pub(super) fn answers(
    arguments: &Ask,
    (model, network): (&Model, &Network),
    candidates: &[Candidate],
) -> Result<Vec<Answer>> {
    let threshold = arguments.threshold.unwrap_or(0.0);
    let mut answers = Vec::new();
    for candidate in candidates {
        let text = candidate.snapshot.text(candidate.range.clone());
        for window in asked(model, &arguments.question, &text)? {
            answers.extend(answer((model, network), candidate, &text, &window)?);
        }
    }
    answers.sort_by(|a: &Answer, b| b.score.total_cmp(&a.score));
    let mut seen: Vec<(String, usize, usize)> = Vec::new();
    answers.retain(|answer| {
        let own = (answer.path.clone(), answer.start.byte, answer.end.byte);
        let new = !seen.contains(&own);
        seen.push(own);
        new && answer.score >= threshold
    });
    answers.truncate(arguments.top);
    Ok(answers)
}

/// The best span of a window, unless the head finds none more likely.
fn answer(
    (_, network): (&Model, &Network),
    candidate: &Candidate,
    text: &str,
    window: &Asked,
) -> Result<Option<Answer>> {
    let read = network.read(&window.packed(), None, TraceLevel::Layers, UNSTOPPED)?;
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
    let by_word = scores.by_word(&map).words;
    let (snapshot, first) = (&candidate.snapshot, candidate.range.start);
    let place = |range: &ByteRange| first + range.start..first + range.end;
    let mut order: Vec<usize> = (0..by_word.len()).collect();
    order.sort_by(|a, b| by_word[*b].total_cmp(&by_word[*a]));
    let word = |index: usize| {
        let own = place(&map.words[index]);
        AnswerWord {
            word: ExplainWord {
                text: snapshot.text(own.clone()).into_owned(),
                start: JsonPosition::new(snapshot, own.start),
                end: JsonPosition::new(snapshot, own.end),
                score: by_word[index],
                rank: order.iter().position(|other| *other == index).unwrap_or(0) as u32 + 1,
            },
            question: None,
        }
    };
    let spans = &window.tokens.spans;
    let own = place(&(spans[span.start].start..spans[span.end].end));
    Ok(Some(Answer {
        path: candidate.path.clone(),
        start: JsonPosition::new(snapshot, own.start),
        end: JsonPosition::new(snapshot, own.end),
        text: snapshot.text(own).into_owned(),
        score: span.probability as f32,
        passage: candidate.name.clone(),
        target: "span",
        value: scores.value as f32,
        residual: scores.residual.unwrap_or(0.0) as f32,
        words: (0..by_word.len()).map(word).collect(),
    }))
}
