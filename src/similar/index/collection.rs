//! Queries on indexed items, independent of their storage.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::decision::{Bar, Facts};
use super::super::fingerprint::Fingerprint;
use super::super::thresholds::{self, Ties};
use super::{Filter, IndexError, IndexedItem, Query, Why};
use crate::model::Model;
use crate::segment::ItemKind;

/// Indexed items that answer queries: a folder in memory ([`super::VectorIndex`]) or a shared store.
///
/// Implementations are thread-safe; an answer may take as long as the store needs.
pub trait Collection: Debug + Send + Sync {
    /// Items similar to an item by language-centered cosine: at most `count`, best first.
    ///
    /// Equal scores are ordered by folder, path and position. The result excludes the item itself, overlapping items of its file, and items
    /// below the score that [`Asked::base`] requires.
    ///
    /// # Errors
    /// If the store fails; items in memory always answer.
    fn similar(&self, asked: &Asked, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError>;

    /// Passages that answer a search: at most `count`, best first. Equal scores are ordered by folder, path and position.
    ///
    /// A query without a vector, or with one of another width, uses words only. Neither side is centered: a question shares little with all
    /// code, and measurements show that centering finds less (`benches/similarity`).
    ///
    /// # Errors
    /// If the store fails; items in memory always answer.
    fn search(&self, query: &Query, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError>;

    /// Number of items.
    ///
    /// # Errors
    /// If the store fails.
    fn len(&self) -> Result<usize, IndexError>;

    /// Whether there are no items.
    ///
    /// # Errors
    /// If the store fails.
    fn is_empty(&self) -> Result<bool, IndexError> {
        Ok(self.len()? == 0)
    }
}

/// An item in a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The indexed folder, under the name that its indexer gave it.
    pub root: Arc<Path>,
    /// Its file, below that folder.
    pub path: PathBuf,
    /// The item.
    pub item: IndexedItem,
    /// The name of the type or function that contains it; `None` for sections, and for passages of text around items.
    pub container: Option<String>,
    /// Score of the item.
    ///
    /// For similar items: the language-centered cosine on the scale of the thresholds, -1 to 1. In a search: the relevance, the sum of
    /// cosine and other evidence as a share of the highest possible sum, at most 1.
    pub score: f32,
    /// The web page that shows it, if the indexer of the folder configured a link.
    pub link: Option<String>,
    /// The reason for the match, in a search.
    pub why: Option<Why>,
}

/// Connects to a collection, for queries with a model.
pub type Opener = Box<dyn FnMut(&Model) -> Result<Box<dyn Collection>, IndexError> + Send>;

/// A collection on another machine, before the connection.
pub struct Elsewhere {
    /// A description of its location.
    pub place: String,
    /// Connects to it; called again after a failure, or for another model.
    pub open: Opener,
}

impl Debug for Elsewhere {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "Elsewhere({})", self.place)
    }
}

/// An item whose similar items are requested.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<'a> {
    /// Its file below the folder, if it is there. Another checkout of the folder has the same relative paths.
    pub path: Option<&'a Path>,
    /// The item; the result excludes items that overlap its range.
    pub item: &'a IndexedItem,
    /// Its unit vector, not centered.
    pub vector: &'a [f32],
    /// The score from which an item of the same file is similar ([`crate::similar::thresholds::needed`]). `None` means any score.
    pub base: Option<f32>,
    /// More facts about the item, to exclude results that tell its reader nothing new ([`crate::similar::decision`]).
    ///
    /// With them, the base only moves the lowest score. Without them, scores alone decide.
    pub known: Option<Known<'a>>,
}

impl Asked<'_> {
    /// The cosine that an item of a kind needs; `None` if its kind excludes it.
    pub(super) fn needed(&self, kind: ItemKind, ties: Ties) -> Option<f32> {
        match (self.base, self.known) {
            (None, _) => Some(f32::NEG_INFINITY),
            (Some(base), Some(_)) => (kind == self.item.kind).then_some(Bar::new(base).floor),
            (Some(base), None) => Some(thresholds::needed(base, ties)),
        }
    }

    /// Added to a cosine before a decision.
    pub(super) fn lift(&self) -> f32 {
        self.base.map_or(0.0, |base| Bar::new(base).lift)
    }
}

/// The container of a passage ([`Found::container`]), whose innermost surrounding item has this name. Sections are found by their titles and
/// paths; the section around them adds nothing.
pub(super) fn container(kind: ItemKind, around: Option<&str>) -> Option<String> {
    let contained = matches!(kind, ItemKind::Function | ItemKind::Type);
    around.filter(|name| contained && !name.is_empty()).map(str::to_owned)
}

/// The context of an item that a decision needs ([`super::VectorIndex::known`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known<'a> {
    /// The name of the innermost item around it.
    pub around: Option<&'a str>,
    /// Whether it is a test, or in one.
    pub test: bool,
    /// Whether its file is repetitive by nature.
    pub repetitive: bool,
    /// Hashes of its text.
    pub fingerprint: &'a Fingerprint,
}

impl<'a> Known<'a> {
    /// The name of the type or function that contains the item ([`Found::container`]).
    pub fn container(&self, item: &IndexedItem) -> Option<String> {
        container(item.kind, self.around)
    }

    /// The input of a decision.
    pub fn facts(&self, item: &'a IndexedItem) -> Facts<'a> {
        Facts {
            name: &item.name,
            around: self.around,
            kind: item.kind,
            language: item.language,
            lines: item.start.line..item.end.line,
            test: self.test,
            repetitive: self.repetitive,
            fingerprint: self.fingerprint,
        }
    }
}
