//! `fovea serve`: the language server on stdin and stdout.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::ModelArguments;
use crate::analysis::Engine;
use crate::model::{Model, Source};
use crate::server;

/// Arguments of `fovea serve`.
#[derive(Args, Debug, Default)]
pub(super) struct Serve {
    /// Accepted because editors pass it; stdin and stdout are the only transport
    #[arg(long)]
    stdio: bool,
    #[command(flatten)]
    model: ModelArguments,
}

/// Serves until the editor is done. The setting `fovea.model.dir` goes before `--model`, since it may change while we run.
pub(super) fn run(arguments: &Serve) -> Result<ExitCode> {
    let default = arguments.model.source();
    server::run(move |folder| {
        let source = folder.map_or_else(|| default.clone(), |folder| Source::Folder(folder.to_owned()));
        Box::new(move || match Model::load(&source) {
            Ok(model) => Ok(Box::new(model) as Box<dyn Engine>),
            Err(error) => Err(error.to_string()),
        })
    })
}
