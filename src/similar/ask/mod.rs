//! What answers a question: the sentence or statement of a passage that is most similar to it, or the span that an extractive head finds, and
//! the words that make it so.
//!
//! [`answers`] does all of it at once. The server does the same in steps, one passage each, so that nothing waits for a whole question:
//! [`look`], then [`best`], then [`explain`].

mod composed;
mod parts;
mod promising;
mod question;
mod sentences;
mod similar;
mod spans;

use crate::explain::Method;
use crate::explain::trust::Trust;
use crate::model::tape::Network;
use crate::model::{Ability, Checkpoint, Model, ModelError, Reader};
use crate::text::{ByteRange, Snapshot};

pub use composed::{Composed, Read, Sentence, compose, parts_to_read};
pub use parts::parts;
pub use question::Question;
pub use sentences::sentences;
pub use similar::{best, explain};

/// Maximum number of passages of a folder that are looked into. An extractive head reads all of them; with embeddings, one per answer is
/// enough ([`enough`]).
pub const PASSAGES: usize = 8;

/// The scores below which nothing answers, on the scale of the embedded model: of a sentence alone, in a file, and together with its
/// passage's, in a folder. Measured on 30 questions with an answer and 30 without (`benches/ask`).
const IN_FILE: f32 = 0.42;
const IN_FOLDER: f32 = 0.30;

/// A part of a document that may hold the answer.
#[derive(Debug, Clone)]
pub struct Passage {
    /// Its file or document.
    pub place: String,
    /// The function, type or heading.
    pub name: Option<String>,
    /// The document.
    pub snapshot: Snapshot,
    /// The part.
    pub range: ByteRange,
    /// The score from a search, 0 to 1; 0 for a document that the user named.
    pub score: f32,
}

impl Passage {
    /// Whether two passages have text in common, as an item and the one around it.
    pub fn overlaps(&self, other: &Passage) -> bool {
        self.place == other.place && self.range.start < other.range.end && other.range.start < self.range.end
    }
}

/// Which answers are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// Most answers.
    pub top: usize,
    /// Score below which nothing answers, 0 to 1; measured by default.
    pub threshold: Option<f32>,
    /// How the words of an answer are scored, one of [`Method::OF_NUMBERS`].
    pub by: Method,
}

/// A sentence of a passage, and how well it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its place in the document.
    pub range: ByteRange,
    /// Relevance of at most 1, on the scale of the embedded model; with a passage from a search, the mean of both scores.
    pub score: f32,
}

/// What a passage holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    /// By embeddings: its sentences, best first.
    Sentences(Vec<Scored>),
    /// By an extractive head: its spans with their explanations. A text that holds no answer has none.
    Spans(Vec<Answer>),
}

/// What answers a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The passage, as an index.
    pub passage: usize,
    /// Its place in the document.
    pub range: ByteRange,
    /// How well it answers: as [`Scored::score`], or with an extractive head the probability of the span.
    pub score: f32,
    /// What the words' scores sum to, with special tokens and biases: `cosine`, or `span` for the logits of start and end.
    pub target: &'static str,
    /// That number.
    pub value: f32,
    /// How the words were scored.
    pub method: Method,
    /// How far the sum misses it; `None` for a method whose scores have no such sum.
    pub residual: Option<f32>,
    /// What special tokens add.
    pub special: f32,
    /// What biases add.
    pub bias: f32,
    /// The name of the model.
    pub model: String,
    /// The words, in order: with an extractive head those of the passage, otherwise those of the answer.
    pub words: Vec<AnswerWord>,
}

/// A word of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerWord {
    /// Its place in the document.
    pub range: ByteRange,
    /// What it adds.
    pub score: f32,
    /// 1 for the highest score.
    pub rank: u32,
    /// The word of the question that it answers most.
    pub question: Option<String>,
}

/// Whether a question says anything.
pub fn has_words(question: &str) -> bool {
    question.chars().any(char::is_alphanumeric)
}

