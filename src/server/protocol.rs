//! The messages that LSP does not have: `fovea/*`, and the arguments and answers of our commands.
//!
//! Sent and served only to a client whose `initialize` declares `capabilities.experimental.fovea`: `true` for all of them, or an
//! object that names those it handles (`{"heat": true, "status": true}`). An object may also say `"heatChanges": true`, which `true`
//! alone does not: then a `fovea/heat` may tell only what [changed](Changed) since the one before. Likewise `"drawsOn": true` says that
//! the client draws by itself what a word draws on, and `"commandLinks": true` that it has the commands that links in hovers run. The server answers with
//! `capabilities.experimental.fovea = {"protocol": 1, "levels": 12}`. Positions are LSP positions in the negotiated encoding,
//! except in [`Explain`]'s and `fovea.explainSelection`'s answer, which is the JSON of `fovea explain` (zero-based lines, columns
//! in UTF-8 bytes).
//!
//! | message | direction | what |
//! | --- | --- | --- |
//! | `fovea/heat` | server → client, notification | a level per word of one version of a document ([`HeatParams`]) |
//! | `fovea/status` | server → client, notification | the whole state of the server, whenever it changes ([`StatusParams`]) |
//! | `fovea/explain` | client → server, request | [`ExplainParams`] → the JSON of `fovea explain` |
//! | `fovea/drawsOn` | client → server, request | a position → the words that its word draws on ([`DrawsOnAnswer`]) |
//! | `fovea/visible` | client → server, notification | what is on screen, to be analysed first ([`VisibleParams`]) |

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::ls_types::notification::Notification;
use tower_lsp::ls_types::request::Request;
use tower_lsp::ls_types::{Range, TextDocumentIdentifier, TextDocumentPositionParams, Uri};

use crate::segment::ItemKind;

/// The version of this protocol. It rises when a field changes its meaning; new optional fields do not raise it.
pub const PROTOCOL: u32 = 1;

/// How many levels of heat there are; a word's level is 1 to this.
pub const LEVELS: u32 = crate::render::heat::LEVELS;

/// Command: list what resembles an item, or open it. Argument: [`ShowSimilarArgs`]. Answer: [`ShowSimilarAnswer`].
pub const SHOW_SIMILAR: &str = "fovea.showSimilar";
/// Command: why two passages resemble each other. Arguments: two [`Passage`]s, and [`CompareOptions`] if need be. Answer: the JSON of
/// `fovea compare`, or for one row a [`CompareRow`].
pub const COMPARE_PASSAGES: &str = "fovea.comparePassages";
/// Command: explain a stretch of text as one unit. Argument: [`ExplainSelectionArgs`]. Answer: the JSON of `fovea explain`.
pub const EXPLAIN_SELECTION: &str = "fovea.explainSelection";
/// Command: heat on or off for this session. Argument: none, or the wanted state. Answer: [`Toggled`].
pub const TOGGLE_HEAT: &str = "fovea.toggleHeat";
/// Command: how much heat is shown for this session. Argument: `"quiet"`, `"full"` or `"off"`. Answer: [`HeatAnswer`].
pub const SET_HEAT: &str = "fovea.setHeat";
/// Command: put the words that a word draws on into document highlights for this session, or take them out. Argument: none, or the
/// wanted state. Answer: [`Toggled`].
pub const TOGGLE_ATTENTION: &str = "fovea.toggleAttention";
/// Command: highlights on or off for this session. Argument: none, or the wanted state. Answer: [`Toggled`].
pub const TOGGLE_HIGHLIGHT: &str = "fovea.toggleHighlight";
/// Command: another salience method for this session. Arguments: its name, and with `attention` which maps are looked at
/// ([`AttentionMaps`]; all without it). Answer: [`MethodAnswer`].
pub const SET_METHOD: &str = "fovea.setMethod";
/// Command: stop all model work. Answer: null.
pub const PAUSE: &str = "fovea.pause";
/// Command: go on after [`PAUSE`]. Answer: null.
pub const RESUME: &str = "fovea.resume";

