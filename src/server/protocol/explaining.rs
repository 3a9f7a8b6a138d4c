//! Explanations of units and words: [`Explain`], [`DrawsOn`], and the arguments and answers of [`EXPLAIN_SELECTION`](super::EXPLAIN_SELECTION) and
//! [`SET_METHOD`](super::SET_METHOD).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::ls_types::request::Request;
use tower_lsp::ls_types::{Range, TextDocumentIdentifier, TextDocumentPositionParams, Uri};

/// `fovea/explain`: everything about a document or a range of it.
#[derive(Debug)]
pub enum Explain {}

impl Request for Explain {
    type Params = ExplainParams;
    type Result = Value;
    const METHOD: &'static str = "fovea/explain";
}

/// Which text to explain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainParams {
    /// An open document.
    pub text_document: TextDocumentIdentifier,
    /// The range to explain as one unit; without it, the whole document, unit by unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
}

/// `fovea/drawsOn`: the words that the word at a position draws on.
///
/// Of several requests the newest is answered; older ones that still wait end as cancelled.
#[derive(Debug)]
pub enum DrawsOn {}

impl Request for DrawsOn {
    type Params = TextDocumentPositionParams;
    type Result = Option<DrawsOnAnswer>;
    const METHOD: &'static str = "fovea/drawsOn";
}

/// The answer of [`DrawsOn`]; null if the model has nothing to say about the position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrawsOnAnswer {
    /// The version of the document that the ranges refer to.
    pub version: i32,
    /// The word at the position.
    pub word: Range,
    /// The words that it draws on, in the order of the text.
    pub words: Vec<DrawnOn>,
}

/// A word that another one draws on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrawnOn {
    /// Its range.
    pub range: Range,
    /// Its share in the model's reading of the word, 0 to 1.
    ///
    /// ALTI over all layers computes it.
    pub share: f64,
    /// The strength: 3 (strongest), 2 or 1.
    ///
    /// It stands for a share of at least .66, .4 or .25 of the largest share of another word.
    pub strength: u32,
}

/// The one argument of [`EXPLAIN_SELECTION`](super::EXPLAIN_SELECTION).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainSelectionArgs {
    /// An open document.
    pub uri: Uri,
    /// The range to explain as one unit.
    pub range: Range,
}

/// The attention maps that the method `attention` uses.
///
/// They are those of one layer, of one head in all layers, or a single map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttentionMaps {
    /// The layer, from 0; the default is the mean of all layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// The head, from 0; the default is the mean of all heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
}

/// The answer of [`SET_METHOD`](super::SET_METHOD): the new method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodAnswer {
    /// The method.
    pub method: String,
    /// The layer in use, if one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// The head in use, if one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
}
