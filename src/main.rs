//! `fovea`: arguments → [`fovea::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    fovea::cli::main()
}
