//! `fovea search`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::index::Scope;
use super::output::{self, Format};
use crate::render::{json, terminal};
use crate::similar::index::{Tests, embed_query};

/// Arguments of `fovea search`.
#[derive(Args, Debug)]
pub(super) struct Search {
    /// What to look for, in words
    query: String,
    /// How many items to show
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// The folder to look through; its index is brought up to date first. A store is looked through whole
    #[arg(long, value_name = "DIR", required_unless_present_any = ["store", "store_file"])]
    root: Option<PathBuf>,
    #[command(flatten)]
    scope: Scope,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Finds the items of a folder or a store that are about what a person asks for.
pub(super) fn run(arguments: &Search) -> Result<()> {
    let filter = arguments.scope.filter(Tests::With)?;
    let (model, items) = arguments.scope.open(arguments.root.as_deref())?;
    let query = embed_query(&model, &arguments.query)?;
    let found = arguments.scope.shown(items.search(&query, &filter, arguments.top)?);
    let found: Vec<_> = found.iter().map(json::found).collect();
    match arguments.format {
        Format::Json => output::write_json(&found),
        Format::Terminal => output::write(&terminal::found(&found)),
    }
}
