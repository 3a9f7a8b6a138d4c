//! The items of an indexed folder in memory, to be searched.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::likeness::{self, Ties};
use super::super::vector::dot;
use super::super::{Centre, Judge, Rows, Sums};
use super::reading::{EmbeddedItem, item_vector};
use super::{
    Asked, Collection, Filter, Found, Index, IndexError, IndexedItem, is_test_file, is_test_item, renew, table,
};
use crate::model::Model;
use crate::segment::ItemKind;
use crate::text::Language;

/// The items of a folder. Items that are too short or too little understood to be compared are not among them.
#[derive(Debug)]
pub struct Gallery {
    root: Arc<Path>,
    paths: Vec<PathBuf>,
    pub(super) items: Vec<Entry>,
    /// What of each a question looks at, close together: it looks at all of them.
    pub(super) facts: Vec<Fact>,
    /// The names of several words, numbered.
    names: HashMap<String, u32>,
    /// Their vectors as they are.
    pub(super) rows: Rows,
    /// 1 / length of each vector once the mean of its language is taken away; 0 where nothing is left.
    pub(super) spread: Vec<f32>,
    centre: Centre,
}

/// An item, and where it lies.
#[derive(Debug)]
pub(super) struct Entry {
    pub item: IndexedItem,
    /// The number of the innermost item around it.
    pub around: Option<usize>,
}

/// What decides whether an item counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub path: u32,
    /// The number of its name, or [`ONE_WORD`].
    name: u32,
    language: Language,
    kind: ItemKind,
    /// Whether it is a test, or in one.
    test: bool,
}

impl Fact {
    /// The number of its name, if that has several words.
    pub(super) fn name(&self) -> Option<u32> {
        (self.name != ONE_WORD).then_some(self.name)
    }
}

/// Instead of the number of a name that has not several words.
const ONE_WORD: u32 = u32::MAX;

impl Index {
    /// Loads the items of a folder as a model reads them.
    ///
    /// # Errors
    /// What the file reports.
    pub fn gallery(&self, model: &Model, root: &Path) -> Result<Gallery, IndexError> {
        let root = renew::canonical(root)?;
        let mut listing = Listing::new(model.hidden());
        // Contents that several files have count once for the mean of their language: copies are no news.
        let (mut sums, mut counted) = (Sums::default(), HashSet::new());
        let take = |path, content, (items, units): table::Held| {
            let comparable = items.into_iter().filter_map(|(item, own)| {
                let vector = units.get(own).and_then(item_vector)?;
                Some(EmbeddedItem { item, vector })
            });
            let items: Vec<EmbeddedItem> = comparable.collect();
            if counted.insert(content) {
                let fitting = items.iter().filter(|embedded| embedded.vector.len() == model.hidden());
                fitting.for_each(|EmbeddedItem { item, vector }| sums.add(item.language, vector));
            }
            listing.add(path, &items);
        };
        let loaded = match table::known_root(&self.connection, &root, &model.info().id) {
            Ok(Some(number)) => table::load(&self.connection, number, take),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        loaded.map_err(|error| self.trouble(error))?;
        Ok(listing.gallery(root.into(), sums.centre()))
    }
}

/// The items of files, listed in the order of their paths.
struct Listing {
    paths: Vec<PathBuf>,
    items: Vec<Entry>,
    facts: Vec<Fact>,
    names: HashMap<String, u32>,
    rows: Rows,
    width: usize,
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
        }
    }

    /// Adds a file, whose path comes after all that are there. Items with vectors of another width are left out.
    fn add(&mut self, path: PathBuf, own: &[EmbeddedItem]) {
        let mut around: Vec<usize> = Vec::new();
        for EmbeddedItem { item, vector } in own.iter().filter(|embedded| embedded.vector.len() == self.width) {
            self.rows.push(vector);
            let next = self.names.len() as u32;
            let name = likeness::words(&item.name).map(|name| *self.names.entry(name).or_insert(next));
            // An outer item stands before those inside it.
            around.truncate(enclosing(&around, &self.items, item));
            let test = match around.last() {
                Some(outer) => self.facts[*outer].test || is_test_item(item),
                None => is_test_file(&path, item.language) || is_test_item(item),
            };
            self.facts.push(Fact {
                path: self.paths.len() as u32,
                name: name.unwrap_or(ONE_WORD),
                language: item.language,
                kind: item.kind,
                test,
            });
            self.items.push(Entry {
                item: item.clone(),
                around: around.last().copied(),
            });
            around.push(self.items.len() - 1);
        }
        self.paths.push(path);
    }

    /// All of it, with what its languages have in common.
    fn gallery(mut self, root: Arc<Path>, centre: Centre) -> Gallery {
        let mut vector = Vec::with_capacity(self.width);
        let length = |(index, fact): (usize, &Fact)| {
            vector.clear();
            vector.extend(self.rows.row(index));
            inverse_length(&vector, centre.mean(fact.language))
        };
        let spread = self.facts.iter().enumerate().map(length).collect();
        self.items.shrink_to_fit();
        self.facts.shrink_to_fit();
        self.rows.shrink_to_fit();
        Gallery {
            root,
            paths: self.paths,
            items: self.items,
            facts: self.facts,
            names: self.names,
            rows: self.rows,
            spread,
            centre,
        }
    }
}

