//! The messages beyond LSP: `fovea/*`, and the arguments and answers of our commands.
//!
//! The server uses them only with a client whose `initialize` declares `capabilities.experimental.fovea`: `true` for all messages, or an
//! object that names those that the client handles (`{"heat": true, "status": true}`). An object may declare more, which `true` alone does
//! not:
//!
//! - `"heatChanges": true`: a `fovea/heat` may contain only what [changed](Changed) since the previous one.
//! - `"drawsOn": true`: the client itself draws the words that a word draws on.
//! - `"commandLinks": true`: the client has the commands of the links in hovers.
//!
//! The server answers with `capabilities.experimental.fovea = {"protocol": 1, "levels": 12}`. Positions are LSP positions in the negotiated
//! encoding, except in the answers of [`Explain`] and `fovea.explainSelection`. These are the JSON of `fovea explain` (zero-based lines,
//! columns in UTF-8 bytes).
//!
//! | message | direction | what |
//! | --- | --- | --- |
//! | `fovea/heat` | server → client, notification | a level per word of one version of a document ([`HeatParams`]) |
//! | `fovea/status` | server → client, notification | the whole state of the server, whenever it changes ([`StatusParams`]) |
//! | `fovea/explain` | client → server, request | [`ExplainParams`] → the JSON of `fovea explain` |
//! | `fovea/drawsOn` | client → server, request | a position → the words that its word draws on ([`DrawsOnAnswer`]) |
//! | `fovea/view` | client → server, request | a question of the page → its answer ([`ViewParams`], [`ViewAnswer`]) |
//! | `fovea/visible` | client → server, notification | the range on screen, to analyze first ([`VisibleParams`]) |

mod asking;
mod classes;
mod explained;
mod predicting;
mod viewing;

pub use asking::{AskAnswer, AskArgs, FoundAnswer};
pub use classes::{ClassFound, ClassifyAnswer, ClassifyArgs, RelabelAnswer, RelabelArgs};
pub use explained::{AnswerWord, Explained};
pub use predicting::{NamedToken, NextToken, PredictAnswer, PredictArgs, WhyToken};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::ls_types::notification::Notification;
use tower_lsp::ls_types::request::Request;
use tower_lsp::ls_types::{Position, Range, TextDocumentIdentifier, TextDocumentPositionParams, Uri};

use crate::explain::trust::Verdict;
use crate::segment::ItemKind;

pub use viewing::{OPEN_VIEW, OpenViewAnswer, OpenViewArgs, View, ViewAnswer, ViewParams};

/// The version of this protocol. It rises when a field changes its meaning; new optional fields do not raise it.
pub const PROTOCOL: u32 = 1;

/// The number of heat levels; a word's level is 1 to this number.
pub const LEVELS: u32 = crate::render::heat::LEVELS;

/// Command: list the items that resemble an item, or open one. Argument: [`ShowSimilarArgs`]. Answer: [`ShowSimilarAnswer`].
pub const SHOW_SIMILAR: &str = "fovea.showSimilar";
/// Command: explain why two passages resemble each other.
///
/// Arguments: two [`Passage`]s, and optionally [`CompareOptions`]. Answer: the JSON of `fovea compare`, or a [`CompareRow`] if the options
/// ask for one row.
pub const COMPARE_PASSAGES: &str = "fovea.comparePassages";
/// Command: explain a range of text as one unit. Argument: [`ExplainSelectionArgs`]. Answer: the JSON of `fovea explain`.
pub const EXPLAIN_SELECTION: &str = "fovea.explainSelection";
/// Command: test whether users can trust the explanation of the unit at a position.
///
/// Argument: [`TrustArgs`]. Answer: [`TrustAnswer`], or null if there is no text.
pub const TRUST: &str = "fovea.trust";
/// Command: turn heat on or off for this session. Argument: none, or the wanted state. Answer: [`Toggled`].
pub const TOGGLE_HEAT: &str = "fovea.toggleHeat";
/// Command: choose how much heat this session shows. Argument: `"quiet"`, `"full"` or `"off"`. Answer: [`HeatAnswer`].
pub const SET_HEAT: &str = "fovea.setHeat";
/// Command: show the words that a word draws on among document highlights, or remove them.
///
/// It applies to this session. Argument: none, or the wanted state. Answer: [`Toggled`].
pub const TOGGLE_ATTENTION: &str = "fovea.toggleAttention";
/// Command: turn highlights on or off for this session. Argument: none, or the wanted state. Answer: [`Toggled`].
pub const TOGGLE_HIGHLIGHT: &str = "fovea.toggleHighlight";
/// Command: change the salience method for this session.
///
/// Arguments: its name, and with `attention` optionally the maps to use ([`AttentionMaps`]; the default is all). Answer: [`MethodAnswer`].
pub const SET_METHOD: &str = "fovea.setMethod";
/// Command: stop all model work. Answer: null.
pub const PAUSE: &str = "fovea.pause";
/// Command: continue after [`PAUSE`]. Answer: null.
pub const RESUME: &str = "fovea.resume";

