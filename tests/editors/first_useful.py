#!/usr/bin/env python3
"""Measures how long each editor takes from its start to the first useful thing: first_useful.py FOVEA CLIENTS EDITORS REPOSITORIES [RUNS]

The table on stdout has, for each editor and each repository of gallery.json, the seconds until the file's text, the first marks, the first
hover and the first lens are there: cold (no cache, no index of the folder), and warm (the next start). It has the median of RUNS
(default 3). Programs and files of the editor are in the system's cache both times. This is for documentation; no test depends on it.
"""

import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from terminal_editors import HERE, SUBJECTS, Editor, Terminal

PATIENCE = 240
WHAT = ["text", "marks", "hover", "lens"]

# Both write what is there as lines `WHAT SECONDS-SINCE-1970`. They look every 20 ms, and ask for the hover until it has an answer.
IN_NEOVIM = """
local seen, asked = {{}}, false
local function tell(what)
  if not seen[what] then
    seen[what] = true
    local seconds, micro = vim.uv.gettimeofday()
    vim.fn.writefile({{ ('%s %d.%06d'):format(what, seconds, micro) }}, '{file}', 'a')
  end
end
local function count(pattern)
  local found = 0
  for name, id in pairs(vim.api.nvim_get_namespaces()) do
    found = found + (name:find(pattern) and #vim.api.nvim_buf_get_extmarks(0, id, 0, -1, {{}}) or 0)
  end
  return found
end
vim.uv.new_timer():start(0, 20, vim.schedule_wrap(function()
  if vim.v.vim_did_enter == 1 then
    tell('text')
  end
  local _ = count('^fovea_heat') > 0 and tell('marks')
  _ = count('codelens') > 0 and tell('lens')
  local client = vim.lsp.get_clients({{ bufnr = 0, name = 'fovea' }})[1]
  local line = vim.fn.search('\\\\C{word}', 'nw')
  if client and line > 0 and not asked and not seen.hover then
    asked = true
    local character = vim.fn.getline(line):find('{word}', 1, true) - 1
    local params = {{ textDocument = {{ uri = vim.uri_from_bufnr(0) }}, position = {{ line = line - 1, character = character }} }}
    vim.lsp.buf_request(0, 'textDocument/hover', params, function(_, answer)
      asked = false
      if answer and answer.contents then
        tell('hover')
      end
    end)
  end
end))
"""

IN_EMACS = """
(defvar seen nil)
(defvar asked nil)
(defun tell (what)
  (unless (memq what seen)
    (push what seen)
    (let ((inhibit-message t))
      (write-region (format "%s %f\\n" what (float-time)) nil "{file}" t 'silent))))
(defun look ()
  (with-current-buffer (window-buffer)
    (when buffer-file-name
      (tell 'text)
      (dolist (one '((fovea-heat . marks) (fovea-lens . lens)))
        (when (seq-some (lambda (overlay) (overlay-get overlay (car one))) (overlays-in (point-min) (point-max)))
          (tell (cdr one))))
      (when (and (ignore-errors (fovea-ready-p)) (not asked) (not (memq 'hover seen)))
        (setq asked t)
        (save-excursion
          (goto-char (point-min))
          (let ((case-fold-search nil)) (search-forward "{word}"))
          (fovea-request-async :textDocument/hover
                               (list :textDocument (list :uri (fovea-uri)) :position (fovea-position (match-beginning 0)))
                               (lambda (answer) (setq asked nil) (when answer (tell 'hover)))
                               (lambda (&rest _) (setq asked nil))))))))
(add-hook 'emacs-startup-hook (lambda () (run-with-timer 0 0.02 #'look)))
"""


