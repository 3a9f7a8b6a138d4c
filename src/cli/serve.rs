//! `fovea serve`: the language server on stdin and stdout.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

/// Arguments of `fovea serve`.
#[derive(Args, Debug, Default)]
pub(super) struct Serve {
    /// Accepted because editors pass it; stdin and stdout are the only transport
    #[arg(long)]
    stdio: bool,
}
pub(super) fn run(_: &Serve) -> Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
