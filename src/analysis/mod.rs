//! Analysis: scheduling of the model's work, and a cache of its results.
//!
//! One thread owns the model. All other code holds an [`AnalysisHandle`] and sends questions to that thread. Questions wait in one
//! queue with priorities (cursor > visible > document > rest). A new question replaces an older one of the same kind about the same
//! document, and a cancelled question stops between two layers of the forward pass. The cache stores results by content (model,
//! method, text), so that an edit recomputes only the units that it touched.

mod address;
mod answers;
mod asking;
mod cache;
mod compute;
mod document;
mod documents;
mod engine;
mod handle;
mod known;
mod lens_schedule;
mod lenses;
mod lifecycle;
mod merge;
mod neighbors;
mod options;
mod passes;
mod place;
mod pool;
mod questions;
mod queue;
mod remote_index;
mod remote_queries;
mod scheduler;
mod shown;
mod state;
pub mod store;
#[cfg(test)]
mod tests;
mod unit;
mod worker;
mod workspace;

pub use engine::{Comparison, Engine, Loader, Toward, loader};
pub use handle::AnalysisHandle;
pub use lenses::{embedded_items, item_vector, past_indentation};
pub use neighbors::Searched;
pub use options::{Event, IndexStatus, ModelStatus, Options, Status};
pub use pool::Pool;
pub use remote_index::StoreStage;
pub use shown::{ShownFile, View};
pub use tokio_util::sync::CancellationToken;
pub use unit::{Read, SourcesReport, UnitReport, WordScore, analyze, analyze_heads, sources};
pub use workspace::{Scope, Stage as IndexStage};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::segment::Segments;
use crate::text::{Inactive, Snapshot};

/// Identifies an open document: its URI, which the analysis does not interpret.
pub type DocumentId = Arc<str>;

/// The results for one version of a document.
#[derive(Debug, Clone)]
pub struct DocumentReport {
    /// The document.
    pub id: DocumentId,
    /// The text that all ranges refer to, with its version.
    pub snapshot: Snapshot,
    /// Its units and items.
    pub segments: Arc<Segments>,
    /// One entry per unit of `segments`; `None` if the model has not explained it yet.
    pub units: Vec<Option<Arc<UnitReport>>>,
}

impl DocumentReport {
    /// Whether every unit is analyzed.
    pub fn complete(&self) -> bool {
        self.units.iter().all(Option::is_some)
    }
}

/// What the model says about the word under the cursor.
#[derive(Debug, Clone)]
pub struct CursorReport {
    /// The text that all ranges refer to.
    pub snapshot: Snapshot,
    /// The unit that contains the word.
    pub unit: crate::segment::Unit,
    /// The unit's explanation; its ranges are relative to the unit's start.
    pub report: Arc<UnitReport>,
    /// Index into `report.words` of the word under the cursor; `None` between words.
    pub word: Option<usize>,
    /// The sources of each word of the unit.
    pub sources: Arc<SourcesReport>,
}

/// Whether the explanation of a unit can be trusted.
#[derive(Debug, Clone)]
pub struct TrustReport {
    /// The unit.
    pub unit: crate::segment::Unit,
    /// The effect of deleting its words.
    pub trust: crate::explain::trust::Trust,
}

/// The location of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In an open document.
    Document {
        /// The document.
        id: DocumentId,
        /// The version of the document that the item's ranges refer to.
        version: i32,
    },
    /// In a file that is not open, in the state in which it was indexed.
    File(PathBuf),
    /// In a team's store, and not on this machine.
    Store {
        /// The folder, under the name that its indexer gave it.
        folder: Arc<Path>,
        /// The file, relative to that folder.
        path: PathBuf,
        /// The web page that shows the item, if there is one.
        link: Option<String>,
    },
}

/// An item that is similar to another.
#[derive(Debug, Clone)]
pub struct Neighbor {
    /// Where the item is.
    pub home: Home,
    /// The item.
    pub item: crate::similar::index::IndexedItem,
    /// The name of the type or function that contains it.
    pub container: Option<String>,
    /// For a neighbor of an item, the language-centered cosine, -1 to 1; for a search, [`crate::similar::index::Found::score`].
    pub score: f32,
    /// The reason for the match, for a search.
    pub why: Option<crate::similar::index::Why>,
}

/// An item and the items similar to it, best first.
#[derive(Debug, Clone)]
pub struct ItemNeighbors {
    /// Index into [`Segments::items`] of the question's document.
    pub item: usize,
    /// Items above the threshold, best first, without overlapping ones.
    pub neighbors: Vec<Neighbor>,
}

/// Why a question got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller withdrew the question.
    #[error("the request was cancelled")]
    Cancelled,
    /// A newer question of the same kind replaced it, or the document changed.
    #[error("the document changed while the answer was computed")]
    Stale,
    /// The model is not loaded yet.
    #[error("the model is still loading")]
    Loading,
    /// The user paused the analysis.
    #[error("fovea is paused; run its command Resume to continue")]
    Paused,
    /// The document is not analyzed.
    #[error("{0}")]
    Inactive(Inactive),
    /// Too many questions are waiting.
    #[error("too many requests are waiting; try again")]
    Busy,
    /// The model could not be loaded, or failed on this text.
    #[error("{0}")]
    Failed(String),
}
