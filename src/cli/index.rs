//! `fovea index`, and the index as `fovea search` and `fovea similar` use it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::output::{Format, Progress};
use super::store::{NameArguments, StoreArguments};
use super::{ModelArguments, input, output};
use crate::database::bytes_on_disk;
use crate::model::{Model, Reader, UNSTOPPED};
use crate::places::cache_folder;
use crate::render::{json, terminal};
use crate::segment::ItemKind;
use crate::similar::index::{
    self, Collection, Filter, Found, Globs, Index as File, IndexError, Limits, Renewal, Tests, VectorIndex,
};
use crate::text::Language;

/// Arguments of `fovea index`.
#[derive(Args, Debug)]
pub(super) struct Index {
    /// The folder to index; Fovea respects its ignore files
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    name: NameArguments,
    /// Web address of the folder's files, for readers of the store: https://HOST/…/{path}#L{line}
    #[arg(long, value_name = "PATTERN")]
    link: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
    /// List the contents of the index for each language, the files without items, and the skipped files
    #[arg(long, conflicts_with_all = ["store", "store_file"])]
    report: bool,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The part of a folder to search.
#[derive(Args, Debug)]
pub(super) struct Scope {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    name: NameArguments,
    /// Only items of this language; repeatable
    #[arg(long)]
    language: Vec<String>,
    /// Only items of this kind: function, type, section or file; repeatable
    #[arg(long)]
    kind: Vec<Kind>,
    /// Whether to include tests, recognized by the conventions of their language
    #[arg(long, value_name = "WHICH")]
    tests: Option<WhichTests>,
    /// Only files below this path in the folder
    #[arg(long, value_name = "PATH")]
    below: Option<PathBuf>,
    /// Only files whose path matches, as in ignore files: `*.rs`, `src/**/*.py`; repeatable
    #[arg(long, value_name = "GLOB")]
    path: Vec<String>,
    #[command(flatten)]
    model: ModelArguments,
}

/// Kinds of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Functions and methods.
    #[value(alias = "method")]
    Function,
    /// Classes, structs, traits, interfaces, modules.
    #[value(aliases = ["class", "struct", "enum", "trait", "interface", "module"])]
    Type,
    /// Headings of documents with the text below them.
    #[value(alias = "heading")]
    Section,
    /// Text of a file outside of these.
    File,
}

/// Whether to include tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WhichTests {
    /// Only tests.
    Only,
    /// No tests.
    None,
    /// Tests and other code.
    With,
}

impl Scope {
    /// The filter for items; `tests` is the default for tests.
    pub(super) fn filter(&self, tests: Tests) -> Result<Filter> {
        let language = |name: &String| input::language(Some(name));
        let languages: Vec<Option<Language>> = self.language.iter().map(language).collect::<Result<_>>()?;
        let paths = Globs::new(&self.path).map_err(|error| input::Usage(format!("--path: {error}")))?;
        let kinds = self.kind.iter().map(|kind| match kind {
            Kind::Function => ItemKind::Function,
            Kind::Type => ItemKind::Type,
            Kind::Section => ItemKind::Heading,
            Kind::File => ItemKind::File,
        });
        Ok(Filter {
            languages: languages.into_iter().flatten().collect(),
            kinds: kinds.collect(),
            below: self.below.clone(),
            paths,
            tests: match self.tests {
                Some(WhichTests::Only) => Tests::Only,
                Some(WhichTests::None) => Tests::None,
                Some(WhichTests::With) => Tests::With,
                None => tests,
            },
            ..Filter::default()
        })
    }

    /// The folder to search: the given or the current one. A store needs none.
    pub(super) fn root<'a>(&self, given: Option<&'a Path>) -> Option<&'a Path> {
        given.or_else(|| (!self.in_store()).then(|| Path::new(".")))
    }

    /// Checks that the folder has what `--below` names.
    pub(super) fn check(&self, root: Option<&Path>) -> Result<()> {
        match (root, &self.below) {
            (Some(root), Some(below)) if !self.in_store() && root.is_dir() && !root.join(below).exists() => {
                let why = format!("--below {}: not in {}", below.display(), root.display());
                Err(input::Usage(why).into())
            }
            _ => Ok(()),
        }
    }

    /// The model that reads a query. A query that is not in English needs a second index, by the multilingual model.
    pub(super) fn reader_of(&self, query: &str) -> Result<Model> {
        let model = self.model.load()?;
        let reader = model.reader_of_query(query);
        if reader == Reader::Multilingual {
            output::say(&format_args!(
                "{} reads this query, because it is not in English; the first such search of a folder indexes it for this model",
                reader.name(&model.info().name)
            ));
        }
        Ok(model.of_reader(reader))
    }

    /// The model, and the items of a folder.
    pub(super) fn folder(&self, root: &Path) -> Result<(Model, VectorIndex)> {
        let model = self.model.load()?;
        let vector_index = vector_index(&model, root)?;
        Ok((model, vector_index))
    }

    /// The model, and the items of a folder or of the store.
    pub(super) fn open(&self, root: Option<&Path>) -> Result<(Model, Box<dyn Collection>)> {
        let model = self.model.load()?;
        let items: Box<dyn Collection> = match root {
            Some(root) if !self.store.is_any() => Box::new(vector_index(&model, root)?),
            _ => self.store.open(&model, canonical(root).as_deref(), &self.name)?,
        };
        Ok((model, items))
    }

    /// Whether the search uses a store instead of a folder.
    pub(super) fn in_store(&self) -> bool {
        self.store.is_any()
    }

    /// Prepares results for display. Results of a store include their folder, since a store has many.
    pub(super) fn shown(&self, mut found: Vec<Found>) -> Vec<Found> {
        if self.store.is_any() {
            found
                .iter_mut()
                .for_each(|found| found.path = found.root.join(&found.path));
        }
        found
    }
}

