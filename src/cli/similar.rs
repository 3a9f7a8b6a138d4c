//! `fovea similar`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::index::{self, Scope};
use super::input::{self, Usage};
use super::output;
use crate::render::json::SimilarItems;
use crate::render::{json, markdown, sarif, terminal};
use crate::similar::Centre;
use crate::similar::index::{Asked, EmbeddedItem, Gallery, Grouping, Tests, embed_items};
use crate::similar::likeness;

/// Exit code of a report with as many groups as `--fail-on` says, or more.
const TOO_MANY: u8 = 3;

/// How many items are shown of each, unless told otherwise.
const ITEMS: usize = 5;

/// Arguments of `fovea similar`.
#[derive(Args, Debug)]
#[command(
    after_help = "Of a folder, the groups of items are listed that resemble each other: every two of a group reach the score. \
    Tests are left out unless --tests says otherwise. Exit code: 0, or 3 where --fail-on says so, 2 for wrong usage, 1 for a failure."
)]
pub(super) struct Similar {
    /// The file whose items are asked about, or the innermost item around a line of it; or a folder, for a report of what in it
    /// resembles each other
    #[arg(value_name = "FILE[:LINE]|DIR")]
    place: PathBuf,
    /// The folder to look through for a FILE; its index is brought up to date first. With a store, which is looked through whole, the
    /// folder that the FILE is in
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How many items to show at most, of each; of a folder, how many groups (default: 5 items, all groups)
    #[arg(long)]
    top: Option<usize>,
    /// Show every item from this language-centred cosine on, and not only what a lens shows: copies, variants, parallel
    /// implementations, the same task elsewhere. One of another file needs 0.15 more, one in another language 0.05 more, or 0.2 less
    /// where both have the same name of several words (less from 0.6 on, nothing at 1)
    #[arg(long, allow_negative_numbers = true)]
    threshold: Option<f32>,
    /// Of a folder: the fewest lines an item has; three times as many where it is alike by custom: implementations of traits,
    /// constructors and the like, types without functions
    #[arg(long, value_name = "N", default_value_t = 10)]
    min_lines: u32,
    /// Of a folder: exit with code 3 where there are N groups or more
    #[arg(long, value_name = "N")]
    fail_on: Option<usize>,
    #[command(flatten)]
    scope: Scope,
    /// How to write the result; markdown and sarif are for a folder
    #[arg(long, value_enum, default_value_t)]
    format: SimilarFormat,
}

/// How similar items are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SimilarFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// For reviews.
    Markdown,
    /// For CI, as SARIF 2.1.0: locations relative to the folder, fingerprints that last.
    Sarif,
}

/// Tells what resembles the items of a file, or which items of a folder resemble each other.
pub(super) fn run(arguments: &Similar) -> Result<ExitCode> {
    if arguments.place.is_dir() {
        return report(arguments);
    }
    let usage = |what: &str| Err(Usage(what.to_owned()).into());
    if arguments.root.is_none() && !arguments.scope.in_store() {
        return usage("similar FILE takes the folder to look through: --root DIR");
    }
    if matches!(arguments.format, SimilarFormat::Markdown | SimilarFormat::Sarif) || arguments.fail_on.is_some() {
        return usage("--format markdown, --format sarif and --fail-on go with a folder: fovea similar DIR");
    }
    items(arguments).map(|()| ExitCode::SUCCESS)
}

/// The groups of a folder.
fn report(arguments: &Similar) -> Result<ExitCode> {
    if arguments.root.is_some() {
        return Err(Usage("similar DIR looks through that folder; --root goes with a FILE".to_owned()).into());
    }
    if arguments.scope.in_store() {
        return Err(Usage("similar DIR looks through that folder; --store goes with a FILE".to_owned()).into());
    }
    let asked = Grouping {
        base: arguments.threshold,
        lines: arguments.min_lines,
        filter: arguments.scope.filter(Tests::None)?,
    };
    let (_, gallery) = arguments.scope.folder(&arguments.place)?;
    let mut groups = gallery.groups(&asked);
    let found = groups.len();
    groups.truncate(arguments.top.unwrap_or(usize::MAX));
    let told: Vec<_> = groups.iter().map(json::group).collect();
    match arguments.format {
        SimilarFormat::Json => output::write_json(&told)?,
        SimilarFormat::Sarif => output::write_json(&sarif::groups(&groups))?,
        SimilarFormat::Markdown => output::write(&markdown::groups(&told, found))?,
        SimilarFormat::Terminal => output::write(&terminal::groups(&told, found))?,
    }
    match arguments.fail_on {
        Some(limit) if found >= limit => Ok(ExitCode::from(TOO_MANY)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What resembles the items of a file.
fn items(arguments: &Similar) -> Result<()> {
    let (file, line) = input::place(&arguments.place);
    let snapshot = input::document(&file, None, input::MAX_BYTES)?;
    let filter = arguments.scope.filter(Tests::With)?;
    let (model, collection) = arguments.scope.open(arguments.root.as_deref())?;
    let text = snapshot.text(0..snapshot.len());
    let mut items = embed_items(&model, &text, snapshot.language())?;
    let own = below(index::canonical(arguments.root.as_deref()).as_deref(), &file);
    let path = own.clone().unwrap_or_else(|| file.clone());
    // What stands around an item matters to the decision, wherever the file lies.
    let around = Gallery::of_items(&[(path.clone(), &items)], &Centre::default(), model.hidden());
    if let Some(line) = line {
        let line = u32::try_from(line).unwrap_or(u32::MAX).saturating_sub(1);
        items.retain(|EmbeddedItem { item, .. }| item.start.line <= line && line <= item.end.line);
        let innermost = items
            .iter()
            .min_by_key(|EmbeddedItem { item, .. }| item.end.byte - item.start.byte)
            .cloned();
        let innermost =
            innermost.with_context(|| format!("{}:{}: no item that can be compared", file.display(), line + 1))?;
        items = vec![innermost];
    }
    let answers = items.into_iter().map(|EmbeddedItem { item, vector, .. }| {
        let asked = Asked {
            path: own.as_deref(),
            item: &item,
            vector: &vector,
            base: Some(arguments.threshold.unwrap_or(likeness::DEFAULT)),
            known: match arguments.threshold {
                Some(_) => None,
                None => around.known(&path, &item),
            },
        };
        let found = collection.similar(&asked, &filter, arguments.top.unwrap_or(ITEMS))?;
        let found = arguments.scope.shown(found);
        Ok(SimilarItems {
            item: json::item(&path, &item),
            similar: found.iter().map(json::found).collect(),
        })
    });
    let answers: Vec<SimilarItems> = answers.collect::<Result<_>>()?;
    match arguments.format {
        SimilarFormat::Json => output::write_json(&answers),
        _ => output::write(&terminal::similar(&answers)),
    }
}

/// The path of a file below the folder that was indexed, if it is there.
fn below(folder: Option<&Path>, file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    file.strip_prefix(folder?).ok().map(Path::to_owned)
}
