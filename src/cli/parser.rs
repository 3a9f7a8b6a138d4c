//! `fovea parser`: the process that parses for another process of Fovea. Nobody starts it by hand.

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

/// Lets children of this program parse for this process.
pub(super) fn use_children() {
    segment::use_parser(Box::new(Processes::new(Program {
        path: this_program(),
        arguments: vec![NAME.into()],
    })));
}

/// The program of this process. On Linux also after an update has replaced its file: its children have to speak the same language.
fn this_program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return running;
    }
    std::env::current_exe().unwrap_or_else(|_| "fovea".into())
}
