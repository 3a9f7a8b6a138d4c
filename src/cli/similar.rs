//! `fovea similar`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::index::Scope;
use super::input;
use super::output::{self, Format};
use crate::render::json::SimilarItems;
use crate::render::{json, terminal};
use crate::similar::index::{Asked, EmbeddedItem, embed_items};
use crate::similar::likeness;

/// Arguments of `fovea similar`.
#[derive(Args, Debug)]
pub(super) struct Similar {
    /// The file whose items are asked about, or the innermost item around a line of it
    #[arg(value_name = "FILE[:LINE]")]
    place: PathBuf,
    /// How many items to show at most, of each
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// Language-centred cosine from which an item of the same file is shown; one of another file needs 0.15 more, one in another
    /// language 0.05 more, or 0.2 less where both have the same name of several words
    #[arg(long, default_value_t = likeness::DEFAULT)]
    threshold: f32,
    #[command(flatten)]
    scope: Scope,
}

/// Tells what resembles the items of a file.
pub(super) fn run(arguments: &Similar) -> Result<()> {
    let (file, line) = input::place(&arguments.place);
    let snapshot = input::document(&file, None, input::MAX_BYTES)?;
    let (model, gallery, filter) = arguments.scope.open()?;
    let text = snapshot.text(0..snapshot.len());
    let mut items = embed_items(&model, &text, snapshot.language())?;
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
    let own = below(arguments.scope.folder().as_deref(), &file);
    let path = own.clone().unwrap_or_else(|| file.clone());
    let answers = items.into_iter().map(|EmbeddedItem { item, vector }| {
        let asked = Asked {
            path: own.as_deref(),
            item: &item,
            vector: &vector,
            base: Some(arguments.threshold),
        };
        let found = arguments.scope.shown(gallery.similar(&asked, &filter, arguments.top)?);
        Ok(SimilarItems {
            item: json::item(&path, &item),
            similar: found.iter().map(json::found).collect(),
        })
    });
    let answers: Vec<SimilarItems> = answers.collect::<Result<_>>()?;
    match arguments.scope.format {
        Format::Json => output::write_json(&answers),
        Format::Terminal => output::write(&terminal::similar(&answers)),
    }
}

/// The path of a file below the folder that was indexed, if it is there.
fn below(folder: Option<&Path>, file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    file.strip_prefix(folder?).ok().map(Path::to_owned)
}
