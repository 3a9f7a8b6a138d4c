//! The items of the workspace's folders, in addition to those of the open documents.
//!
//! A thread of its own ([`indexer`]) updates the index of the folders while the model thread is idle, and publishes a [`Workspace`]: an
//! immutable set of items in memory. Questions about it never wait for the disk.

pub mod battery;
pub mod indexer;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use super::queue::lock;
use crate::model::Model;
use crate::similar::Center;
use crate::similar::index::{Asked, Collection, Filter, Found, Limits, Progress, Query, Surroundings, VectorIndex};
use crate::text::Language;

/// Maximum number of similar items that are kept per item.
pub const MAX_FOUND: usize = 32;

/// Maximum number of items whose neighbors are kept.
const MAX_KNOWN: usize = 20_000;

/// The folders to index, and the settings for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The folders, under the names that the editor uses.
    pub roots: Vec<PathBuf>,
    /// The folder for the index; `None` = in memory, as long as the process lives.
    pub folder: Option<PathBuf>,
    /// Limits per folder, and which files are excluded.
    pub limits: Limits,
    /// Whether indexing continues while the machine runs on battery.
    pub on_battery: bool,
}

/// Progress of the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stage {
    /// There is no folder to index.
    #[default]
    Off,
    /// There is work, which waits for the model.
    Waiting,
    /// There is work, which waits for mains power.
    OnBattery,
    /// Folders are being read.
    Indexing(Progress),
    /// The user stopped it; it continues on request.
    Cancelled,
    /// It matches the folders as of the last scan.
    Ready,
}

/// Requests to the index thread and its progress; part of the locked state.
#[derive(Default)]
pub struct Indexing {
    /// The model that reads the files; `None` until it is loaded.
    pub model: Option<Model>,
    /// Whether a search needed the multilingual model; from then on, it reads the files as well.
    pub multilingual: bool,
    /// Whether the multilingual model has read all files once.
    pub multilingual_complete: bool,
    /// The current stage.
    pub stage: Stage,
    /// Time of the next scan; `None` = after the next change.
    pub due: Option<Instant>,
    /// Increases when the current scan must stop because other work is requested.
    pub generation: u64,
    /// Earliest time of the next scan, which limits the share of time for scans.
    pub not_before: Option<Instant>,
    /// Whether the user stopped it.
    pub cancelled: bool,
    /// Folders that cannot be indexed, with the reason.
    pub refused: Vec<String>,
    /// Whether a scan runs, which yields to the model thread.
    pub running: bool,
    /// Whether a scan has ended; from then on the index changes only with the user's edits.
    pub complete: bool,
}

impl Indexing {
    /// Requests a scan now; a running one stops.
    pub fn restart(&mut self, now: Instant) {
        self.generation += 1;
        self.due = Some(now);
        self.not_before = None;
    }
}

/// The items of the indexed folders at one point in time.
#[derive(Debug, Default)]
pub struct Workspace {
    vector_indexes: Vec<Arc<VectorIndex>>,
    /// Search entries of files that are not embedded yet.
    sketches: Vec<Arc<VectorIndex>>,
    known: Mutex<HashMap<u64, Arc<Vec<Found>>>>,
    /// Hashes of the items' files and names, computed at the first question.
    names: OnceLock<HashSet<u64>>,
}

impl Workspace {
    /// The items of folders, each in memory.
    pub fn new(vector_indexes: Vec<Arc<VectorIndex>>) -> Workspace {
        Workspace {
            vector_indexes,
            ..Workspace::default()
        }
    }

    /// Adds search entries for files that no vector index contains yet.
    #[must_use]
    pub fn with_sketches(mut self, sketches: Vec<Arc<VectorIndex>>) -> Workspace {
        self.sketches = sketches;
        self
    }

    /// Whether every search is empty.
    pub fn is_unread(&self) -> bool {
        self.vector_indexes
            .iter()
            .chain(&self.sketches)
            .all(|vector_index| vector_index.is_empty())
    }

    /// Whether a file below one of the folders has an item with this name.
    pub fn holds(&self, path: &Path, name: &str) -> bool {
        let all = || self.vector_indexes.iter().flat_map(|vector_index| vector_index.named());
        let names = self.names.get_or_init(|| all().map(name_hash).collect());
        names.contains(&name_hash((path, name)))
    }

