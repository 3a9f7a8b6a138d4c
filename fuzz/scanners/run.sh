#!/bin/sh
# sh run.sh COUNT FOLDER [GRAMMAR…]: so many mutations of the files of FOLDER/GRAMMAR, for each grammar, under AddressSanitizer.
# The grammars are those of Cargo.lock, out of cargo's registry; a C compiler with libasan is needed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
count=$1 folder=$2
shift 2
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
out=${TMPDIR:-/tmp}/fovea-scanners
mkdir -p "$out"
version() { sed -n "/^name = \"$1\"\$/{n;s/version = \"\(.*\)\"/\1/p;}" "$here/../../Cargo.lock"; }
crate() { echo "$registry"/*/"$1-$(version "$1")"; }
library=$(crate tree-sitter)
flags="-g1 -O1 -fsanitize=address -fno-omit-frame-pointer -w"
[ -f "$out/lib.o" ] || cc $flags -std=c11 -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200112L -I"$library/include" -I"$library/src" -c "$library/src/lib.c" -o "$out/lib.o"
[ $# -gt 0 ] || set -- rust python javascript typescript tsx go java c cpp csharp ruby php lua bash markdown json toml yaml
for grammar in "$@"; do
    name=$grammar below=src crate=$grammar
    case $grammar in
        csharp) name=c_sharp crate=c-sharp ;;
        markdown) crate=md below=tree-sitter-markdown/src ;;
        typescript | tsx) crate=typescript below=$grammar/src ;;
        php) below=php/src ;;
        toml) crate=toml-ng ;;
    esac
    source=$(crate "tree-sitter-$crate")/$below
    objects=
    for part in parser scanner; do
        [ -f "$source/$part.c" ] || continue
        [ -f "$out/$grammar-$part.o" ] || cc $flags -std=c11 -I"$source" -c "$source/$part.c" -o "$out/$grammar-$part.o"
        objects="$objects $out/$grammar-$part.o"
    done
    cc $flags -std=gnu11 -DGRAMMAR="tree_sitter_$name" -I"$library/include" "$here/mutate.c" $objects "$out/lib.o" -o "$out/$grammar"
    printf '%s: ' "$grammar"
    "$out/$grammar" "$count" 1 "$folder/$grammar"/* 2>"$out/$grammar.log" || printf 'see %s\n' "$out/$grammar.log"
done