/// Looks into one passage; `index` is its place among all passages, and `by` explains the spans of an extractive head.
///
/// # Errors
/// [`ModelError::Stopped`] if the checkpoint stops the pass; otherwise what the model reports.
pub fn look(
    model: &Model,
    question: &Question,
    (index, passage): (usize, &Passage),
    by: Method,
    checkpoint: Checkpoint,
) -> Result<Looked, ModelError> {
    let text = question.text();
    let reader = model.reader_of_query(text);
    let model = model.of_reader(reader);
    if let Some(network) = extractive(&model) {
        return spans::spans((&model, network), question.asked(), (index, passage), by, checkpoint).map(Looked::Spans);
    }
    // Words of another language are not in the passage.
    let foreign = reader != Reader::Chosen || text.chars().any(|c| c.is_alphabetic() && !c.is_ascii());
    similar::scored(&model, (question, foreign), passage, checkpoint).map(Looked::Sentences)
}

/// Whether what is said of an answer, a range of a passage, can be trusted: whether the answer's score falls more without the words that count
/// most than without random ones. `None` if the passage does not have the span of an extractive head.
///
/// # Errors
/// As [`look`].
pub fn trust(
    model: &Model,
    question: &Question,
    (passage, range): (&Passage, &ByteRange),
    checkpoint: Checkpoint,
) -> Result<Option<Trust>, ModelError> {
    let read = model.of_reader(model.reader_of_query(question.text()));
    if let Some(network) = extractive(&read) {
        return spans::trust((&read, network), question.asked(), (passage, range), checkpoint);
    }
    let text = passage.snapshot.text(range.clone());
    let sentence = (&*text, passage.snapshot.language());
    similar::trust(model, question, sentence, checkpoint).map(Some)
}

/// The network of a model with an extractive head.
fn extractive(model: &Model) -> Option<&Network> {
    let network = model.network()?;
    let answers = model.info().abilities.contains(&Ability::Answer);
    answers.then_some(network)
}

/// Whether the sentences found so far are enough: one passage per answer. The search decides which passages of a folder answer, and the
/// sentences say where in them; to look into more passages made answers worse (`benches/ask`).
pub fn enough(found: &[(usize, Scored)], passages: &[Passage], wish: Wish) -> bool {
    let in_folder = passages.iter().any(|passage| passage.score > 0.0);
    let looked = found.chunk_by(|a, b| a.0 == b.0).count();
    in_folder && looked >= wish.top.max(similar::FIRST)
}

/// The answers, best first; none where nothing answers.
///
/// # Errors
/// As [`look`].
pub fn answers(
    model: &Model,
    question: &Question,
    passages: &[Passage],
    wish: Wish,
    checkpoint: Checkpoint,
) -> Result<Vec<Answer>, ModelError> {
    let (found, spans) = looked(model, question, passages, wish, checkpoint)?;
    if !spans.is_empty() {
        return Ok(best_spans(spans, passages, wish));
    }
    let explained = |(index, own): (usize, Scored)| {
        let passage = (index, &passages[index]);
        explain(model, question, passage, &own, wish.by, checkpoint)
    };
    best(found, passages, wish).into_iter().map(explained).collect()
}

/// The sentences that answer, best first, without their explanations; none where nothing answers. For a model without an extractive head.
///
/// # Errors
/// As [`look`].
pub fn places(
    model: &Model,
    question: &Question,
    passages: &[Passage],
    wish: Wish,
    checkpoint: Checkpoint,
) -> Result<Vec<(usize, ByteRange)>, ModelError> {
    let (found, _) = looked(model, question, passages, wish, checkpoint)?;
    let found = best(found, passages, wish).into_iter();
    Ok(found.map(|(passage, own)| (passage, own.range)).collect())
}

/// Sentences, each with the index of its passage.
type Sentences = Vec<(usize, Scored)>;

/// The sentences of passages, or their spans.
fn looked(
    model: &Model,
    question: &Question,
    passages: &[Passage],
    wish: Wish,
    checkpoint: Checkpoint,
) -> Result<(Sentences, Vec<Answer>), ModelError> {
    let mut found = Sentences::new();
    let mut spans: Vec<Answer> = Vec::new();
    for (index, passage) in passages.iter().enumerate() {
        if enough(&found, passages, wish) {
            break;
        }
        match look(model, question, (index, passage), wish.by, checkpoint)? {
            Looked::Sentences(sentences) => found.extend(sentences.into_iter().map(|own| (index, own))),
            Looked::Spans(own) => spans.extend(own),
        }
    }
    Ok((found, spans))
}

