//! `fovea search`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::index::Scope;
use super::output::{self, Format};
use crate::render::{json, terminal};
use crate::similar::index::{Collection, Tests, embed_query};

/// Arguments of `fovea search`.
#[derive(Args, Debug)]
pub(super) struct Search {
    /// What to look for, in words
    query: String,
    /// How many items to show
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// The folder to look through; its index is brought up to date first
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    #[command(flatten)]
    scope: Scope,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Finds the items of a folder that are about what a person asks for.
pub(super) fn run(arguments: &Search) -> Result<()> {
    let filter = arguments.scope.filter(Tests::With)?;
    let (model, gallery) = arguments.scope.open(&arguments.root)?;
    let query = embed_query(&model, &arguments.query)?;
    let found = gallery.search(&query, &filter, arguments.top)?;
    let found: Vec<_> = found.iter().map(json::found).collect();
    match arguments.format {
        Format::Json => output::write_json(&found),
        Format::Terminal => output::write(&terminal::found(&found)),
    }
}
