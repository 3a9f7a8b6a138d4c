//! Updates the index of a folder in small batches: reads changed files, embeds new units.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use rayon::prelude::*;

use super::files::{self, File, Limits, Stamp, canonical};
use super::headers;
use super::notebook::is_notebook;
use super::reading::{self, Address, Contents, Of, Reader, UnitVector};
use super::sketch::sketch;
use super::store::{Entry, New, Store};
use super::{Index, IndexError, Skipped, VectorIndex};
use crate::model::{Checkpoint, Model, ModelError};
use crate::segment::ItemKind;

/// Maximum number of files per batch: the work that a kill loses.
const CHUNK: usize = 48;

/// Maximum bytes per batch, unless a single file is larger: about two seconds of work.
const CHUNK_BYTES: u64 = 64 << 10;

/// Progress of a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done.
    pub done: usize,
    /// Files in total.
    pub total: usize,
}

/// Statistics of a renewal; part of the JSON answer of `fovea index`.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Renewal {
    /// Files in the index now.
    pub files: usize,
    /// New or changed files, which were read.
    pub read: usize,
    /// Files among these with already known contents.
    pub recognized: usize,
    /// Deleted files.
    pub gone: usize,
    /// Items of the files that were read.
    pub items: usize,
    /// Embedded units.
    pub embedded: usize,
    /// Number of skipped files, by reason.
    pub skipped: BTreeMap<Skipped, usize>,
    /// The skipped files with their reasons, in the order of paths.
    #[serde(skip)]
    pub left_out: Vec<(PathBuf, Skipped)>,
    /// Duration in seconds.
    pub seconds: f64,
}

impl Index {
    /// Updates the index of a folder. After a stop or an error, finished work is kept.
    ///
    /// # Errors
    /// [`IndexError::Root`] for a folder that must not be indexed; [`IndexError::Stopped`]; errors of the model or the index file.
    pub fn renew(
        &mut self,
        model: &Model,
        root: &Path,
        limits: &Limits,
        checkpoint: Checkpoint,
        tell: impl FnMut(Progress),
    ) -> Result<Renewal, IndexError> {
        let root = canonical(root)?;
        let reader = Reader {
            model,
            limits,
            checkpoint,
        };
        renew(self, &reader, &root, &root, |_| {}, tell)
    }

    /// As [`Index::renew`]; if many files need embedding, `sketched` first receives an index of their words.
    ///
    /// # Errors
    /// See [`Index::renew`].
    pub fn renew_and_sketch(
        &mut self,
        model: &Model,
        root: &Path,
        limits: &Limits,
        checkpoint: Checkpoint,
        sketched: impl FnOnce(VectorIndex),
        tell: impl FnMut(Progress),
    ) -> Result<Renewal, IndexError> {
        let root = canonical(root)?;
        let reader = Reader {
            model,
            limits,
            checkpoint,
        };
        let begin = |unread: &[&File]| {
            if let Some(vector_index) = sketch(&reader, &root, unread) {
                sketched(vector_index);
            }
        };
        renew(self, &reader, &root, &root, begin, tell)
    }
}

/// Updates the data of a folder in a store. `name` is the folder's name in the store.
///
/// `begin` is called once with the files that will be read.
pub(super) fn renew(
    store: &mut dyn Store,
    reader: &Reader,
    root: &Path,
    name: &Path,
    begin: impl FnOnce(&[&File]),
    mut tell: impl FnMut(Progress),
) -> Result<Renewal, IndexError> {
    let start = Instant::now();
    let number = store.root(name, &reader.model.info().id)?;
    let known = store.catalog(number)?;
    let (found, skipped) = files::walk(root, reader.limits);
    let mut unread: Vec<(PathBuf, Skipped)> = Vec::new();
    let mut renewal = Renewal::default();
    let unchanged = |file: &File| known.get(&file.path).filter(|known| known.stamp == file.stamp);
    let changed: Vec<&File> = found.iter().filter(|file| unchanged(file).is_none()).collect();
    let total = found.len();
    let mut done = total - changed.len();
    // Deleted files go first: reading the others may take long, and a search must not return deleted files.
    let there: HashSet<&Path> = found.iter().map(|file| &*file.path).collect();
    let paths = known.keys().map(PathBuf::as_path);
    let gone: Vec<&Path> = paths.filter(|path| !there.contains(path)).collect();
    renewal.gone = gone.len();
    if !gone.is_empty() {
        store.finish_renewal(number, &gone, hour())?;
    }
    begin(&changed);
    let mut rest = changed.as_slice();
    while !rest.is_empty() {
        let (chunk, later) = rest.split_at(chunk_of(rest));
        rest = later;
        tell(Progress { done, total });
        if (reader.checkpoint)() {
            return Err(IndexError::Stopped);
        }
        let texts: Vec<_> = chunk
            .par_iter()
            .map(|file| files::read(root, file, reader.limits))
            .collect();
        let written = |(file, text): (&&File, &Result<(String, _), _>)| {
            headers::with_detected_language(root, file, text.as_ref().ok().map(|(text, _)| &**text))
        };
        let chunk: Vec<File> = chunk.iter().zip(&texts).map(written).collect();
        let chunk: Vec<&File> = chunk.iter().collect();
        // Another process may drop a long unused unit between our lookup and our write; the second attempt embeds it.
        if !store_batch(store, reader, number, &chunk, &texts, &mut renewal)?
            && !store_batch(store, reader, number, &chunk, &texts, &mut renewal)?
        {
            return Err(IndexError::Restless);
        }
        let refused = chunk.iter().zip(&texts);
        unread.extend(refused.filter_map(|(file, text)| Some((file.path.clone(), *text.as_ref().err()?))));
        done += chunk.len();
    }
    tell(Progress { done, total });
    if renewal.read > 0 {
        store.finish_renewal(number, &[], hour())?;
    }
    // A file that is skipped because of its contents is not read again until it changes.
    let still_out = found
        .iter()
        .filter_map(|file| Some((file.path.clone(), unchanged(file)?.skipped?)));
    unread.extend(still_out);
    renewal.files = total - unread.len();
    renewal.left_out = skipped;
    renewal.left_out.append(&mut unread);
    renewal.left_out.sort_unstable();
    for (_, reason) in &renewal.left_out {
        *renewal.skipped.entry(*reason).or_default() += 1;
    }
    renewal.seconds = start.elapsed().as_secs_f64();
    Ok(renewal)
}

