//! `fovea similar`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::index::{self, Scope};
use super::input::{self, Usage};
use super::output;
use crate::render::json::{FoundItem, SimilarItems};
use crate::render::terminal::printable;
use crate::render::{json, markdown, sarif, terminal};
use crate::similar::Center;
use crate::similar::index::{Asked, EmbeddedItem, Grouping, Tests, VectorIndex, embed_items};
use crate::similar::thresholds;

/// Exit code of a report with as many groups as `--fail-on` says, or more.
const TOO_MANY: u8 = 3;

/// Default number of similar items to show for each item.
const ITEMS: usize = 5;

/// Arguments of `fovea similar`.
#[derive(Args, Debug)]
#[command(
    after_help = "For a folder, the report lists groups of items that resemble each other: every two items of a group reach the score. \
    It leaves tests out unless --tests includes them. Exit code: 0 for success, 3 if --fail-on applies, 2 for wrong usage, 1 for a failure."
)]
pub(super) struct Similar {
    /// A file, to find items that resemble its items (with LINE: the innermost item around that line); or a folder, for a report of
    /// items that resemble each other
    #[arg(value_name = "FILE[:LINE]|DIR")]
    place: PathBuf,
    /// For a FILE: the folder to search, by default the current one; Fovea updates its index first. With a store, Fovea searches the
    /// whole store, and DIR is the folder that contains the FILE
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Maximum number of similar items per item; for a folder, maximum number of groups (default: 5 items, all groups)
    #[arg(long)]
    top: Option<usize>,
    /// Show every item with at least this language-centered cosine. The default shows only the items that a lens shows: copies,
    /// variants, parallel implementations, the same task elsewhere. Items in another file need 0.15 more, items in another language
    /// 0.05 more, or 0.2 less if both have the same name of several words (these differences shrink above 0.6, to nothing at 1)
    #[arg(long, allow_negative_numbers = true, value_parser = input::cosine)]
    threshold: Option<f32>,
    /// For a folder: minimum lines per item; trait implementations, constructors and similar items, and types without functions need
    /// three times as many
    #[arg(long, value_name = "N", default_value_t = 10)]
    min_lines: u32,
    /// For a folder: exit with code 3 if there are N groups or more
    #[arg(long, value_name = "N")]
    fail_on: Option<usize>,
    #[command(flatten)]
    scope: Scope,
    /// How to write the result; markdown and sarif need a folder
    #[arg(long, value_enum, default_value_t)]
    format: SimilarFormat,
}

/// The format of similar items.
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

/// Lists items that resemble those of a file, or items of a folder that resemble each other.
pub(super) fn run(arguments: &Similar) -> Result<ExitCode> {
    if arguments.place.is_dir() {
        return report(arguments);
    }
    let usage = |what: &str| Err(Usage(what.to_owned()).into());
    if matches!(arguments.format, SimilarFormat::Markdown | SimilarFormat::Sarif) || arguments.fail_on.is_some() {
        return usage("--format markdown, --format sarif and --fail-on work only for a folder: fovea similar DIR");
    }
    items(arguments).map(|()| ExitCode::SUCCESS)
}