/// The canonical path of a folder.
pub(super) fn canonical(root: Option<&Path>) -> Option<PathBuf> {
    root?.canonicalize().ok()
}

/// Updates the index of a folder.
pub(super) fn run(arguments: &Index) -> Result<()> {
    let mut coverage = None;
    let (renewal, index, bytes) = if arguments.store.is_any() {
        let model = arguments.model.load()?;
        let named = (&arguments.name, arguments.link.as_deref());
        arguments.store.renew(&model, &arguments.folder, named, bar())?
    } else {
        for (given, option) in [
            (arguments.name.name.is_some(), "--as"),
            (arguments.link.is_some(), "--link"),
        ] {
            if given {
                let why = format!("{option} works only with a store; add --store");
                return Err(input::Usage(why).into());
            }
        }
        let mut index = open()?;
        let model = arguments.model.load()?;
        let renewal = repairing(&mut index, |index| {
            index.check()?;
            let renewal = renew(index, &model, &arguments.folder)?;
            if arguments.report {
                coverage = Some(index.coverage(&model, &arguments.folder, &renewal)?);
            }
            Ok(renewal)
        })?;
        let bytes = bytes_on_disk(index.path()).unwrap_or(0);
        (renewal, index.path().display().to_string(), bytes)
    };
    match arguments.format {
        Format::Json => output::write_json(&json::Indexed {
            renewal: &renewal,
            index,
            bytes,
            report: coverage.as_ref(),
        }),
        Format::Terminal => {
            let report = coverage.as_ref().map(terminal::coverage).unwrap_or_default();
            output::write(&(summary(&renewal, &index, bytes) + &report))
        }
    }
}

/// Updates the index of a folder, and returns its items. If the index cannot be used, it is built in memory, and stderr says so once.
pub(super) fn vector_index(model: &Model, root: &Path) -> Result<VectorIndex> {
    let load = |index: &mut File| {
        renew(index, model, root)?;
        index.vector_index(model, root)
    };
    let mut index = match open() {
        Ok(index) => index,
        Err(error) => in_memory(&error, root)?,
    };
    match repairing(&mut index, load) {
        Err(error @ IndexError::Database { .. }) => {
            index = in_memory(&error.into(), root)?;
            Ok(load(&mut index)?)
        }
        loaded => Ok(loaded?),
    }
}

/// Runs work on the index. If that shows that its file is damaged, stderr says so, and the work runs again on an empty file.
fn repairing<T>(index: &mut File, mut work: impl FnMut(&mut File) -> Result<T, IndexError>) -> Result<T, IndexError> {
    match work(index) {
        Err(error) if index.repair(&error) => {
            output::say(&format_args!("{error}; it is damaged, so it is built again"));
            work(index)
        }
        done => done,
    }
}

fn open() -> Result<File> {
    let folder =
        cache_folder().context("cannot find a cache folder in the environment; set FOVEA_CACHE_DIR to a folder")?;
    Ok(File::open(&folder)?)
}

/// An index in memory, with the contents of the file if it is readable.
fn in_memory(why: &anyhow::Error, root: &Path) -> Result<File> {
    output::say(&format_args!(
        "{why:#}; indexing in memory instead, so every run takes this long"
    ));
    match cache_folder() {
        Some(folder) => Ok(File::in_memory_with(&folder, root)?),
        None => Ok(File::in_memory()?),
    }
}

fn renew(index: &mut File, model: &Model, root: &Path) -> Result<Renewal, IndexError> {
    index.renew(model, root, &Limits::default(), UNSTOPPED, bar())
}

/// A progress bar for an update of the index.
fn bar() -> impl FnMut(index::Progress) {
    let mut bar: Option<Progress> = None;
    move |progress| {
        let bar = bar.get_or_insert_with(|| Progress::new("Indexing", progress.total));
        bar.at(progress.done);
    }
}

fn summary(renewal: &Renewal, index: &str, bytes: u64) -> String {
    let Renewal {
        files,
        read,
        recognized,
        gone,
        items,
        embedded,
        skipped,
        seconds,
        ..
    } = renewal;
    let mut text = format!("{files} files in the index, {seconds:.1} s\n");
    if *read > 0 {
        text += &format!(
            "{read} read: {recognized} with known contents, {items} items in the others, {embedded} units embedded\n"
        );
    }
    if *gone > 0 {
        text += &format!("{gone} removed from the index, because they no longer exist\n");
    }
    for (reason, count) in skipped {
        text += &format!("{count} left out: {}\n", reason.words());
    }
    text + &format!("{index} · {:.1} MB\n", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similar::index::Query;

    #[test]
    fn a_kind_has_the_same_names_in_an_option_and_in_a_query() {
        for kind in Kind::value_variants() {
            let value = kind.to_possible_value().unwrap();
            let of_query = |name: &str| {
                let mut filter = Filter::default();
                Query::parse(&format!("kind:{name}"), &mut filter);
                filter.kinds
            };
            let own = of_query(value.get_name());
            assert_eq!(own.len(), 1, "{kind:?}");
            for name in value.get_name_and_aliases() {
                assert_eq!(of_query(name), own, "{name}");
            }
        }
    }
}
