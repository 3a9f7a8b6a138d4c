//! The state of the server: [`Status`].

use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::Uri;
use tower_lsp::ls_types::notification::Notification;

use super::AttentionMaps;

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
    /// Whether there is a model that writes text (`fovea.ask` with `write`), once the chosen model is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<bool>,
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

/// An open document that Fovea does not analyze, or not by its syntax.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InactiveDocument {
    /// The document, as the client named it.
    pub uri: Uri,
    /// The reason.
    pub reason: String,
}
