//! A preliminary index of a new folder: items and words, without embeddings.
//!
//! Reading a file takes a small part of the time of embedding it. So the files of a new folder are read first, and a search uses words,
//! names and paths until the vectors exist.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::VectorIndex;
use super::files::{self, File};
use super::headers;
use super::reading::{self, EmbeddedItem, Reader};
use crate::similar::Center;

/// Minimum number of files: fewer files are embedded within seconds.
const FEWEST: usize = 48;

/// Number of files between two checkpoints.
const CHUNK: usize = 64;

/// The passages of files that wait for embedding, with their words only.
///
/// `None` if there are too few files, or if the checkpoint requests a stop.
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
            let file = headers::with_detected_language(root, file, Some(&text));
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
