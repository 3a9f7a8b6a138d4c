#!/bin/bash
# Tests of the page of `fovea view`: run.sh FOVEA [EDITORS]
#
# Installs the packages of view/package-lock.json, checks types, checks that assets/view is the bundle of view/src, and drives the page in
# Chromium. It uses the Node in EDITORS, the folder of tests/editors/install.sh, or without it the machine's.
set -euo pipefail

[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: run.sh FOVEA [EDITORS]" >&2; exit 2; }
fovea=$(realpath "$1")
[ -x "$fovea" ] || { echo "$1 is not a program" >&2; exit 2; }
[ $# -eq 1 ] || export PATH="$(realpath "$2")/vscode/node/bin:$PATH"
cd "$(dirname "$(realpath "$0")")/../../view"
# npm writes the second file after it installs the packages of the first.
if [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --ignore-scripts --no-audit --no-fund
fi
node node_modules/typescript/bin/tsc --noEmit
node build.mjs --check
exec node ../tests/view/run.mjs "$fovea"
