//! `fovea parser`: a child process that parses for another process of Fovea; users never start it.

use std::io::{self, BufReader};
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::parser::{self, Processes, Program};
use crate::segment;

/// The subcommand's name.
pub(super) const NAME: &str = "parser";

/// Answers on stdout until stdin ends.
pub(super) fn run() -> Result<()> {
    parser::run(BufReader::new(io::stdin().lock()), io::stdout().lock())
        .context("fovea parser is started by Fovea itself, which closed the pipe or sent something else")
}

/// Makes this process parse in child processes of the same program.
pub(super) fn use_children() {
    segment::use_parser(Box::new(Processes::new(Program {
        path: this_program(),
        arguments: vec![NAME.into()],
    })));
}

/// The program of this process. On Linux this works even after an update has replaced its file; children must use the same protocol.
fn this_program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return running;
    }
    std::env::current_exe().unwrap_or_else(|_| "fovea".into())
}
