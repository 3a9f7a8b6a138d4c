//! What a search can tell of a folder before its files are embedded: items and words, read without the model's layers.
//!
//! To read a file takes a small part of the time that it takes to embed it. So a folder that is new is read once as it is, and a search
//! answers by words, names and paths until the vectors are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::files::{self, File, Limits};
use super::reading::{self, EmbeddedItem};
use super::{Gallery, Index, IndexError, renew, table};
use crate::model::{Checkpoint, Model};
use crate::similar::Centre;

/// With fewer files to embed a sketch is no news: their vectors are there in seconds.
const FEWEST: usize = 48;

/// Files between two looks at the checkpoint.
const CHUNK: usize = 64;

impl Index {
    /// The passages of the files of a folder that the index does not have as they are now, by their words alone; `None` where there are
    /// too few to be worth it, or something else is wanted.
    ///
    /// # Errors
    /// [`IndexError::Root`] for a folder that is not to be indexed; what the file reports.
    pub fn sketch(
        &self,
        model: &Model,
        root: &Path,
        limits: &Limits,
        checkpoint: Checkpoint,
    ) -> Result<Option<Gallery>, IndexError> {
        let root = renew::canonical(root)?;
        let known = match table::known_root(&self.connection, &root, &model.info().id) {
            Ok(Some(number)) => table::catalogue(&self.connection, number),
            Ok(None) => Ok(Default::default()),
            Err(error) => Err(error),
        };
        let known = known.map_err(|error| self.trouble(error))?;
        let (found, _) = files::walk(&root, limits);
        let changed = |file: &File| known.get(&file.path).is_none_or(|known| known.stamp != file.stamp);
        let unread: Vec<File> = found.into_iter().filter(changed).collect();
        if unread.len() < FEWEST {
            return Ok(None);
        }
        let nothing: Arc<[f32]> = vec![0.0; model.hidden()].into();
        let mut sketched: Vec<(PathBuf, Vec<EmbeddedItem>)> = Vec::with_capacity(unread.len());
        for chunk in unread.chunks(CHUNK) {
            if checkpoint() {
                return Ok(None);
            }
            let read = chunk.par_iter().filter_map(|file| {
                let (text, _) = files::read(&root, file, limits).ok()?;
                let passages = reading::read_file(model, &text, file).passages.into_iter();
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
        let mut gallery = Gallery::of_items(&files, &Centre::default(), model.hidden());
        gallery.root = root.into();
        Ok(Some(gallery))
    }
}
