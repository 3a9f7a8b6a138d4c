//! The language server: LSP messages ⇄ [`analysis`](crate::analysis). No LSP type leaves this module.
//!
//! ```text
//! stdin → frames → transport → ingress ─ notifications: applied at once, in the order of the wire (session)
//!                                      └ requests: get a snapshot of the state they arrived in → handlers → requests/*
//! analysis ─ events → outbox → publisher → stdout (output: never waits for the client)
//! ```

mod client;
mod client_answer;
mod diagnostics;
mod documents;
mod exit;
mod fallback_providers;
mod frames;
mod handlers;
mod heat;
mod ingress;
mod last_told;
mod logging;
mod notifications;
mod orphan;
mod outbox;
mod output;
mod pages;
mod probes;
mod progress;
pub mod protocol;
mod publisher;
mod request_queue;
mod request_snapshot;
mod requests;
mod session;
pub mod settings;
mod spellings;
mod status;
mod surrogates;
mod to_proto;
mod transport;
mod uris;

pub use logging::{install_panic_hook, start as start_logging};
pub use pages::PageModels;
pub use transport::serve;

/// Parsers of client input, for the targets under `fuzz/`.
#[cfg(fuzzing)]
pub mod fuzzed {
    pub use super::frames::{Frames, Incoming};
    pub use super::spellings::Spellings;
    pub use super::uris::{decoded, file_name, file_path, of_path, parse, repaired, shown_file, view};
}

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::analysis::Loader;
use crate::places;
use crate::similar::index::Elsewhere;

/// Serves one client over stdin and stdout.
///
/// `loaders` creates the loader of the model in a folder (the setting `fovea.model.dir`), or of the default model; `store` is a team's
/// store that the server asks in addition to the workspace.
///
/// # Errors
/// Fails if the threads cannot start.
pub fn run(
    loaders: impl Fn(Option<&Path>) -> Loader + Send + Sync + 'static,
    pages: PageModels,
    store: Option<Elsewhere>,
) -> anyhow::Result<ExitCode> {
    install_panic_hook();
    start_logging();
    // Handlers only wait for the model's thread, so two workers are enough.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("fovea-server")
        .enable_all()
        .build()
        .context("cannot start the server's threads")?;
    let code = runtime.block_on(serve(
        tokio::io::stdin(),
        tokio::io::stdout(),
        loaders,
        pages,
        places::cache_folder(),
        store,
    ));
    // A read of stdin may block forever; the process ends anyway.
    runtime.shutdown_background();
    Ok(ExitCode::from(code))
}
