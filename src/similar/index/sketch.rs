//! What a search can tell of a folder before its files are embedded: items and words, read without the model's layers.
//!
//! To read a file takes a small part of the time that it takes to embed it. So a folder that is new is read once as it is, and a search
//! answers by words, names and paths until the vectors are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::VectorIndex;
use super::files::{self, File};
use super::headers;
use super::reading::{self, EmbeddedItem};
use super::renew::Reader;
use crate::similar::Center;

/// With fewer files to embed a sketch is no news: their vectors are there in seconds.
const FEWEST: usize = 48;

/// Files between two looks at the checkpoint.
const CHUNK: usize = 64;

/// The passages of files of a folder that are to be embedded, by their words alone; `None` where there are too few to be worth it, or
/// something else is wanted.
pub(super) fn sketch(reader: &Reader, root: &Path, unread: &[&File]) -> Option<VectorIndex> {
    if unread.len() < FEWEST {
        return None;
    }
    let Reader { model, limits, .. } = *reader;
    let nothing: Arc<[f32]> = vec![0.0; model.hidden()].into();
    let mut sketched: Vec<(PathBuf, Vec<EmbeddedItem>)> = Vec::with_capacity(unread.len());
    for chunk in unread.chunks(CHUNK) {
        if (reader.checkpoint)() {
            return None;
        }
        let read = chunk.par_iter().filter_map(|file| {
            let (text, _) = files::read(root, file, limits).ok()?;
            let file = headers::as_written(root, file, Some(&text));
            let passages = reading::read_file(model, &text, &file).passages.into_iter();
            let items = passages.map(|passage| EmbeddedItem {
                item: passage.item,
                vector: Arc::clone(&nothing),
                words: passage.words,
                fingerprint: passage.fingerprint,
            });
            Some((file.path.clone(), items.collect()))
        });
        sketched.par_extend(read);
    }
    let files: Vec<(PathBuf, &[EmbeddedItem])> = sketched
        .iter()
        .map(|(path, items)| (path.clone(), items.as_slice()))
        .collect();
    let mut vector_index = VectorIndex::of_items(&files, &Center::default(), model.hidden());
    vector_index.root = root.into();
    Some(vector_index)
}
