//! Settings, events and status of the analysis.

use std::sync::Arc;
use std::time::Duration;

use super::remote_index::StoreStage;
use super::store::ResultsFile;
use super::workspace::{Scope, Stage};
use super::{DocumentId, DocumentReport};
use crate::explain::{Heads, Method};
use crate::model::ModelInfo;
use crate::segment::Unparsed;
use crate::similar::decision::Detail;
use crate::similar::thresholds;

/// The settings of the analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The method of the scores.
    pub method: Method,
    /// The attention maps for [`Method::Attention`].
    pub heads: Heads,
    /// Threads of the model's pool; 0 = half the cores, at least two if available, at most four.
    pub threads: usize,
    /// Delay between the last edit and the work on the whole document.
    pub debounce: Duration,
    /// Maximum size of the cache in bytes.
    pub cache_bytes: usize,
    /// The file that keeps results after the process ends; `None` = no file.
    pub disk: Option<ResultsFile>,
    /// Minimum language-centered cosine of similar items.
    pub min_similarity: f32,
    /// Whether only items that are new to the reader count.
    pub detail: Detail,
    /// Whether identifiers in code are split into words for the model.
    pub identifier_aware: bool,
    /// The folders to index; `None` = none.
    pub workspace: Option<Scope>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            method: Method::default(),
            heads: Heads::default(),
            threads: 0,
            debounce: Duration::from_millis(250),
            cache_bytes: 64 << 20,
            disk: None,
            min_similarity: thresholds::DEFAULT,
            detail: Detail::default(),
            identifier_aware: true,
            workspace: None,
        }
    }
}

/// An event from one of the analysis threads; the callback must not block.
#[derive(Debug, Clone)]
pub enum Event {
    /// The model is loaded.
    ModelReady {
        /// Duration of loading, in milliseconds.
        ms: u64,
    },
    /// Loading failed; every question is refused until the user chooses another model.
    ModelFailed(String),
    /// Work on whole documents began or ended. Questions do not count, because they end too soon to be shown.
    Busy(bool),
    /// New results for a document: after each batch, at most about twenty times a second, and once when complete.
    Report(Arc<DocumentReport>),
    /// A grammar failed on a document, or works again ([`Status::unparsed`]).
    Unparsed,
    /// Items of the open documents or their neighbors changed; lenses should be refreshed.
    Neighbors,
    /// The index of the workspace made progress.
    Index(Stage),
    /// The team's store became available or unavailable ([`Status::store`]).
    Store,
    /// A problem with the workspace index or the store, in a sentence for the user; each is reported once.
    IndexProblem(String),
    /// An internal error occurred in the analysis.
    Panicked {
        /// Number of model restarts within the current window of panics.
        restarts: u32,
        /// Whether the limit is exceeded: every question is refused until the model is reloaded.
        given_up: bool,
    },
}

/// The state of the model.
#[derive(Debug, Clone)]
pub enum ModelStatus {
    /// It is loading; questions wait.
    Loading,
    /// It answers questions.
    Ready(Box<ModelInfo>),
    /// Loading failed, or it panicked too often.
    Failed(String),
}

/// The state of the analysis.
#[derive(Debug, Clone)]
pub struct Status {
    /// The state of the model.
    pub model: ModelStatus,
    /// Whether the user paused it.
    pub paused: bool,
    /// Whether work on whole documents is under way, as the last [`Event::Busy`] said. Other work ends without an event, so that whoever
    /// was told of it would never learn of its end.
    pub busy: bool,
    /// Number of waiting questions.
    pub queued: usize,
    /// Progress of the workspace index.
    pub index: IndexStatus,
    /// A description of the team's store, and whether it answers; `None` = there is none.
    pub store: Option<(String, StoreStage)>,
    /// Documents that are split by lines although their language has a grammar, with the reason.
    pub unparsed: Vec<(DocumentId, Unparsed)>,
}

/// Progress of the workspace index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexStatus {
    /// The current stage.
    pub stage: Stage,
    /// Number of items that can be found.
    pub items: usize,
    /// Folders that cannot be indexed, with the reason.
    pub refused: Vec<String>,
}
