#!/bin/bash
# Installs the editors that the tests drive: install.sh DEST [SUITE…]
#
# Neovim and Helix as Debian's trixie (stable) and forky (rolling) ship them, unpacked under DEST/SUITE without touching the host's
# own packages, and trixie's Emacs under DEST/emacs. Safe to run again: what is there is left alone. DEST must not move afterwards,
# since the programs are told its absolute path. A rolling suite may be broken on any day, so forky's failure is reported and
# forgiven; any other suite's is an error.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: install.sh DEST [SUITE...]" >&2; exit 2; }
mkdir -p "$1"
dest=$(cd "$1" && pwd)
shift
[ $# -ge 1 ] || set -- trixie forky

# tmux shows Helix a terminal; mmdebstrap resolves and verifies packages; patchelf gives a program its own suite's libraries.
tools() {
  local missing=()
  for tool in tmux mmdebstrap patchelf; do
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
  # Not every architecture's loader has the same name, and the link in /lib may not be unpacked.
  loader=$(find "$lib" -maxdepth 1 -name 'ld-linux*.so.*' | head -1)
  for program in nvim hx; do
    # An RPATH rather than a RUNPATH: the libraries' own dependencies must be found the same way.
    patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$lib" "$root/usr/bin/$program"
  done
  # The parsers that Debian ships live outside the runtime folder; without them a hover window fails to open.
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

# Emacs of trixie with lsp-mode, which Debian does not byte-compile before it is configured: its sources are loaded.
emacs() {
  root="$dest/emacs"
  [ ! -e "$root/.ok" ] || return 0
  rm -rf "$root"
  mmdebstrap --variant=extract --include=emacs-nox,elpa-lsp-mode trixie "$root"
  lib=$(echo "$root"/usr/lib/*-linux-gnu)
  loader=$(find "$lib" -maxdepth 1 -name 'ld-linux*.so.*' | head -1)
  patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$lib" "$root/usr/bin/emacs-nox"
  share=$(echo "$root"/usr/share/emacs/[0-9]*)
  cat >"$root/emacs" <<WRAPPER
#!/bin/sh
export EMACSLOADPATH='$share/lisp' EMACSDATA='$share/etc' EMACSPATH='$(echo "$root"/usr/libexec/emacs/*/*)'
exec '$root/usr/bin/emacs-nox' --dump-file="\$(echo "\$EMACSPATH"/emacs-*.pdmp)" "\$@"
WRAPPER
  chmod +x "$root/emacs"
  "$root/emacs" --version >/dev/null
  touch "$root/.ok"
}

# $1: a name for the log, $2: the function to run, the rest: its arguments. Prints the time, and the log's end where it failed.
step() {
  local name=$1 start=$SECONDS
  shift
  # A shell of its own: `set -e` does not reach into a function whose failure somebody waits for.
  if ! dest=$dest bash -euc "$(declare -f "$1"); \"\$@\"" step "$@" >"$dest/$name.log" 2>&1; then
    echo "$name: failed"
    tail -20 "$dest/$name.log"
    return 1
  fi
  echo "$name: $((SECONDS - start)) s"
}

step tools tools
step emacs emacs
"$dest/emacs/emacs" --version | head -1
for name in "$@"; do
  if step "$name" suite "$name"; then
    "$dest/$name/nvim" --version | head -1
    "$dest/$name/usr/bin/hx" --version
  elif [ "$name" = forky ]; then
    rm -rf "${dest:?}/$name"
    echo "forky: left out (a rolling suite)"
  else
    exit 1
  fi
done
