#!/bin/bash
# Makes pictures of the editors with Fovea: screenshot.sh FOVEA EDITORS FOLDER
#
# The pictures show Neovim with heat, a hover, a comparison, its verdict and a search, on dark and light; Emacs with heat and a comparison; Helix with
# swatches for heat, a hover and a search; and the output of `fovea explain`. Each program runs in a private tmux. The script converts its
# screen to HTML and, with chromium, to a PNG. Emoji need a font such as Debian's fonts-noto-color-emoji.
# The pictures are for documentation and for looking at a change; no test compares them.
set -euo pipefail

[ $# -eq 3 ] || { echo "usage: screenshot.sh FOVEA EDITORS FOLDER" >&2; exit 2; }
fovea=$(realpath "$1")
editors=$(realpath "$2")
mkdir -p "$3"
folder=$(realpath "$3")
here=$(dirname "$(realpath "$0")")
# The project has its own folder, because a folder that contains a home folder is not indexed.
top=$(mktemp -d)
work="$top/work"
mkdir -p "$work" "$top/home"
socket=
trap 'tmux -L "$socket" kill-server 2>/dev/null || true; rm -rf "$top"' EXIT
cp -r "$here/workspace/." "$work/"
mkdir "$work/.git"

# $1: the name, $2: rows. Chromium's profile is in the folder that is removed at the end.
picture() {
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$top/chromium" \
    --window-size=1040,$(($2 * 18 + 24)) --screenshot="$folder/$1.png" "file://$top/$1.html" >/dev/null 2>&1
}

# Background and foreground where a program uses the terminal's colors.
dark="#1c1c1c #bcbcbc" light="#ffffff #262626" nvim_light="#e0e2ea #14161b" purple="#3b224c #a4a0e8"

# $1: the name, $2: the colors, $3: a pattern that the screen must show first, $4: keys to send repeatedly until the screen shows the
# pattern $5, the rest: the program. Without keys, the first pattern is enough.
shot() {
  local name=$1 colors=$2 first=$3 keys=$4 pattern=$5 ready='' screen
  shift 5
  # Each shot has its own tmux server: one whose last session ended may stop just when the next session begins.
  socket="fovea-shot-$$-$name"
  tmux -L "$socket" -f /dev/null new-session -d -s "$name" -x 120 -y "${rows:-36}" -c "$work" \
    -e COLORTERM=truecolor -e XDG_CONFIG_HOME="$top/config" -e XDG_CACHE_HOME="$top/cache" -e XDG_STATE_HOME="$top/state" \
    -e FOVEA_CACHE_DIR="$top/fovea" -e HOME="$top/home" -- "$@"
  tmux -L "$socket" set -g default-terminal tmux-256color
  tmux -L "$socket" set -ga terminal-features ',*:RGB'
  for _ in $(seq 60); do
    sleep 1
    screen=$(tmux -L "$socket" capture-pane -p -t "$name")
    if [ -z "$ready" ] && grep -q -- "$first" <<<"$screen"; then
      ready=yes
    fi
    [ -n "$ready" ] || continue
    if [ -z "$keys" ] || grep -q -- "$pattern" <<<"$screen"; then
      # shellcheck disable=SC2086 # two colors
      tmux -L "$socket" capture-pane -p -e -t "$name" | python3 "$here/ansi_html.py" $colors >"$top/$name.html"
      picture "$name" "${rows:-36}"
      tmux -L "$socket" kill-server
      echo "$folder/$name.png"
      return
    fi
    tmux -L "$socket" send-keys -t "$name" -l "$keys"
  done
  echo "$name: the screen never showed $first, then $pattern" >&2
  tmux -L "$socket" capture-pane -p -t "$name" >&2
  return 1
}

# $1: dark or light, $2: the color scheme.
neovim_config() {
  cat >"$top/$1.lua" <<LUA
vim.opt.rtp:prepend('$(realpath "$here/../../editors/neovim")')
vim.o.termguicolors, vim.o.swapfile, vim.o.background = true, false, '$1'
vim.cmd.colorscheme('$2')
vim.o.statusline = "%f %= %{v:lua.require'fovea'.status()} "
vim.o.laststatus, vim.o.showtabline, vim.o.hlsearch = 2, 0, false
require('fovea').setup({ cmd = { '$fovea', 'serve' } })
LUA
}
# The hint of the first start is not shown in pictures.
mkdir -p "$top/state/nvim/fovea"
touch "$top/state/nvim/fovea/hinted"
neovim_config dark habamax
neovim_config light default
# $1: dark or light, $2: the colors. Emacs gets the background, because marks are blended into it.
emacs_config() {
  cat >"$top/$1.el" <<LISP
(setq inhibit-startup-screen t inhibit-startup-echo-area-message t make-backup-files nil auto-save-default nil create-lockfiles nil
      native-comp-jit-compilation nil frame-background-mode '$1 fovea-hint nil fovea-command '("$fovea" "serve"))
(menu-bar-mode -1)
(mapc #'frame-set-background-mode (frame-list))
(set-face-attribute 'default nil :background "${2% *}" :foreground "${2#* }")
(add-to-list 'load-path "$(realpath "$here/../../editors/emacs")")
(require 'fovea)
(global-fovea-mode 1)
(global-set-key (kbd "C-c p") (lambda () (interactive)
  (unless (derived-mode-p 'fovea-compare-mode)
    (goto-char (point-min))
    (search-forward "pub fn ")
    (fovea-compare))))
;; Emacs has no mode for Rust without a grammar: comments and strings are enough for a picture.
(define-generic-mode rust-mode '("//") '("fn" "let" "mut" "pub" "use" "for" "in" "if" "const" "continue") nil '("\\\\.rs\\\\'")
  (list (lambda () (run-hooks 'prog-mode-hook) (fovea-mode 1))))
LISP
}
emacs_config dark "$dark"
emacs_config light "$light"
mkdir -p "$top/config/helix"
cat >"$top/config/helix/config.toml" <<TOML
[editor]
true-color = true
TOML
cat >"$top/config/helix/languages.toml" <<TOML
[language-server.fovea]
command = "$fovea"
args = ["serve"]
[language-server.fovea.config.fovea]
documentColor.enable = true
# Helix asks only once, perhaps before the model is loaded.
hover.deadlineMs = 60000
[[language]]
name = "rust"
language-servers = ["fovea"]
TOML

nvim="$editors/trixie/nvim" emacs="$editors/emacs/emacs"
# The lens appears once the model has read everything.
lens='≈.*read_settings'
shot neovim "$dark" "$lens" '' '' "$nvim" --clean -u "$top/dark.lua" src/config.rs
shot neovim-light "$nvim_light" "$lens" '' '' "$nvim" --clean -u "$top/light.lua" src/config.rs
shot neovim-hover "$dark" "$lens" $'\e/config = \rK' 'telling word' "$nvim" --clean -u "$top/dark.lua" src/config.rs
compare=$'\e:12\r:FoveaCompare\r'
shot neovim-compare "$dark" "$lens" "$compare" 'similar 0' "$nvim" --clean -u "$top/dark.lua" src/config.rs
# The same keys, sent again, ask about the comparison that they opened.
trust=$'\e:lua if vim.g.once then vim.cmd.Fovea("trust") else vim.g.once = 1; vim.cmd("12 | FoveaCompare") end\r'
rows=30 shot neovim-trust "$dark" "$lens" "$trust" 'How far the similarity' "$nvim" --clean -u "$top/dark.lua" src/config.rs
shot neovim-compare-light "$nvim_light" "$lens" "$compare" 'similar 0' "$nvim" --clean -u "$top/light.lua" src/config.rs
search=$'\e:FoveaSearch reads a configuration file\r'
rows=24 shot neovim-search "$dark" "$lens" "$search" '≈ 0.*load_preferences' "$nvim" --clean -u "$top/dark.lua" src/config.rs
ask=$'\e:Fovea ask how is the median of numbers computed?\r'
rows=30 shot neovim-ask "$dark" "$lens" "$ask" 'median for median' "$nvim" --clean -u "$top/dark.lua" src/config.rs
if [ -e "$editors/emacs/.ok" ]; then
  for background in dark light; do
    shot emacs-$background "${!background}" '≈.*read_settings' '' '' "$emacs" -nw -Q -l "$top/$background.el" src/config.rs
    shot emacs-compare-$background "${!background}" '≈.*read_settings' $'\x03p' 'pairs best' \
      "$emacs" -nw -Q -l "$top/$background.el" src/config.rs
  done
fi
hx="$editors/forky/usr/bin/hx"
shot helix "$purple" '■' $'\e[27ugg/mut config\r k' 'telling word' "$hx" src/config.rs src/settings.rs
shot helix-search "$purple" 'load_config' $'\e[27u\e[27u Smiddle of a sorted list' 'median.*preferences' "$hx" src/config.rs
(cd "$work" && "$fovea" explain src/config.rs --color true) | python3 "$here/ansi_html.py" >"$top/terminal.html"
picture terminal 56
echo "$folder/terminal.png"