    /// Whether a file of one of the folders is indexed.
    pub fn has_file(&self, path: &Path) -> bool {
        let below = |vector_index: &VectorIndex| {
            path.strip_prefix(vector_index.root())
                .is_ok_and(|path| vector_index.has_file(path))
        };
        self.vector_indexes.iter().any(|vector_index| below(vector_index))
    }

    /// Whether the mean vector of a language will hardly change while the index grows.
    pub fn is_settled(&self, language: Language) -> bool {
        self.vector_indexes
            .iter()
            .any(|vector_index| vector_index.is_settled(language))
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.vector_indexes.iter().map(|vector_index| vector_index.len()).sum()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The mean vector per language; for each language, from the first folder that has it.
    pub fn center(&self) -> Center {
        let all = self
            .vector_indexes
            .iter()
            .map(|vector_index| vector_index.center().clone());
        all.reduce(Center::or).unwrap_or_default()
    }

    /// The neighbors of an item, if they are already known; the path of the item does not matter.
    pub fn known(&self, asked: &Asked) -> Option<Arc<Vec<Found>>> {
        if self.is_empty() {
            return Some(Arc::default());
        }
        lock(&self.known).get(&key(asked)).cloned()
    }

    /// The neighbors of an item, best first, at most [`MAX_FOUND`]. They include the item's own copy in the index.
    pub fn similar(&self, asked: &Asked) -> Arc<Vec<Found>> {
        if let Some(known) = self.known(asked) {
            return known;
        }
        let any = Filter::default();
        let found = self.merged(MAX_FOUND, |vector_index| {
            vector_index.similar(asked, &any, MAX_FOUND).unwrap_or_default()
        });
        let found = Arc::new(found);
        let mut known = lock(&self.known);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(key(asked), found.clone());
        found
    }

    /// What the folders say about a query, for a search of open documents.
    pub fn surroundings(&self, query: &Query, filter: &Filter) -> Surroundings {
        let folders = self.vector_indexes.iter().chain(&self.sketches);
        Surroundings::of(folders.map(|folder| &**folder), query, filter)
    }

    /// Items that match a query, best first.
    pub fn search(&self, query: &Query, filter: &Filter, count: usize) -> Vec<Found> {
        let ask = |vector_index: &VectorIndex| vector_index.search(query, filter, count).unwrap_or_default();
        let embedded = |found: &Found| {
            let own = self
                .vector_indexes
                .iter()
                .filter(|vector_index| *vector_index.root() == *found.root);
            own.into_iter().any(|vector_index| vector_index.has_file(&found.path))
        };
        let mut all: Vec<Found> = self.sketches.iter().flat_map(|sketch| ask(sketch)).collect();
        all.retain(|found| !embedded(found));
        best(
            self.vector_indexes
                .iter()
                .flat_map(|vector_index| ask(vector_index))
                .chain(all),
            count,
        )
    }

    fn merged(&self, count: usize, ask: impl Fn(&VectorIndex) -> Vec<Found>) -> Vec<Found> {
        best(
            self.vector_indexes.iter().flat_map(|vector_index| ask(vector_index)),
            count,
        )
    }
}

fn best(found: impl Iterator<Item = Found>, count: usize) -> Vec<Found> {
    let mut all: Vec<Found> = found.collect();
    // The sort is stable: items with equal scores keep the order of folders and files.
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    all.truncate(count);
    all
}

fn name_hash(named: (&Path, &str)) -> u64 {
    let mut hasher = DefaultHasher::new();
    named.hash(&mut hasher);
    hasher.finish()
}

/// A hash of all inputs of an answer about an item.
pub fn key(asked: &Asked) -> u64 {
    let mut hasher = DefaultHasher::new();
    asked.vector.iter().for_each(|value| value.to_bits().hash(&mut hasher));
    (&asked.item.name, asked.item.language, asked.base.map(f32::to_bits)).hash(&mut hasher);
    let known = asked
        .known
        .map(|known| (known.around, known.test, known.repetitive, known.fingerprint.tokens()));
    known.hash(&mut hasher);
    hasher.finish()
}
