//! Items of the open documents with their neighbors, at one point in time.
//! Neighbors come from open documents, the workspace and the team's store.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::queue::lock;
use super::remote_index::RemoteIndexClient;
use super::shown::{Shown, ShownFile, View};
use super::workspace::{MAX_FOUND, Workspace};
use super::{DocumentId, DocumentReport, Home, ItemNeighbors, Neighbor};
use crate::segment::{Item, ItemKind};
use crate::similar::decision::Detail;
use crate::similar::index::{
    Asked, Collection, EmbeddedItem, Filter, Found, IndexedItem, Query, VectorIndex, Without, folded, item_fingerprint,
    item_words, search_in,
};
use crate::similar::{Center, Part, embed, thresholds, units_of};
use crate::text::{PositionEncoding, Snapshot};

/// Maximum number of neighbors of an item among the open documents. Readers do not look further, and generated code has endless
/// neighbors.
const MAX_NEIGHBORS: usize = 64;

/// The item vectors of one complete report.
#[derive(Debug)]
pub struct DocumentVectors {
    id: DocumentId,
    version: i32,
    /// The text that contains the items.
    snapshot: Snapshot,
    items: Vec<EmbeddedItem>,
}

/// Moves an offset in the indentation to the first character of the line.
/// A cursor there means the item that begins on the line.
pub fn past_indentation(snapshot: &Snapshot, offset: usize) -> usize {
    let line = snapshot.position(offset, PositionEncoding::Utf8).line;
    let range = snapshot.line_range(line as usize);
    let text = snapshot.text(range.clone());
    match text.find(|c: char| !c.is_whitespace()) {
        Some(first) => offset.max(range.start + first),
        None => offset,
    }
}

/// The vector of an item from the reports of its units; `None` if it cannot be compared ([`embed`]).
pub fn item_vector(report: &DocumentReport, index: usize) -> Option<Arc<[f32]>> {
    let own = units_of(&report.segments, index);
    let parts: Vec<Part> = own
        .iter()
        .filter_map(|unit| report.units.get(*unit)?.as_deref())
        .map(|unit| (unit, unit.read_by_chosen()))
        .map(|(unit, read)| Part {
            embedding: &unit.embedding,
            tokens: read.tokens,
            coverage: read.coverage,
        })
        .collect();
    embed(&parts)
}

/// The items of a complete report, in its order; items that cannot be compared get a zero vector.
pub fn embedded_items(report: &DocumentReport) -> Vec<EmbeddedItem> {
    let width = report.units.iter().flatten().map(|unit| unit.embedding.len()).next();
    let zeros: Arc<[f32]> = vec![0.0; width.unwrap_or_default()].into();
    let text = report.snapshot.rope().to_string();
    let embedded = |(index, item): (usize, &Item)| EmbeddedItem {
        item: IndexedItem::of(&report.snapshot, item),
        // A search can still find it by its words.
        vector: item_vector(report, index).unwrap_or_else(|| zeros.clone()),
        words: item_words(&text, &report.segments, index),
        fingerprint: item_fingerprint(&text, &report.segments, index, report.snapshot.language()),
    };
    report.segments.items.iter().enumerate().map(embedded).collect()
}

impl DocumentVectors {
    /// The vectors of a complete report's items.
    pub fn of(report: &DocumentReport) -> DocumentVectors {
        let items = embedded_items(report);
        DocumentVectors {
            id: report.id.clone(),
            version: report.snapshot.version(),
            snapshot: report.snapshot.clone(),
            items,
        }
    }
}

impl DocumentVectors {
    /// Indexes of the items that can be compared.
    fn comparable(&self) -> impl Iterator<Item = usize> {
        (0..self.items.len()).filter(|at| self.items[*at].is_comparable())
    }
}

/// The contribution of an open document to the lenses.
pub struct Opened {
    /// Its items.
    pub vectors: Arc<DocumentVectors>,
    /// The file that the document shows, by its canonical path. The document is newer than the indexed file.
    pub file: Option<ShownFile>,
}

