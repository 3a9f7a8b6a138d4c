//! The command line: `fovea SUBCOMMAND`, each in its own file. stdout carries results, stderr everything else.
//!
//! Exit codes: 0, 1 for a failure with one line on stderr that says what failed and where, 2 for wrong usage.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line")]

mod ask;
mod bench;
mod classify;
mod compare;
mod deciding;
mod doctor;
mod editor;
mod embed;
mod evaluate;
mod explain;
mod generate;
mod index;
mod input;
mod model;
mod output;
mod parser;
mod predict;
mod probe;
mod search;
mod serve;
mod similar;
mod store;
mod trace;
mod view;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::explain::Method;
use crate::model::tape::Network;
use crate::model::{Model, Source, default_source, embedded_available};
use crate::render::terminal::printable;
use crate::text::Language;

/// Shows the words that a transformer attends to in your text and code.
#[derive(Parser)]
#[command(name = "fovea", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the language server on stdin and stdout (`fovea` alone does the same)
    Serve(serve::Serve),
    /// Show which words carry each unit of a file
    Explain(explain::Explain),
    /// Show why two passages are similar, word by word
    Compare(compare::Compare),
    /// Measure how faithful explanations are on your own files, method by method
    Evaluate(evaluate::Evaluate),
    /// Turn JSON strings, one per line, into embeddings, one JSON array per line
    Embed(embed::Embed),
    /// Update the index of a folder: its functions, types and headings with their vectors
    Index(index::Index),
    /// Find functions, types, headings and files of a folder by meaning, words and names
    Search(search::Search),
    /// List items of a folder that resemble the functions, types and headings of a file, or each other
    Similar(similar::Similar),
    /// Open a page that shows what the model does with a file: attention, salience, each step of a token
    View(view::View),
    /// Write every number that a forward pass computed into a file
    Trace(trace::Trace),
    /// Show how surprising each token of a file is to a language model, and what it expects next
    Predict(predict::Predict),
    /// Find what answers a question in a file or a folder, and which words answer it
    Ask(ask::Ask),
    /// Tell which class a text has, and which words decided
    Classify(classify::Classify),
    /// Learn classes of your own from labeled texts
    #[command(subcommand)]
    Probe(probe::Command),
    /// Write on from a text with a language model
    Generate(generate::Generate),
    /// Show which model Fovea uses, or check its files
    #[command(subcommand)]
    Model(model::Command),
    /// Time the forward pass, attention and explanations
    Bench(bench::Bench),
    /// Check this installation: model, processor, languages
    Doctor(doctor::Doctor),
    /// Print the configuration that an editor needs
    #[command(subcommand)]
    Editor(editor::Editor),
    /// Parse for another process of Fovea
    #[command(name = parser::NAME, hide = true)]
    Parser,
}

/// Which model to use.
#[derive(Args, Clone, Debug, Default)]
struct ModelArguments {
    /// Hugging Face folder of a model, or its GGUF file; the default is FOVEA_MODEL, then the embedded all-MiniLM-L6-v2 (or the one in
    /// the cache folder, if this program contains none)
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
}

impl ModelArguments {
    fn source(&self) -> Source {
        let variable = || {
            std::env::var_os("FOVEA_MODEL")
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        match self.model.clone().or_else(variable) {
            Some(path) => Source::at(&path),
            None => default_source(),
        }
    }

    fn load(&self) -> Result<Model> {
        Ok(Model::load(&self.source())?)
    }

    /// Loads the model for the interpreter, with its network: for heads, traces and generation.
    fn interpreted(&self) -> Result<(Model, Arc<Network>)> {
        interpreted(&self.source())
    }

    /// As [`ModelArguments::interpreted`], for the model that reads a document.
    fn interpreted_for(&self, text: &str, language: Language) -> Result<(Model, Arc<Network>)> {
        interpreted(&self.source().for_document(text, language))
    }
}

/// Loads a model in the form that a method needs: the fused operations cannot compute every method.
fn load_for(method: Method, source: &Source) -> Result<Model> {
    Ok(match method.interpreted() {
        true => Model::interpreted(source)?,
        false => Model::load(source)?,
    })
}

fn interpreted(source: &Source) -> Result<(Model, Arc<Network>)> {
    let model = Model::interpreted(source)?;
    match model.network().cloned() {
        Some(network) => Ok((model, network)),
        None => anyhow::bail!("{} has no network to run", model.info().name),
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version contain only our own text; a usage error quotes the user's input.
        Err(help) if !help.use_stderr() => help.exit(),
        Err(wrong) => {
            eprint!("{}", printable(&wrong.render().to_string()));
            return ExitCode::from(2);
        }
    };
    if !matches!(arguments.command, Some(Command::Parser)) {
        parser::use_children();
    }
    let result = match arguments.command {
        None => serve::run(&serve::Serve::default()),
        Some(Command::Serve(arguments)) => serve::run(&arguments),
        Some(Command::Explain(arguments)) => explain::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Compare(arguments)) => compare::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Evaluate(arguments)) => evaluate::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Embed(arguments)) => embed::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Index(arguments)) => index::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Search(arguments)) => search::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Similar(arguments)) => similar::run(&arguments),
        Some(Command::Trace(arguments)) => trace::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::View(arguments)) => view::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Predict(arguments)) => predict::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Ask(arguments)) => ask::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Classify(arguments)) => classify::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Probe(command)) => probe::run(&command).map(|()| ExitCode::SUCCESS),
        Some(Command::Generate(arguments)) => generate::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Model(command)) => model::run(&command).map(|()| ExitCode::SUCCESS),
        Some(Command::Bench(arguments)) => bench::run(&arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments),
        Some(Command::Parser) => parser::run().map(|()| ExitCode::SUCCESS),
        Some(Command::Editor(editor)) => editor::run(&editor).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        // A reader that closes the pipe early (`fovea explain … | head`) is not a failure.
        if output::closed_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        output::say(&format_args!("{error:#}"));
        ExitCode::from(if error.is::<input::Usage>() { 2 } else { 1 })
    })
}

/// Says whether this binary contains a model.
fn embedded_in_words() -> &'static str {
    if embedded_available() {
        "embedded"
    } else {
        "none embedded"
    }
}
