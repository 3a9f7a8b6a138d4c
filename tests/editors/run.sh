#!/bin/bash
# Runs the tests in the real editors: run.sh FOVEA EDITORS
#
# FOVEA is the program under test, EDITORS the folder that install.sh filled. Every suite found there is tested. trixie is stable, so
# a failure there is ours; forky rolls, so a failure there is printed and counted apart. The last line sums up.
set -uo pipefail

[ $# -eq 2 ] || { echo "usage: run.sh FOVEA EDITORS" >&2; exit 2; }
fovea=$(realpath "$1")
editors=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
[ -x "$fovea" ] || { echo "$1 is no program" >&2; exit 2; }
[ -e "$editors/trixie/.ok" ] || { echo "$2 lacks trixie's editors; run install.sh" >&2; exit 2; }

output=$(mktemp)
scratch=$(mktemp -d)
trap 'rm -rf "$output" "$scratch"' EXIT
passed=0 failed=0 forgiven=0

# $1: the suite, $2: what is run, the rest: how. A test that ends without its closing line died, which is a failure too.
run() {
  local suite=$1 what=$2 line bad start=$SECONDS
  shift 2
  echo "== $suite: $what"
  # Caches, logs and state of the editors stay out of the person's home.
  env XDG_STATE_HOME="$scratch" XDG_DATA_HOME="$scratch" XDG_CACHE_HOME="$scratch" XDG_CONFIG_HOME="$scratch" \
    FOVEA_CACHE_DIR="$scratch/fovea" \
    timeout 600 "$@" 2>&1 | tee "$output"
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$output" | tail -1)
  bad=$(echo "$line" | sed -E 's/.*, ([0-9]+) failed/\1/')
  if [ -z "$line" ]; then
    echo "died before its last test"
    bad=1
  else
    passed=$((passed + ${line%% *}))
  fi
  if [ "$suite" = forky ]; then
    forgiven=$((forgiven + bad))
  else
    failed=$((failed + bad))
  fi
  echo "== $suite: $what took $((SECONDS - start)) s"
}

for suite in trixie forky; do
  root="$editors/$suite"
  if [ ! -e "$root/.ok" ]; then
    echo "== $suite is not installed and is left out"
    continue
  fi
  for test in "$here"/neovim*_test.lua; do
    run "$suite" "$("$root/nvim" --version | head -1), $(basename "$test")" \
      "$root/nvim" --clean --headless -l "$test" "$fovea"
  done
  for test in "$here"/helix*_test.py; do
    run "$suite" "$("$root/usr/bin/hx" --version), $(basename "$test")" \
      python3 "$test" "$fovea" "$root/usr/bin/hx"
  done
done

if [ -e "$editors/emacs/.ok" ]; then
  for test in "$here"/emacs*_test.el; do
    run trixie "$("$editors/emacs/emacs" --version | head -1), $(basename "$test")" \
      env HOME="$scratch" "$editors/emacs/emacs" -Q --batch -l "$test" "$fovea"
  done
  for test in "$here"/emacs*_test.py; do
    run trixie "$("$editors/emacs/emacs" --version | head -1), $(basename "$test")" \
      python3 "$test" "$fovea" "$editors/emacs/emacs"
  done
else
  echo "== emacs is not installed and is left out"
fi

# VS Code's versions are pinned, so every failure is ours.
node="$editors/vscode/node/bin/node"
if [ -e "$editors/vscode/.ok" ]; then
  run vscode "$("$node" "$editors/vscode/server/node_modules/code-server/out/node/entry.js" --version | head -1)" \
    "$node" "$here/vscode/run.mjs" "$fovea" "$editors"
else
  echo "== vscode is not installed and is left out"
fi

[ $forgiven -eq 0 ] || echo "forky (rolling, not counted): $forgiven failed"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
