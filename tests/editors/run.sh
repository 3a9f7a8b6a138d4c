#!/bin/bash
# Runs the tests in the real editors: run.sh FOVEA EDITORS
#
# FOVEA is the program under test, EDITORS the folder of install.sh. The script tests every editor in it. Their versions are fixed, so a
# failure is Fovea's; those of forky change, so its failures are printed and counted separately. The failures that count are printed once more at the
# end, where nobody has to search for them. The last line is the result.
set -uo pipefail

[ $# -eq 2 ] || { echo "usage: run.sh FOVEA EDITORS" >&2; exit 2; }
fovea=$(realpath "$1")
editors=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
[ -x "$fovea" ] || { echo "$1 is not a program" >&2; exit 2; }
[ -e "$editors/trixie/.ok" ] || { echo "$2 lacks trixie's editors; run install.sh" >&2; exit 2; }

output=$(mktemp)
failures=$(mktemp)
scratch=$(mktemp -d)
trap 'rm -rf "$output" "$failures" "$scratch"' EXIT
passed=0 failed=0 forgiven=0

# $1: the suite, $2: the name of the tests, the rest: the command. Tests without a closing line have died, which is a failure.
run() {
  local suite=$1 what=$2 line bad status start=$SECONDS
  shift 2
  echo "== $suite: $what"
  # Caches, logs and state of the editors stay out of the user's home folder.
  env XDG_STATE_HOME="$scratch" XDG_DATA_HOME="$scratch" XDG_CACHE_HOME="$scratch" XDG_CONFIG_HOME="$scratch" \
    FOVEA_CACHE_DIR="$scratch/fovea" \
    timeout 600 "$@" 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$output" | tail -1)
  bad=$(echo "$line" | sed -E 's/.*, ([0-9]+) failed/\1/')
  if [ -z "$line" ]; then
    echo "died before its last test, status $status (124: after 600 s)" | tee -a "$output"
    bad=1
  else
    passed=$((passed + ${line%% *}))
  fi
  if [ "$suite" = forky ]; then
    forgiven=$((forgiven + bad))
  else
    failed=$((failed + bad))
    [ "$bad" -eq 0 ] || { echo "$suite: $what"; grep -A 8 '^FAILED' "$output" || tail -n 20 "$output"; } >> "$failures"
  fi
  echo "== $suite: $what took $((SECONDS - start)) s"
}

# The settings are the server's: it is enough that they arrive in one version of each editor.
wanted() {
  [ "$1" = trixie ] || [[ "$2" != *_settings_test.* ]]
}

for suite in trixie forky neovim11; do
  root="$editors/$suite"
  if [ ! -e "$root/.ok" ]; then
    echo "== $suite is not installed and is skipped"
    continue
  fi
  for test in "$here"/neovim*_test.lua; do
    wanted "$suite" "$test" || continue
    run "$suite" "$("$root/nvim" --version | head -1), $(basename "$test")" \
      "$root/nvim" --clean --headless -l "$test" "$fovea"
  done
  [ -e "$root/usr/bin/hx" ] || continue
  for test in "$here"/helix*_test.py; do
    wanted "$suite" "$test" || continue
    run "$suite" "$("$root/usr/bin/hx" --version), $(basename "$test")" \
      python3 "$test" "$fovea" "$root/usr/bin/hx"
  done
done

for emacs in emacs emacs28; do
  program="$editors/$emacs/emacs"
  if [ ! -e "$editors/$emacs/.ok" ]; then
    echo "== $emacs is not installed and is skipped"
    continue
  fi
  for test in "$here"/emacs*_test.el; do
    # An Emacs that a person uses ignores SIGPIPE; one in batch mode would end without a word when a server ends at a bad moment.
    run "$emacs" "$("$program" --version | head -1), $(basename "$test")" \
      env --ignore-signal=PIPE HOME="$scratch" "$program" -Q --batch -l "$test" "$fovea"
  done
  for test in "$here"/emacs*_test.py; do
    run "$emacs" "$("$program" --version | head -1), $(basename "$test")" \
      python3 "$test" "$fovea" "$program"
  done
done

# VS Code's versions are pinned, so every failure is Fovea's.
node="$editors/vscode/node/bin/node"
if [ -e "$editors/vscode/.ok" ]; then
  run vscode "$("$node" "$editors/vscode/server/node_modules/code-server/out/node/entry.js" --version | head -1)" \
    "$node" "$here/vscode/run.mjs" "$fovea" "$editors"
else
  echo "== vscode is not installed and is skipped"
fi

[ ! -s "$failures" ] || { echo "== what failed, once more"; cat "$failures"; }
[ $forgiven -eq 0 ] || echo "forky (rolling, not counted): $forgiven failed"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