/// Command: items of the open documents and of the workspace that are about something. Argument: [`SearchArgs`]. Answer: a list of
/// [`SimilarItem`]s, best first, each with the reason.
pub const SEARCH: &str = "fovea.search";
/// Command: look at the files of the workspace now, also where indexing was stopped. Answer: null.
pub const UPDATE_INDEX: &str = "fovea.updateIndex";

/// Every command, as announced by `initialize`.
pub const COMMANDS: [&str; 12] = [
    SHOW_SIMILAR,
    COMPARE_PASSAGES,
    EXPLAIN_SELECTION,
    TOGGLE_HEAT,
    SET_HEAT,
    TOGGLE_HIGHLIGHT,
    TOGGLE_ATTENTION,
    SET_METHOD,
    PAUSE,
    RESUME,
    SEARCH,
    UPDATE_INDEX,
];

/// The kind of our code actions: its own, so that no editor shows a light bulb on every line.
pub const ACTION_KIND: &str = "fovea";

/// `fovea/heat`: how much each word of a document carries.
#[derive(Debug)]
pub enum Heat {}

impl Notification for Heat {
    type Params = HeatParams;
    const METHOD: &'static str = "fovea/heat";
}

/// The heat of one version of a document; it replaces what was sent for the document before, or with `changed` a part of that.
///
/// A client draws it only where `version` is the version it shows; one that takes changes keeps those of other versions too. Heat switched off, and a document that became inactive, send
/// one with no words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeatParams {
    /// The document, as the client named it.
    pub uri: Uri,
    /// The version that the positions refer to.
    pub version: i32,
    /// The method of the scores (`decomposition`, `alti`, `attention`, `rollout`, `norm`).
    pub method: String,
    /// Always [`LEVELS`].
    pub levels: u32,
    /// Whether every unit of the document is in `words` or `unread`; more is to come otherwise.
    pub complete: bool,
    /// The lines that `words` and `unread` are about; all of them without it. Sent to clients that declare `heatChanges`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
    /// `[line, start, end, level]` per word in order; characters in the negotiated encoding, end exclusive.
    ///
    /// With s the word's score, n the number of words of its unit and p the sum of the unit's positive scores, the level is
    /// `clamp(round(4 + 4·log2(s·n/p)), 0, 12)`: 4 is a word of average share, 8 one of twice that, 12 one of four times or more.
    /// Words of level 0 (half the average or less, and negative ones) are left out.
    pub words: Vec<[u32; 4]>,
    /// Stretches that the model's vocabulary cannot read, so that their scores would mean nothing.
    pub unread: Vec<Unread>,
}

/// What a heat is about that tells only what changed: lines `start` to `end` (exclusive) of its version stand for lines `start` to
/// `was` of the heat before, whose later lines are `end - was` lower now. Words and unread stretches belong to the line they start
/// on.
///
/// The first heat of a document after it was opened, and the first after it was cleared, is always whole; no message is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The version of the heat before, which a client that missed none has.
    pub since: i32,
    /// The first line that is told anew.
    pub start: u32,
    /// The line after the last one that is told anew.
    pub end: u32,
    /// What `end` was in the heat before.
    pub was: u32,
}

/// A stretch that the model cannot read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// Where it stands.
    pub range: Range,
    /// Share of its letters that the vocabulary has, below one half, to four places.
    pub coverage: f64,
    /// What is wrong and what to do, in one sentence.
    pub reason: String,
}

/// `fovea/status`: the state of the server.
#[derive(Debug)]
pub enum Status {}

impl Notification for Status {
    type Params = StatusParams;
    const METHOD: &'static str = "fovea/status";
}

/// How well the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// All is well.
    Ok,
    /// Something the user may want to change.
    Warning,
    /// Nothing is analysed until the user changes something.
    Error,
}

/// What the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The model is being loaded.
    Loading,
    /// Nothing to do.
    Ready,
    /// The model is working.
    Busy,
    /// Stopped by `fovea.pause`.
    Paused,
    /// The model could not be loaded, or failed too often; the server answers, with nothing.
    Failed,
}

