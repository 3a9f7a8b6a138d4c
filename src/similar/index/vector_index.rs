//! The items of an indexed folder in memory, ready for queries.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::decision::{self, CloneType, Facts};
use super::super::fingerprint::Fingerprint;
use super::super::thresholds;
use super::super::vector::dot;
use super::super::words::{Term, WordCounts};
use super::super::{Center, Rows, Sums};
use super::across::{self, RowSpreads};
use super::files::canonical;
use super::lexicon::{Builder, Lexicon, PathWords, defined, stem};
use super::query::name_term;
use super::ranking::Aside;
use super::reading::{EmbeddedItem, UnitVector, item_vector};
use super::{
    Filter, Found, Index, IndexError, IndexedItem, Known, Why, conventions, is_foreign_file, is_test_file,
    is_test_item, table,
};
use crate::model::Model;
use crate::segment::ItemKind;
use crate::text::Language;

/// The passages of a folder: its items, and the text around them.
///
/// Passages that are too short or hardly readable have a zero vector: they resemble nothing, but a search finds them by their words.
#[derive(Debug)]
pub struct VectorIndex {
    pub(super) root: Arc<Path>,
    pub(super) paths: Vec<PathBuf>,
    /// Whether each file is generated or third-party.
    foreign: Vec<bool>,
    pub(super) items: Vec<Entry>,
    /// The properties of each passage that queries examine. They are in one array because a query examines all.
    pub(super) facts: Vec<Fact>,
    /// Names of several words, each with a number.
    pub(super) names: HashMap<String, u32>,
    /// Their uncentered vectors.
    pub(super) rows: Rows,
    /// 1 / length of each centered vector; 0 if hardly anything remains.
    pub(super) scale: Vec<f32>,
    pub(super) center: Center,
    pub(super) spreads: RowSpreads,
    /// Their words.
    pub(super) lexicon: Lexicon,
    /// The hash of each lower-case name with its passage, ascending.
    pub(super) definitions: Vec<(Term, u32)>,
    /// Whether it has more sections than functions and types, as a book has.
    pub(super) of_prose: bool,
}

/// An item, and its surrounding item.
#[derive(Debug)]
pub(super) struct Entry {
    pub item: IndexedItem,
    /// The index of the innermost surrounding item.
    pub around: Option<usize>,
    /// Hashes of its text.
    pub fingerprint: Arc<Fingerprint>,
}

/// The properties that decide whether an item counts for a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub path: u32,
    /// The number of its name, or [`ONE_WORD`].
    name: u32,
    pub(super) language: Language,
    pub(super) kind: ItemKind,
    /// Whether it has a vector.
    pub(super) comparable: bool,
    /// Properties that reduce its weight in a search; includes whether it belongs to a test.
    pub(super) aside: Aside,
}

impl Fact {
    /// The number of its name, if that has several words.
    pub(super) fn name(&self) -> Option<u32> {
        (self.name != ONE_WORD).then_some(self.name)
    }
}

/// Number of items of a language from which its mean hardly changes.
const SETTLED: usize = 500;

/// Replaces the number of a name that is a single word.
const ONE_WORD: u32 = u32::MAX;

impl Index {
    /// Loads the items of a folder for a model.
    ///
    /// # Errors
    /// If the index file cannot be read.
    pub fn vector_index(&self, model: &Model, root: &Path) -> Result<VectorIndex, IndexError> {
        self.vector_index_since(model, root, &Center::default())
    }

