//! `fovea serve`: the language server on stdin and stdout.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use clap::Args;

use super::ModelArguments;
use super::store::StoreArguments;
use crate::analysis;
use crate::model::{Model, Source};
use crate::server;
use crate::text::Snapshot;

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

/// Serves one editor until it sends `exit` or closes the pipe.
pub(super) fn run(arguments: &Serve) -> Result<ExitCode> {
    let default = arguments.model.source();
    let default_of_pages = default.clone();
    let loaders = move |folder: Option<&Path>| {
        let source = folder.map_or_else(|| default.clone(), Source::at);
        analysis::loader(move || Model::load(&source))
    };
    // A page needs the interpreter's model. The embedded ones stay loaded as long as the server runs; those of folders, which may be large, are
    // the server's to keep.
    let known: Mutex<Vec<(Source, Model)>> = Mutex::default();
    let pages = move |folder: Option<&Path>, document: &Snapshot| {
        let source = folder.map_or_else(|| default_of_pages.clone(), Source::at);
        let source = source.for_document(&document.text(0..document.len()), document.language());
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, model)) = known.iter().find(|(loaded, _)| *loaded == source) {
            return Ok(model.clone());
        }
        let model = Model::interpreted(&source)?;
        if folder.is_none() {
            known.push((source, model.clone()));
        }
        Ok(model)
    };
    server::run(loaders, Box::new(pages), arguments.store.elsewhere())
}
