"""Helpers for the tests in Helix: a Helix in tmux on a copy of the workspace, waiting for conditions, and counting.

The tests type what a user types and read what a user sees. Each session has a private tmux socket and private folders. The tests wait for
conditions, and send keys again if an answer may not have been ready. Helix's log contains the messages to and from the servers, for
things that Helix does not show.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = float(os.environ.get("FOVEA_TEST_PATIENCE", 60))
# A pattern for work on single tests: the other tests are skipped.
ONLY = os.environ.get("FOVEA_TEST_ONLY", "")
FOVEA, HX = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
VERSION = subprocess.run([HX, "--version"], capture_output=True, text=True).stdout
# From this version on, Helix shows hovers of all servers, passes arguments to commands and draws document colors.
IS_MODERN = tuple(map(int, re.search(r"(\d+)\.(\d+)", VERSION).groups())) >= (25, 7)
FILES = ["src/config.rs", "src/settings.rs"]
passed = failed = 0


class Helix:
    """A Helix on a copy of the workspace.

    `servers` is the line of languages.toml under test, `settings` more lines of it, `environment` additional variables for the server.
    `prepare` is called with the folder of the workspace before Helix starts.
    """

    def __init__(self, files=FILES, settings="", servers='["fovea"]', environment=None, prepare=None):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="fovea-helix-")).resolve()
        shutil.copytree(HERE / "workspace", self.root / "work")
        (self.root / "work" / ".git").mkdir()
        if prepare:
            prepare(self.root / "work")
        config = self.root / "config" / "helix"
        config.mkdir(parents=True)
        (config / "config.toml").write_text('[editor]\ntrue-color = true\n[editor.lsp]\ndisplay-messages = true\ndisplay-inlay-hints = true\n')
        (config / "languages.toml").write_text(
            f"""[language-server.fovea]
command = "{FOVEA}"
args = ["serve"]
{settings}

[language-server.second]
command = "{sys.executable}"
args = ["{HERE / 'second_server.py'}"]

[[language]]
name = "rust"
language-servers = {servers}
"""
        )
        self.socket = f"fovea-{os.getpid()}-{self.root.name}"
        self.log = self.root / "helix.log"
        self.settings, self.environment = settings, environment or {}
        variables = {f"XDG_{name}_HOME": self.root / name.lower() for name in ("CONFIG", "CACHE", "DATA", "STATE")}
        variables.update(self.environment)
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "50", "-c", str(self.root / "work"),
            *(word for name, value in variables.items() for word in ("-e", f"{name}={value}")),
            "--", HX, "-v", "--log", str(self.log), *files,
        )
        self.until("the file on screen", lambda screen: "NOR" in screen)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print("        the screen was:")
            print("\n".join("        | " + line for line in self.screen().split("\n") if line.strip(" ~")))
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def tmux(self, *arguments):
        command = ["tmux", "-L", self.socket, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def escape(self):
        # Helix would read the byte ESC directly before a key as Alt with that key. This sequence is unambiguous.
        self.tmux("send-keys", "-l", "\x1b[27u")

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def paste(self, text):
        self.tmux("set-buffer", text)
        self.tmux("paste-buffer", "-p", "-r")

    def command(self, text):
        self.escape()
        self.type(":" + text)
        self.keys("Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def until(self, what, condition, again=None):
        """Waits until `condition(screen)` returns something true, and calls `again` every few seconds."""
        deadline, next_try = time.monotonic() + PATIENCE, time.monotonic() + 3
        while time.monotonic() < deadline:
            value = condition(self.screen())
            if value:
                return value
            if again and time.monotonic() > next_try:
                again()
                next_try = time.monotonic() + 3
            time.sleep(0.05)
        raise AssertionError(f"timed out waiting for {what}")

    def find(self, text):
        """Moves to the first occurrence of a text, which becomes the selection."""
        self.escape()
        self.type("gg/" + text)
        self.keys("Enter")
        def there(_):
            # A search leaves the cursor on the last character of its match.
            line, column = self.cursor()
            return line[: column + 1].endswith(text)

        self.until(f"the cursor on {text}", there)

    def cursor(self):
        """The screen line of the cursor, and its column."""
        x, y = map(int, self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split())
        return self.screen().split("\n")[y], x

    def text_at_cursor(self):
        line, column = self.cursor()
        return line[column:]

    def hover(self, condition):
        def ask():
            self.escape()
            self.type(" k")

        ask()
        screen = self.until("the hover", lambda screen: condition(screen) and screen, ask)
        self.escape()
        return screen

    def selections(self):
        """The number of selections in the status line."""
        match = re.search(r"(\d+)(?:/(\d+))? sels?", self.screen())
        return int(match.group(2) or match.group(1)) if match else 0

    def selected(self):
        """The selected texts, which a shell command writes to a file."""
        target = self.root / "selected.txt"
        target.unlink(missing_ok=True)
        # pipe-to runs its command once for each selection and leaves the text alone. The path is relative to the session's folder: Helix lists what
        # a path could become while one types, and 25.07 never comes back from some folders of temporary files.
        self.type(":pipe-to cat >> ../selected.txt; echo >> ../selected.txt")
        self.keys("Enter")
        wanted = self.selections()
        return self.until(
            "the selected texts", lambda _: target.exists() and len(target.read_text().split("\n")) > wanted and target.read_text()
        ).split("\n")[:-1]

    def server(self):
        """The process of the server that Helix started; None if it ended."""
        helix = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == helix and os.readlink(folder / "exe") == FOVEA:
                    return folder
            except (OSError, ValueError):
                continue
        return None

    def logged(self):
        """The lines of Helix's log so far."""
        return self.log.read_text(errors="replace").split("\n") if self.log.exists() else []

    def messages(self):
        """The messages to and from Fovea in Helix's log: (sent by Helix, message)."""
        for line in self.logged():
            if match := re.search(r"fovea (->|<-) (\{.*\})\s*$", line):
                yield match.group(1) == "->", json.loads(match.group(2))

    def answers(self, method, **params):
        """Fovea's results for requests of a method with these parameters, in order."""
        asked, results = set(), []
        for sent, message in self.messages():
            if sent and message.get("method") == method and params.items() <= message.get("params", {}).items():
                asked.add(message.get("id"))
            elif not sent and message.get("id", -1) in asked and "result" in message:
                results.append(message["result"])
        return results

    def quit(self):
        """Leaves Helix and waits until the server ends."""
        server = self.server()
        self.command("quit-all!")
        deadline = time.monotonic() + PATIENCE
        while server and server.exists() and time.monotonic() < deadline:
            time.sleep(0.02)