    /// As [`Index::vector_index`], but keeps means from `before` that have hardly changed ([`Center::steady`]).
    ///
    /// # Errors
    /// If the index file cannot be read.
    pub fn vector_index_since(&self, model: &Model, root: &Path, before: &Center) -> Result<VectorIndex, IndexError> {
        let root = canonical(root)?;
        let mut listing = Listing::new(model.hidden());
        // Contents of several files count once for the mean of their language.
        let (mut sums, mut counted) = (Sums::within(self.calibration(model)?), HashSet::new());
        let zeros: Arc<[f32]> = vec![0.0; model.hidden()].into();
        let take = |path: PathBuf, content, (passages, units): table::Held| {
            let first = counted.insert(content);
            let mut file = listing.file(path);
            for passage in passages {
                let own: Vec<&UnitVector> = passage.units.iter().filter_map(|unit| units.get(*unit)).collect();
                let vector = item_vector(&own).filter(|vector| vector.len() == zeros.len());
                let vector = vector.unwrap_or_else(|| zeros.clone());
                // Passages around items would draw the mean of a language toward imports.
                if first && passage.item.kind != ItemKind::File {
                    sums.add(passage.item.language, &vector);
                }
                let fingerprint = Arc::new(passage.fingerprint);
                file.add(passage.item, &vector, WordCounts::in_bytes(&passage.words), fingerprint);
            }
        };
        let loaded = match table::known_root(&self.connection, &root, &model.info().id) {
            Ok(Some(number)) => table::load(&self.connection, number, take),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        loaded.map_err(|error| self.trouble(error))?;
        Ok(listing.vector_index(root.into(), sums.center().steady(before)))
    }
}

/// The items of files, added in the order of their paths.
struct Listing {
    paths: Vec<PathBuf>,
    items: Vec<Entry>,
    facts: Vec<Fact>,
    names: HashMap<String, u32>,
    rows: Rows,
    width: usize,
    words: Builder,
    definitions: Vec<(Term, u32)>,
}

/// A file of a listing, to which passages are added one by one.
struct ListedFile<'a> {
    listing: &'a mut Listing,
    /// The items around the next passage.
    around: Vec<usize>,
    /// Properties that hold for the whole file.
    aside: Aside,
    name: String,
}

impl Listing {
    fn new(width: usize) -> Listing {
        Listing {
            paths: Vec::new(),
            items: Vec::new(),
            facts: Vec::new(),
            names: HashMap::new(),
            rows: Rows::new(width),
            width,
            words: Builder::default(),
            definitions: Vec::new(),
        }
    }

    /// Begins a file, whose path must follow all earlier paths.
    fn file(&mut self, path: PathBuf) -> ListedFile<'_> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.words.file(PathWords::of(&path));
        let aside = conventions::aside(&path);
        self.paths.push(path);
        ListedFile {
            listing: self,
            around: Vec::new(),
            aside,
            name,
        }
    }

    /// Completes the listing with a center.
    fn vector_index(mut self, root: Arc<Path>, center: Center) -> VectorIndex {
        let mut vector = Vec::with_capacity(self.width);
        let length = |(index, fact): (usize, &Fact)| {
            vector.clear();
            vector.extend(self.rows.row(index));
            // A zero vector minus the mean would resemble the opposite of the mean.
            match fact.comparable {
                true => inverse_length(&vector, center.mean(fact.language)),
                false => 0.0,
            }
        };
        let scale: Vec<f32> = self.facts.iter().enumerate().map(length).collect();
        let superseded = conventions::superseded(&self.paths);
        for fact in &mut self.facts {
            fact.aside.superseded = superseded[fact.path as usize];
        }
        let items = self
            .facts
            .iter()
            .enumerate()
            .filter(|(_, fact)| fact.kind != ItemKind::File);
        let items = items.map(|(index, fact)| (fact.language, index));
        let moments = across::moments(&self.rows, items, &scale, &center);
        let center = center.with_moments(moments.into_iter());
        self.items.shrink_to_fit();
        self.facts.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.definitions.sort_unstable();
        self.definitions.shrink_to_fit();
        let of = |kinds: &[ItemKind]| self.facts.iter().filter(|fact| kinds.contains(&fact.kind)).count();
        let of_prose = of(&[ItemKind::Heading]) > of(&[ItemKind::Function, ItemKind::Type]);
        VectorIndex {
            root,
            of_prose,
            foreign: self.paths.iter().map(|path| is_foreign_file(path)).collect(),
            paths: self.paths,
            items: self.items,
            facts: self.facts,
            names: self.names,
            rows: self.rows,
            scale,
            spreads: RowSpreads::of(&center),
            center,
            lexicon: self.words.finish(),
            definitions: self.definitions,
        }
    }
}

