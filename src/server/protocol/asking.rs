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
        /// Whether a model also writes an answer from the places that were found (setting `model.generator`).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        write: bool,
    },
}

/// The answer of [`ASK`](super::ASK).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskAnswer {
    /// The places that answer, best first; empty if nothing does.
    pub answers: Vec<FoundAnswer>,
    /// The answer that a model wrote; absent if none was asked for, or if nothing answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<WrittenAnswer>,
    /// Whether there is a model that writes an answer if it is asked to with `write`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes: bool,
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
    /// The passage that contains it, as [`TrustArgs`](super::TrustArgs) takes it.
    pub within: Range,
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

/// An answer that a model wrote, and what each of its sentences draws on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenAnswer {
    /// The name of the model.
    pub model: String,
    /// The whole answer.
    pub text: String,
    /// Its sentences, in order; none if the model wrote nothing.
    pub sentences: Vec<WrittenSentence>,
    /// What the model read, best first.
    pub passages: Vec<ReadPassage>,
    /// Whether the answer reached its maximum length, so that its last sentence may be incomplete.
    pub cut: bool,
}

/// A sentence of a written answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenSentence {
    /// Its text.
    pub text: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// For each passage: by how many nats the sentence is less likely without it. A negative number means that it is more likely.
    pub without: Vec<f64>,
    /// The same without all passages.
    pub without_all: f64,
    /// How likely it is without all passages, in words: `12 times less likely`.
    pub without_all_told: String,
    /// The passages that it draws on, the most needed first. Without one of them, it is at most a tenth as likely.
    pub sources: Vec<SentenceSource>,
}

/// A passage that a sentence draws on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentenceSource {
    /// The passage, as an index.
    pub passage: usize,
    /// How much less likely the sentence is without it, in words: `8259 times`.
    pub times: String,
}

/// A part of a document that a model read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadPassage {
    /// The document.
    pub uri: Uri,
    /// The part: whole lines.
    pub range: Range,
    /// The function, type or heading that contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
