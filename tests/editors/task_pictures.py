#!/usr/bin/env python3
"""Makes pictures of the tasks in each editor: task_pictures.py FOVEA EDITORS REPOSITORIES MODEL FOLDER [PATTERN]

The tasks are those of docs/tasks.md: what answers a question, an answer that a model writes, what comes next, the class of a function, and
how surprising each word is. MODEL is a chat model as a GGUF file, which also predicts. EDITORS is the folder of install.sh. REPOSITORIES
contains the folder that task_pictures.json names; that file also has the question and the labels, which a probe learns in a temporary
folder. FOLDER takes EDITOR-TASK.webp, scaled for a page; with PATTERN, only the pictures whose name has it are made. A picture of a view
that does not appear is reported as missing. The script needs Pillow, tmux and chromium. No test compares the pictures.
"""

import argparse
import ast
import csv
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from gallery import ESCAPE, HELIX_ESCAPE, copied, drawn, settled, shrink, vscode_shots
from terminal_editors import HERE, Editor, Terminal

PLAN = json.loads((HERE / "task_pictures.json").read_text())
# The words that answer, and what a model can write about them.
QUESTION, WRITTEN = PLAN["question"], PLAN["written"]
# A model of this size needs seconds on two cores.
PATIENCE = 60

# Where the cursor stands for a prediction: before a word in the middle of a line.
NEOVIM_THERE = f"{ESCAPE}:{PLAN['line']}\r0/\\v{PLAN['before']}\r:nohlsearch\r"
HELIX_THERE = f"{HELIX_ESCAPE}:{PLAN['line']}\rgh/{PLAN['before']}\r;"
EMACS_THERE = f"\x1bg\x1bg{PLAN['line']}\r\x13{PLAN['before'].rstrip('(').rstrip(chr(92))}(\r\x1bb"

# For each picture: keys to send once, keys to repeat until the screen shows the pattern, that pattern, and the steps after it (keys and
# pattern). Each repeated command can be sent again while the server still loads.
# What ends the start of an editor: something of Fovea on the screen.
READY = {"Neovim": r"fovea (ready|surprisal)", "Emacs": r"Fovea( |:surprisal )ElDoc", "Helix": "NOR"}
# Seconds until a command is sent again: shorter than a model needs to write, it would start anew.
REPEAT = 45
# Seconds until a model of this size has read the screen.
MARKED = 20
# Entries of Helix's menu of code actions.
ACTIONS = r"Go to similar|Explain |Highlight |Can I trust |See what |Why `|Not `|Predict what"
TASKS = {
    "Neovim": {
        "ask": ("", f"{ESCAPE}:FoveaAsk {QUESTION}\r", r"\|.*0\.\d\d", []),
        "found": ("", f"{ESCAPE}:FoveaAsk {QUESTION}\r", r"\|.*0\.\d\d", [("\r", r"Fovea: |salt = ")]),
        "answer": ("", f"{ESCAPE}:FoveaAnswer {WRITTEN}\r", r"wrote this", []),
        "predict": (NEOVIM_THERE, f"{ESCAPE}:FoveaPredict\r", r"\d\.\d %", []),
        "why": (NEOVIM_THERE, f"{ESCAPE}:FoveaPredict\r", r"\d\.\d %", [("1\r", r'Fovea: ".*": ')]),
        "classify": (f"{ESCAPE}:{PLAN['line']}\r", f"{ESCAPE}:FoveaClassify\r", r"why \w+: logit", []),
        "surprisal": ("", "", "fovea surprisal", []),
    },
    "Emacs": {
        "ask": ("", f"\x03_q{QUESTION}\r", r"Answer \(default", [("\t", r"Possible completions|completions")]),
        "found": ("", f"\x03_q{QUESTION}\r", r"Answer \(default", [("\r", r"Fovea: ")]),
        "answer": ("", f"\x03_Q{WRITTEN}\r", r"wrote this", []),
        "predict": (EMACS_THERE, "\x03_n", r"Why \(default", [("\t\t", r"completions")]),
        "why": (EMACS_THERE, "\x03_n", r"Why \(default", [("\r", r'Fovea: ".*": ')]),
        "classify": (f"\x1bg\x1bg{PLAN['line']}\r", "\x03_k", r"why \w+: logit", []),
        "surprisal": ("", "", "Fovea:surprisal", []),
    },
    "Helix": {
        "ask": ("", f'{HELIX_ESCAPE}:lsp-workspace-command fovea.ask "{QUESTION}"\r', r"Write an answer", []),
        "found": ("", f'{HELIX_ESCAPE}:lsp-workspace-command fovea.ask "{QUESTION}"\r', r"Write an answer", [("\r", r"Fovea: ")]),
        "answer": ("", f'{HELIX_ESCAPE}:lsp-workspace-command fovea.ask "{WRITTEN}"\r', r"Write an answer",
                   [("\x1b[A\r", r"less likely without it|wrote this")]),
        "predict": (HELIX_THERE, f"{HELIX_ESCAPE} a", r"Predict what", [("Predict what", r'\d\.\d % "')]),
        "why": (HELIX_THERE, f"{HELIX_ESCAPE} a", r"Predict what", [("Predict what", r'\d\.\d % "'), ("\r", r'Fovea: ".*": ')]),
        "class": (HELIX_THERE, f"{HELIX_ESCAPE} a", r"Why `session", []),
        "classify": (HELIX_THERE, f"{HELIX_ESCAPE} a", r"Why `session", [("Why `session", r"Fovea: session")]),
        "surprisal": ("", "", r"■", []),
    },
}


