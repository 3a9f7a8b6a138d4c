//! What can be asked of indexed items, wherever they are kept.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::decision::{Bar, Facts};
use super::super::fingerprint::Fingerprint;
use super::super::thresholds::{self, Ties};
use super::{Globs, IndexError, IndexedItem, Query, Why};
use crate::model::Model;
use crate::segment::ItemKind;
use crate::text::Language;

/// Items that can be asked about: those of a folder in memory ([`super::VectorIndex`]), or those of a store that others keep up to date.
/// Safe to share between threads; an answer may take as long as the store needs.
pub trait Collection: Debug + Send + Sync {
    /// What resembles an item by its language-centered cosine: at most `count`, best first, equal ones by folder, path and place. The
    /// item itself and what overlaps it in its file are left out, and what does not reach the score that [`Asked::base`] asks of it.
    ///
    /// # Errors
    /// What the store reports; items in memory always answer.
    fn similar(&self, asked: &Asked, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError>;

    /// The passages that answer a search: at most `count`, best first, equal ones by folder, path and place. A query without a vector, or
    /// with one of another width, is answered by words alone.
    ///
    /// Neither side is centered: what a question has in common with all code is little, and it was measured that taking the means
    /// away finds less (`benches/similarity`).
    ///
    /// # Errors
    /// What the store reports; items in memory always answer.
    fn search(&self, query: &Query, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError>;

    /// Number of items.
    ///
    /// # Errors
    /// What the store reports.
    fn len(&self) -> Result<usize, IndexError>;

    /// Whether there is none.
    ///
    /// # Errors
    /// What the store reports.
    fn is_empty(&self) -> Result<bool, IndexError> {
        Ok(self.len()? == 0)
    }
}

/// An item that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The folder that was indexed, as whoever indexed it names it.
    pub root: Arc<Path>,
    /// Its file, below that folder.
    pub path: PathBuf,
    /// The item.
    pub item: IndexedItem,
    /// Where an item was asked about, its language-centered cosine on the scale of the thresholds, -1 to 1; in a search its relevance, at
    /// most 1: the sum of the cosine and what else counts, as a share of the highest that there can be.
    pub score: f32,
    /// The web page that shows it, where whoever indexed the folder said where that is.
    pub link: Option<String>,
    /// Why it was found, in a search.
    pub why: Option<Why>,
}

/// Connects to a collection, for the questions of a model.
pub type Opener = Box<dyn FnMut(&Model) -> Result<Box<dyn Collection>, IndexError> + Send>;

/// A collection on another machine, not connected to yet.
pub struct Elsewhere {
    /// Where it is, in words.
    pub place: String,
    /// Connects to it; called again after that failed, or for another model.
    pub open: Opener,
}

impl Debug for Elsewhere {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "Elsewhere({})", self.place)
    }
}

/// An item that is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<'a> {
    /// Its file below the folder, if it is there. A checkout of the folder in another place has the same paths below it.
    pub path: Option<&'a Path>,
    /// The item; where it stands tells what overlaps it, which is left out.
    pub item: &'a IndexedItem,
    /// Its vector, of unit length and not centered.
    pub vector: &'a [f32],
    /// The score from which an item of the same file is similar ([`crate::similar::thresholds::needed`]); `None` = any.
    pub base: Option<f32>,
    /// What else is known of the item, where only what is news to its reader is wanted ([`crate::similar::decision`]): then the base moves
    /// the lowest score alone. `None` = the scores decide.
    pub known: Option<Known<'a>>,
}

impl Asked<'_> {
    /// The cosine that an item of a kind needs, if it may be an answer at all.
    pub(super) fn needed(&self, kind: ItemKind, ties: Ties) -> Option<f32> {
        match (self.base, self.known) {
            (None, _) => Some(f32::NEG_INFINITY),
            (Some(base), Some(_)) => (kind == self.item.kind).then_some(Bar::new(base).floor),
            (Some(base), None) => Some(thresholds::needed(base, ties)),
        }
    }

    /// What is added to a cosine before a decision.
    pub(super) fn lift(&self) -> f32 {
        self.base.map_or(0.0, |base| Bar::new(base).lift)
    }
}

/// What a decision about an item depends on beside the item ([`super::VectorIndex::known`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known<'a> {
    /// The name of the innermost item around it.
    pub around: Option<&'a str>,
    /// Whether it is a test, or in one.
    pub test: bool,
    /// Whether its file repeats itself or others by nature.
    pub repetitive: bool,
    /// What its text is made of.
    pub fingerprint: &'a Fingerprint,
}

impl<'a> Known<'a> {
    /// What a decision looks at.
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

/// Which items are looked through. What is not wanted is left out before the best are taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Only items of these languages; empty = any.
    pub languages: Vec<Language>,
    /// Only items of these kinds; empty = any.
    pub kinds: Vec<ItemKind>,
    /// Only files below this path.
    pub below: Option<PathBuf>,
    /// Only files whose paths match; `None` = any.
    pub paths: Option<Globs>,
    /// Tests, other code, or both.
    pub tests: Tests,
}

/// Whether tests are looked through: by the customs of their language ([`super::is_test_file`], [`super::is_test_item`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tests {
    /// Tests and other code.
    #[default]
    With,
    /// Tests alone.
    Only,
    /// No tests.
    None,
}

impl Filter {
    /// Whether items of a file are looked at at all.
    pub fn takes_file(&self, path: &Path) -> bool {
        self.below.as_ref().is_none_or(|below| path.starts_with(below))
            && self.paths.as_ref().is_none_or(|paths| paths.matches(path))
    }

    /// Whether an item of such a file is looked at; `test` tells whether it is one, or in one.
    pub fn takes_item(&self, language: Language, kind: ItemKind, test: bool) -> bool {
        let tests = match self.tests {
            Tests::With => true,
            Tests::Only => test,
            Tests::None => !test,
        };
        tests
            && (self.languages.is_empty() || self.languages.contains(&language))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }
}
