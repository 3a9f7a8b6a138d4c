#!/bin/bash
# The kernels where the test suite cannot go: tests/kernels/run.sh miri|memcheck|address|neon|check
#
# src/model/simd and src/model/kernels stand on nothing but the standard library. They are built as a crate of their own, with the
# tests they carry: under Miri (undefined behavior; needs the nightly component miri), under valgrind (memory, and numbers that were
# never written; needs valgrind), with the address sanitizer (memory; needs nightly), or for aarch64 in an emulator (NEON; needs the
# target aarch64-unknown-linux-gnu, gcc-aarch64-linux-gnu and qemu-user). `check` only compiles them for aarch64, which needs no more
# than the target. Words after the mode choose tests, as `cargo test` takes them.
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
  # Miri knows the instructions of AVX2, not those of VNNI; the exhaustive test of exp would take it an hour.
  miri) MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test -- --skip keeps_its_stated_error "$@" ;;
  # What Miri takes hours for, in minutes. valgrind's processor has AVX2 and FMA but not AVX-512, so that the tests run the portable
  # path and that of AVX2; one thread, since valgrind runs one at a time.
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
