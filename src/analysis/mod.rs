//! Analysis: who computes what, and when.
//!
//! One thread owns the model. Everybody else holds an [`Analysis`], a cheap handle, and asks it things; questions wait in one
//! queue with priorities (cursor > visible > document > rest), the latest question of a kind about a document replaces the one
//! before it, and a cancelled one stops between two layers of the forward pass. What was computed is kept by content
//! (model, method, text), so that an edit costs the units it touched.

mod answers;
mod asking;
mod cache;
mod cancel;
mod compute;
mod document;
mod documents;
mod engine;
mod handle;
mod known;
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
mod shown;
mod state;
pub mod store;
#[cfg(test)]
mod tests;
mod unit;
mod worker;
mod workspace;

pub use cancel::CancelToken;
pub use engine::{Comparison, Engine, Loader, loader};
pub use handle::AnalysisHandle;
pub use lenses::embedded_items;
pub use neighbors::Searched;
pub use options::{Event, IndexStatus, ModelStatus, Options, Status};
pub use remote_index::StoreStage;
pub use shown::{ShownFile, View};
pub use unit::{Read, SourcesReport, UnitReport, WordScore, analyze, analyze_heads, sources};
pub use workspace::{Scope, Stage as IndexStage};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::segment::Segments;
use crate::text::{Inactive, Snapshot};

/// Names an open document: its URI, opaque to the analysis.
pub type DocumentId = Arc<str>;

/// What is known of one version of a document.
#[derive(Debug, Clone)]
pub struct DocumentReport {
    /// The document.
    pub id: DocumentId,
    /// The text all ranges refer to, with its version.
    pub snapshot: Snapshot,
    /// Its units and items.
    pub segments: Arc<Segments>,
    /// One entry per unit of `segments`; `None` where the model has not come to it yet.
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
    /// The text all ranges refer to.
    pub snapshot: Snapshot,
    /// The unit the word stands in.
    pub unit: crate::segment::Unit,
    /// The unit's explanation; its ranges are relative to the unit's start.
    pub report: Arc<UnitReport>,
    /// Index into `report.words` of the word under the cursor; `None` between words.
    pub word: Option<usize>,
    /// What each word of the unit is made of.
    pub sources: Arc<SourcesReport>,
}

/// Whether the explanation of a unit can be trusted.
#[derive(Debug, Clone)]
pub struct TrustReport {
    /// The unit.
    pub unit: crate::segment::Unit,
    /// What deleting its words did.
    pub trust: crate::explain::trust::Trust,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In an open document.
    Document {
        /// The document.
        id: DocumentId,
        /// The version of that document its places refer to.
        version: i32,
    },
    /// In a file of the workspace that is not open, as it was when it was indexed.
    File(PathBuf),
    /// In the store of a team, and not on this machine.
    Store {
        /// The folder, as whoever indexed it names it.
        folder: Arc<Path>,
        /// Its file below that folder.
        path: PathBuf,
        /// The web page that shows it, if there is one.
        link: Option<String>,
    },
}

/// An item that resembles another.
#[derive(Debug, Clone)]
pub struct Neighbor {
    /// Where it stands.
    pub home: Home,
    /// The item.
    pub item: crate::similar::index::IndexedItem,
    /// Where an item was asked about, its language-centered cosine, -1 to 1; in a search as [`crate::similar::index::Found::score`].
    pub score: f32,
    /// Why it was found, in a search.
    pub why: Option<crate::similar::index::Why>,
}

/// An item and what resembles it, best first.
#[derive(Debug, Clone)]
pub struct ItemNeighbors {
    /// Index into [`Segments::items`] of the document asked about.
    pub item: usize,
    /// Items above the threshold, best first; the item itself and items inside or around it left out.
    pub neighbors: Vec<Neighbor>,
}

/// Why a question got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The asker withdrew it.
    #[error("the request was cancelled")]
    Cancelled,
    /// A newer question of the same kind about the same document replaced it, or the document changed.
    #[error("the document changed while the answer was computed")]
    Stale,
    /// The model is not loaded yet.
    #[error("the model is still loading")]
    Loading,
    /// Analysis was paused by the user.
    #[error("fovea is paused; run fovea.resume to continue")]
    Paused,
    /// The document is not analyzed.
    #[error("{0}")]
    Inactive(Inactive),
    /// Too many questions wait already.
    #[error("too many requests are waiting; try again")]
    Busy,
    /// The model could not be loaded, or failed on this text.
    #[error("{0}")]
    Failed(String),
}