/// The whole state; each one replaces the one before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusParams {
    /// How well the server is.
    pub health: Health,
    /// What it does.
    pub state: State,
    /// The model's name, null until it is loaded.
    pub model: Option<String>,
    /// The salience method in use.
    pub method: String,
    /// The attention maps that are looked at, where some were chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maps: Option<AttentionMaps>,
    /// How many maps the model has, once it is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<AttentionShape>,
    /// Whether heat is sent.
    pub heat: bool,
    /// How much heat is shown: `quiet`, `full` or `off`.
    pub preset: String,
    /// Whether highlights are answered.
    pub highlight: bool,
    /// What went wrong, in one sentence, where something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The open documents that are not analysed, with the reason.
    pub inactive: Vec<InactiveDocument>,
    /// The index of the folders that are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexParams>,
    /// The store of a team that is asked as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreParams>,
}

/// How many attention maps a model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionShape {
    /// Layers.
    pub layers: usize,
    /// Heads of each layer.
    pub heads: usize,
}

/// What the index of the folders that are open does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexState {
    /// It waits for the model, or for a pause to end.
    Waiting,
    /// It waits for the machine to be plugged in.
    Battery,
    /// It reads files.
    Indexing,
    /// Somebody stopped it; `fovea.updateIndex` goes on.
    Cancelled,
    /// It holds what the folders held when they were last looked at.
    Ready,
}

/// The index of the folders that are open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexParams {
    /// What it does.
    pub state: IndexState,
    /// Items that can be found.
    pub items: usize,
    /// Files that were looked at, while it reads files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<usize>,
    /// Files to look at, while it reads files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// Folders that are not indexed, with the reason.
    pub refused: Vec<String>,
}

/// Whether a store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreState {
    /// It was not asked yet.
    Unasked,
    /// It answered last.
    Ready,
    /// It did not; it is asked again after a while.
    Away,
}

/// The store of a team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreParams {
    /// Where it is, without a password.
    pub place: String,
    /// Whether it answers.
    pub state: StoreState,
    /// Why it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The one argument of [`SEARCH`]; a string alone is its `query`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SearchArgs {
    /// What is looked for, in words.
    Query(String),
    /// What is looked for, and how.
    Filtered {
        /// In words. `"…"` has to stand there word by word, `-word` must not; `lang:rust`, `kind:function`, `path:src/**` and
        /// `tests:none` filter.
        query: String,
        /// How many; 20 without it, at most 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        top: Option<usize>,
        /// LSP's identifiers of the languages looked through; all without it.
        #[serde(default)]
        languages: Vec<String>,
        /// `function`, `type`, `heading` or `file`; all without it.
        #[serde(default)]
        kinds: Vec<ItemKind>,
    },
}

/// An open document that is not analysed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InactiveDocument {
    /// The document, as the client named it.
    pub uri: Uri,
    /// Why.
    pub reason: String,
}

/// `fovea/explain`: everything about a document or a stretch of it.
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
    /// Explain this stretch as one unit; the whole document, unit by unit, without it.
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

/// The answer of [`DrawsOn`]; null where the model has nothing to say of the position.
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
    /// Where it stands.
    pub range: Range,
    /// Its share in what the model makes of the word, by ALTI over all layers, 0 to 1.
    pub share: f64,
    /// 3 for the strongest, 2, or 1: how the share compares with the largest of another word (at least .66, .4 and .25 of it).
    pub strength: u32,
}

/// `fovea/visible`: what is on screen.
#[derive(Debug)]
pub enum Visible {}

impl Notification for Visible {
    type Params = VisibleParams;
    const METHOD: &'static str = "fovea/visible";
}

/// What is on screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VisibleParams {
    /// An open document.
    pub text_document: TextDocumentIdentifier,
    /// The lines on screen.
    pub range: Range,
}

