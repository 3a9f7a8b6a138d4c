//! Which units of some files and folders are measured.
//!
//! Each file gives about as many units as every other one, so that a long file does not drown the others. The seed draws the order of the
//! files and their units; the same files give the same sample.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::super::input;
use super::super::output::Progress;
use crate::explain::evaluate::eligible;
use crate::model::{Model, Random};
use crate::places::home_folder;
use crate::similar::index::{FolderFile, Limits, read_file, refused_root, walk};
use crate::text::{Language, Snapshot};

/// Units of text.
pub(super) struct Sample {
    /// Texts with their languages.
    pub units: Vec<(String, Language)>,
    /// Files that they stand in.
    pub files: usize,
}

/// A file that may give units.
enum Source {
    /// One that was named.
    Named(PathBuf),
    /// One of a folder.
    Of(PathBuf, FolderFile),
}

impl Source {
    /// Its text; nothing for a file of a folder that the index would leave out as well.
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
    let mut random = Random::new(seed);
    let mut files = sources(paths)?;
    random.shuffle(&mut files);
    let share = units.div_ceil(files.len().max(1)).max(1);
    let mut progress = Progress::new("reading", units.min(files.len()));
    let (mut drawn, mut spare) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for (number, source) in files.iter().enumerate() {
        if drawn.len() >= units {
            break;
        }
        let Some(snapshot) = source.snapshot()? else { continue };
        let mut own = Vec::new();
        for unit in model.segment(&snapshot).units {
            let text = snapshot.text(unit.range.clone()).into_owned();
            if eligible(model, &text, unit.language)?.is_some() && seen.insert(text.clone()) {
                own.push((number, text, unit.language));
            }
        }
        random.shuffle(&mut own);
        let rest = own.split_off(share.min(own.len()));
        drawn.extend(own);
        spare.extend(rest);
        progress.at(number.min(units));
    }
    // Where some files have too few, the others give more.
    random.shuffle(&mut spare);
    drawn.truncate(units);
    let missing = units - drawn.len();
    drawn.extend(spare.into_iter().take(missing));
    let files: HashSet<usize> = drawn.iter().map(|(file, ..)| *file).collect();
    Ok(Sample {
        units: drawn.into_iter().map(|(_, text, language)| (text, language)).collect(),
        files: files.len(),
    })
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
        // What a notebook's file holds is JSON around its cells.
        let readable = files
            .into_iter()
            .filter(|file| file.path.extension().is_none_or(|end| end != "ipynb"));
        sources.extend(readable.map(|file| Source::Of(path.clone(), file)));
    }
    Ok(sources)
}