impl ListedFile<'_> {
    /// Adds a passage, unless its vector has another width.
    fn add(
        &mut self,
        mut item: IndexedItem,
        vector: &[f32],
        words: impl Iterator<Item = (Term, u8)>,
        fingerprint: Arc<Fingerprint>,
    ) {
        let listing = &mut *self.listing;
        if vector.len() != listing.width {
            return;
        }
        let number = listing.items.len();
        listing.rows.push(vector);
        // An outer item precedes the items inside it.
        self.around.truncate(enclosing(&self.around, &listing.items, &item));
        let test = is_test_item(&item)
            || match self.around.last() {
                Some(outer) => listing.facts[*outer].aside.test,
                None => is_test_file(&listing.paths[listing.paths.len() - 1], item.language),
            };
        let aside = self.aside.of_passage(item.kind, test);
        if item.kind == ItemKind::File {
            listing.words.passage("", words);
            listing.definitions.push((name_term(stem(&self.name)), number as u32));
            item.name.clone_from(&self.name);
        } else {
            listing.words.passage(&item.name, words);
            listing
                .definitions
                .push((name_term(defined(&item.name)), number as u32));
        }
        let next = listing.names.len() as u32;
        let name = thresholds::words(&item.name).map(|name| *listing.names.entry(name).or_insert(next));
        listing.facts.push(Fact {
            path: listing.paths.len() as u32 - 1,
            name: name.unwrap_or(ONE_WORD),
            language: item.language,
            kind: item.kind,
            comparable: vector.iter().any(|v| *v != 0.0),
            aside,
        });
        let around = self.around.last().copied();
        if item.kind != ItemKind::File {
            self.around.push(number);
        }
        listing.items.push(Entry {
            item,
            around,
            fingerprint,
        });
    }
}

impl VectorIndex {
    /// Indexes items outside of a stored index, such as those of open documents. `files` in the order of their paths.
    ///
    /// Means come from `center`; a language without a mean there is centered by the items themselves.
    pub fn of_items(files: &[(PathBuf, &[EmbeddedItem])], center: &Center, width: usize) -> VectorIndex {
        let all = files.iter().flat_map(|(_, items)| items.iter());
        let fitting = all.filter(|embedded| embedded.vector.len() == width);
        let own = fitting.map(|EmbeddedItem { item, vector, .. }| (item.language, &**vector));
        let own = Center::of(own, center.calibration().clone());
        let mut listing = Listing::new(width);
        for (path, items) in files {
            let mut file = listing.file(path.clone());
            for embedded in *items {
                let (item, fingerprint) = (embedded.item.clone(), Arc::clone(&embedded.fingerprint));
                file.add(item, &embedded.vector, embedded.words.iter(), fingerprint);
            }
        }
        listing.vector_index(PathBuf::new().into(), center.clone().or(own))
    }

    /// The means of its languages.
    pub fn center(&self) -> &Center {
        &self.center
    }

    /// Number of comparable items, without passages around items.
    pub fn len(&self) -> usize {
        let items = self
            .facts
            .iter()
            .filter(|fact| fact.comparable && fact.kind != ItemKind::File);
        items.count()
    }

    /// Whether it has enough items of a language that the mean will hardly change.
    pub fn is_settled(&self, language: Language) -> bool {
        let own = self.facts.iter().filter(|fact| {
            let same = fact.language == language || !(fact.language.is_code() || language.is_code());
            same && fact.comparable && fact.kind != ItemKind::File
        });
        own.take(SETTLED).count() == SETTLED
    }

