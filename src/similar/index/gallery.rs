//! The items of an indexed folder in memory, language-centred, to be searched.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::{Centre, Rows};
use super::reading::item_vector;
use super::{Index, IndexError, IndexedItem, renew, table};
use crate::model::{Keep, Model, ModelError, Packed, UNSTOPPED};
use crate::segment::ItemKind;
use crate::text::{ByteRange, Language};

/// The items of a folder. Items that are too short or too little understood to be compared are not among them.
#[derive(Debug, Default)]
pub struct Gallery {
    root: PathBuf,
    paths: Vec<PathBuf>,
    /// Each with the number of its path.
    items: Vec<(usize, IndexedItem)>,
    rows: Rows,
    centre: Centre,
}

/// An item that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit<'a> {
    /// Its file, below the folder.
    pub path: &'a Path,
    /// The item.
    pub item: &'a IndexedItem,
    /// Language-centred cosine, -1 to 1.
    pub score: f32,
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
    /// No item of this file that overlaps this range, as the one that is asked about does.
    pub apart_from: Option<(PathBuf, ByteRange)>,
    /// Only items at least so near.
    pub threshold: Option<f32>,
}

impl Index {
    /// Loads the items of a folder as a model reads them.
    ///
    /// # Errors
    /// What the file reports.
    pub fn gallery(&self, model: &Model, root: &Path) -> Result<Gallery, IndexError> {
        let root = renew::canonical(root)?;
        let loaded = table::root(&self.connection, &root, &model.info().id)
            .and_then(|number| table::load(&self.connection, number))
            .map_err(|error| self.trouble(error))?;
        Ok(Gallery::of(root, loaded, model.hidden()))
    }
}

impl Gallery {
    fn of(root: PathBuf, loaded: table::Loaded, width: usize) -> Gallery {
        // Contents that several files have are made of once, and count once for the mean of their language: copies are no news.
        let comparable = |(content, items): (i64, Vec<(IndexedItem, std::ops::Range<usize>)>)| {
            let units = loaded.units.get(&content)?;
            let comparable = items.into_iter().filter_map(|(item, own)| {
                let vector = units.get(own).and_then(item_vector)?;
                (vector.len() == width).then_some((item, vector))
            });
            Some((content, comparable.collect::<Vec<_>>()))
        };
        let contents: HashMap<i64, Vec<_>> = loaded.items.into_iter().filter_map(comparable).collect();
        let centre = Centre::of(
            contents
                .values()
                .flatten()
                .map(|(item, vector)| (item.language, &**vector)),
        );
        let (mut paths, mut items, mut rows) = (Vec::new(), Vec::new(), Rows::new(width));
        for (path, content) in loaded.files {
            for (item, vector) in contents.get(&content).into_iter().flatten() {
                let mut vector = vector.to_vec();
                centre.apply(item.language, &mut vector);
                rows.push(&vector);
                items.push((paths.len(), item.clone()));
            }
            paths.push(path);
        }
        Gallery {
            root,
            paths,
            items,
            rows,
            centre,
        }
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

    /// What resembles an item with this vector, of unit length and not centred; best first, equal ones by path and place.
    pub fn similar(&self, language: Language, vector: &[f32], filter: &Filter, count: usize) -> Vec<Hit<'_>> {
        let mut query = vector.to_vec();
        self.centre.apply(language, &mut query);
        self.nearest(&query, filter, count)
    }

    /// What is about the same as a text, such as a question in prose.
    ///
    /// # Errors
    /// What the model reports.
    pub fn search(&self, model: &Model, text: &str, filter: &Filter, count: usize) -> Result<Vec<Hit<'_>>, ModelError> {
        let mut tokens = model.tokenize(text, Language::Prose)?;
        // A question longer than the window is asked by what of it fits.
        if tokens.ids.len() > model.window() {
            let closing = tokens.ids.len() - 1;
            tokens.ids.drain(model.window() - 1..closing);
        }
        let batch = Packed::new([tokens.ids.as_slice()]);
        let traces = model.encoder().forward(&batch, Keep::LastHidden, UNSTOPPED)?;
        let Some(trace) = traces.first() else {
            return Ok(Vec::new());
        };
        let mut query = model.pool(trace)?;
        super::super::vector::normalise(&mut query);
        Ok(self.nearest(&query, filter, count))
    }

    fn nearest(&self, query: &[f32], filter: &Filter, count: usize) -> Vec<Hit<'_>> {
        let allowed: Vec<bool> = self
            .paths
            .iter()
            .map(|path| filter.below.as_ref().is_none_or(|below| path.starts_with(below)))
            .collect();
        let own = filter.apart_from.as_ref().and_then(|(own, range)| {
            let number = self.paths.iter().position(|path| path == own)?;
            Some((number, range))
        });
        let wanted = |index: usize| {
            let (path, item) = &self.items[index];
            let overlaps = |range: &ByteRange| item.start.byte < range.end && range.start < item.end.byte;
            allowed[*path]
                && (filter.languages.is_empty() || filter.languages.contains(&item.language))
                && (filter.kinds.is_empty() || filter.kinds.contains(&item.kind))
                && own
                    .as_ref()
                    .is_none_or(|(number, range)| number != path || !overlaps(range))
        };
        let found = self.rows.nearest(query, count, wanted);
        let near = found
            .into_iter()
            .filter(|(_, score)| filter.threshold.is_none_or(|least| *score >= least));
        near.map(|(index, score)| {
            let (path, item) = &self.items[index];
            Hit {
                path: &self.paths[*path],
                item,
                score: score.clamp(-1.0, 1.0),
            }
        })
        .collect()
    }
}