/// The groups of a folder.
fn report(arguments: &Similar) -> Result<ExitCode> {
    if arguments.root.is_some() {
        return Err(Usage("similar DIR searches that folder; use --root only with a FILE".to_owned()).into());
    }
    if arguments.scope.in_store() {
        return Err(Usage("similar DIR searches that folder; use --store only with a FILE".to_owned()).into());
    }
    let asked = Grouping {
        base: arguments.threshold,
        lines: arguments.min_lines,
        filter: arguments.scope.filter(Tests::None)?,
    };
    arguments.scope.check(Some(&arguments.place))?;
    let (_, vector_index) = arguments.scope.folder(&arguments.place)?;
    let mut groups = vector_index.groups(&asked);
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

/// Finds the items that resemble the items of a file.
fn items(arguments: &Similar) -> Result<()> {
    let (file, line) = input::place(&arguments.place);
    let snapshot = input::document(&file, None, input::MAX_BYTES)?;
    let filter = arguments.scope.filter(Tests::With)?;
    let root = arguments.scope.root(arguments.root.as_deref());
    arguments.scope.check(root)?;
    let (model, collection) = arguments.scope.open(root)?;
    let text = snapshot.text(0..snapshot.len());
    let mut items = embed_items(&model, &text, snapshot.language())?;
    let own = below(index::canonical(root).as_deref(), &file);
    let path = own.clone().unwrap_or_else(|| file.clone());
    // The decision needs the surroundings of an item, even if the file is outside the folder.
    let around = VectorIndex::of_items(&[(path.clone(), &items)], &Center::default(), model.hidden());
    if let Some(line) = line {
        let line = u32::try_from(line).unwrap_or(u32::MAX).saturating_sub(1);
        items.retain(|EmbeddedItem { item, .. }| item.start.line <= line && line <= item.end.line);
        let innermost = items
            .iter()
            .min_by_key(|EmbeddedItem { item, .. }| item.end.byte - item.start.byte)
            .cloned();
        let innermost = innermost.with_context(|| {
            format!(
                "{}:{}: no comparable item at this line; choose a line inside a function, type or section",
                file.display(),
                line + 1
            )
        })?;
        items = vec![innermost];
    }
    let answer = |EmbeddedItem { item, vector, .. }: &EmbeddedItem, threshold: Option<f32>| {
        let asked = Asked {
            path: own.as_deref(),
            item,
            vector,
            base: Some(threshold.unwrap_or(thresholds::DEFAULT)),
            known: match threshold {
                Some(_) => None,
                None => around.known(&path, item),
            },
        };
        let found = collection.similar(&asked, &filter, arguments.top.unwrap_or(ITEMS))?;
        let found = arguments.scope.shown(found);
        Ok(SimilarItems {
            item: FoundItem {
                container: around.known(&path, item).and_then(|known| known.container(item)),
                ..json::item(&path, item)
            },
            similar: found.iter().map(json::found).collect(),
        })
    };
    let answers: Result<Vec<SimilarItems>> = items.iter().map(|item| answer(item, arguments.threshold)).collect();
    let answers = answers?;
    if arguments.format == SimilarFormat::Json {
        return output::write_json(&answers);
    }
    if answers.iter().any(|answer| !answer.similar.is_empty()) {
        return output::write(&terminal::similar(&answers));
    }
    let hidden = match arguments.threshold {
        None => items
            .iter()
            .map(|item| answer(item, Some(thresholds::DEFAULT)))
            .collect::<Result<_>>()?,
        Some(_) => Vec::new(),
    };
    output::write(&nothing(&answers, &hidden))
}

/// What a terminal shows if nothing resembles the items of a file: what a lens leaves out, such as the neighbors of a short function.
fn nothing(items: &[SimilarItems], hidden: &[SimilarItems]) -> String {
    if items.is_empty() {
        return "no function, type or heading here is long enough to compare\n".to_owned();
    }
    let all = hidden.iter().flat_map(|answer| &answer.similar);
    let all = all.filter_map(|found| Some((found, found.score?)));
    match all.max_by(|(_, a), (_, b)| a.total_cmp(b)) {
        Some((best, score)) => format!(
            "nothing that a lens would show. Short, neighboring or otherwise expected items are left out, the best with {score:.2}: {} · \
             {}:{}; --threshold {} shows them\n",
            printable(&best.name),
            printable(&best.path),
            best.start.line + 1,
            thresholds::DEFAULT
        ),
        None => "nothing resembles it\n".to_owned(),
    }
}

/// The path of a file below the indexed folder, if it is inside.
fn below(folder: Option<&Path>, file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    file.strip_prefix(folder?).ok().map(Path::to_owned)
}