    /// Whether it has no passages.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// The indexed folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it has passages of a file below the folder.
    pub fn has_file(&self, path: &Path) -> bool {
        self.paths.binary_search_by(|own| own.as_path().cmp(path)).is_ok()
    }

    /// The file below the folder and the name of each item.
    pub fn named(&self) -> impl Iterator<Item = (&Path, &str)> {
        let places = self
            .facts
            .iter()
            .zip(&self.items)
            .filter(|(fact, _)| fact.kind != ItemKind::File);
        places.map(|(fact, entry)| (&*self.paths[fact.path as usize], &*entry.item.name))
    }

    /// The context that a decision about an item needs. `None` if the item is not in the index.
    pub fn known(&self, path: &Path, item: &IndexedItem) -> Option<Known<'_>> {
        let file = self.paths.binary_search_by(|own| own.as_path().cmp(path)).ok()? as u32;
        let first = self.facts.partition_point(|fact| fact.path < file);
        let own = self.facts[first..].iter().take_while(|fact| fact.path == file).count();
        let found = (first..first + own).find(|index| self.items[*index].item == *item)?;
        Some(self.known_at(found))
    }

    fn known_at(&self, index: usize) -> Known<'_> {
        let (entry, fact) = (&self.items[index], &self.facts[index]);
        Known {
            around: entry.around.map(|outer| &*self.items[outer].item.name),
            test: fact.aside.test,
            repetitive: fact.aside.record || self.foreign[fact.path as usize],
            fingerprint: &entry.fingerprint,
        }
    }

    /// The input of a decision about an item.
    pub(super) fn decided_by(&self, index: usize) -> Facts<'_> {
        self.known_at(index).facts(&self.items[index].item)
    }

    /// Decides whether an item tells the reader of another something new.
    pub(super) fn decide(&self, a: usize, b: usize, cosine: f32) -> Option<CloneType> {
        let file = self.facts[a].path == self.facts[b].path;
        decision::decide(&self.decided_by(a), &self.decided_by(b), file, cosine)
    }

    /// Whether the filter accepts an item.
    pub(super) fn allowed(&self, filter: &Filter) -> impl Fn(usize) -> bool {
        let paths: Vec<bool> = self.paths.iter().map(|path| filter.takes_file(path)).collect();
        move |index| {
            let Fact {
                path,
                language,
                kind,
                aside,
                ..
            } = self.facts[index];
            paths[path as usize] && filter.takes_item(language, kind, aside.test)
        }
    }

    pub(super) fn found(&self, nearest: Vec<(usize, f32)>) -> Vec<Found> {
        let found = |(index, score): (usize, f32)| self.found_at(index, score.clamp(-1.0, 1.0), None);
        nearest.into_iter().map(found).collect()
    }

    /// The result for a passage.
    pub(super) fn found_at(&self, index: usize, score: f32, why: Option<Why>) -> Found {
        let item = self.items[index].item.clone();
        Found {
            root: Arc::clone(&self.root),
            path: self.paths[self.facts[index].path as usize].clone(),
            container: self.known_at(index).container(&item),
            item,
            score,
            link: None,
            why,
        }
    }
}

/// Number of items in the nesting chain that contain an item.
fn enclosing(around: &[usize], items: &[Entry], item: &IndexedItem) -> usize {
    let holds = |outer: &&usize| item.end.byte <= items[**outer].item.end.byte;
    around.iter().take_while(holds).count()
}

/// 1 / |v - m|, or 0 if the rest is too small to count.
pub(super) fn inverse_length(vector: &[f32], mean: Option<&[f32]>) -> f32 {
    let squares: f32 = match mean {
        Some(mean) => vector.iter().zip(mean).map(|(v, m)| (v - m).powi(2)).sum(),
        None => dot(vector, vector),
    };
    let length = squares.sqrt();
    if length > 1e-2 { length.recip() } else { 0.0 }
}
