//! The items of the workspace's folders, beside those of the open documents.
//!
//! A thread of its own ([`keeper`]) keeps the index of the folders up to date while the model thread has nothing to do, and publishes
//! what it holds as a [`Workspace`]: whoever asks sees one state of it, in memory, and never waits for the disk.

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
use crate::similar::index::{Asked, Collection, Filter, Found, Limits, Progress, Query, VectorIndex};
use crate::text::Language;

/// The most of one item's similar items in the workspace that are kept.
pub const MAX_FOUND: usize = 32;

/// The most items whose similar ones are kept.
const MAX_KNOWN: usize = 20_000;

/// Which folders are indexed, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The folders, as the editor names them.
    pub roots: Vec<PathBuf>,
    /// The folder that the index is kept in; `None` = in memory, as long as the process lives.
    pub folder: Option<PathBuf>,
    /// What a folder may have at most, and which files are left out.
    pub limits: Limits,
    /// Whether it goes on while the machine runs on its battery.
    pub on_battery: bool,
}

/// How far the index is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stage {
    /// No folder is to be indexed.
    #[default]
    Off,
    /// There is work, and it waits for the model to be loaded.
    Waiting,
    /// There is work, and it waits for the machine to be plugged in.
    OnBattery,
    /// Folders are being read.
    Indexing(Progress),
    /// The person stopped it; it goes on when it is asked to.
    Cancelled,
    /// It holds what the folders held when they were last looked at.
    Ready,
}

/// What the thread of the index is to do and has done; behind the lock of everything that changes.
#[derive(Default)]
pub struct Indexing {
    /// What reads the files; `None` until it is loaded.
    pub model: Option<Model>,
    /// Whether a search needed the multilingual model: from then on, it reads the files as well.
    pub multilingual: bool,
    /// Whether it has read all of them once.
    pub multilingual_complete: bool,
    /// How far it is.
    pub stage: Stage,
    /// When the folders are to be looked at next; `None` = when something changes.
    pub due: Option<Instant>,
    /// Rises when something else is wanted than what is being done.
    pub generation: u64,
    /// Not sooner than this: looking at the folders takes no more than a small part of the time.
    pub not_before: Option<Instant>,
    /// The person does not want it to go on.
    pub cancelled: bool,
    /// Folders that are not indexed, with the reason.
    pub refused: Vec<String>,
    /// Whether a renewal goes on, which gives way to the model thread.
    pub running: bool,
    /// Whether a renewal has ended: from then on the index changes with what the person writes alone.
    pub complete: bool,
}

impl Indexing {
    /// The folders are to be looked at now; what is being done is left as it is.
    pub fn restart(&mut self, now: Instant) {
        self.generation += 1;
        self.due = Some(now);
        self.not_before = None;
    }
}

/// The items of the indexed folders, of one moment.
#[derive(Debug, Default)]
pub struct Workspace {
    vector_indexes: Vec<Arc<VectorIndex>>,
    /// What searches find of files that are not embedded yet.
    sketches: Vec<Arc<VectorIndex>>,
    known: Mutex<HashMap<u64, Arc<Vec<Found>>>>,
    /// Files and names of the items, once somebody asked for them.
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

    /// The same with what searches find of files that none of the vector_indexes has yet.
    #[must_use]
    pub fn with_sketches(mut self, sketches: Vec<Arc<VectorIndex>>) -> Workspace {
        self.sketches = sketches;
        self
    }

    /// Whether a search finds nothing, whatever it is.
    pub fn is_unread(&self) -> bool {
        self.vector_indexes
            .iter()
            .chain(&self.sketches)
            .all(|vector_index| vector_index.is_empty())
    }

    /// Whether a file below one of the folders has an item of some name.
    pub fn holds(&self, path: &Path, name: &str) -> bool {
        let all = || self.vector_indexes.iter().flat_map(|vector_index| vector_index.named());
        let names = self.names.get_or_init(|| all().map(place).collect());
        names.contains(&place((path, name)))
    }

    /// Whether a file of one of the folders is indexed.
    pub fn has_file(&self, path: &Path) -> bool {
        let below = |vector_index: &VectorIndex| {
            path.strip_prefix(vector_index.root())
                .is_ok_and(|path| vector_index.has_file(path))
        };
        self.vector_indexes.iter().any(|vector_index| below(vector_index))
    }

    /// Whether what the items of a language have in common will hardly change while the index grows.
    pub fn is_settled(&self, language: Language) -> bool {
        self.vector_indexes
            .iter()
            .any(|vector_index| vector_index.is_settled(language))
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.vector_indexes.iter().map(|vector_index| vector_index.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What each language has in common; of several folders, as the first one that has the language says.
    pub fn center(&self) -> Center {
        let all = self
            .vector_indexes
            .iter()
            .map(|vector_index| vector_index.center().clone());
        all.reduce(Center::or).unwrap_or_default()
    }

    /// What resembles an item, if that was found before; the path of the item does not matter.
    pub fn known(&self, asked: &Asked) -> Option<Arc<Vec<Found>>> {
        if self.is_empty() {
            return Some(Arc::default());
        }
        lock(&self.known).get(&key(asked)).cloned()
    }

    /// What resembles an item, best first, at most [`MAX_FOUND`]: its own copy in the index is among them.
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

    /// What is about the same as a text, best first.
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
    // Stable: what scores the same stays in the order of the folders and of their files.
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    all.truncate(count);
    all
}

fn place(place: (&Path, &str)) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

/// What an answer about an item depends on.
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
