#!/bin/bash
# Makes pictures of the editors with Fovea: screenshot.sh FOVEA EDITORS FOLDER
#
# Neovim with heat and Helix with a hover, each in a private tmux, whose screen becomes HTML and then, with chromium, a PNG; and
# what `fovea explain` writes. Emoji need a font such as Debian's fonts-noto-color-emoji.
# For documentation and for a look at what a change does; no test compares pictures.
set -euo pipefail

[ $# -eq 3 ] || { echo "usage: screenshot.sh FOVEA EDITORS FOLDER" >&2; exit 2; }
fovea=$(realpath "$1")
editors=$(realpath "$2")
mkdir -p "$3"
folder=$(realpath "$3")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
socket="fovea-shot-$$"
trap 'tmux -L "$socket" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT
cp -r "$here/workspace/." "$work/"
mkdir "$work/.git"

# $1: the name, $2: rows. Chromium's profile goes into the folder that is removed.
picture() {
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/chromium" \
    --window-size=1040,$(($2 * 18 + 24)) --screenshot="$folder/$1.png" "file://$work/$1.html" >/dev/null 2>&1
}

# $1: the name, $2: a pattern that the screen must show first, $3: keys to send again until it does, the rest: the program.
shot() {
  local name=$1 pattern=$2 keys=$3
  shift 3
  tmux -L "$socket" -f /dev/null new-session -d -s "$name" -x 120 -y 36 -c "$work" \
    -e COLORTERM=truecolor -e XDG_CONFIG_HOME="$work/config" -e XDG_CACHE_HOME="$work/cache" -e XDG_STATE_HOME="$work/state" -- "$@"
  tmux -L "$socket" set -g default-terminal tmux-256color
  tmux -L "$socket" set -ga terminal-features ',*:RGB'
  for _ in $(seq 40); do
    [ -z "$keys" ] || tmux -L "$socket" send-keys -t "$name" -l "$keys"
    sleep 1
    if tmux -L "$socket" capture-pane -p -e -t "$name" | grep -q -- "$pattern"; then
      tmux -L "$socket" capture-pane -p -e -t "$name" | python3 "$here/ansi_html.py" >"$work/$name.html"
      picture "$name" 36
      tmux -L "$socket" kill-session -t "$name"
      echo "$folder/$name.png"
      return
    fi
  done
  echo "$name: the screen never showed $pattern" >&2
  tmux -L "$socket" capture-pane -p -t "$name" >&2
  return 1
}

cat >"$work/init.lua" <<LUA
vim.opt.rtp:prepend('$(realpath "$here/../../editors/neovim")')
vim.o.termguicolors, vim.o.swapfile = true, false
vim.cmd.colorscheme('habamax')
vim.o.statusline = "%f %= %{v:lua.require'fovea'.status()} "
vim.o.laststatus = 2
require('fovea').setup({ cmd = { '$fovea', 'serve' } })
LUA
mkdir -p "$work/config/helix"
cat >"$work/config/helix/config.toml" <<TOML
[editor]
true-color = true
TOML
cat >"$work/config/helix/languages.toml" <<TOML
[language-server.fovea]
command = "$fovea"
args = ["serve"]
[[language]]
name = "rust"
language-servers = ["fovea"]
TOML

# The buffer of the second file makes the lens.
shot neovim '≈.*read_settings' '' "$editors/trixie/nvim" --clean -u "$work/init.lua" -c 'edit src/settings.rs' -c 'edit src/config.rs' -c 'edit' src/config.rs
shot helix 'Fovea' $'\e[27ugg/load_config\r k' "$editors/trixie/usr/bin/hx" src/config.rs src/settings.rs
(cd "$work" && "$fovea" explain src/config.rs --color true) | python3 "$here/ansi_html.py" >"$work/terminal.html"
picture terminal 56
echo "$folder/terminal.png"
