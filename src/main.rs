//! The program `fovea`: it passes its arguments to [`fovea::cli`].

use std::process::ExitCode;

/// See decision 0049. Other systems keep their own allocator.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    fovea::cli::main()
}
