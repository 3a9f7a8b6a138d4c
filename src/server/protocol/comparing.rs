//! The arguments and the answer of [`COMPARE_PASSAGES`](super::COMPARE_PASSAGES).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{Range, Uri};

/// A passage to compare: a range of an open document, or a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Passage {
    /// A range of an open document.
    Range {
        /// The document.
        uri: Uri,
        /// The range.
        range: Range,
    },
    /// A text from the client.
    Text {
        /// The text.
        text: String,
        /// LSP language identifier; prose by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
}

/// The third argument of [`COMPARE_PASSAGES`](super::COMPARE_PASSAGES).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompareOptions {
    /// Whether the answer contains the matrix of all pairs of words.
    ///
    /// The matrix takes seconds. With `false`, the sum for each word is available at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<bool>,
    /// Asks for the pairs of one word instead.
    ///
    /// This is fast after a comparison of the same passages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<CompareWord>,
}

/// A word of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareWord {
    /// The passage that contains it: `a` or `b`.
    pub side: CompareSide,
    /// Its index among the words of the passage.
    pub word: usize,
}

/// A passage of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompareSide {
    /// The first.
    A,
    /// The second.
    B,
}

/// What the pairs of one word add to the cosine of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompareRow {
    /// The passage that contains the word.
    pub side: CompareSide,
    /// Its index among the words of the passage.
    pub word: usize,
    /// What it adds together with each word of the other passage.
    pub scores: Vec<f32>,
    /// What it adds together with the other passage's special tokens.
    pub special: f32,
    /// What it adds together with the biases.
    pub bias: f32,
}
