//! `fovea index`, and the index as `fovea search` and `fovea similar` use it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::output::{Format, Progress};
use super::{ModelArguments, output};
use crate::model::{Model, UNSTOPPED};
use crate::places::cache_folder;
use crate::render::json;
use crate::similar::index::{Gallery, Index as File, IndexError, Limits, Renewal};

/// Arguments of `fovea index`.
#[derive(Args, Debug)]
pub(super) struct Index {
    /// The folder to index; ignore files in it hold
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Brings the index of a folder up to date.
pub(super) fn run(arguments: &Index) -> Result<()> {
    let folder = cache_folder().context("the environment names no cache folder; set FOVEA_CACHE_DIR to one")?;
    let model = arguments.model.load()?;
    let mut index = File::open(&folder)?;
    let renewal = renew(&mut index, &model, &arguments.folder)?;
    let bytes = size(index.path());
    match arguments.format {
        Format::Json => output::write_json(&json::renewal(&renewal, index.path(), bytes)),
        Format::Terminal => output::write(&summary(&renewal, index.path(), bytes)),
    }
}

/// The items of a folder, after its index was brought up to date. An index that cannot be written is made in memory, which is said
/// once on stderr.
pub(super) fn gallery(model: &Model, root: &Path) -> Result<Gallery> {
    let mut index = match open() {
        Ok(index) => index,
        Err(error) => in_memory(&error)?,
    };
    match renew(&mut index, model, root) {
        Ok(_) => {}
        Err(error @ IndexError::Database { .. }) => {
            index = in_memory(&error.into())?;
            renew(&mut index, model, root)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(index.gallery(model, root)?)
}

fn open() -> Result<File> {
    let folder = cache_folder().context("the environment names no cache folder; set FOVEA_CACHE_DIR to one")?;
    Ok(File::open(&folder)?)
}

fn in_memory(why: &anyhow::Error) -> Result<File> {
    eprintln!("fovea: {why:#}; indexing in memory, which takes as long each time");
    Ok(File::in_memory()?)
}

fn renew(index: &mut File, model: &Model, root: &Path) -> Result<Renewal, IndexError> {
    let mut bar: Option<Progress> = None;
    index.renew(model, root, &Limits::default(), UNSTOPPED, |progress| {
        let bar = bar.get_or_insert_with(|| Progress::new("Indexing", progress.total));
        bar.at(progress.done);
    })
}

/// Bytes of a file of SQLite with its log.
fn size(path: &Path) -> u64 {
    let log = crate::database::beside(path, "-wal");
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len());
    bytes(path) + bytes(&log)
}

fn summary(renewal: &Renewal, path: &Path, bytes: u64) -> String {
    let Renewal {
        files,
        read,
        recognised,
        gone,
        items,
        embedded,
        skipped,
        seconds,
    } = renewal;
    let mut text = format!("{files} files in the index, {seconds:.1} s\n");
    if *read > 0 {
        text += &format!(
            "{read} read: {recognised} with known contents, {items} items in the others, {embedded} units embedded\n"
        );
    }
    if *gone > 0 {
        text += &format!("{gone} no longer there\n");
    }
    for (reason, count) in skipped {
        text += &format!("{count} left out: {}\n", reason.words());
    }
    text + &format!("{} · {:.1} MB\n", path.display(), bytes as f64 / 1e6)
}
