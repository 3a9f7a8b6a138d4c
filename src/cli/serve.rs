//! `fovea serve`: the language server on stdin and stdout.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::ModelArguments;
use super::store::StoreArguments;
use crate::analysis;
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
    #[command(flatten)]
    store: StoreArguments,
}

/// Serves one editor until it says `exit` or closes the pipe.
pub(super) fn run(arguments: &Serve) -> Result<ExitCode> {
    let default = arguments.model.source();
    let loaders = move |folder: Option<&Path>| {
        let source = folder.map_or_else(|| default.clone(), Source::at);
        analysis::loader(move || Model::load(&source))
    };
    server::run(loaders, arguments.store.elsewhere())
}
