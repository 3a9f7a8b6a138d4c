//! Levels of words: [`Heat`], [`Visible`], and the answer of [`SET_HEAT`](super::SET_HEAT).

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::notification::Notification;
use tower_lsp::ls_types::{Range, TextDocumentIdentifier, Uri};

/// `fovea/heat`: the score of each word of a document, as a level.
#[derive(Debug)]
pub enum Heat {}

impl Notification for Heat {
    type Params = HeatParams;
    const METHOD: &'static str = "fovea/heat";
}

/// The heat of one version of a document. It replaces the previous heat of the document, or a part of it with `changed`.
///
/// A client draws it only if it shows that `version`; a client that takes changes also keeps changes of other versions. When heat is
/// turned off or a document becomes inactive, the server sends one message without words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeatParams {
    /// The document, as the client named it.
    pub uri: Uri,
    /// The version that the positions refer to.
    pub version: i32,
    /// The method of the scores (`decomposition`, `alti`, `attention`, `rollout`, `norm`, `surprisal`).
    pub method: String,
    /// Always [`LEVELS`](super::LEVELS).
    pub levels: u32,
    /// Whether `words` and `unread` cover every unit of the document; otherwise more will follow.
    pub complete: bool,
    /// The lines that `words` and `unread` cover; without it, all lines. Sent to clients that declare `heatChanges`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
    /// `[line, start, end, level]` per word in order; characters in the negotiated encoding, end exclusive.
    ///
    /// With s the word's score, n the number of words of its unit and p the sum of the unit's positive scores, the level is
    /// `clamp(round(4 + 4·log2(s·n/p)), 0, 12)`. 4 is a word of average share, 8 has twice the average, 12 four times or more.
    /// The list omits words of level 0 (half the average or less, or negative).
    pub words: Vec<[u32; 4]>,
    /// Ranges that the model's vocabulary cannot read; their scores would mean nothing.
    pub unread: Vec<Unread>,
}

/// The lines that a partial heat replaces.
///
/// Lines `start` to `end` (exclusive) of its version replace lines `start` to `was` of the previous heat, whose later lines move down by
/// `end - was`. Words and unread ranges belong to the line where they start. The first heat after a document was opened, and the first
/// after it was cleared, is always whole; the server skips no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The version of the previous heat.
    pub since: i32,
    /// The first new line.
    pub start: u32,
    /// The line after the last new line.
    pub end: u32,
    /// The value of `end` in the previous heat.
    pub was: u32,
}

/// A range that the model cannot read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// Its position.
    pub range: Range,
    /// The share of its characters that the vocabulary contains: below one half, to four places.
    pub coverage: f64,
    /// One sentence that says the problem and what to do.
    pub reason: String,
}

/// `fovea/visible`: the range on screen.
#[derive(Debug)]
pub enum Visible {}

impl Notification for Visible {
    type Params = VisibleParams;
    const METHOD: &'static str = "fovea/visible";
}

/// The parameters of [`Visible`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VisibleParams {
    /// An open document.
    pub text_document: TextDocumentIdentifier,
    /// The lines on screen.
    pub range: Range,
}

/// The answer of [`SET_HEAT`](super::SET_HEAT): the preset from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeatAnswer {
    /// `quiet`, `full` or `off`.
    pub preset: String,
}