def test(name, body, *arguments, **session):
    """Runs a test in a new Helix; `session` has its arguments."""

    def run():
        with Helix(**session) as helix:
            body(helix, *arguments)

    count(name, run)


def count(name, run):
    """Runs a test and counts it."""
    global passed, failed
    if not re.search(ONLY, name):
        return
    try:
        run()
        passed += 1
        print(f"ok      {name}", flush=True)
    except Exception:
        failed += 1
        print(f"FAILED  {name}")
        print("        " + traceback.format_exc().replace("\n", "\n        "), flush=True)


def run_all(tests):
    """Runs `tests`, and exits with their result."""
    # A stop by the runner's time limit must also end the terminal.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tests()
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


def is_ours(screen):
    """Whether the screen shows Fovea's hover: a sentence about a word."""
    return re.search(r"telling\s+word", screen)


def hover_says_what_the_word_is_to_its_function(helix):
    helix.find("load_config")
    screen = helix.hover(is_ours)
    assert re.search(r"load_config\W+is the \w* ?most\s+telling", screen), "the sentence is not about the word"
    assert not re.search(r"\d ?%", screen), "numbers are shown unasked"


def select_highlights(helix, word):
    """The texts that `space h` selects for a word that occurs several times in the file."""

    def ask():
        helix.find(word)
        helix.type(" h")

    ask()
    # The search leaves one selection.
    helix.until("several selections", lambda _: helix.selections() > 1, ask)
    return helix.selected()


def choose_action(helix, wanted):
    """Chooses one of the code actions at the cursor."""

    def ask():
        helix.escape()
        helix.escape()
        helix.type(" a")

    ask()
    screen = helix.until("the action", lambda screen: re.search(wanted, screen) and screen, ask)
    entries = [line for line in screen.split("\n") if re.search(r"Go to similar|Explain |Highlight |Can I trust |See what |Why `|Not `|Predict what", line)]
    # The menu opens with its first entry selected.
    for _ in range(next(i for i, line in enumerate(entries) if re.search(wanted, line))):
        helix.keys("Down")
    helix.keys("Enter")


def code_action_goes_to_the_similar_function(helix):
    helix.find("load_config")
    choose_action(helix, r"Go to .*read_settings")
    helix.until("settings.rs", lambda screen: re.search(r"NOR\s.*settings\.rs", screen))
    # Helix puts the cursor on the first character of the range that a server asks it to show.
    helix.until("the cursor on the name", lambda _: helix.text_at_cursor().startswith("read_settings("))


def symbols_are_found_by_meaning(helix, query="the middle of a sorted list of numbers", wanted="median"):
    """Searches with space S. The file was never opened, and the name has no word of the query."""

    def ask():
        helix.escape()
        helix.escape()
        helix.type(" S")
        helix.type(query)

    ask()
    helix.until("the symbol", lambda screen: re.search(rf"{wanted}\b.*preferences\.py", screen), ask)
    helix.keys("Enter")
    helix.until("the file", lambda screen: re.search(r"NOR\s.*preferences\.py", screen))
    helix.until("the cursor on the name", lambda _: wanted in helix.cursor()[0])
