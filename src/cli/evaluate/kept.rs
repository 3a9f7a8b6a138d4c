//! Keeps measures of units in the cache folder, so that an interrupted evaluation can continue.
//!
//! One file for each model, `evaluations/MODEL.jsonl`, has a line for each unit: its address, a hash of its text and language, and its
//! measures. An unfinished line of a killed process is ignored. The file contains no text.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::explain::evaluate::{Aim, UnitMeasures};
use crate::model::{Model, hex, simd};
use crate::text::Language;

/// Raise this when the same text gives other measures.
const VERSION: u32 = 2;

/// Maximum bytes of the file; a larger file is replaced.
const MOST_BYTES: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Line {
    unit: String,
    measures: UnitMeasures,
}

/// The known measures of units. If the folder is not writable, nothing is kept.
pub(super) struct Kept {
    known: HashMap<String, UnitMeasures>,
    file: Option<File>,
}

impl Kept {
    /// Opens the measures for a model and an aim, with these seeds for random weights and orders.
    pub(super) fn open(folder: Option<&Path>, model: &Model, aim: Aim, (scramble, seed): (u64, u64)) -> Kept {
        let kernels = simd::path().name();
        let setting = format!("{VERSION} {} {kernels} {aim:?} {scramble} {seed}", model.info().id);
        let path = folder.map(|folder| folder.join("evaluations").join(format!("{}.jsonl", hash(&[&setting]))));
        let known = path.as_deref().map(read).unwrap_or_default();
        let file = path.as_deref().and_then(|path| append(path, known.is_empty()));
        Kept { known, file }
    }

    /// The address of a unit.
    pub(super) fn key(text: &str, language: Language) -> String {
        hash(&[language.name(), text])
    }

    /// The measures of a unit.
    pub(super) fn get(&self, key: &str) -> Option<&UnitMeasures> {
        self.known.get(key)
    }

    /// Keeps the measures of a unit.
    pub(super) fn put(&mut self, key: &str, measures: &UnitMeasures) {
        let line = Line {
            unit: key.to_owned(),
            measures: measures.clone(),
        };
        let Ok(json) = serde_json::to_string(&line) else { return };
        // One write appends the whole line after those of other processes. A failure only makes the next run slower.
        if let Some(file) = &mut self.file
            && file.write_all(format!("{json}\n").as_bytes()).is_err()
        {
            self.file = None;
        }
    }
}

fn read(path: &Path) -> HashMap<String, UnitMeasures> {
    let mut text = String::new();
    let opened = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    if opened.is_err() {
        return HashMap::new();
    }
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines.map(|line| (line.unit, line.measures)).collect()
}

fn append(path: &Path, anew: bool) -> Option<File> {
    create_dir_all(path.parent().map_or_else(PathBuf::new, Path::to_path_buf)).ok()?;
    let large = std::fs::metadata(path).is_ok_and(|data| data.len() >= MOST_BYTES);
    if large || anew {
        let _ = std::fs::remove_file(path);
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path).ok()?;
    // A killed process may have left an unfinished line.
    if !anew && !large {
        file.write_all(b"\n").ok()?;
    }
    Some(file)
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize()[..16])
}
