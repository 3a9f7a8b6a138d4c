//! The argument and the answer of [`TRUST`](super::TRUST).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{Position, Range, Uri};

use super::Passage;
use crate::explain::trust::{Judged, Verdict};

/// The one argument of [`TRUST`](super::TRUST).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TrustArgs {
    /// Whether the marks of a unit can be trusted.
    Unit {
        /// An open document.
        uri: Uri,
        /// A position in the unit.
        position: Position,
    },
    /// Whether the words that a comparison names can be trusted.
    Comparison {
        /// The first passage.
        a: Passage,
        /// The second passage.
        b: Passage,
    },
    /// Whether the words that decided for an answer can be trusted.
    Answer {
        /// The question.
        question: String,
        /// The document with the answer.
        uri: Uri,
        /// The answer's range.
        range: Range,
        /// The range of the passage with the answer, for a model with an extractive head; the answer itself by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<Range>,
    },
}

/// The answer of [`TRUST`](super::TRUST).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustAnswer {
    /// What was explained: `embedding` (of a unit), `similarity` (of two passages) or `answer`.
    pub target: Judged,
    /// The judgment in one sentence.
    pub sentence: String,
    /// The judgment as a word: `holds`, `weak`, `fails` or `too-short`.
    ///
    /// The marked words matter clearly more than random words (`holds`), hardly more (`weak`) or not more (`fails`), or the text has too
    /// few words (`too-short`).
    pub verdict: Verdict,
    /// The unit, if it was about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// The method of the scores.
    pub method: String,
    /// The number of words deleted, in a comparison from the longer passage.
    pub deleted: usize,
    /// The number of words of the text, or of both passages.
    pub words: usize,
    /// The change without the words of the highest scores, to four places.
    ///
    /// Of an embedding it is the turn, 1 - cosine; of a similarity or an answer's score its fall.
    pub marked: f64,
    /// The mean change without as many random words.
    pub random: f64,
    /// `marked` over `random`, at most 100.
    pub ratio: f64,
    /// The share of random sets whose change is smaller than `marked`.
    pub beats: f64,
    /// The number of random sets.
    pub sets: usize,
    /// `[words, change]`: the change without the first words, in the order of their scores.
    pub curve: Vec<(usize, f64)>,
}
