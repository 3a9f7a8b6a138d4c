//! What the analysis is told, and what it tells.

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

/// How the analysis works.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The method of the scores.
    pub method: Method,
    /// The attention maps that [`Method::Attention`] looks at.
    pub heads: Heads,
    /// Threads of the model's pool; 0 = choose: half the cores, at least two where there are two, at most four.
    pub threads: usize,
    /// How long after the last edit whole-document work begins.
    pub debounce: Duration,
    /// Bytes of results that are kept by content.
    pub cache_bytes: usize,
    /// Where results are kept beyond the end of the process; `None` = nowhere.
    pub disk: Option<ResultsFile>,
    /// Language-centered cosine from which two items count as similar.
    pub min_similarity: f32,
    /// Whether only what is news to the reader counts.
    pub detail: Detail,
    /// Whether code reaches the model with its identifiers split into words.
    pub identifier_aware: bool,
    /// Which folders are indexed; `None` = none.
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

/// What the analysis tells by itself, from the model thread: the callback must not block.
#[derive(Debug, Clone)]
pub enum Event {
    /// A model was loaded.
    ModelReady {
        /// Milliseconds it took.
        ms: u64,
    },
    /// No model could be loaded; every question is refused until another is given.
    ModelFailed(String),
    /// Whole-document work began or ended. Questions do not count: they are over before anybody could show it.
    Busy(bool),
    /// New results for a document: after each batch, at most about twenty times a second, and once when complete.
    Report(Arc<DocumentReport>),
    /// A grammar failed on a document, or no longer does ([`Status::unparsed`]).
    Unparsed,
    /// Items of the open documents, or what resembles them, changed: lenses should be refreshed.
    Neighbors,
    /// The index of the workspace went on.
    Index(Stage),
    /// The team's store was reached, or is away ([`Status::store`]).
    Store,
    /// Something is wrong with the index of the workspace or with the store, in a sentence for the person; each is told once.
    IndexProblem(String),
    /// The analysis ran into an error of its own.
    Panicked {
        /// How often the model was started again since the error count last began.
        restarts: u32,
        /// Whether this was once too often: every question is refused until the model is reloaded.
        given_up: bool,
    },
}

/// Where the model stands.
#[derive(Debug, Clone)]
pub enum ModelStatus {
    /// It is being loaded; questions wait.
    Loading,
    /// It answers.
    Ready(Box<ModelInfo>),
    /// It could not be loaded, or failed too often.
    Failed(String),
}

/// What the analysis is doing.
#[derive(Debug, Clone)]
pub struct Status {
    /// Where the model stands.
    pub model: ModelStatus,
    /// Whether the user paused it.
    pub paused: bool,
    /// Whether something is being computed at this moment.
    pub busy: bool,
    /// Questions that wait.
    pub queued: usize,
    /// How far the index of the workspace is.
    pub index: IndexStatus,
    /// The team's store, in words, and whether it answers; `None` = there is none.
    pub store: Option<(String, StoreStage)>,
    /// The documents that are split by their lines although their language has a grammar, with the reason.
    pub unparsed: Vec<(DocumentId, Unparsed)>,
}

/// How far the index of the workspace is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexStatus {
    /// What it is doing.
    pub stage: Stage,
    /// Items that can be found.
    pub items: usize,
    /// Folders that are not indexed, with the reason.
    pub refused: Vec<String>,
}
