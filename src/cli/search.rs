//! `fovea search`.

use anyhow::Result;
use clap::Args;

use super::index::Scope;
use super::output::{self, Format};
use crate::render::{json, terminal};
use crate::similar::index::embed_query;

/// Arguments of `fovea search`.
#[derive(Args, Debug)]
pub(super) struct Search {
    /// What to look for, in words
    query: String,
    /// How many items to show
    #[arg(long, default_value_t = 10)]
    top: usize,
    #[command(flatten)]
    scope: Scope,
}

/// Finds the items of a folder or a store that are about what a person asks for.
pub(super) fn run(arguments: &Search) -> Result<()> {
    let (model, items, filter) = arguments.scope.open()?;
    let query = embed_query(&model, &arguments.query)?;
    let found = arguments.scope.shown(items.search(&query, &filter, arguments.top)?);
    let found: Vec<_> = found.iter().map(json::found).collect();
    match arguments.scope.format {
        Format::Json => output::write_json(&found),
        Format::Terminal => output::write(&terminal::found(&found)),
    }
}
