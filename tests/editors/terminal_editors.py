"""Editors with Fovea in a private terminal, for pictures and for times: their configuration, and a terminal whose screen can be read."""

import json
import os
import pathlib
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
SUBJECTS = json.loads((HERE / "gallery.json").read_text())
# Background and foreground where a program uses the terminal's colors. Neovim's light scheme and Helix have their own.
COLORS = {"dark": ("#1c1c1c", "#bcbcbc"), "light": ("#ffffff", "#262626")}
LANGUAGES = ("python", "rust", "javascript")

NEOVIM = """
vim.opt.rtp:prepend('{clients}/neovim')
vim.o.termguicolors, vim.o.swapfile, vim.o.background = true, false, '{theme}'
vim.cmd.colorscheme('{scheme}')
vim.o.statusline = "%f %= %{{v:lua.require'fovea'.status()}} "
vim.o.laststatus, vim.o.showtabline, vim.o.hlsearch = 2, 0, false
vim.ui.select = function(items, options, choose)
  for i, item in ipairs(items) do
    if options.format_item(item):find('{partner}', 1, true) then
      return choose(item, i)
    end
  end
end
require('fovea').setup({{ cmd = {{ '{fovea}', 'serve' }} }})
{more}
"""

EMACS = """
(setq inhibit-startup-screen t inhibit-startup-echo-area-message t make-backup-files nil auto-save-default nil create-lockfiles nil
      native-comp-jit-compilation nil frame-background-mode '{theme} fovea-hint nil fovea-highlight nil
      fovea-command '("{fovea}" "serve"))
(menu-bar-mode -1)
(mapc #'frame-set-background-mode (frame-list))
(set-face-attribute 'default nil :background "{ground}" :foreground "{text}")
(add-to-list 'load-path "{clients}/emacs")
(require 'fovea)
(global-fovea-mode 1)
(global-set-key (kbd "C-c s") (lambda () (interactive) (fovea-search "{query}")))
(global-set-key (kbd "C-c p") (lambda () (interactive)
  (unless (derived-mode-p 'fovea-compare-mode)
    (goto-char (point-min))
    (search-forward "{item}")
    (let ((completing-read-function
           (lambda (_prompt table &rest _)
             (seq-find (lambda (one) (string-search "{partner}" one)) (all-completions "" table)))))
      (fovea-compare)))))
;; Emacs has no mode for Rust without a grammar: comments and keywords are enough for a picture.
(define-generic-mode rust-mode '("//") '("fn" "let" "mut" "pub" "use" "for" "in" "if" "match" "true" "false") nil '("\\\\.rs\\\\'")
  (list (lambda () (run-hooks 'prog-mode-hook) (fovea-mode 1))))
(add-hook 'emacs-startup-hook (lambda () (goto-char (point-min)) (forward-line {line}) (recenter 0)))
{more}
"""

HELIX = """
[language-server.fovea]
command = "{fovea}"
args = ["serve"]
[language-server.fovea.config.fovea]
{more}
# Helix asks only once, perhaps before the model is loaded.
hover.deadlineMs = 60000
"""

# What a Helix without other settings has.
SWATCHES = "documentColor.enable = true"

# Helix's package has no themes besides the built-in one, which is dark.
HELIX_LIGHT = """
"ui.background" = { fg = "#262626", bg = "#ffffff" }
"ui.text" = "#262626"
"ui.linenr" = "#8a8a8a"
"ui.linenr.selected" = "#262626"
"ui.selection" = { bg = "#d0d8f0" }
"ui.cursor" = { modifiers = ["reversed"] }
"ui.statusline" = { fg = "#262626", bg = "#dddddd" }
"ui.popup" = { fg = "#262626", bg = "#eeeeee" }
"ui.menu" = { fg = "#262626", bg = "#eeeeee" }
"ui.menu.selected" = { fg = "#ffffff", bg = "#4060a0" }
"ui.window" = "#8a8a8a"
"ui.virtual.inlay-hint" = "#707070"
"""


class Editor:
    """How to start an editor on a subject; its configuration is in `home`, and `more` is added to it, for Helix to the server's settings."""

    def __init__(self, name, world, subject, theme, home, more=""):
        self.name, self.subject, self.theme = name, subject, theme
        self.colors = COLORS[theme]
        home.mkdir(parents=True, exist_ok=True)
        values = {**subject, "clients": world.clients, "fovea": world.fovea, "theme": theme, "more": more, "line": subject["top"] - 1}
        file, top = subject["file"], subject["top"]
        if name == "Neovim":
            values["scheme"] = "habamax" if theme == "dark" else "default"
            if theme == "light":
                self.colors = ("#e0e2ea", "#14161b")
            config = home / f"{theme}.lua"
            config.write_text(NEOVIM.format(**values))
            # The hint of the first start is not shown in pictures.
            hinted = home / "state/nvim/fovea/hinted"
            hinted.parent.mkdir(parents=True, exist_ok=True)
            hinted.touch()
            self.command = [f"{world.editors}/trixie/nvim", "--clean", "-u", str(config), "-c", f"normal! {top}Gzt", file]
        elif name == "Emacs":
            config = home / f"{theme}.el"
            config.write_text(EMACS.format(**values, ground=self.colors[0], text=self.colors[1]))
            self.command = [f"{world.editors}/emacs/emacs", "-nw", "-Q", "-l", str(config), file]
        else:
            folder = home / "config/helix"
            (folder / "themes").mkdir(parents=True, exist_ok=True)
            (folder / "themes/plain.toml").write_text(HELIX_LIGHT)
            chosen = 'theme = "plain"\n' if theme == "light" else ""
            (folder / "config.toml").write_text(f"{chosen}[editor]\ntrue-color = true\n")
            languages = "".join(f'[[language]]\nname = "{one}"\nlanguage-servers = ["fovea"]\n' for one in LANGUAGES)
            (folder / "languages.toml").write_text(HELIX.format(**{**values, "more": more or SWATCHES}) + languages)
            if theme == "dark":
                self.colors = ("#3b224c", "#a4a0e8")
            self.command = [f"{world.editors}/forky/usr/bin/hx", f"{file}:{top}"]


class Terminal:
    """A program in a private tmux. `home` takes its configuration, caches and state."""

    count = 0

    def __init__(self, command, folder, home, cache, columns=110, rows=34):
        Terminal.count += 1
        self.rows, self.columns = rows, columns
        # Each has its own tmux server: one whose last session ended may stop just when the next session begins.
        self.socket = f"fovea-gallery-{os.getpid()}-{Terminal.count}"
        variables = {"COLORTERM": "truecolor", "HOME": home, "FOVEA_CACHE_DIR": cache}
        variables.update({f"XDG_{name.upper()}_HOME": home / name for name in ("config", "cache", "data", "state")})
        self.started = time.monotonic()
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(folder),
                  *(word for name, value in variables.items() for word in ("-e", f"{name}={value}")), "--", *command)
        self.tmux("set", "-g", "default-terminal", "tmux-256color")
        self.tmux("set", "-ga", "terminal-features", ",*:RGB")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=False).stdout

    def keys(self, text):
        self.tmux("send-keys", "-l", text)

    def screen(self, colored=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if colored else []))

    def until(self, condition, again=lambda: None, patience=60, pause=0.3, repeat=2.0):
        """Waits until the screen fulfills the condition, and calls `again` from time to time; whether it does."""
        end, next_try = time.monotonic() + patience, 0
        while time.monotonic() < end:
            if condition(self.screen()):
                return True
            if time.monotonic() > next_try:
                again()
                next_try = time.monotonic() + repeat
            time.sleep(pause)
        return False
