//! Selects the units of files and folders to measure.
//!
//! Each file gives about the same number of units, so that a long file does not dominate: first one unit of each file, then a second one,
//! until there are enough. Files and units are ordered by a hash of the seed, the file's path below the named folder, and the unit's text.
//! The position of a file among the others does not matter. Adding or removing a file therefore only changes its own units and those that
//! they displace.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};

use super::super::input;
use super::super::output::Progress;
use crate::explain::evaluate::eligible;
use crate::model::Model;
use crate::places::home_folder;
use crate::similar::index::{FolderFile, Limits, read_file, refused_root, walk};
use crate::text::{Language, Snapshot};

/// Units of text.
pub(super) struct Sample {
    /// Texts with their languages.
    pub units: Vec<(String, Language)>,
    /// Number of files with these units.
    pub files: usize,
}

/// A file that may contain units.
enum Source {
    /// A file that the user named.
    Named(PathBuf),
    /// A file in a folder.
    Of(PathBuf, FolderFile),
}

impl Source {
    /// Its name, independent of the folder's location.
    fn name(&self) -> &Path {
        match self {
            Source::Named(path) => path.file_name().map_or(path, Path::new),
            Source::Of(_, file) => &file.path,
        }
    }

    /// Its text; `None` for a file in a folder that the index also skips.
    fn snapshot(&self) -> Result<Option<Snapshot>> {
        match self {
            Source::Named(path) => input::document(path, None, input::MAX_BYTES).map(Some),
            Source::Of(root, file) => {
                let read = read_file(root, file, &Limits::default());
                Ok(read.ok().map(|(text, _)| Snapshot::new(&text, 0, file.language)))
            }
        }
    }
}

/// Draws units.
pub(super) fn sample(model: &Model, paths: &[PathBuf], units: usize, seed: u64) -> Result<Sample> {
    let mut files: Vec<(u64, Source)> = sources(paths)?
        .into_iter()
        .map(|source| (place(seed, &[&source.name().to_string_lossy()]), source))
        .collect();
    files.sort_by_key(|(place, _)| *place);
    let mut progress = Progress::new("reading", units.min(files.len()));
    let mut seen = HashSet::new();
    // The units of each file, in their order.
    let mut drawn: Vec<Vec<(String, Language)>> = Vec::new();
    for (_, source) in &files {
        // With enough files, one unit of each suffices.
        if drawn.len() >= units {
            break;
        }
        let Some(snapshot) = source.snapshot()? else { continue };
        let mut own = Vec::new();
        for unit in model.segment(&snapshot).units {
            let text = snapshot.text(unit.range.clone()).into_owned();
            if eligible(model, &text, unit.language)?.is_some() && seen.insert(text.clone()) {
                let place = place(seed, &[&source.name().to_string_lossy(), &text]);
                own.push((place, text, unit.language));
            }
        }
        own.sort();
        if !own.is_empty() {
            drawn.push(own.into_iter().map(|(_, text, language)| (text, language)).collect());
        }
        progress.at(drawn.len());
    }
    Ok(in_turn(drawn, units))
}

/// The first unit of each file, then the second of each that has one, until there are enough.
fn in_turn(files: Vec<Vec<(String, Language)>>, most: usize) -> Sample {
    let mut files: Vec<_> = files.into_iter().map(|units| units.into_iter().peekable()).collect();
    let (mut units, mut used) = (Vec::new(), 0);
    while units.len() < most && files.iter_mut().any(|file| file.peek().is_some()) {
        let first = units.is_empty();
        let round: Vec<_> = files.iter_mut().filter_map(Iterator::next).collect();
        units.extend(round.into_iter().take(most - units.len()));
        if first {
            used = units.len();
        }
    }
    Sample { units, files: used }
}

/// The sort key of a file or a unit for a seed.
fn place(seed: u64, parts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0u8; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

fn sources(paths: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        if !path.is_dir() {
            sources.push(Source::Named(path.clone()));
            continue;
        }
        if let Some(reason) = refused_root(path, home_folder().as_deref()) {
            bail!("{}: {reason}", path.display());
        }
        let (files, _) = walk(path, &Limits::default());
        // A notebook's file is JSON around its cells.
        let readable = files
            .into_iter()
            .filter(|file| file.path.extension().is_none_or(|end| end != "ipynb"));
        sources.extend(readable.map(|file| Source::Of(path.clone(), file)));
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(of: &str, count: usize) -> Vec<(String, Language)> {
        (0..count)
            .map(|number| (format!("{of}{number}"), Language::Prose))
            .collect()
    }

    fn texts(sample: &Sample) -> Vec<&str> {
        sample.units.iter().map(|(text, _)| text.as_str()).collect()
    }

    #[test]
    fn files_give_units_in_turn() {
        let sample = in_turn(vec![units("a", 1), units("b", 3), units("c", 2)], 5);
        assert_eq!(texts(&sample), ["a0", "b0", "c0", "b1", "c1"]);
        assert_eq!(sample.files, 3);
        let few = in_turn(vec![units("a", 1), units("b", 1)], 9);
        assert_eq!((texts(&few), few.files), (vec!["a0", "b0"], 2));
    }

    #[cfg(feature = "embedded-model")]
    #[test]
    fn another_file_displaces_few_units_and_moving_the_folder_none() {
        use crate::model::Source;
        let model = Model::load(&Source::EMBEDDED).unwrap();
        let sentence =
            |n: usize| format!("The committee rejected proposal number {n} because of its cost and its length.\n");
        let write = |folder: &Path, files: std::ops::Range<usize>| {
            for n in files {
                std::fs::write(folder.join(format!("{n}.txt")), sentence(n)).unwrap();
            }
        };
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(one.path(), 0..20);
        write(other.path(), 0..21);
        let of = |folder: &Path| sample(&model, &[folder.to_owned()], 10, 0).unwrap();
        let (first, more) = (of(one.path()), of(other.path()));
        let (first, more) = (texts(&first), texts(&more));
        let same = first.iter().filter(|text| more.contains(text)).count();
        assert!(first.len() == 10 && same >= 9, "{first:?} {more:?}");
        std::fs::remove_file(other.path().join("20.txt")).unwrap();
        assert_eq!(texts(&of(other.path())), first);
    }
}