/// The paths under which a search knows the open documents: those of their files below the open folders, as in the index, so that filters of
/// paths and the rules for tests mean the same. A second view of a file has its URI.
#[derive(Default)]
struct Places {
    paths: HashMap<DocumentId, PathBuf>,
    documents: HashMap<PathBuf, DocumentId>,
}

impl Places {
    fn new<'a>(
        documents: impl Iterator<Item = &'a DocumentId>,
        files: &[(DocumentId, ShownFile)],
        roots: &[PathBuf],
    ) -> Places {
        let mut places = Places::default();
        // Files before their other views.
        let is_view = |file: &ShownFile| file.view != View::File;
        let mut named: Vec<(&DocumentId, &ShownFile)> = files.iter().map(|(id, file)| (id, file)).collect();
        named.sort_by_key(|(_, file)| is_view(file));
        for (id, file) in named {
            let below = roots.iter().filter_map(|root| file.path.strip_prefix(root).ok());
            // Of nested folders the innermost.
            let below = below.min_by_key(|path| path.as_os_str().len());
            let path = below.or(file.path.file_name().map(Path::new));
            if let Some(path) = path.filter(|path| !places.documents.contains_key(*path)) {
                places.add(id, path.to_owned());
            }
        }
        for id in documents {
            if !places.paths.contains_key(id) {
                places.add(id, PathBuf::from(&**id));
            }
        }
        places
    }

    fn add(&mut self, id: &DocumentId, path: PathBuf) {
        self.documents.insert(path.clone(), id.clone());
        self.paths.insert(id.clone(), path);
    }

    fn of<'a>(&'a self, id: &'a DocumentId) -> &'a Path {
        self.paths.get(id).map_or(Path::new(&**id), PathBuf::as_path)
    }

    fn at(&self, path: &Path) -> Option<&str> {
        self.documents.get(path).map(|id| &**id)
    }
}

/// All items that can be compared, and the neighbors that were requested so far.
pub struct Lenses {
    documents: BTreeMap<DocumentId, Arc<DocumentVectors>>,
    /// The path of each document in `open`.
    places: Places,
    shown: Shown,
    open: VectorIndex,
    workspace: Arc<Workspace>,
    team: Option<Arc<RemoteIndexClient>>,
    threshold: f32,
    detail: Detail,
    /// What was found for each document. New lenses begin without it, so that it is never older than the items.
    found: Mutex<HashMap<DocumentId, FoundFor>>,
}

/// What was found for one document.
#[derive(Default)]
struct FoundFor {
    /// The neighbors of each item in the open documents.
    beside: Option<Arc<Vec<Vec<Neighbor>>>>,
    /// The neighbors from all places, once nothing lacks.
    complete: Option<Arc<Vec<ItemNeighbors>>>,
    /// What the last answer did not contain.
    lacking: Lacking,
}

/// Where neighbors of a document's items are not searched yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lacking {
    /// In the open folders.
    pub workspace: bool,
    /// In the team's store.
    pub store: bool,
}

impl Default for Lenses {
    fn default() -> Lenses {
        Lenses::new(
            Vec::new(),
            &[],
            Arc::default(),
            &Center::default(),
            None,
            thresholds::DEFAULT,
            Detail::default(),
        )
    }
}

impl Lenses {
    /// The items of all open documents, in addition to those of the workspace; `roots` are the canonical paths of the open folders.
    /// Vectors are centered with `center`, or with the open documents for languages that `center` does not know.
    pub fn new(
        opened: Vec<Opened>,
        roots: &[PathBuf],
        workspace: Arc<Workspace>,
        center: &Center,
        team: Option<Arc<RemoteIndexClient>>,
        threshold: f32,
        detail: Detail,
    ) -> Lenses {
        let (mut documents, mut files) = (BTreeMap::new(), Vec::new());
        for Opened { vectors, file } in opened {
            files.extend(file.map(|file| (vectors.id.clone(), file)));
            documents.insert(vectors.id.clone(), vectors);
        }
        files.sort_by(|a, b| a.0.cmp(&b.0));
        let places = Places::new(documents.keys(), &files, roots);
        let shown = Shown::new(files, |path| workspace.has_file(path));
        let mut listed: Vec<_> = documents
            .iter()
            .map(|(id, document)| (places.of(id).to_owned(), &*document.items))
            .collect();
        // Paths are ordered by component, unlike text.
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        let width = listed.iter().find_map(|(_, items)| Some(items.first()?.vector.len()));
        let open = VectorIndex::of_items(&listed, center, width.unwrap_or_default());
        Lenses {
            documents,
            places,
            shown,
            open,
            workspace,
            team,
            threshold,
            detail,
            found: Mutex::default(),
        }
    }

