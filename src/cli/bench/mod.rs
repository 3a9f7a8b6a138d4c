//! `fovea bench`: times the model, a server's edits (`--edit`), or its answers in a large folder (`--workspace`).

mod client;
mod edit;
mod model;
mod source;
mod times;
mod workspace;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::ModelArguments;
use super::output::Format;

/// Arguments of `fovea bench`.
#[derive(Args, Debug)]
pub(super) struct Bench {
    /// Shapes to time, BATCHxLENGTH in tokens
    #[arg(
        long,
        default_value = "1x16,1x128,1x256,8x256",
        value_name = "LIST",
        conflicts_with_all = ["edit", "workspace"]
    )]
    shapes: String,
    /// Number of threads; the default is one per processor (with --edit: as many as the server chooses)
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Time a server instead: from a keystroke to new heat, and hovers, highlights and lenses on analyzed text
    #[arg(long)]
    edit: bool,
    /// With --edit: lengths of the files
    #[arg(long, default_value = "100,1000,10000", value_name = "LIST", requires = "edit")]
    lines: String,
    /// With --edit: keystrokes per file
    #[arg(long, default_value_t = 100, value_name = "N", requires = "edit")]
    edits: usize,
    /// Time answers in a folder of this many items instead, at rest and during an update of its index
    #[arg(long, value_name = "ITEMS", conflicts_with_all = ["edit", "threads"], value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    workspace: Option<u32>,
    /// With --workspace: folder for the files and their index; a later run uses them again
    #[arg(long, value_name = "DIR", requires = "workspace")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The same as --format json
    #[arg(long)]
    json: bool,
}

impl Bench {
    fn wants_json(&self) -> bool {
        self.json || self.format == Format::Json
    }
}

/// Runs the chosen measurement.
pub(super) fn run(arguments: &Bench) -> Result<()> {
    match arguments.workspace {
        Some(items) => workspace::run(arguments, items as usize),
        None if arguments.edit => edit::run(arguments),
        None => model::run(arguments),
    }
}