def settings(name, task, world, probe):
    """The settings for a task, in the language of the editor."""
    chosen = {"method": "surprisal", "model.dir": str(world.model)} if task == "surprisal" else {"model.generator": str(world.model)}
    if task.startswith("class"):
        chosen = {"classify.probe": str(probe)}
    quoted = {key: json.dumps(value) for key, value in chosen.items()}
    if task == "surprisal":
        # The folder would be indexed with the model.
        quoted |= {"index.enable": "false", "heat.preset": json.dumps("full")}
    if name == "Neovim":
        lines = ", ".join(f"['{key}'] = {value}" for key, value in quoted.items())
        # The list that Neovim has without a plugin.
        return (f"require('fovea').setup({{ cmd = {{ '{world.fovea}', 'serve' }}, settings = {{ {lines} }} }})\n"
                "vim.ui.select = dofile(vim.env.VIMRUNTIME .. '/lua/vim/ui.lua').select")
    if name == "Emacs":
        parts = [(key.split("."), value if value != "false" else ":json-false") for key, value in quoted.items()]
        lists = " ".join(f":{key[0]} (:{key[1]} {value})" if key[1:] else f":{key[0]} {value}" for key, value in parts)
        return f"(setq fovea-settings '({lists}))"
    lines = [f'"{key}" = {value}' for key, value in quoted.items()]
    return "\n".join(lines + (["documentColor.enable = true"] if task == "surprisal" else []))


def learned(world, scratch):
    """A probe for the classes of task_pictures.json."""
    text = (world.repositories / PLAN["subject"]["repository"] / PLAN["labels"]["file"]).read_text()
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    labels, probe = scratch / "labels.csv", scratch / "tests.json"
    with labels.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label", "language"))
        for label, names in PLAN["labels"].items():
            if label != "file":
                rows.writerows((ast.get_source_segment(text, functions[name]), label, "python") for name in names)
    subprocess.run([world.fovea, "probe", "train", "--out", str(probe), str(labels)], capture_output=True, check=True)
    return probe


def action(terminal, wanted):
    """Takes an entry of Helix's menu, which opens with its first entry selected."""
    entries = [line for line in terminal.screen().splitlines() if re.search(ACTIONS, line)]
    for _ in range(next(index for index, line in enumerate(entries) if re.search(wanted, line))):
        terminal.tmux("send-keys", "Down")
    terminal.keys("\r")


def shoot(editor, task, folder, scratch, home):
    """Starts the editor, does the task and takes its picture; None if a step does not show what it should."""
    once, again, pattern, steps = TASKS[editor.name][task]
    with Terminal(editor.command, folder, home, scratch / "cache") as terminal:
        ready = terminal.until(lambda screen: re.search(READY[editor.name], screen), patience=30)
        if ready:
            settled(terminal)
            if editor.name == "Helix":
                terminal.keys("zt")
            if once:
                terminal.keys(once)
                time.sleep(1)
            ready = terminal.until(lambda screen: re.search(pattern, screen), lambda: terminal.keys(again), PATIENCE, repeat=REPEAT)
        for keys, seen in steps if ready else []:
            settled(terminal)
            if re.search(ACTIONS, keys):
                action(terminal, keys)
            else:
                terminal.keys(keys)
            ready = ready and terminal.until(lambda screen, seen=seen: re.search(seen, screen), patience=PATIENCE)
        if not ready:
            print(terminal.screen(), file=sys.stderr)
            return None
        if task == "surprisal":
            # The marks change nothing that a pattern could see.
            time.sleep(MARKED)
        settled(terminal)
        return drawn(terminal, editor, scratch)


def terminal_pictures(world, scratch, probe):
    subject = PLAN["subject"]
    folder = copied(world, subject["repository"], scratch)
    for name, tasks in TASKS.items():
        for task in tasks:
            picture = f"{name.lower()}-{task}"
            if not re.search(world.pattern, picture):
                continue
            home = scratch / "homes" / picture
            editor = Editor(name, world, subject, "dark", home, settings(name, task, world, probe))
            made = shoot(editor, task, folder, scratch, home)
            if made:
                shrink(made, world.folder / f"{picture}.webp")
            print(f"{picture}: {'made' if made else 'not there'}", flush=True)


def vscode_pictures(world, scratch, probe):
    copied(world, PLAN["subject"]["repository"], scratch)
    vscode_shots(world, scratch, "task_pictures.mjs", world.editors, scratch, world.model, probe, wanted=world.pattern)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("fovea", "editors", "repositories", "model", "folder"):
        parser.add_argument(name, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("pattern", nargs="?", default="")
    world = parser.parse_args()
    world.clients = HERE.parents[1] / "editors"
    world.folder.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="fovea-tasks-")).resolve()
    try:
        probe = learned(world, scratch)
        if re.search("vscode", world.pattern) or not re.search("neovim|emacs|helix", world.pattern):
            vscode_pictures(world, scratch, probe)
        terminal_pictures(world, scratch, probe)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
