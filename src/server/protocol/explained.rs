//! What words add to a number: the part that answers about questions, classes and predictions have in common.

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::Range;

/// A number, split by words. The scores of the words, `special` and `bias` sum to its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// Always `decomposition`.
    pub method: String,
    /// What the number is: `cosine`, `span`, `logit` or `difference` (of two logits).
    pub target: String,
    /// The number.
    pub value: f64,
    /// How far the sum misses it.
    pub residual: f64,
    /// What special tokens add.
    pub special: f64,
    /// What the biases of the model add, and the constant of a probe.
    pub bias: f64,
    /// The words, in order.
    pub words: Vec<AnswerWord>,
}

/// A word and what it adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerWord {
    /// Its range.
    pub range: Range,
    /// Its text.
    pub text: String,
    /// Its part of the number.
    pub score: f64,
    /// The word of the question that it answers most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}
