//! The argument and the answer of [`ASK`](super::ASK).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{Range, Uri};

use super::Explained;

/// The one argument of [`ASK`](super::ASK); a string alone is its `question`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AskArgs {
    /// The question.
    Question(String),
    /// The question, with a scope.
    Scoped {
        /// The question.
        question: String,
        /// The only document that may answer; by default, all may.
        ///
        /// It is an open document, or a file in an open folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<Uri>,
        /// Maximum number of answers: 3 by default, at most 20.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        top: Option<usize>,
        /// Minimum score of an answer, from 0 to 1; the default is measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        threshold: Option<f32>,
    },
}

/// The answer of [`ASK`](super::ASK).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskAnswer {
    /// The places that answer, best first; empty if nothing does.
    pub answers: Vec<FoundAnswer>,
    /// Why the answers mean less than usual, one clause each.
    pub notes: Vec<String>,
    /// Milliseconds from the question to the answer.
    pub ms: f64,
}

/// A place that answers a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundAnswer {
    /// The document.
    pub uri: Uri,
    /// The sentence or statements that answer, or the span of an extractive head.
    pub range: Range,
    /// Its text.
    pub text: String,
    /// How well it answers.
    ///
    /// This is a relevance of at most 1, or the probability of the span with an extractive head.
    pub score: f64,
    /// The function, type or heading that contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name of the model that explains it.
    pub model: String,
    /// What the words add to the cosine of answer and question, or to the span.
    #[serde(flatten)]
    pub explained: Explained,
}
