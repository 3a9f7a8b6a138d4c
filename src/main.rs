//! The program `fovea`: it passes its arguments to [`fovea::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    fovea::cli::main()
}
