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
mod comparing;
mod explained;
mod explaining;
mod heat;
mod predicting;
mod searching;
mod similar;
mod status;
mod trusting;
mod viewing;

pub use asking::{AskAnswer, AskArgs, FoundAnswer, ReadPassage, SentenceSource, WrittenAnswer, WrittenSentence};
pub use classes::{ClassFound, ClassifyAnswer, ClassifyArgs, RelabelAnswer, RelabelArgs};
pub use comparing::{CompareOptions, CompareRow, CompareSide, CompareWord, Passage};
pub use explained::{AnswerWord, Explained};
pub use explaining::{
    AttentionMaps, DrawnOn, DrawsOn, DrawsOnAnswer, Explain, ExplainParams, ExplainSelectionArgs, MethodAnswer,
};
pub use heat::{Changed, Heat, HeatAnswer, HeatParams, Unread, Visible, VisibleParams};
pub use predicting::{NamedToken, NextToken, PredictAnswer, PredictArgs, WhyToken};
pub use searching::{SearchAnswer, SearchArgs};
pub use similar::{ShowSimilarAnswer, ShowSimilarArgs, SimilarItem, StoreFile, WhyFound};
pub use status::{
    AttentionShape, Health, InactiveDocument, IndexParams, IndexState, State, Status, StatusParams, StoreParams,
    StoreState,
};
pub use trusting::{TrustAnswer, TrustArgs};
pub use viewing::{OPEN_VIEW, OpenViewAnswer, OpenViewArgs, View, ViewAnswer, ViewParams};

use serde::{Deserialize, Serialize};

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

/// The answer of a toggle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toggled {
    /// The new state.
    pub enabled: bool,
}

#[cfg(test)]
mod tests;