/// Command: search the open documents and the workspace.
///
/// Argument: [`SearchArgs`]. Answer: a list of [`SimilarItem`]s, best first, each with the reason; with `notes`, a [`SearchAnswer`].
pub const SEARCH: &str = "fovea.search";
/// Command: index the files of the workspace now, even after a cancellation. Answer: null.
pub const UPDATE_INDEX: &str = "fovea.updateIndex";
/// Command: find what answers a question. Argument: [`AskArgs`]. Answer: [`AskAnswer`].
pub const ASK: &str = "fovea.ask";
/// Command: which words decided for the class of an item by the user's probe. Argument: [`ClassifyArgs`]. Answer: [`ClassifyAnswer`].
pub const CLASSIFY: &str = "fovea.classify";
/// Command: add a label to the labels of the user's probe, and train it again. Argument: [`RelabelArgs`]. Answer: [`RelabelAnswer`], or null
/// if the user chose no label.
pub const RELABEL: &str = "fovea.relabel";
/// Command: what the model expects at a place, and why. Argument: [`PredictArgs`]. Answer: [`PredictAnswer`].
pub const PREDICT: &str = "fovea.predict";

/// Every command, as announced by `initialize`.
pub const COMMANDS: [&str; 18] = [
    SHOW_SIMILAR,
    COMPARE_PASSAGES,
    EXPLAIN_SELECTION,
    TRUST,
    TOGGLE_HEAT,
    SET_HEAT,
    TOGGLE_HIGHLIGHT,
    TOGGLE_ATTENTION,
    SET_METHOD,
    PAUSE,
    RESUME,
    SEARCH,
    ASK,
    OPEN_VIEW,
    CLASSIFY,
    RELABEL,
    PREDICT,
    UPDATE_INDEX,
];

/// The kind of Fovea's code actions. It is not a standard kind, so no editor shows a light bulb on every line.
pub const ACTION_KIND: &str = "fovea";

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
    /// Always [`LEVELS`].
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

/// `fovea/status`: the state of the server.
#[derive(Debug)]
pub enum Status {}

impl Notification for Status {
    type Params = StatusParams;
    const METHOD: &'static str = "fovea/status";
}

/// The health of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// No problem.
    Ok,
    /// The user may want to change something.
    Warning,
    /// Fovea analyzes nothing until the user changes something.
    Error,
}

/// The activity of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It loads the model.
    Loading,
    /// It is idle.
    Ready,
    /// The model is working.
    Busy,
    /// Stopped by `fovea.pause`.
    Paused,
    /// The model could not be loaded, or failed too often; the server sends empty answers.
    Failed,
}

/// The whole state; each message replaces the previous one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusParams {
    /// The health of the server.
    pub health: Health,
    /// The activity of the server.
    pub state: State,
    /// The model's name, null until it is loaded.
    pub model: Option<String>,
    /// The salience method in use.
    pub method: String,
    /// The attention maps in use, if some were chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maps: Option<AttentionMaps>,
    /// The number of maps of the model, once it is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<AttentionShape>,
    /// Whether heat is sent.
    pub heat: bool,
    /// How much heat is shown: `quiet`, `full` or `off`.
    pub preset: String,
    /// Whether highlights are answered.
    pub highlight: bool,
    /// One sentence about the problem, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The open documents that Fovea does not analyze, with the reason.
    pub inactive: Vec<InactiveDocument>,
    /// The open documents that Fovea splits by their lines, with the reason.
    ///
    /// Their grammar failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unparsed: Vec<InactiveDocument>,
    /// The index of the open folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexParams>,
    /// The team's store, if the server asks one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreParams>,
}

/// The number of attention maps of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionShape {
    /// Layers.
    pub layers: usize,
    /// Heads of each layer.
    pub heads: usize,
}

/// The activity of the index of the open folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexState {
    /// It waits for the model, or for a pause to end.
    Waiting,
    /// It waits until the machine is plugged in.
    Battery,
    /// It reads files.
    Indexing,
    /// The user canceled it; `fovea.updateIndex` continues.
    Cancelled,
    /// It matches the folders as of the last update.
    Ready,
}

/// The index of the open folders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexParams {
    /// Its activity.
    pub state: IndexState,
    /// The number of items that a search can find.
    pub items: usize,
    /// The number of files already read, while it reads files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<usize>,
    /// The number of files to read, while it reads files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// Folders that Fovea does not index, with the reason.
    pub refused: Vec<String>,
}

