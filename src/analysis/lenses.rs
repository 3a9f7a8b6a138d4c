//! The items of the open documents with their neighbours, of one moment.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::queue::lock;
use super::{DocumentId, DocumentReport, ItemNeighbours, Neighbour};
use crate::segment::{Item, ItemKind};
use crate::similar::{ItemVector, Part, Space, embed};
use crate::text::ByteRange;

/// The most neighbours kept of one item: nobody reads further, and generated code resembles itself without end.
const MAX_NEIGHBOURS: usize = 64;

/// The items of one complete report that can be compared.
#[derive(Debug)]
pub struct DocumentVectors {
    id: DocumentId,
    version: i32,
    items: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    item: usize,
    name: String,
    kind: ItemKind,
    name_range: ByteRange,
    vector: ItemVector,
}

/// The vector of an item by the reports of its units; `None` where it cannot be compared ([`embed`]).
pub fn item_vector(report: &DocumentReport, item: &Item) -> Option<ItemVector> {
    let units = report.units.get(item.units.clone())?;
    let parts: Vec<Part> = units
        .iter()
        .flatten()
        .map(|unit| Part {
            embedding: &unit.embedding,
            tokens: unit.tokens,
            coverage: unit.coverage,
        })
        .collect();
    Some(ItemVector {
        document: report.id.clone(),
        range: item.range.clone(),
        language: report.snapshot.language(),
        vector: embed(&parts)?,
    })
}

impl DocumentVectors {
    /// The vectors of a complete report's items.
    pub fn of(report: &DocumentReport) -> DocumentVectors {
        let mut items = Vec::new();
        for (index, item) in report.segments.items.iter().enumerate() {
            let Some(vector) = item_vector(report, item) else {
                continue;
            };
            let (name, name_range) = (item.name.clone(), item.name_range.clone());
            items.push(Entry {
                item: index,
                name,
                kind: item.kind,
                name_range,
                vector,
            });
        }
        DocumentVectors {
            id: report.id.clone(),
            version: report.snapshot.version(),
            items,
        }
    }
}

/// All items that can be compared, and the neighbours that were asked for so far.
#[derive(Default)]
pub struct Lenses {
    entries: Vec<Entry>,
    documents: HashMap<DocumentId, (i32, Range<usize>)>,
    space: Space,
    threshold: f32,
    found: Mutex<HashMap<DocumentId, Arc<Vec<ItemNeighbours>>>>,
}

impl Lenses {
    /// The items of all documents, centred anew.
    pub fn new(mut vectors: Vec<Arc<DocumentVectors>>, threshold: f32) -> Lenses {
        vectors.sort_by(|a, b| a.id.cmp(&b.id));
        let mut entries = Vec::new();
        let mut documents = HashMap::new();
        for document in &vectors {
            let start = entries.len();
            entries.extend(document.items.iter().cloned());
            documents.insert(document.id.clone(), (document.version, start..entries.len()));
        }
        let space = Space::new(entries.iter().map(|entry| entry.vector.clone()).collect());
        Lenses {
            entries,
            documents,
            space,
            threshold,
            found: Mutex::default(),
        }
    }

    /// The items of a document that resemble others; `None` where this version's items are not known. Computed once.
    pub fn neighbours(&self, id: &DocumentId, version: i32) -> Option<Arc<Vec<ItemNeighbours>>> {
        let (known, range) = self.documents.get(id)?;
        if *known != version {
            return None;
        }
        if let Some(found) = lock(&self.found).get(id) {
            return Some(found.clone());
        }
        let found: Arc<Vec<_>> = Arc::new(range.clone().filter_map(|index| self.of(index)).collect());
        lock(&self.found).insert(id.clone(), found.clone());
        Some(found)
    }

    /// The items of a document around an offset that resemble others, the innermost first; `None` where this version's items are
    /// not known.
    pub fn neighbours_at(&self, id: &DocumentId, version: i32, offset: usize) -> Option<Vec<ItemNeighbours>> {
        let (known, range) = self.documents.get(id)?;
        if *known != version {
            return None;
        }
        let place = |index: usize| &self.entries[index].vector.range;
        let around = |index: &usize| place(*index).start <= offset && offset <= place(*index).end;
        let mut around: Vec<usize> = range.clone().filter(around).collect();
        around.sort_by_key(|index| place(*index).len());
        Some(around.into_iter().filter_map(|index| self.of(index)).collect())
    }

    /// The documents whose items these are.
    pub fn documents(&self) -> impl Iterator<Item = &DocumentId> {
        self.documents.keys()
    }

    fn of(&self, index: usize) -> Option<ItemNeighbours> {
        let near = self.space.neighbours(index, self.threshold, MAX_NEIGHBOURS);
        let neighbours: Vec<Neighbour> = near
            .into_iter()
            .filter_map(|(other, score)| self.name(other, score))
            .collect();
        (!neighbours.is_empty()).then(|| ItemNeighbours {
            item: self.entries[index].item,
            neighbours,
        })
    }

    fn name(&self, index: usize, score: f32) -> Option<Neighbour> {
        let entry = &self.entries[index];
        let id = &entry.vector.document;
        let (version, _) = self.documents.get(id)?;
        Some(Neighbour {
            id: id.clone(),
            version: *version,
            name: entry.name.clone(),
            kind: entry.kind,
            language: entry.vector.language,
            range: entry.vector.range.clone(),
            name_range: entry.name_range.clone(),
            score,
        })
    }
}
