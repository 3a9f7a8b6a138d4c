//! The argument and the answer of [`TRUST`](super::TRUST).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{Position, Range, Uri};

use crate::explain::trust::Verdict;

/// The one argument of [`TRUST`](super::TRUST).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustArgs {
    /// An open document.
    pub uri: Uri,
    /// A position in the unit in question.
    pub position: Position,
}

/// The answer of [`TRUST`](super::TRUST).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustAnswer {
    /// The judgment in one sentence.
    pub sentence: String,
    /// The judgment as a word: `holds`, `weak`, `fails` or `too-short`.
    ///
    /// The marked words matter clearly more than random words (`holds`), hardly more (`weak`) or not more (`fails`), or the unit has too
    /// few words (`too-short`).
    pub verdict: Verdict,
    /// The unit.
    pub range: Range,
    /// The method of the scores.
    pub method: String,
    /// The number of words deleted.
    pub deleted: usize,
    /// The number of words of the unit.
    pub words: usize,
    /// The turn of the embedding without the words of the highest scores.
    ///
    /// It is 1 - cosine, to four places.
    pub marked: f64,
    /// The mean turn without as many random words.
    pub random: f64,
    /// `marked` over `random`.
    pub ratio: f64,
    /// The share of random sets whose turn is smaller than `marked`.
    pub beats: f64,
    /// The number of random sets.
    pub sets: usize,
    /// `[words, turn]`: the turn without the first words, in the order of their scores.
    pub curve: Vec<(usize, f64)>,
}
