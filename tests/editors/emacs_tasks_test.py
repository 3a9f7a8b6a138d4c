#!/usr/bin/env python3
"""Tasks of users in a real Emacs on a terminal: emacs_tasks_test.py FOVEA EMACS

Each task has a question, at most three actions (keys that a user presses) and the text that the screen must show then. The tests wait
for conditions.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = float(os.environ.get("FOVEA_TEST_PATIENCE", 60))
FOVEA, EMACS = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
INIT = f"""(setq inhibit-startup-screen t inhibit-startup-echo-area-message t make-backup-files nil auto-save-default nil create-lockfiles nil
      native-comp-jit-compilation nil fovea-command '("{FOVEA}" "serve"))
(add-to-list 'load-path "{HERE.parents[1] / 'editors/emacs'}")
(require 'fovea)
(global-fovea-mode 1)
(add-to-list 'auto-mode-alist '("\\\\.rs\\\\'" . prog-mode))
"""
passed = failed = 0


class Emacs:
    """An Emacs on a copy of the workspace, in a private tmux."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="fovea-emacs-")).resolve()
        shutil.copytree(HERE / "workspace", self.root / "work")
        (self.root / "work" / ".git").mkdir()
        (self.root / "home").mkdir()
        (self.root / "init.el").write_text(INIT)
        self.socket = f"fovea-emacs-{os.getpid()}-{self.root.name}"
        self.actions = 0
        variables = {"HOME": self.root / "home", "FOVEA_CACHE_DIR": self.root / "cache", "COLORTERM": "truecolor"}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "emacs", "-x", "120", "-y", "40", "-c", str(self.root / "work"),
                  *(part for name, value in variables.items() for part in ("-e", f"{name}={value}")),
                  "--", EMACS, "-nw", "-Q", "-l", str(self.root / "init.el"), "src/config.rs")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=False).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "emacs")

    def see(self, pattern):
        """Waits until the screen shows the pattern."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            screen = self.screen()
            if re.search(pattern, screen):
                return screen
            time.sleep(0.1)
        screen = self.screen()
        # The mode line says most, and a long log may be cut.
        last = " / ".join(line.strip() for line in screen.rstrip().splitlines()[-2:])
        raise AssertionError(f"the screen never showed {pattern}; its end: {last}\n{screen}")

    def act(self, *keys):
        """One action: the keys of one command."""
        self.actions += 1
        self.tmux("send-keys", "-t", "emacs", *keys)

    def go(self, line):
        """Goes to a line. This is not an action: the user is already there."""
        self.tmux("send-keys", "-t", "emacs", "M-g", "g")
        self.tmux("send-keys", "-t", "emacs", "-l", str(line))
        self.tmux("send-keys", "-t", "emacs", "Enter")

    def running(self):
        """The processes of this Emacs."""
        commands = pathlib.Path("/proc").glob("[0-9]*/cmdline")
        return [path.parent.name for path in commands if str(self.root / "init.el") in read(path)]

    def close(self):
        """Closes the terminal and checks that Emacs ends. An Emacs that waits for its server would spin forever without input."""
        self.tmux("kill-server")
        end = time.monotonic() + PATIENCE
        while self.running() and time.monotonic() < end:
            time.sleep(0.1)
        left = self.running()
        for pid in left:
            os.kill(int(pid), signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)
        assert not left, "Emacs is still running without its terminal"


def read(path):
    """A file of a process, which may have ended."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def task(name, body):
    global passed, failed
    emacs = Emacs()
    try:
        emacs.see(r"≈ 0\.\d+ read_settings")
        body(emacs)
        assert emacs.actions <= 3, f"{emacs.actions} actions"
        emacs.close()
        passed += 1
        print(f"ok      {name} ({emacs.actions} actions)", flush=True)
    except AssertionError as problem:
        failed += 1
        print(f"FAILED  {name}\n        {problem}", flush=True)
        if emacs.running():
            emacs.close()


def is_this_function_a_copy(emacs):
    emacs.go(14)
    emacs.act("C-c", "_", "l")
    emacs.see(r"pub fn read_settings[\s\S]*settings\.rs")


def why_does_it_say_so(emacs):
    emacs.go(14)
    emacs.act("C-c", "_", "c")
    screen = emacs.see(r"Shared: \w+")
    assert re.search(r"\AFile Edit .*\n[A-Z].*\.\s*\nShared: ", screen), f"the sentence is not first:\n{screen}"
    assert re.search(r"fn load_config.*\|.*fn read_settings", screen), f"the passages are not side by side:\n{screen}"
    assert "cosine" not in screen and "residual" not in screen, f"numbers are visible:\n{screen}"
    emacs.act("d")
    emacs.see(r"cosine 0\.\d+[\s\S]*residual")
    emacs.act("q")
    emacs.see(r"config\.rs.*Fovea")


def why_is_this_word_marked(emacs):
    emacs.go(12)
    emacs.act("M-f", "M-f", "M-f", "M-b")
    emacs.act("C-c", "_", "w")
    emacs.see(r"is the \w+ ?\w* most telling word of load_config")
    emacs.see(r"▸ Details")


task("is this function a copy?", is_this_function_a_copy)
task("why does it say so?", why_does_it_say_so)
task("why is this word marked?", why_is_this_word_marked)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
