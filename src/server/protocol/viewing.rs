//! Messages for the page that shows the model in an editor: `fovea.openView` and `fovea/view`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::ls_types::request::Request;
use tower_lsp::ls_types::{Position, TextDocumentIdentifier, Uri};

/// Command: open the page that shows the model's work on a document. Argument: [`OpenViewArgs`]. Answer: [`OpenViewAnswer`].
pub const OPEN_VIEW: &str = "fovea.openView";

/// The one argument of [`OPEN_VIEW`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenViewArgs {
    /// An open document.
    pub uri: Uri,
    /// The cursor: the page begins with the unit around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Whether the server asks the client to show the page; true by default.
    ///
    /// The client shows it in a browser (`window/showDocument`).
    #[serde(default = "yes")]
    pub show: bool,
}

fn yes() -> bool {
    true
}

/// The answer of [`OPEN_VIEW`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenViewAnswer {
    /// The page's address on 127.0.0.1, with its secret. It works until the server ends.
    pub address: String,
    /// Whether the client showed it.
    pub shown: bool,
}

/// A question of the page.
///
/// For clients that show the page in their own panel and forward its questions.
#[derive(Debug)]
pub enum View {}

impl Request for View {
    type Params = ViewParams;
    type Result = ViewAnswer;
    const METHOD: &'static str = "fovea/view";
}

/// The parameters of [`View`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewParams {
    /// An open document.
    pub text_document: TextDocumentIdentifier,
    /// The question, as the page writes it, such as `document` or `unit/0`.
    ///
    /// `now` asks for the version of the text and the unit at the cursor.
    pub path: String,
    /// The cursor, if the page follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// The answer to a question of the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ViewAnswer {
    /// Names and numbers.
    Json(Value),
    /// 16-bit fractions, in base64.
    Base64(String),
}