/// The one argument of [`SHOW_SIMILAR`].
///
/// A lens and a code action fill in all of it. A person or a plugin may leave out `similar` and give any range inside the item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShowSimilarArgs {
    /// The document the item stands in.
    pub uri: Uri,
    /// The item's name (its range without a name given: any place inside the item).
    pub range: Range,
    /// What the source calls the item.
    #[serde(default)]
    pub name: String,
    /// What resembles it, best first; looked up where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar: Option<Vec<SimilarItem>>,
}

/// An item that resembles another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimilarItem {
    /// The document it stands in. Of an item of a store, the web page that shows it, or `fovea-store:///FOLDER/PATH`, which nothing opens.
    pub uri: Uri,
    /// The whole item.
    pub range: Range,
    /// Its name, to be selected.
    pub selection: Range,
    /// What the source calls it.
    pub name: String,
    /// `function`, `type` or `heading`; in a search also `file`, for what stands around the items of a file.
    pub kind: String,
    /// The language's name.
    pub language: String,
    /// Language-centred cosine, -1 to 1, to four places. In a search, the relevance, at most 1.
    pub score: f64,
    /// Why a search found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<WhyFound>,
    /// Where it is in the store of a team; it is not on this machine then, and cannot be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StorePlace>,
}

/// Why a search found a passage: the meaning and the words apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhyFound {
    /// Cosine of the passage and the query, -1 to 1, to four places; 0 while the model is being loaded.
    pub cosine: f64,
    /// What shared words, the definition of a name of the query and the words of the path add to it, before tests, examples and
    /// documentation are weighed less.
    pub lexical: f64,
    /// The query's words that stand in the passage, its name or its path.
    pub matched: Vec<String>,
}

/// A file in the store of a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorePlace {
    /// The folder, as whoever indexed it names it.
    pub folder: String,
    /// The path below it.
    pub path: String,
}

/// The answer of [`SHOW_SIMILAR`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShowSimilarAnswer {
    /// What the source calls the item asked about.
    pub name: String,
    /// What resembles it, best first.
    pub similar: Vec<SimilarItem>,
    /// The one that the server opened with `window/showDocument`, as an index into `similar`.
    pub shown: Option<usize>,
}

/// A passage to compare: a stretch of an open document, or a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Passage {
    /// A stretch of an open document.
    Range {
        /// The document.
        uri: Uri,
        /// The stretch.
        range: Range,
    },
    /// A text of the client's.
    Text {
        /// The text.
        text: String,
        /// LSP's language identifier; prose without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
}

/// The one argument of [`EXPLAIN_SELECTION`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainSelectionArgs {
    /// An open document.
    pub uri: Uri,
    /// What to explain as one unit.
    pub range: Range,
}

/// The attention maps that the method `attention` looks at: one layer of all heads, one head of all layers, or one map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttentionMaps {
    /// From 0; the mean of all layers without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// From 0; the mean of all heads without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
}

/// The answer of [`SET_METHOD`]: what holds from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodAnswer {
    /// The method.
    pub method: String,
    /// The one layer that is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// The one head that is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
}

/// The third argument of [`COMPARE_PASSAGES`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompareOptions {
    /// `false` leaves the matrix of all pairs of words out: what each word adds in all is there at once, where the matrix takes seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<bool>,
    /// Asks for the pairs of one word instead. Quick after a comparison of the same passages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<CompareWord>,
}

/// A word of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareWord {
    /// The passage that it stands in: `a` or `b`.
    pub side: CompareSide,
    /// Its index among the passage's words.
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
    /// The passage that the word stands in.
    pub side: CompareSide,
    /// Its index among the passage's words.
    pub word: usize,
    /// What it adds together with each word of the other passage.
    pub scores: Vec<f32>,
    /// What it adds together with the other passage's special tokens.
    pub special: f32,
    /// What it adds together with the biases.
    pub bias: f32,
}

/// The answer of [`SET_HEAT`]: what holds from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeatAnswer {
    /// `quiet`, `full` or `off`.
    pub preset: String,
}

/// The answer of a toggle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toggled {
    /// The state it is in now.
    pub enabled: bool,
}

#[cfg(test)]
mod tests;
