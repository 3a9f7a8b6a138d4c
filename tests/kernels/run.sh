#!/bin/bash
# Tests the kernels with tools that the whole program cannot use: tests/kernels/run.sh miri|memcheck|address|neon|check [TESTS]
#
# src/model/simd and src/model/kernels depend only on the standard library. This script copies them with their unit tests into a
# separate crate, and runs the tests in one of these modes:
#   miri      finds undefined behavior; needs the nightly component miri
#   memcheck  finds invalid memory accesses and reads of uninitialized numbers; needs valgrind
#   address   finds invalid memory accesses with AddressSanitizer; needs nightly
#   neon      runs the NEON kernels in an emulator; needs the target aarch64-unknown-linux-gnu, gcc-aarch64-linux-gnu and qemu-user
#   check     only compiles the kernels for aarch64; needs the target
# Arguments after the mode select tests, as in `cargo test`.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
crate=${TMPDIR:-/tmp}/fovea-kernels
mkdir -p "$crate/src/model"
rm -rf "$crate/src/model/kernels" "$crate/src/model/simd"
cp -r "$root/src/model/simd" "$root/src/model/kernels" "$crate/src/model/"
cat > "$crate/Cargo.toml" <<'TOML'
[package]
name = "fovea-kernels"
version = "0.0.0"
edition = "2024"
[profile.test]
opt-level = 2
TOML
echo 'pub mod model;' > "$crate/src/lib.rs"
{
  echo 'pub mod kernels; pub mod simd;'
  echo 'pub mod config {'
  sed -n '/^\/\/\/ Activation of the feed-forward block, each/,/^}/p' "$root/src/model/config.rs"
  echo '}'
} > "$crate/src/model/mod.rs"
cd "$crate"
mode=${1:-}
shift || true
case "$mode" in
  # Miri supports the instructions of AVX2, but not those of VNNI. The exhaustive test of exp would take an hour.
  miri) MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test -- --skip keeps_its_stated_error "$@" ;;
  # valgrind needs minutes where Miri needs hours. It emulates AVX2 and FMA but not AVX-512, so the tests run the portable and the AVX2
  # kernels. It runs only one thread at a time, so more test threads would not help.
  memcheck)
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --quiet --error-exitcode=1 --leak-check=no"
    cargo test --target x86_64-unknown-linux-gnu -- --test-threads 1 --skip keeps_its_stated_error "$@"
    ;;
  address) RUSTFLAGS=-Zsanitizer=address cargo +nightly test --target x86_64-unknown-linux-gnu -- "$@" ;;
  neon)
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
    cargo test --target aarch64-unknown-linux-gnu -- "$@"
    ;;
  check) cargo check --tests --target aarch64-unknown-linux-gnu ;;
  *) echo "usage: run.sh miri|memcheck|address|neon|check" >&2; exit 2 ;;
esac
