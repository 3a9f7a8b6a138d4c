//! An index of a folder: tests by subject, and the folder that they share.

mod contents;
mod copies;
mod groups;
mod hostile;
mod queries;
mod renewals;
mod versions;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::*;
use crate::model::{Model, UNSTOPPED, default_source};
use crate::similar::thresholds;

static MODEL: LazyLock<Model> = LazyLock::new(|| Model::load(&default_source()).unwrap());

/// A folder with files, and its index.
struct Bench {
    root: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            root: tempfile::tempdir().unwrap(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    /// Writes a file with an old timestamp, so that its stamp is trusted.
    fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        // The time depends on the text, because a second write would also change the time.
        let seconds = 1_000_000 + text.bytes().map(u64::from).sum::<u64>();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
    }

    fn index(&self) -> Index {
        Index::open(self.cache.path()).unwrap()
    }

    fn renew(&self) -> Renewal {
        self.index()
            .renew(&MODEL, self.root.path(), &Limits::default(), UNSTOPPED, |_| {})
            .unwrap()
    }

    fn vector_index(&self) -> VectorIndex {
        self.index().vector_index(&MODEL, self.root.path()).unwrap()
    }

    /// The names of all items that a search finds.
    fn names(&self) -> Vec<String> {
        let vector_index = self.vector_index();
        let hits = search(&vector_index, "anything", &Filter::default(), 1000);
        let items = hits.iter().filter(|hit| hit.item.kind != ItemKind::File);
        let mut names: Vec<String> = items.map(|hit| hit.item.name.clone()).collect();
        names.sort();
        names
    }
}

/// A function that differs by its number.
fn function(name: &str, number: usize) -> String {
    format!(
        "fn {name}(input: &[u32]) -> u32 {{\n    let mut total = {number};\n    for value in input {{\n        total += value * {number};\n    }}\n    total\n}}\n"
    )
}

/// A query for items similar to one outside of all files.
fn asked(embedded: &EmbeddedItem, base: Option<f32>) -> Asked<'_> {
    Asked {
        path: None,
        item: &embedded.item,
        vector: &embedded.vector,
        base,
        known: None,
    }
}

/// The results of a question in prose.
fn search(vector_index: &VectorIndex, text: &str, filter: &Filter, count: usize) -> Vec<Found> {
    let mut filter = filter.clone();
    let mut query = Query::parse(text, &mut filter);
    query.vector = embed_query(&MODEL, &query.text).unwrap();
    vector_index.search(&query, &filter, count).unwrap()
}

/// The only item of a text.
fn only_item(text: &str) -> EmbeddedItem {
    embed_items(&MODEL, text, Language::Rust).unwrap().remove(0)
}
