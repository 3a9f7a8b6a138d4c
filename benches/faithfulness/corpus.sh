#!/bin/sh
# Makes the texts of docs/faithfulness.md: code in eight languages, prose, documentation and Chinese, 28 files of each.
#
#     benches/faithfulness/corpus.sh FOLDER
#
# FOLDER/repositories gets the repositories at pinned commits, from $FOVEA_GIT/OWNER/NAME (https://github.com without it). FOLDER/texts gets
# the files: for each kind those whose paths have the lowest hashes, so that the choice does not depend on an order. Books are cut into
# chapters.
set -eu
folder=$1
from=${FOVEA_GIT:-https://github.com}
mkdir -p "$folder/repositories" "$folder/texts"

# repository OWNER/NAME COMMIT
repository() {
    own=$folder/repositories/$1
    [ -d "$own" ] || git clone --quiet --no-checkout "$from/$1" "$own"
    git -C "$own" cat-file -e "$2" || git -C "$own" fetch --quiet origin "$2"
}

# take KIND OWNER/NAME COMMIT PATTERN: 28 files with a matching path.
take() {
    repository "$2" "$3"
    mkdir -p "$folder/texts/$1"
    git -C "$folder/repositories/$2" ls-tree -r --name-only "$3" | grep -E "$4" | while read -r path; do
        printf '%s %s\n' "$(printf '%s' "$path" | sha256sum | cut -c1-16)" "$path"
    done | sort | head -28 | while read -r _ path; do
        git -C "$folder/repositories/$2" show "$3:$path" >"$folder/texts/$1/$(printf '%s' "$path" | tr / _)"
    done
}

# chapters KIND OWNER/NAME COMMIT PATH PREFIX: a book, cut at lines that begin with the heading of a chapter.
chapters() {
    repository "$2" "$3"
    mkdir -p "$folder/texts/$1"
    git -C "$folder/repositories/$2" show "$3:$4" | tr -d '\r' |
        awk -v to="$folder/texts/$1/$5" '/^(CHAPTER|Chapter) /{n++} n>0 && n<=14{print > sprintf("%s-%02d.txt", to, n)}'
}

take rust sharkdp/fd ee20f426ddf338ac7ead5c5f00ea49258005caaf '\.rs$'
take python pallets/flask 2ac89889f4cc330eabd50f295dcef02828522c69 '\.py$'
take javascript expressjs/express a3714473feb3d2908add734d340e7755fd85e0a3 '\.js$'
take typescript sindresorhus/ky 3419113b48e034fdcf8fa6bd3be3da7b3d0d758f '\.ts$'
take go spf13/cobra adbc8813901bba65827259daa8e22ff94ec1f30e '\.go$'
take c redis/hiredis 29ea2791c102fdffff350f1ea6e04d1f71903d0d '\.[ch]$'
take java square/javapoet b9017a9503b76e11b4ad4c1a9f050e2d29112cb0 '\.java$'
take ruby sinatra/sinatra cb22afd7902b566b6eaba6c4ea89739494a65d12 '\.rb$'
take documentation pallets/flask 2ac89889f4cc330eabd50f295dcef02828522c69 '^docs/.*\.rst$'
take chinese ruanyf/es6tutorial fc58b0c1505654bde876ace4f8f1f7f5882876fa '^docs/.*\.md$'
chapters prose GITenberg/Alice-s-Adventures-in-Wonderland_11 7f18748e114b994d5d9454d5793581bc0b9cf9d7 11.txt alice
chapters prose GITenberg/Pride-and-Prejudice_1342 81db45c9c48c592f0b77f01fc59e677ad0a5634e 1342.txt prejudice