    /// The mean vector per language, which the scores subtract.
    pub fn center(&self) -> &Center {
        self.open.center()
    }

    /// The items of a document with their neighbors; `None` if this version's items are not known.
    /// Neighbors in the workspace are included once [`Lenses::find_neighbors`] has searched them.
    pub fn neighbors(&self, id: &DocumentId, version: i32) -> Option<Arc<Vec<ItemNeighbors>>> {
        let document = self.known(id, version)?;
        if let Some(complete) = self.found(id, |found| found.complete.clone()) {
            return Some(complete);
        }
        let beside = self.beside(document);
        let mut lacking = Lacking::default();
        let mut found = Vec::new();
        for at in document.comparable() {
            let open = &beside[at];
            let asked = self.asked(document, at, false);
            let elsewhere = self.workspace.known(&asked);
            let store = self
                .team
                .as_ref()
                .map_or_else(|| Some(Arc::default()), |team| team.known(&asked));
            lacking.workspace |= elsewhere.is_none();
            lacking.store |= store.is_none();
            let (elsewhere, store) = (elsewhere.unwrap_or_default(), store.unwrap_or_default());
            found.extend(self.merge((id, at), open.clone(), &elsewhere, &store));
        }
        let found = Arc::new(found);
        self.found(id, |known| {
            known.complete = (lacking == Lacking::default()).then(|| found.clone());
            known.lacking = lacking;
        });
        Some(found)
    }

    /// Reads or changes what was found for a document.
    fn found<T>(&self, id: &DocumentId, with: impl FnOnce(&mut FoundFor) -> T) -> T {
        with(lock(&self.found).entry(id.clone()).or_default())
    }

    /// What the last answer about the neighbors of a document did not contain.
    pub fn lacking(&self, id: &DocumentId) -> Lacking {
        self.found(id, |found| found.lacking)
    }