/// The most certain spans; each once, since passages may overlap.
pub fn best_spans(mut spans: Vec<Answer>, passages: &[Passage], wish: Wish) -> Vec<Answer> {
    spans.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut seen: Vec<(&str, ByteRange)> = Vec::new();
    spans.retain(|span| {
        let own = (passages[span.passage].place.as_str(), span.range.clone());
        let new = !seen.contains(&own);
        seen.push(own);
        new && span.score >= wish.threshold.unwrap_or(0.0)
    });
    spans.truncate(wish.top);
    spans
}

/// Words with their ranks.
fn ranked(words: impl Iterator<Item = (ByteRange, f32, Option<String>)>) -> Vec<AnswerWord> {
    let word = |(range, score, question)| AnswerWord {
        range,
        score,
        rank: 0,
        question,
    };
    let mut words: Vec<AnswerWord> = words.map(word).collect();
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.sort_by(|a, b| words[*b].score.total_cmp(&words[*a].score));
    for (rank, index) in order.into_iter().enumerate() {
        words[index].rank = rank as u32 + 1;
    }
    words
}

/// A passage at a place that a search gave a score.
#[cfg(test)]
fn passage(place: &str, score: f32) -> Passage {
    Passage {
        place: place.to_owned(),
        name: None,
        range: 0..9,
        snapshot: Snapshot::new("some text", 0, crate::text::Language::Prose),
        score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_ranks_of_their_scores() {
        let words = [0.2, 0.5, 0.5, -0.1].into_iter().enumerate();
        let ranks: Vec<u32> = ranked(words.map(|(at, score)| (at..at + 1, score, None)))
            .iter()
            .map(|word| word.rank)
            .collect();
        assert_eq!(ranks, [3, 1, 2, 4]);
    }

    #[test]
    fn of_the_spans_the_most_certain_are_kept_each_once() {
        let passages = ["a", "a", "b"].map(|place| passage(place, 0.0));
        let span = |passage: usize, range: ByteRange, score: f32| Answer {
            passage,
            range,
            score,
            target: "span",
            value: 0.0,
            method: Method::Decomposition,
            residual: None,
            special: 0.0,
            bias: 0.0,
            model: String::new(),
            words: Vec::new(),
        };
        // The second is the same place as the first, seen in another part of the same document.
        let spans = vec![
            span(0, 0..4, 0.9),
            span(1, 0..4, 0.8),
            span(2, 0..4, 0.95),
            span(0, 5..9, 0.3),
        ];
        let found = |threshold, top| {
            let wish = Wish {
                top,
                threshold,
                by: Method::Decomposition,
            };
            let best = best_spans(spans.clone(), &passages, wish);
            best.iter().map(|span| (span.passage, span.score)).collect::<Vec<_>>()
        };
        assert_eq!(found(None, 9), [(2, 0.95), (0, 0.9), (0, 0.3)]);
        assert_eq!(found(Some(0.9), 9), [(2, 0.95), (0, 0.9)]);
        assert_eq!(found(None, 1), [(2, 0.95)]);
    }

    #[test]
    fn three_passages_of_a_folder_are_enough_for_three_answers_and_named_files_are_read_to_the_end() {
        let looked = |passages: usize, score: f32, top: usize| {
            let found: Vec<(usize, Scored)> = (0..2 * passages)
                .map(|own| {
                    (
                        own / 2,
                        Scored {
                            range: 0..1,
                            score: 0.5,
                        },
                    )
                })
                .collect();
            let wish = Wish {
                top,
                threshold: None,
                by: Method::Decomposition,
            };
            enough(&found, &[passage("", score), passage("", 0.0)], wish)
        };
        assert!(looked(3, 0.5, 1) && !looked(2, 0.5, 1));
        assert!(looked(4, 0.5, 4) && !looked(3, 0.5, 4));
        assert!(!looked(9, 0.0, 1));
    }
}