def measured_inside(name, world, subject, home, cache, folder):
    """The times of an editor that a script can watch from inside."""
    file = home / "times"
    home.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    more = (IN_NEOVIM if name == "Neovim" else IN_EMACS).format(file=file, word=subject["word"])
    editor = Editor(name, world, subject, "dark", home, more)
    start = time.time()
    with Terminal(editor.command, folder, home, cache) as terminal:
        terminal.until(lambda _: file.read_text().count("\n") == len(WHAT), patience=PATIENCE)
    return {what: float(at) - start for what, at in map(str.split, file.read_text().splitlines())}


def measured_on_screen(world, subject, home, cache, folder):
    """The times of Helix, from its screen. Helix has no lenses. The hover has a start of its own, because its popup hides the marks."""
    times = {}
    editor = Editor("Helix", world, subject, "dark", home)
    with Terminal(editor.command, folder, home, cache) as terminal:
        for what, pattern in (("text", "NOR"), ("marks", "■")):
            if terminal.until(lambda screen, pattern=pattern: pattern in screen, patience=PATIENCE, pause=0.02):
                times[what] = time.monotonic() - terminal.started
    return times


def hover_on_screen(world, subject, home, cache, folder):
    editor = Editor("Helix", world, subject, "dark", home)
    with Terminal(editor.command, folder, home, cache) as terminal:
        terminal.until(lambda screen: "NOR" in screen, pause=0.02)
        terminal.keys(f"/(?-i:{subject['word']})\r")
        ask = lambda: terminal.keys("\x1b[27u\x1b[27u k")
        if terminal.until(lambda screen: re.search(r"telling\s+word", screen), ask, patience=PATIENCE, pause=0.02, repeat=0.5):
            return time.monotonic() - terminal.started
    return None


def prepared(world, subject, scratch):
    """A new folder with a copy of the repository and nothing in its cache."""
    top = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    folder = top / subject["repository"]
    shutil.copytree(world.repositories / subject["repository"], folder)
    (folder / ".git").mkdir(exist_ok=True)
    return top, folder


def terminal_times(name, world, subject, scratch):
    """The times of a cold and of a warm start."""
    top, folder = prepared(world, subject, scratch)
    cache = top / "cache"
    found = []
    for start in ("cold", "warm"):
        if name == "Helix":
            times = measured_on_screen(world, subject, top / start, cache, folder)
            if start == "cold":
                # The hover of a cold start needs a cold cache, too.
                fresh, other = prepared(world, subject, scratch)
                times["hover"] = hover_on_screen(world, subject, fresh / start, fresh / "cache", other)
            else:
                times["hover"] = hover_on_screen(world, subject, top / start, cache, folder)
            found.append(times)
        else:
            found.append(measured_inside(name, world, subject, top / start, cache, folder))
    return found


def vscode_times(world, subject, scratch):
    top, _ = prepared(world, subject, scratch)
    node = world.editors / "vscode/node/bin/node"
    command = [node, HERE / "vscode/first_useful.mjs", world.fovea, world.clients, world.editors, top, subject["repository"]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else [{}, {}]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("fovea", "clients", "editors", "repositories"):
        parser.add_argument(name, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("runs", nargs="?", type=int, default=3)
    parser.add_argument("--only", default="")
    world = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="fovea-times-")).resolve()
    print("| editor | repository | start | text | marks | hover | lens |\n| --- | --- | --- | --- | --- | --- | --- |")
    try:
        for name in ("VS Code", "Neovim", "Emacs", "Helix"):
            if not re.search(world.only, name):
                continue
            measure = vscode_times if name == "VS Code" else lambda *arguments, name=name: terminal_times(name, *arguments)
            for subject in SUBJECTS:
                runs = [measure(world, subject, scratch) for _ in range(world.runs)]
                for index, start in enumerate(("cold", "warm")):
                    known = {what: [run[index][what] for run in runs if run[index].get(what)] for what in WHAT}
                    cells = [f"{statistics.median(known[what]):.1f}" if known[what] else "–" for what in WHAT]
                    print(f"| {name} | {subject['repository']} | {start} | {' | '.join(cells)} |", flush=True)
                    print(f"{name} {subject['repository']} {start} {known}", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