/// Whether a store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreState {
    /// The server has not asked it yet.
    Unasked,
    /// It answered the last question.
    Ready,
    /// It did not answer; the server retries after a while.
    Away,
}

/// The store of a team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreParams {
    /// Its address, without a password.
    pub place: String,
    /// Whether it answers.
    pub state: StoreState,
    /// Why it does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The one argument of [`SEARCH`]; a string alone is its `query`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SearchArgs {
    /// The words to search for.
    Query(String),
    /// The words to search for, with filters.
    Filtered {
        /// The words. A result must contain `"…"` word by word and must not contain `-word`; `lang:rust`, `kind:function`,
        /// `path:src/**` and `tests:none` filter.
        query: String,
        /// Maximum number of results: 20 by default, at most 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        top: Option<usize>,
        /// LSP identifiers of the languages to search; all by default.
        #[serde(default)]
        languages: Vec<String>,
        /// `function`, `type`, `heading` or `file`; all by default.
        #[serde(default)]
        kinds: Vec<ItemKind>,
        /// Whether the answer is a [`SearchAnswer`], with notes, instead of the list alone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        notes: bool,
    },
}

/// The answer of [`SEARCH`] to a client that asks for notes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// The items, best first.
    pub items: Vec<SimilarItem>,
    /// Why the ranking means less than usual, one clause each.
    ///
    /// The model cannot read the query, or not all of it, or is still loading.
    pub notes: Vec<String>,
}

/// An open document that Fovea does not analyze, or not by its syntax.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InactiveDocument {
    /// The document, as the client named it.
    pub uri: Uri,
    /// The reason.
    pub reason: String,
}

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

/// The one argument of [`SHOW_SIMILAR`].
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

/// The answer of [`SHOW_SIMILAR`].
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

/// A passage to compare: a range of an open document, or a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Passage {
    /// A range of an open document.
    Range {
        /// The document.
        uri: Uri,
        /// The range.
        range: Range,
    },
    /// A text from the client.
    Text {
        /// The text.
        text: String,
        /// LSP language identifier; prose by default.
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
    /// The range to explain as one unit.
    pub range: Range,
}

/// The one argument of [`TRUST`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustArgs {
    /// An open document.
    pub uri: Uri,
    /// A position in the unit in question.
    pub position: Position,
}

/// The answer of [`TRUST`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustAnswer {
    /// The judgment in one sentence.
    pub sentence: String,
    /// The judgment as a word: `holds`, `weak`, `fails` or `too-short`.
    ///
    /// The marked words matter clearly more than random words (`holds`), hardly more (`weak`) or not more (`fails`), or the unit has too
    /// few words (`too-short`).
    pub verdict: Verdict,
    /// The unit.
    pub range: Range,
    /// The method of the scores.
    pub method: String,
    /// The number of words deleted.
    pub deleted: usize,
    /// The number of words of the unit.
    pub words: usize,
    /// The turn of the embedding without the words of the highest scores.
    ///
    /// It is 1 - cosine, to four places.
    pub marked: f64,
    /// The mean turn without as many random words.
    pub random: f64,
    /// `marked` over `random`.
    pub ratio: f64,
    /// The share of random sets whose turn is smaller than `marked`.
    pub beats: f64,
    /// The number of random sets.
    pub sets: usize,
    /// `[words, turn]`: the turn without the first words, in the order of their scores.
    pub curve: Vec<(usize, f64)>,
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

/// The answer of [`SET_METHOD`]: the new method.
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

/// The third argument of [`COMPARE_PASSAGES`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompareOptions {
    /// Whether the answer contains the matrix of all pairs of words.
    ///
    /// The matrix takes seconds. With `false`, the sum for each word is available at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<bool>,
    /// Asks for the pairs of one word instead.
    ///
    /// This is fast after a comparison of the same passages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<CompareWord>,
}

/// A word of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareWord {
    /// The passage that contains it: `a` or `b`.
    pub side: CompareSide,
    /// Its index among the words of the passage.
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
    /// The passage that contains the word.
    pub side: CompareSide,
    /// Its index among the words of the passage.
    pub word: usize,
    /// What it adds together with each word of the other passage.
    pub scores: Vec<f32>,
    /// What it adds together with the other passage's special tokens.
    pub special: f32,
    /// What it adds together with the biases.
    pub bias: f32,
}

/// The answer of [`SET_HEAT`]: the preset from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeatAnswer {
    /// `quiet`, `full` or `off`.
    pub preset: String,
}

/// The answer of a toggle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toggled {
    /// The new state.
    pub enabled: bool,
}

#[cfg(test)]
mod tests;
