//! The argument and the answer of [`SHOW_SIMILAR`](super::SHOW_SIMILAR).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::{Range, Uri};

/// The one argument of [`SHOW_SIMILAR`](super::SHOW_SIMILAR).
///
/// A lens and a code action fill in all of it. A person or a plugin may leave out `similar` and give any range inside the item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShowSimilarArgs {
    /// The document that contains the item.
    pub uri: Uri,
    /// The range of the item's name (if `name` is empty: any range inside the item).
    pub range: Range,
    /// The item's name in the source.
    #[serde(default)]
    pub name: String,
    /// The items that resemble it, best first; if missing, the server looks them up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar: Option<Vec<SimilarItem>>,
}

/// An item that resembles another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimilarItem {
    /// The document that contains it. For an item of a store: the web page that shows it, or `fovea-store:///FOLDER/PATH`, which no
    /// editor can open.
    pub uri: Uri,
    /// The whole item.
    pub range: Range,
    /// Its name, to select it.
    pub selection: Range,
    /// Its name in the source.
    pub name: String,
    /// The name of the type or function that contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// `function`, `type` or `heading`; in a search also `file`.
    ///
    /// `file` is the text around the items of a file.
    pub kind: String,
    /// The language's name.
    pub language: String,
    /// Language-centered cosine, -1 to 1, to four places. In a search: the relevance, at most 1.
    pub score: f64,
    /// Why a search found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<WhyFound>,
    /// Its location in a team's store.
    ///
    /// Such an item is not on this machine, and the server cannot compare it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreFile>,
}

/// Why a search found a passage: the parts of its score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhyFound {
    /// The cosine of the passage and the query, -1 to 1, to four places.
    ///
    /// It is 0 until the model is loaded.
    pub cosine: f64,
    /// The amount that words add to the score.
    ///
    /// It counts shared words, the definition of a name in the query and words of the path, before the lower weights for tests, examples
    /// and documentation.
    pub lexical: f64,
    /// The words of the query that occur in the passage, its name or its path.
    pub matched: Vec<String>,
}

/// A file in the store of a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreFile {
    /// The folder, by its name in the store.
    pub folder: String,
    /// The path below it.
    pub path: String,
}

/// The answer of [`SHOW_SIMILAR`](super::SHOW_SIMILAR).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShowSimilarAnswer {
    /// The item's name in the source.
    pub name: String,
    /// The items that resemble it, best first.
    pub similar: Vec<SimilarItem>,
    /// The item that the server opened with `window/showDocument`, as an index into `similar`.
    pub shown: Option<usize>,
}