impl Gallery {
    /// Items that stand in no index, such as those of open documents; `files` in the order of their paths. What languages have in common
    /// is taken from `centre`; a language that it does not know is centred by the items themselves.
    pub fn of_items(files: &[(PathBuf, &[EmbeddedItem])], centre: &Centre, width: usize) -> Gallery {
        let all = files.iter().flat_map(|(_, items)| items.iter());
        let fitting = all.filter(|embedded| embedded.vector.len() == width);
        let own = Centre::of(fitting.map(|EmbeddedItem { item, vector }| (item.language, &**vector)));
        let mut listing = Listing::new(width);
        for (path, items) in files {
            listing.add(path.clone(), items);
        }
        listing.gallery(PathBuf::new().into(), centre.clone().or(own))
    }

    /// What its languages have in common.
    pub fn centre(&self) -> &Centre {
        &self.centre
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The folder they are of.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file below the folder and the name of each item.
    pub fn named(&self) -> impl Iterator<Item = (&Path, &str)> {
        let places = self.facts.iter().zip(&self.items);
        places.map(|(fact, entry)| (&*self.paths[fact.path as usize], &*entry.item.name))
    }

    /// Whether an item is looked at.
    pub(super) fn allowed(&self, filter: &Filter) -> impl Fn(usize) -> bool {
        let paths: Vec<bool> = self.paths.iter().map(|path| filter.takes_file(path)).collect();
        move |index| {
            let Fact {
                path,
                language,
                kind,
                test,
                ..
            } = self.facts[index];
            paths[path as usize] && filter.takes_item(language, kind, test)
        }
    }

    pub(super) fn found(&self, nearest: Vec<(usize, f32)>) -> Vec<Found> {
        let found = |(index, score): (usize, f32)| Found {
            root: Arc::clone(&self.root),
            path: self.paths[self.facts[index].path as usize].clone(),
            item: self.items[index].item.clone(),
            score: score.clamp(-1.0, 1.0),
            link: None,
        };
        nearest.into_iter().map(found).collect()
    }
}

impl Gallery {
    /// The vector of an item without the mean of its language, of unit length, or zeros where nothing is left.
    pub(super) fn own(&self, index: usize) -> Vec<f32> {
        let mut vector: Vec<f32> = self.rows.row(index).collect();
        let scale = self.spread[index];
        match self.centre.mean(self.items[index].item.language) {
            Some(mean) => vector.iter_mut().zip(mean).for_each(|(v, m)| *v = (*v - m) * scale),
            None => vector.iter_mut().for_each(|v| *v *= scale),
        }
        vector
    }

    /// The items nearest to a vector of unit length without the mean of its language; `needed` tells from which score an item counts,
    /// if it does.
    pub(super) fn near(
        &self,
        query: &[f32],
        count: usize,
        needed: impl Fn(usize) -> Option<f32> + Sync,
    ) -> Vec<(usize, f32)> {
        // So that the rows need not be kept once more without their means.
        let taken = self.centre.along(query);
        let judge = |index: usize| {
            let from = needed(index)?;
            let scale = self.spread[index];
            let offset = -taken(self.facts[index].language) * scale;
            Some(Judge { scale, offset, from })
        };
        self.rows.nearest(query, count, judge)
    }
}

impl Collection for Gallery {
    fn similar(&self, asked: &Asked, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        let mut query = asked.vector.to_vec();
        self.centre.apply(asked.item.language, &mut query);
        let asked_name = likeness::words(&asked.item.name).and_then(|name| self.names.get(&name).copied());
        let own = asked
            .path
            .and_then(|own| self.paths.binary_search_by(|path| path.as_path().cmp(own)).ok());
        let allowed = self.allowed(filter);
        let needed = |index: usize| {
            let fact = &self.facts[index];
            let file = own == Some(fact.path as usize);
            let overlaps = || {
                let item = &self.items[index].item;
                item.start.byte < asked.item.end.byte && asked.item.start.byte < item.end.byte
            };
            if !allowed(index) || (file && overlaps()) {
                return None;
            }
            let Some(base) = asked.base else {
                return Some(f32::NEG_INFINITY);
            };
            let language = fact.language == asked.item.language;
            let name = Some(fact.name) == asked_name;
            Some(likeness::needed(base, Ties { file, language, name }))
        };
        Ok(self.found(self.near(&query, count, needed)))
    }

    fn search(&self, query: &[f32], filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        let allowed = self.allowed(filter);
        let judge = |index: usize| allowed(index).then_some(Judge::PRODUCT);
        Ok(self.found(self.rows.nearest(query, count, judge)))
    }

    fn len(&self) -> Result<usize, IndexError> {
        Ok(Gallery::len(self))
    }
}

/// How many of the items, each around the next, are around one that follows them.
fn enclosing(around: &[usize], items: &[Entry], item: &IndexedItem) -> usize {
    let holds = |outer: &&usize| item.end.byte <= items[**outer].item.end.byte;
    around.iter().take_while(holds).count()
}

/// 1 / |v - m|, or 0 where hardly anything is left, which says nothing.
pub(super) fn inverse_length(vector: &[f32], mean: Option<&[f32]>) -> f32 {
    let squares: f32 = match mean {
        Some(mean) => vector.iter().zip(mean).map(|(v, m)| (v - m).powi(2)).sum(),
        None => dot(vector, vector),
    };
    let length = squares.sqrt();
    if length > 1e-2 { length.recip() } else { 0.0 }
}