    /// The questions about a document for a store: one per item.
    pub fn questions(&self, id: &DocumentId) -> impl Iterator<Item = Asked<'_>> {
        let document = self.documents.get(id).into_iter();
        document.flat_map(|document| document.comparable().map(|at| self.asked(document, at, false)))
    }

    /// The items around an offset with their neighbors, innermost first; `None` if this version's items are not known.
    pub fn neighbors_at(&self, id: &DocumentId, version: i32, offset: usize) -> Option<Vec<ItemNeighbors>> {
        let document = self.known(id, version)?;
        let offset = past_indentation(&document.snapshot, offset);
        let range = |at: usize| {
            let item = &document.items[at].item;
            item.start.byte..item.end.byte
        };
        let around = |at: &usize| range(*at).start <= offset && offset <= range(*at).end;
        let mut around: Vec<usize> = document.comparable().filter(around).collect();
        around.sort_by_key(|at| range(*at).len());
        let found = around.into_iter().filter_map(|at| {
            let open = self.near(document, at);
            let asked = self.asked(document, at, false);
            let elsewhere = self.workspace.similar(&asked);
            let store = self.team.as_ref().and_then(|team| team.known(&asked));
            self.merge((id, at), open, &elsewhere, &store.unwrap_or_default())
        });
        Some(found.collect())
    }

    /// Searches the workspace for neighbors of each item of a document until `enough` returns true. Returns whether all items are
    /// searched.
    pub fn find_neighbors(&self, id: &DocumentId, enough: impl Fn() -> bool) -> bool {
        let Some(document) = self.documents.get(id) else {
            return true;
        };
        for at in document.comparable() {
            let asked = self.asked(document, at, false);
            if self.workspace.known(&asked).is_some() {
                continue;
            }
            if enough() {
                return false;
            }
            self.workspace.similar(&asked);
        }
        true
    }

    /// Items in the open documents and the workspace that match a query, best first. The caller passes the current workspace, which may be
    /// newer than that of the lenses.
    pub fn search(&self, workspace: &Workspace, query: &Query, filter: &Filter, count: usize) -> Vec<Neighbor> {
        let around = workspace.surroundings(query, filter);
        let open = search_in(&self.open, query, filter, count, (Without::default(), around))
            .into_iter()
            .filter(|found| self.holds_phrases(found, &query.phrases));
        let mut found: Vec<Neighbor> = open.filter_map(|found| self.open_item(found)).collect();
        // Items of open files come from their documents and not from the index.
        let more = count + MAX_FOUND;
        let elsewhere = workspace.search(query, filter, more);
        found.extend(elsewhere.into_iter().filter_map(|found| self.closed_item(&found)));
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(count);
        found
    }

    /// Items of the workspace that match a query, best first.
    /// For query models that have not read the open documents: an item of an open document is looked up there by its name.
    pub fn search_indexed(&self, workspace: &Workspace, query: &Query, filter: &Filter, count: usize) -> Vec<Neighbor> {
        let found = workspace.search(query, filter, count + MAX_FOUND);
        let here = |found: &Found| self.closed_item(found).or_else(|| self.item_as_open(found));
        found.iter().filter_map(here).take(count).collect()
    }

    fn item_as_open(&self, found: &Found) -> Option<Neighbor> {
        let path = found.root.join(&found.path);
        let same = |own: &&EmbeddedItem| (own.item.kind, &own.item.name) == (found.item.kind, &found.item.name);
        self.shown.holders(&path).iter().find_map(|id| {
            let (id, document) = self.documents.get_key_value(id)?;
            let items = document.items.iter().filter(same);
            let nearest = items.min_by_key(|own| own.item.start.line.abs_diff(found.item.start.line))?;
            Some(Neighbor {
                home: Home::Document {
                    id: id.clone(),
                    version: document.version,
                },
                item: nearest.item.clone(),
                container: found.container.clone(),
                score: found.score,
                why: found.why.clone(),
            })
        })
    }

    /// The documents that contain the items.
    pub fn documents(&self) -> impl Iterator<Item = &DocumentId> {
        self.documents.keys()
    }

    fn known(&self, id: &DocumentId, version: i32) -> Option<&Arc<DocumentVectors>> {
        self.documents.get(id).filter(|document| document.version == version)
    }

    /// The neighbors of each item in the open documents; computed once.
    fn beside(&self, document: &DocumentVectors) -> Arc<Vec<Vec<Neighbor>>> {
        if let Some(beside) = self.found(&document.id, |found| found.beside.clone()) {
            return beside;
        }
        let found = (0..document.items.len()).map(|at| match document.items[at].is_comparable() {
            true => self.near(document, at),
            false => Vec::new(),
        });
        let found: Arc<Vec<_>> = Arc::new(found.collect());
        self.found(&document.id, |known| known.beside = Some(found.clone()));
        found
    }

    fn near(&self, document: &DocumentVectors, at: usize) -> Vec<Neighbor> {
        let asked = self.asked(document, at, true);
        let found = self.open.similar(&asked, &Filter::default(), MAX_NEIGHBORS);
        let found = found.unwrap_or_default().into_iter();
        let found = found.filter_map(|found| self.open_item(found));
        // Items of the same file under another name are no news.
        let other = |near: &Neighbor| match &near.home {
            Home::Document { id, .. } => !self.shown.same(id, &document.id),
            _ => true,
        };
        found.filter(other).collect()
    }

    /// The question for neighbors of an item: `among_open` excludes its own place among the open documents.
    fn asked<'a>(&'a self, document: &'a DocumentVectors, at: usize, among_open: bool) -> Asked<'a> {
        let EmbeddedItem { item, vector, .. } = &document.items[at];
        let path = self.places.of(&document.id);
        Asked {
            path: among_open.then_some(path),
            item,
            vector,
            base: Some(self.threshold),
            known: match self.detail {
                Detail::Useful => self.open.known(path, item),
                Detail::All => None,
            },
        }
    }

    fn merge(
        &self,
        (document, item): (&DocumentId, usize),
        mut open: Vec<Neighbor>,
        elsewhere: &[Found],
        store: &[Found],
    ) -> Option<ItemNeighbors> {
        let own = self.shown.path(document);
        let closed = elsewhere.iter().filter_map(|found| self.closed_item(found));
        open.extend(closed.filter(|near| !matches!(&near.home, Home::File(path) if self.shown.shows(document, path))));
        let copies = |near: &Neighbor| match &near.home {
            Home::Store { path, .. } => own.is_some_and(|own| own.ends_with(path)),
            _ => false,
        };
        open.extend(self.of_store(store).filter(|near| !copies(near)));
        open.sort_by(|a, b| b.score.total_cmp(&a.score));
        let neighbors = open;
        (!neighbors.is_empty()).then_some(ItemNeighbors { item, neighbors })
    }

    fn open_item(&self, found: Found) -> Option<Neighbor> {
        let (id, document) = self.documents.get_key_value(self.places.at(&found.path)?)?;
        if self.shown.is_double(id) {
            return None;
        }
        Some(Neighbor {
            home: Home::Document {
                id: id.clone(),
                version: document.version,
            },
            item: found.item,
            container: found.container,
            score: found.score,
            why: found.why,
        })
    }

    /// Whether the text of an item in an open document contains all phrases.
    fn holds_phrases(&self, found: &Found, phrases: &[String]) -> bool {
        let document = self.places.at(&found.path).and_then(|id| self.documents.get(id));
        document.is_some_and(|document| {
            let own = folded(&document.snapshot.text(found.item.start.byte..found.item.end.byte));
            phrases.iter().all(|phrase| own.contains(phrase))
        })
    }

    /// The results from a store, without items that the open folders contain in a newer state.
    pub fn of_store(&self, found: &[Found]) -> impl Iterator<Item = Neighbor> {
        let elsewhere = found.iter().filter(|found| !self.holds(&found.path, &found.item.name));
        elsewhere.map(|found| Neighbor {
            home: Home::Store {
                folder: found.root.clone(),
                path: found.path.clone(),
                link: found.link.clone(),
            },
            item: found.item.clone(),
            container: found.container.clone(),
            score: found.score,
            why: found.why.clone(),
        })
    }

    /// Whether an open document or folder has a file at this path with this item.
    /// The path may be a suffix, since the store may have indexed the folder from a deeper root.
    fn holds(&self, path: &Path, name: &str) -> bool {
        let named = |id: &DocumentId| {
            let items = self.documents.get(id).into_iter().flat_map(|document| &document.items);
            items.map(|embedded| &*embedded.item.name).any(|own| own == name)
        };
        let open = self.shown.held().any(|(file, id)| file.ends_with(path) && named(id));
        open || self.workspace.holds(path, name)
    }

    fn closed_item(&self, found: &Found) -> Option<Neighbor> {
        let path = found.root.join(&found.path);
        // The document's item replaces the indexed one. Of an open notebook, only some cells may be open.
        let holds = |id: &DocumentId| {
            let items = self.documents.get(id).into_iter().flat_map(|document| &document.items);
            let same = |own: &EmbeddedItem| (own.item.kind, &own.item.name) == (found.item.kind, &found.item.name);
            self.shown.is_whole(id) || items.into_iter().any(same)
        };
        let older = found.item.kind != ItemKind::File && self.shown.holders(&path).iter().any(holds);
        (!older).then(|| Neighbor {
            home: Home::File(path),
            item: found.item.clone(),
            container: found.container.clone(),
            score: found.score,
            why: found.why.clone(),
        })
    }
}
