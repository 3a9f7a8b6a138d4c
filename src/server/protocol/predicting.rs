//! The argument and the answer of [`PREDICT`](super::PREDICT).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{Position, Uri};

use super::Explained;

/// The one argument of [`PREDICT`](super::PREDICT).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PredictArgs {
    /// An open document.
    pub uri: Uri,
    /// The place.
    pub position: Position,
    /// Number of tokens: 10 by default, at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<usize>,
    /// A token to explain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<NamedToken>,
    /// Explain why not this token instead; `why` is then the likeliest by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rather_than: Option<NamedToken>,
}

/// A token by its number or text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NamedToken {
    /// Its `id` in an answer.
    Id(u32),
    /// The text that it begins.
    Text(String),
}

/// The answer of [`PREDICT`](super::PREDICT).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictAnswer {
    /// The name of the model.
    pub model: String,
    /// Whether the model filled a mask at the place, and so read the text behind it as well.
    pub masked: bool,
    /// The likeliest tokens, the likeliest first; empty if there is no text.
    pub next: Vec<NextToken>,
    /// Why one of them, if that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<WhyToken>,
    /// Milliseconds.
    pub ms: f64,
}

/// A token that may stand at the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NextToken {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its text, with the space before it if there is one.
    pub token: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// Why a token is expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhyToken {
    /// The token.
    pub token: String,
    /// The token that it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rather_than: Option<String>,
    /// What the words add to its logit, or to the difference of both logits.
    #[serde(flatten)]
    pub explained: Explained,
}
