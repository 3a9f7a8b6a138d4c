//! `fovea search`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::output::Format;
use super::{ModelArguments, index, input, output};
use crate::render::{json, terminal};
use crate::similar::index::Filter;
use crate::text::Language;

/// Arguments of `fovea search`.
#[derive(Args, Debug)]
pub(super) struct Search {
    /// What to look for, in words
    query: String,
    /// The folder to search; its index is brought up to date first
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// How many items to show
    #[arg(long, default_value_t = 10)]
    top: usize,
    #[command(flatten)]
    only: Only,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is looked through.
#[derive(Args, Debug)]
pub(super) struct Only {
    /// Only items of this language; may be given several times
    #[arg(long)]
    language: Vec<String>,
    /// Only files below this path of the folder
    #[arg(long, value_name = "PATH")]
    below: Option<PathBuf>,
}

impl Only {
    pub(super) fn filter(&self) -> Result<Filter> {
        let language = |name: &String| input::language(Some(name));
        let languages: Vec<Option<Language>> = self.language.iter().map(language).collect::<Result<_>>()?;
        Ok(Filter {
            languages: languages.into_iter().flatten().collect(),
            below: self.below.clone(),
            ..Filter::default()
        })
    }
}

/// Finds the items of a folder that are about what a person asks for.
pub(super) fn run(arguments: &Search) -> Result<()> {
    let filter = arguments.only.filter()?;
    let model = arguments.model.load()?;
    let gallery = index::gallery(&model, &arguments.root)?;
    let hits = gallery.search(&model, &arguments.query, &filter, arguments.top)?;
    let found: Vec<_> = hits.iter().map(json::found).collect();
    match arguments.format {
        Format::Json => output::write_json(&found),
        Format::Terminal => output::write(&terminal::found(&found)),
    }
}
