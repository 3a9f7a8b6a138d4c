"""What the tests in Helix share: a Helix in tmux on a copy of the workspace, waiting by condition, and counting.

Types what a person types and reads what a person sees. Each session has a private tmux socket and private folders; everything that
takes time is waited for by condition, with the keys sent again where an answer may not have been ready the first time. What Helix does
not show stands in its log, which has the messages to and from the servers.
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
# A pattern: the other tests are left out, for who works on one.
ONLY = os.environ.get("FOVEA_TEST_ONLY", "")
FOVEA, HX = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
VERSION = subprocess.run([HX, "--version"], capture_output=True, text=True).stdout
# From here on hovers of all servers are shown, commands take arguments, and document colors are drawn.
IS_MODERN = tuple(map(int, re.search(r"(\d+)\.(\d+)", VERSION).groups())) >= (25, 7)
FILES = ["src/config.rs", "src/settings.rs"]
passed = failed = 0


class Helix:
    """A Helix on a copy of the workspace.

    `servers` is the line of languages.toml that is under test, `settings` more lines of it, `environment` what the server finds in its
    own beside; `prepare` is called with the folder of the workspace before Helix starts.
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
        # The byte ESC and a key right behind it would be read as Alt and that key; this sequence stands for itself.
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
        """Waits until `condition(screen)` answers something true; `again` is done anew every few seconds meanwhile."""
        deadline, next_try = time.monotonic() + PATIENCE, time.monotonic() + 3
        while time.monotonic() < deadline:
            value = condition(self.screen())
            if value:
                return value
            if again and time.monotonic() > next_try:
                again()
                next_try = time.monotonic() + 3
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {what}")

    def find(self, text):
        """Moves to the first place of a text, which becomes the selection."""
        self.escape()
        self.type("gg/" + text)
        self.keys("Enter")
        def there(_):
            # A search leaves the cursor on the last character of its match.
            line, column = self.cursor()
            return line[: column + 1].endswith(text)

        self.until(f"the cursor on {text}", there)

    def cursor(self):
        """The line on screen that the cursor is in, and its column."""
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
        """How many selections the status line counts."""
        match = re.search(r"(\d+)(?:/(\d+))? sels?", self.screen())
        return int(match.group(2) or match.group(1)) if match else 0

    def selected(self):
        """The texts selected, by way of a file: yank all, then let the editor write the register out."""
        # Helix joins nothing: each selection is a line of the pasted register once they are pasted on their own lines.
        target = self.root / "selected.txt"
        target.unlink(missing_ok=True)
        # pipe-to runs its command once for each selection and leaves the text alone.
        self.type(f":pipe-to cat >> {target}; echo >> {target}")
        self.keys("Enter")
        wanted = self.selections()
        return self.until(
            "the selected texts", lambda _: target.exists() and len(target.read_text().split("\n")) > wanted and target.read_text()
        ).split("\n")[:-1]

    def server(self):
        """The process of the server, which Helix started; None where it has gone."""
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
        """The messages to and from our server, by Helix's log: (sent by Helix, message)."""
        for line in self.logged():
            if match := re.search(r"fovea (->|<-) (\{.*\})\s*$", line):
                yield match.group(1) == "->", json.loads(match.group(2))

    def answers(self, method, **params):
        """The results that our server gave to requests of a method with these parameters, in order."""
        asked, results = set(), []
        for sent, message in self.messages():
            if sent and message.get("method") == method and params.items() <= message.get("params", {}).items():
                asked.add(message.get("id"))
            elif not sent and message.get("id", -1) in asked and "result" in message:
                results.append(message["result"])
        return results

    def quit(self):
        """Leaves Helix and waits until the server has gone."""
        server = self.server()
        self.command("quit-all!")
        deadline = time.monotonic() + PATIENCE
        while server and server.exists() and time.monotonic() < deadline:
            time.sleep(0.02)


def test(name, body, *arguments, **session):
    """A test in a Helix of its own; `session` is what that is made of."""

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
    """Runs `tests`, and ends with their sum."""
    # The runner's time limit must not leave a terminal behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tests()
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


def is_ours(screen):
    """Whether the screen shows our hover: a sentence about a word."""
    return re.search(r"telling\s+word", screen)


def hover_says_what_the_word_is_to_its_function(helix):
    helix.find("load_config")
    screen = helix.hover(is_ours)
    assert re.search(r"load_config\W+is the \w* ?most\s+telling", screen), "the sentence is not about the word"
    assert not re.search(r"\d ?%", screen), "numbers are shown unasked"


def select_highlights(helix, word):
    """What `space h` selects for a word that stands several times in the file."""

    def ask():
        helix.find(word)
        helix.type(" h")

    ask()
    # One selection is what the search left.
    helix.until("several selections", lambda _: helix.selections() > 1, ask)
    return helix.selected()


def choose_action(helix, wanted):
    """Takes one of the code actions under the cursor."""

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
    # Helix puts the cursor on the first character of what a server asks it to show.
    helix.until("the cursor on the name", lambda _: helix.text_at_cursor().startswith("read_settings("))


def symbols_are_found_by_meaning(helix, query="the middle of a sorted list of numbers", wanted="median"):
    """space S: the file it is in was never opened, and no word of the query is in the name."""

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
