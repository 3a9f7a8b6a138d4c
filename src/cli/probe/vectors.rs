//! Embeddings of labeled texts, kept from one training to the next: learning again after a label was corrected takes a second.
//!
//! The file holds records of 32 bytes, a hash of language and text, with the vector behind it in little-endian floats. No text is in it. It
//! can be made again at any time.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use sha2::{Digest, Sha256};

use super::Item;
use crate::cli::embed::embed;
use crate::cli::output::Progress;
use crate::model::{Model, Role, hex};
use crate::places::cache_folder;
use crate::text::read_regular;

/// Bytes of the file at most; beyond them only the vectors of the present items are kept.
const MOST: u64 = 128 << 20;

/// Texts embedded at once.
const BATCH: usize = 64;

type Key = [u8; 32];

/// The embedding of each item, of unit length.
pub(super) fn embedded(model: &Model, items: &[Item]) -> Result<Vec<Vec<f32>>> {
    let keys: Vec<Key> = items.iter().map(key).collect();
    let file = cache_folder().map(|folder| folder.join("probes").join(format!("{}.vectors", file_name(model))));
    let mut known = file.as_ref().map(|file| read(file, model.hidden())).unwrap_or_default();
    let mut missing: Vec<usize> = (0..items.len())
        .filter(|item| !known.contains_key(&keys[*item]))
        .collect();
    // Texts of one length and language together: batches have one language.
    missing.sort_by_key(|item| (items[*item].language.name(), items[*item].text.len()));
    let mut progress = Progress::new("embedding", missing.len());
    let mut done = 0;
    let same = |a: &usize, b: &usize| items[*a].language == items[*b].language;
    for group in missing.chunk_by(same) {
        for batch in group.chunks(BATCH) {
            let texts: Vec<String> = batch.iter().map(|item| items[*item].text.clone()).collect();
            let vectors = embed(model, &texts, (Role::Passage, items[batch[0]].language), false)?;
            known.extend(batch.iter().map(|item| keys[*item]).zip(vectors));
            done += batch.len();
            progress.at(done);
        }
    }
    let found = keys
        .iter()
        .map(|key| known.get(key).cloned().unwrap_or_default())
        .collect();
    if let (Some(file), false) = (file, missing.is_empty()) {
        let bytes = known.len() as u64 * (32 + 4 * model.hidden() as u64);
        if bytes > MOST {
            known.retain(|key, _| keys.contains(key));
        }
        // Without the file, the next training only takes longer.
        let _ = write(&file, &known);
    }
    Ok(found)
}

fn key(item: &Item) -> Key {
    let mut hash = Sha256::new();
    hash.update(item.language.name().as_bytes());
    hash.update([0]);
    hash.update(item.text.as_bytes());
    hash.finalize().into()
}

fn file_name(model: &Model) -> String {
    let hash: Key = Sha256::digest(model.info().id.as_bytes()).into();
    hex(&hash[..12])
}

fn read(file: &Path, width: usize) -> HashMap<Key, Vec<f32>> {
    let bytes = read_regular(file, MOST).unwrap_or_default();
    let record = |record: &[u8]| -> Option<(Key, Vec<f32>)> {
        let (key, vector) = record.split_at_checked(32)?;
        let floats = vector.chunks_exact(4);
        let floats: Vec<f32> = floats
            .filter_map(|four| Some(f32::from_le_bytes(four.try_into().ok()?)))
            .collect();
        floats
            .iter()
            .all(|v| v.is_finite())
            .then_some((key.try_into().ok()?, floats))
    };
    bytes.chunks_exact(32 + 4 * width).filter_map(record).collect()
}

fn write(file: &Path, known: &HashMap<Key, Vec<f32>>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    for (key, vector) in known {
        bytes.extend_from_slice(key);
        bytes.extend(vector.iter().flat_map(|v| v.to_le_bytes()));
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Another process may write at the same time: each writes a file of its own, and the last one stays.
    let own = file.with_extension(format!("{}.new", std::process::id()));
    std::fs::write(&own, bytes)?;
    std::fs::rename(own, file)
}
