//! `fovea model`.

mod catalog;
mod list;
#[cfg(feature = "hub")]
mod pull;

use anyhow::Result;
use clap::Subcommand;

use super::output::{self, Format};
use super::{ModelArguments, embedded_in_words};
use crate::model::verify;

/// Subcommands of `fovea model`.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Show information about the model
    Info {
        #[command(flatten)]
        model: ModelArguments,
        /// How to write the result
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// List models that are worth a try: license, size, cost, use
    List {
        /// How to write the result
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Download a model from the Hugging Face Hub into the cache that Python tools share
    Pull(Pull),
    /// Compute the checksums of the model's files and compare them with the recorded ones
    Verify {
        #[command(flatten)]
        model: ModelArguments,
    },
}

/// Arguments of `fovea model pull`.
#[derive(clap::Args, Debug)]
pub(super) struct Pull {
    /// OWNER/NAME on the Hugging Face Hub, or OWNER/NAME/FILE.gguf for one file of it
    #[arg(value_name = "NAME")]
    name: String,
}

#[cfg(feature = "hub")]
fn pull(arguments: &Pull) -> Result<()> {
    pull::run(&arguments.name)
}

#[cfg(not(feature = "hub"))]
fn pull(arguments: &Pull) -> Result<()> {
    Err(super::input::Usage(format!(
        "this build of fovea reaches no network; build it with `cargo install fovea-ls --features hub`, or run `hf download {0}`: \
         `--model {0}` then finds the model",
        arguments.name
    ))
    .into())
}

/// Runs a subcommand.
pub(super) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Info { model, format } => info(model, *format),
        Command::List { format } => list::run(*format),
        Command::Pull(arguments) => pull(arguments),
        Command::Verify { model } => check(model),
    }
}

fn info(arguments: &ModelArguments, format: Format) -> Result<()> {
    let model = arguments.load()?;
    let info = model.info();
    if format == Format::Json {
        return output::write_json(info);
    }
    let pooling = format!("{:?}", info.pooling).to_lowercase();
    let mut prompts = String::new();
    for (role, prompt) in [
        ("query", &info.prompts.query),
        ("passage", &info.prompts.passage),
        ("plain", &info.prompts.plain),
    ] {
        if !prompt.is_empty() {
            prompts += &format!("  prompt        {role}: {prompt:?}\n");
        }
    }
    let abilities: Vec<&str> = info.abilities.iter().map(|ability| ability.name()).collect();
    let abilities = abilities.join(", ");
    let beside = match &info.multilingual {
        Some(name) => format!("  beside it     {name}, for text that is not in English\n"),
        None => String::new(),
    };
    output::write(&format!(
        "{}\n  architecture  {}, {} layers, {} heads, {} wide\n  window        {} tokens\n  vocabulary    {} entries\n  \
         pooling       {pooling}\n{prompts}  abilities     {abilities}\n{beside}  weights       {}\n  identity      {}\n  this binary   {}\n",
        info.name,
        info.architecture,
        info.layers,
        info.heads,
        info.hidden,
        info.window,
        info.vocabulary,
        info.weights,
        info.id,
        embedded_in_words(),
    ))
}

fn check(arguments: &ModelArguments) -> Result<()> {
    let checks = verify(&arguments.source())?;
    let mut report = String::new();
    for check in &checks {
        let verdict = match (&check.expected, check.holds()) {
            (None, _) => "no recorded checksum",
            (Some(_), true) => "as recorded",
            (Some(_), false) => "NOT as recorded",
        };
        report += &format!("{}  {}  {verdict}\n", check.sha256, check.file);
    }
    output::write(&report)?;
    let wrong: Vec<&str> = checks
        .iter()
        .filter(|check| !check.holds())
        .map(|check| check.file.as_str())
        .collect();
    anyhow::ensure!(
        wrong.is_empty(),
        "{}: the checksum differs from the recorded one; download the model again",
        wrong.join(", ")
    );
    // Loading completes the check: shapes, vocabulary, configuration.
    arguments.load()?;
    Ok(())
}
