//! Extractive question answering: question and text as a pair of sequences, and the best answer span (Devlin et al. 2019).

use super::{Model, ModelError, Packed, TokenizeError, Tokens};
use crate::text::ModelText;

/// Maximum number of tokens of an answer.
const LONGEST: usize = 30;

/// A question with a part of a text; both fit the window together.
#[derive(Debug, Clone)]
pub struct Asked {
    /// All tokens; those of the question count as special, and spans are ranges in the text.
    pub tokens: Tokens,
    /// The type of each token: 0 for the question, 1 for the text.
    pub types: Vec<u32>,
    /// The positions of the text's tokens.
    pub passage: std::ops::Range<usize>,
}

impl Asked {
    /// The tokens as a batch of one sequence.
    pub fn packed(&self) -> Packed {
        let mut packed = Packed::new([self.tokens.ids.as_slice()]);
        packed.types = self.types.clone();
        packed
    }
}

/// A span of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Its first token.
    pub start: usize,
    /// Its last token.
    pub end: usize,
    /// The start logit of the first token plus the end logit of the last.
    pub score: f32,
    /// The same sum for the first special token, which stands for "no answer".
    pub none: f32,
    /// The probability of this start and this end.
    pub probability: f64,
}

/// A question with each part of a text: one part if both fit the window, else parts that overlap by half.
///
/// # Errors
/// [`ModelError::TooLong`] for a question that leaves no space for the text; the error of the tokenizer.
pub fn asked(model: &Model, question: &str, text: &str) -> Result<Vec<Asked>, ModelError> {
    let window = model.info().window;
    let whole = pair(model, question, (text, 0))?;
    if whole.tokens.len() <= window {
        return Ok(vec![whole]);
    }
    let around = whole.tokens.len() - whole.passage.len();
    let space = window.saturating_sub(around + 2);
    if space < 8 {
        return Err(ModelError::TooLong { tokens: around, window });
    }
    let spans = &whole.tokens.spans[whole.passage.clone()];
    let (mut parts, mut first) = (Vec::new(), 0);
    loop {
        let mut last = (first + space).min(spans.len()) - 1;
        // A part can have more tokens than in the whole text; it ends earlier then.
        let part = loop {
            let (start, end) = (spans[first].start, spans[last].end);
            let part = pair(model, question, (&text[start..end], start))?;
            let over = part.tokens.len().saturating_sub(window);
            if over == 0 || last == first {
                break part;
            }
            last -= over.min(last - first);
        };
        if part.tokens.len() <= window && !part.passage.is_empty() {
            parts.push(part);
        }
        if last + 1 == spans.len() {
            return Ok(parts);
        }
        first += (last + 1 - first).div_ceil(2);
    }
}

/// A question and a part of a text that begins at byte `at`.
fn pair(model: &Model, question: &str, (text, at): (&str, usize)) -> Result<Asked, TokenizeError> {
    let (question, read) = (ModelText::plain(question), ModelText::plain(text));
    let (mut tokens, types) = model.tokenizer.tokenize_pair(question.as_str(), text, &read)?;
    let own = |token: &usize| !tokens.special[*token];
    let first = (0..tokens.len()).find(own).unwrap_or(0);
    let end = (0..tokens.len()).rfind(own).map_or(first, |last| last + 1);
    for token in first..end {
        let span = &mut tokens.spans[token];
        *span = at + span.start..at + span.end;
    }
    // A model with a single token type has no types to distinguish.
    let types = match model.reads_pairs() {
        true => types,
        false => Vec::new(),
    };
    Ok(Asked {
        tokens,
        types,
        passage: first..end,
    })
}

impl Model {
    /// Whether tokens of a second text have their own type.
    fn reads_pairs(&self) -> bool {
        let types = self
            .network
            .as_ref()
            .and_then(|network| network.spec.stack.embedding.types.as_ref());
        types.is_some_and(|(_, types)| *types > 1)
    }
}

/// The best span within `passage`, by the logits of start and end, (n, 2).
pub fn best_span(logits: &[f32], passage: &std::ops::Range<usize>) -> Option<Span> {
    let (start, end) = (|token: usize| logits[2 * token], |token: usize| logits[2 * token + 1]);
    let mut best: Option<(usize, usize)> = None;
    for first in passage.clone() {
        for last in first..(first + LONGEST).min(passage.end) {
            let score = start(first) + end(last);
            if best.is_none_or(|(a, b)| score > start(a) + end(b)) {
                best = Some((first, last));
            }
        }
    }
    let (first, last) = best?;
    let places = || passage.clone().chain([0]);
    let share = |logit: &dyn Fn(usize) -> f32, chosen: usize| {
        let beside = |token: usize| f64::from(logit(token) - logit(chosen)).exp();
        1.0 / places().map(beside).sum::<f64>()
    };
    let probability = share(&start, first) * share(&end, last);
    Some(Span {
        start: first,
        end: last,
        score: start(first) + end(last),
        none: start(0) + end(0),
        probability,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_after_its_start_and_has_a_maximum_length() {
        // The start is at 3; the highest end comes before it.
        let logits = [0.0, 0.0, 0.5, 3.0, 0.1, 0.2, 2.0, 0.3, 0.0, 1.0];
        let span = best_span(&logits, &(1..5)).unwrap();
        assert_eq!((span.start, span.end), (1, 1));
        let span = best_span(&logits, &(2..5)).unwrap();
        assert_eq!((span.start, span.end, span.score), (3, 4, 3.0));
        assert!(span.probability > 0.0 && span.probability < 1.0 && span.none == 0.0);
        assert!(best_span(&logits, &(2..2)).is_none());
        let long: Vec<f32> = (0..200).map(|i| if i == 2 || i == 199 { 9.0 } else { 0.0 }).collect();
        let span = best_span(&long, &(1..100)).unwrap();
        assert!(span.end - span.start < LONGEST);
    }

    #[test]
    fn a_span_of_large_logits_has_a_probability() {
        let mut logits = vec![0f32; 20];
        (logits[6], logits[9]) = (400.0, 400.0);
        let span = best_span(&logits, &(1..10)).unwrap();
        assert!((span.probability - 1.0).abs() < 1e-6, "{span:?}");
    }
}
