//! `fovea index`, and the index as `fovea search` and `fovea similar` use it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::output::{Format, Progress};
use super::{ModelArguments, input, output};
use crate::database::bytes_on_disk;
use crate::model::{Model, UNSTOPPED};
use crate::places::cache_folder;
use crate::render::json;
use crate::similar::index::{Filter, Gallery, Index as File, IndexError, Limits, Renewal};
use crate::text::Language;

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

/// The folder that is searched, and what of it.
#[derive(Args, Debug)]
pub(super) struct Scope {
    /// The folder to look through; its index is brought up to date first
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Only items of this language; may be given several times
    #[arg(long)]
    language: Vec<String>,
    /// Only files below this path of the folder
    #[arg(long, value_name = "PATH")]
    below: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

impl Scope {
    /// The model, the items of the folder, and which of them are looked at.
    pub(super) fn open(&self) -> Result<(Model, Gallery, Filter)> {
        let language = |name: &String| input::language(Some(name));
        let languages: Vec<Option<Language>> = self.language.iter().map(language).collect::<Result<_>>()?;
        let filter = Filter {
            languages: languages.into_iter().flatten().collect(),
            below: self.below.clone(),
            ..Filter::default()
        };
        let model = self.model.load()?;
        let gallery = gallery(&model, &self.root)?;
        Ok((model, gallery, filter))
    }
}

/// Brings the index of a folder up to date.
pub(super) fn run(arguments: &Index) -> Result<()> {
    let mut index = open()?;
    let model = arguments.model.load()?;
    let renewal = renew(&mut index, &model, &arguments.folder)?;
    let (path, bytes) = (index.path(), bytes_on_disk(index.path()).unwrap_or(0));
    match arguments.format {
        Format::Json => output::write_json(&json::Indexed {
            renewal: &renewal,
            index: path.display().to_string(),
            bytes,
        }),
        Format::Terminal => output::write(&summary(&renewal, path, bytes)),
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
