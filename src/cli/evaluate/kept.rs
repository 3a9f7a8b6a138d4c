//! Measures of units in the cache folder, so that an evaluation that was stopped goes on.
//!
//! One file for each model, `evaluations/MODEL.jsonl`, has a line for each unit: its address, a hash of its text and language, and what was
//! measured. A line that a killed process left unfinished is ignored. No text is in it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::explain::evaluate::{Aim, UnitMeasures};
use crate::model::{Model, hex, simd};
use crate::text::Language;

/// Rises when the same text would be measured otherwise.
const VERSION: u32 = 2;

/// A file that has more bytes is begun anew.
const MOST_BYTES: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Line {
    unit: String,
    measures: UnitMeasures,
}

/// What is known of units. Where the folder cannot be written to, nothing is kept.
pub(super) struct Kept {
    known: HashMap<String, UnitMeasures>,
    file: Option<File>,
}

impl Kept {
    /// What is known of a model's units and this aim, with random weights and orders of these seeds.
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

    /// What is known of a unit.
    pub(super) fn get(&self, key: &str) -> Option<&UnitMeasures> {
        self.known.get(key)
    }

    /// Keeps what was measured of a unit.
    pub(super) fn put(&mut self, key: &str, measures: &UnitMeasures) {
        let line = Line {
            unit: key.to_owned(),
            measures: measures.clone(),
        };
        let Ok(json) = serde_json::to_string(&line) else { return };
        // In one piece, behind what others wrote; without it the next run only takes longer.
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
    // Behind a line that a killed process left unfinished.
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
