//! The arguments and answers of [`CLASSIFY`](super::CLASSIFY) and [`RELABEL`](super::RELABEL).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{Position, Range, Uri};

use super::Explained;

/// The one argument of [`CLASSIFY`](super::CLASSIFY).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifyArgs {
    /// An open document.
    pub uri: Uri,
    /// A position in the function, type or section in question.
    pub position: Position,
    /// The label to explain; the likeliest by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// The answer of [`CLASSIFY`](super::CLASSIFY).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassifyAnswer {
    /// The function, type or section.
    pub range: Range,
    /// Its name.
    pub name: String,
    /// All labels, the likeliest first.
    pub classes: Vec<ClassFound>,
    /// The label that is explained.
    pub label: String,
    /// The name of the model.
    pub model: String,
    /// What the words add to the logit of the label.
    #[serde(flatten)]
    pub explained: Explained,
    /// The file with the labels, if the probe names it: `fovea.relabel` writes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_file: Option<String>,
    /// Milliseconds.
    pub ms: f64,
}

/// A label with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFound {
    /// The label.
    pub label: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// The one argument of [`RELABEL`](super::RELABEL).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelabelArgs {
    /// An open document.
    pub uri: Uri,
    /// A position in the function, type or section.
    pub position: Position,
    /// The right label. By default, the server asks the user which of the probe's labels it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// The answer of [`RELABEL`](super::RELABEL).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelabelAnswer {
    /// The file with the labels, which has one more or another one.
    pub labels_file: String,
    /// The number of labeled texts.
    pub items: u64,
    /// The share of them that gets its own label in cross-validation.
    pub accuracy: f64,
    /// Milliseconds from the label to the new probe.
    pub ms: f64,
}