/// Reads a batch of files and stores their contents. `false`, without any change, if a unit has disappeared meanwhile.
fn store_batch(
    store: &mut dyn Store,
    reader: &Reader,
    root: i64,
    files: &[&File],
    texts: &[Result<(String, Stamp), Skipped>],
    renewal: &mut Renewal,
) -> Result<bool, IndexError> {
    let model = reader.model;
    let addresses: Vec<Option<Address>> = files
        .par_iter()
        .zip(texts)
        .map(|(file, text)| {
            let of = if is_notebook(&file.path) {
                Of::Notebook
            } else {
                Of::File
            };
            Some(Address::new(of, model, file.language, &text.as_ref().ok()?.0))
        })
        .collect();
    let asked: Vec<Address> = addresses.iter().flatten().copied().collect();
    let mut answers = store.contents(&asked)?.into_iter();
    let recognized: Vec<Option<i64>> = addresses
        .iter()
        .map(|address| address.and_then(|_| answers.next().flatten()))
        .collect();
    let contents: Vec<Option<Contents>> = files
        .par_iter()
        .zip(texts)
        .zip(&recognized)
        .map(|((file, text), recognized)| match (text, recognized) {
            (Ok((text, _)), None) => Some(reading::read_file(model, text, file)),
            _ => None,
        })
        .collect();
    let vectors = vectors(store, reader, &contents)?;
    let mut entries = Vec::with_capacity(files.len());
    for (i, file) in files.iter().enumerate() {
        let (stamp, content) = match (&texts[i], recognized[i], &contents[i], addresses[i]) {
            (Ok((_, stamp)), Some(id), ..) => (*stamp, Ok(New::Known(id))),
            (Ok((_, stamp)), None, Some(contents), Some(address)) => {
                (*stamp, Ok(New::Read(address, contents.language, contents)))
            }
            // It may be readable next time, without a change of its stamp.
            (Err(Skipped::Unreadable), ..) => continue,
            (Err(reason), ..) => (file.stamp, Err(*reason)),
            (Ok(_), None, ..) => continue,
        };
        entries.push(Entry {
            path: &file.path,
            stamp,
            content,
        });
    }
    if !store.write(root, &entries, &vectors)? {
        return Ok(false);
    }
    renewal.read += files.len();
    renewal.recognized += recognized.iter().flatten().count();
    renewal.items += contents
        .iter()
        .flatten()
        .flat_map(|contents| &contents.passages)
        .filter(|passage| passage.item.kind != ItemKind::File)
        .count();
    renewal.embedded += vectors.len();
    Ok(true)
}

/// Embeds the units that the store does not know.
fn vectors(
    store: &mut dyn Store,
    reader: &Reader,
    contents: &[Option<Contents>],
) -> Result<HashMap<Address, UnitVector>, IndexError> {
    let mut seen = HashSet::new();
    let units = contents.iter().flatten().flat_map(|contents| &contents.units);
    let mut units: Vec<_> = units.filter(|unit| seen.insert(unit.address)).collect();
    let addresses: Vec<Address> = units.iter().map(|unit| unit.address).collect();
    let known = store.known_units(&addresses)?;
    units.retain(|unit| !known.contains(&unit.address));
    let texts: Vec<_> = units.iter().map(|unit| (&*unit.text, unit.language)).collect();
    let vectors = match reading::embed_units(reader.model, &texts, reader.limits.pass, reader.checkpoint) {
        Ok(vectors) => vectors,
        Err(ModelError::Stopped) => return Err(IndexError::Stopped),
        Err(error) => return Err(error.into()),
    };
    Ok(units.into_iter().map(|unit| unit.address).zip(vectors).collect())
}

/// The number of files in the next batch.
fn chunk_of(files: &[&File]) -> usize {
    let mut bytes = 0;
    let fits = |file: &&&File| {
        bytes += file.stamp.size;
        bytes <= CHUNK_BYTES
    };
    files.iter().take(CHUNK).take_while(fits).count().max(1)
}

/// Hours since 1970.
fn hour() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs() / 3600).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn files_are_stored_in_batches_and_a_large_file_is_its_own_batch() {
        let sized = |size: u64| File {
            path: "a.rs".into(),
            language: Language::Rust,
            stamp: Stamp { size, modified: 1 },
        };
        let chunk = |sizes: &[u64]| {
            let files: Vec<File> = sizes.iter().map(|size| sized(*size)).collect();
            chunk_of(&files.iter().collect::<Vec<_>>())
        };
        assert_eq!(chunk(&[1; 100]), CHUNK);
        assert_eq!(chunk(&[CHUNK_BYTES / 3; 100]), 3);
        assert_eq!(chunk(&[CHUNK_BYTES * 5, 1]), 1);
        assert_eq!(chunk(&[1]), 1);
    }
}
