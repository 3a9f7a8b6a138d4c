#!/bin/sh
# Measures how faithful the methods are, for docs/faithfulness.md: JSON on stdout.
#
#     benches/faithfulness/run.sh FOVEA [OPTIONS OF fovea evaluate]
#
# The texts are this repository's fixtures in 20 languages and its pages, foreign Rust from Cargo's registry (`cargo fetch` brings it) and
# Python's standard library. A run that was stopped goes on. Options that matter: --model, --units, --methods, --ceiling.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
program=$1
shift
set -- "$@" "$here/tests/fixtures/segments" "$here/docs"
for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/ignore-0.4.*/src "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/globset-0.4.*/src \
    /usr/lib/python3*/json /usr/lib/python3*/email /usr/lib/python3*/logging; do
    [ -d "$folder" ] && set -- "$@" "$folder"
done
exec "$program" evaluate --format json "$@"
