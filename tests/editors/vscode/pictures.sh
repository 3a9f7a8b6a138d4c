#!/bin/bash
# Makes the pictures of the documentation with the tests, so that they stay correct: pictures.sh FOVEA EDITORS
#
# The script fails if a test fails. The tests make the pictures; the script copies those that pages show to their places.
set -euo pipefail

[ $# -eq 2 ] || { echo "usage: pictures.sh FOVEA EDITORS" >&2; exit 2; }
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../../..")
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
FOVEA_TEST_ONLY=person "$2/vscode/node/bin/node" "$here/run.mjs" "$1" "$2" "$made"

# $1: the name in the test, $2: the destination. Large pictures make large packages.
keep() {
  [ "$(stat -c %s "$made/$1.png")" -lt 150000 ] || { echo "$1.png is too large: 150 kB or more" >&2; exit 1; }
  cp "$made/$1.png" "$root/$2"
}
keep editor-dark editors/vscode/images/heat.png
keep pair editors/vscode/images/pair.png
keep peek editors/vscode/images/peek.png
keep all-search-dark editors/vscode/images/search.png
keep menu editors/vscode/images/menu.png
keep editor-light docs/images/vscode.png
keep pair docs/images/vscode-pair.png
keep hover docs/images/vscode-hover.png
keep ask docs/images/vscode-ask.png
keep answer docs/images/vscode-answer.png
keep classify docs/images/vscode-classify.png
keep class-lens docs/images/vscode-class-lens.png
keep all-search-light docs/images/vscode-search.png
