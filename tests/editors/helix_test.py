#!/usr/bin/env python3
"""Drives a real Helix in tmux against a real server: helix_test.py FOVEA HX

Types what a person types and reads what a person sees. Each session has a private tmux socket and private folders; everything that
takes time is waited for by condition, with the keys sent again where an answer may not have been ready the first time.
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
import traceback

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = float(os.environ.get("FOVEA_TEST_PATIENCE", 60))
passed = failed = 0

SETTINGS = """[language-server.fovea.config.fovea]
method = "norm"
hover = { words = 0 }
"""

CARRIERS = """[language-server.fovea.config.fovea]
inlayHint = { enable = true }
documentColor = { enable = true }
diagnostics = { enable = true, minSimilarity = 0.7 }
"""


class Helix:
    """A Helix on a copy of the workspace. `servers` is the line of languages.toml that is under test."""

    def __init__(self, fovea, hx, servers, files, settings=""):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="fovea-helix-")).resolve()
        shutil.copytree(HERE / "workspace", self.root / "work")
        (self.root / "work" / ".git").mkdir()
        config = self.root / "config" / "helix"
        config.mkdir(parents=True)
        (config / "config.toml").write_text('[editor]\ntrue-color = true\n[editor.lsp]\ndisplay-messages = true\ndisplay-inlay-hints = true\n')
        (config / "languages.toml").write_text(
            f"""[language-server.fovea]
command = "{fovea}"
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
        environment = []
        for name in ("CONFIG", "CACHE", "DATA", "STATE"):
            environment += ["-e", f"XDG_{name}_HOME={self.root / name.lower()}"]
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "50", "-c", str(self.root / "work"), *environment,
            "--", hx, *files,
        )
        self.until("the file on screen", lambda screen: "NOR" in screen)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print("        the screen was:")
            print("\n".join("        | " + line for line in self.screen().split("\n") if line.strip(" ~")))
        self.tmux("kill-server")
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


def configured(hx, language, languages_toml, path):
    """The servers that `hx --health` names for a language, in order."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "helix"
        config.mkdir()
        if languages_toml:
            (config / "languages.toml").write_text(languages_toml)
        environment = {**os.environ, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder, "PATH": path}
        told = subprocess.run([hx, "--health", language], capture_output=True, text=True, env=environment, check=True).stdout
    told = re.sub(r"\x1b\[[0-9;]*m", "", told)
    servers = re.search(r"language servers?:(.*?)^Configured debug", told, re.S | re.M).group(1)
    return [(name, mark == "✓") for mark, name in re.findall(r"(✓|✘) ([\w-]+):", servers)]


def every_language_keeps_its_own_servers(hx, fovea, text, names):
    path = f"{pathlib.Path(fovea).parent}:/usr/bin:/bin"
    for name in names:
        default = [server for server, _ in configured(hx, name, None, path)]
        ours = configured(hx, name, text, path)
        assert ("fovea", True) in ours, f"{name}: Helix does not find fovea among {ours}"
        rest = [server for server, _ in ours if server != "fovea"]
        # An older Helix may know fewer of them by default.
        assert [server for server in rest if server in default] == default, f"{name}: {rest} lacks some of {default}"
        if name != "markdown":
            assert ours[-1][0] == "fovea", f"{name}: fovea stands before the primary server"


def languages_toml_keeps_servers(fovea, hx):
    text = (HERE.parent.parent / "editors" / "helix" / "languages.toml").read_text()
    names = re.findall(r'^name = "([\w-]+)"', text, re.M)
    assert {"rust", "python", "javascript", "typescript", "go", "java", "c", "cpp", "markdown"} <= set(names), names
    every_language_keeps_its_own_servers(hx, fovea, text, names)


def plain(name, body, *arguments):
    """A test that needs no Helix on a screen."""
    count(name, lambda: body(*arguments))


def test(name, fovea, hx, servers, files, body, settings=""):
    def run():
        with Helix(fovea, hx, servers, files, settings) as helix:
            body(helix)

    count(name, run)


def count(name, run):
    global passed, failed
    try:
        run()
        passed += 1
        print(f"ok      {name}", flush=True)
    except Exception:
        failed += 1
        print(f"FAILED  {name}")
        print("        " + traceback.format_exc().replace("\n", "\n        "), flush=True)


def is_ours(screen):
    """Whether the screen shows our hover: our title, and a share."""
    return "Fovea" in screen and re.search(r"\d+(\.\d+)? ?%|0\.\d+", screen)


def hover_shows_the_share_of_the_word(helix):
    helix.find("load_config")
    screen = helix.hover(is_ours)
    assert "config" in screen


def hover_follows_an_edit(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    helix.find("let mut sum")
    helix.keys("O")
    helix.until("insert mode", lambda screen: " INS " in screen)
    # Pasted, which is one change: 25.01 sends the changes of quick typing out of order, and no server then has its text.
    helix.paste("// multiply each pair of numbers and add the products")
    helix.until("the text", lambda screen: "add the products" in screen)
    helix.escape()
    helix.find("products")
    # The word exists only in the edited text: an answer about it is an answer for the new version.
    screen = helix.hover(lambda screen: is_ours(screen) and screen.count("products") >= 2)
    assert "products" in screen


def select_highlights(helix, word):
    def ask():
        helix.find(word)
        helix.type(" h")

    ask()
    # One selection is what the search left.
    helix.until("several selections", lambda _: helix.selections() > 1, ask)
    return helix.selected()


def highlights_select_the_words_that_a_word_draws_on(helix):
    texts = select_highlights(helix, "read_to_string")
    for text in texts:
        assert text.strip() and not re.search(r"\s", text), f"a selection is {text!r}"
    source = (helix.root / "work" / "src" / "config.rs").read_text()
    for text in filter(str.isidentifier, texts):
        assert re.search(rf"(?<![A-Za-z]){text}(?![A-Za-z])", source), f"{text!r} is cut out of a word"


def code_action_goes_to_the_similar_function(helix):
    helix.find("load_config")

    def ask():
        helix.escape()
        helix.escape()
        helix.type(" a")

    ask()
    wanted = re.compile(r"[Gg]o to .*read_settings")
    screen = helix.until("the action", lambda screen: wanted.search(screen) and screen, ask)
    entries = [line for line in screen.split("\n") if re.search(r"[Gg]o to |[Ee]xplain|[Cc]ompare|[Ss]imilar", line)]
    # The menu opens with its first entry selected.
    for _ in range(next(i for i, line in enumerate(entries) if wanted.search(line))):
        helix.keys("Down")
    helix.keys("Enter")
    helix.until("settings.rs", lambda screen: re.search(r"NOR\s.*settings\.rs", screen))
    # Helix puts the cursor on the first character of what a server asks it to show.
    helix.until("the cursor on the name", lambda _: helix.text_at_cursor().startswith("read_settings("))


def explain_similarity_is_told(helix):
    """The action answers in the status line, since Helix has no panel."""
    helix.find("load_config")

    def ask():
        helix.escape()
        helix.escape()
        helix.type(" a")

    ask()
    screen = helix.until("the action", lambda screen: "Explain similarity" in screen and screen, ask)
    entries = [line for line in screen.split("\n") if re.search(r"Go to similar|Explain ", line)]
    for _ in range(next(i for i, line in enumerate(entries) if "Explain similarity" in line)):
        helix.keys("Down")
    helix.keys("Enter")
    helix.until("the essence", lambda screen: re.search(r"cosine 0\.\d+; most of it from \S+ ~ \S+", screen))


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


def search_command_lets_choose_and_opens(helix):
    def ask():
        helix.command('lsp-workspace-command fovea.search "the middle of a sorted list of numbers"')

    helix.find("load_config")
    helix.hover(is_ours)
    ask()
    helix.until("the choice", lambda screen: re.search(r"0\.\d+ median · .*preferences\.py", screen), ask)
    helix.keys("Enter")
    helix.until("the file", lambda screen: re.search(r"NOR\s.*preferences\.py", screen))
    helix.until("the cursor on the name", lambda _: "median" in helix.cursor()[0])


def a_command_takes_an_argument(helix):
    helix.find("load_config")
    helix.hover(lambda screen: is_ours(screen) and "decomposition" in screen)
    helix.command('lsp-workspace-command fovea.setMethod "norm"')
    helix.find("load_config")
    helix.hover(lambda screen: is_ours(screen) and "norm" in screen and "decomposition" not in screen)


def settings_of_languages_toml_show(helix):
    helix.find("read_to_string")
    screen = helix.hover(lambda screen: is_ours(screen) and "norm" in screen)
    assert "draws on" not in screen, "hover.words = 0 shows sources"


def inlay_hints_name_the_similar_function(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    # Helix asks for hints after a key, and is never told that there are new ones.
    helix.until("the hint", lambda screen: re.search(r"load_config.*≈ 0\.\d\d read_settings", screen), lambda: helix.keys("Down", "Up"))


def near_duplicates_are_hints(helix):
    helix.find("load_config")
    helix.until("the diagnostic", lambda screen: re.search(r"Nearly", screen))
    # The picker of diagnostics has all of it.
    helix.escape()
    helix.type(" d")
    helix.until("its text", lambda screen: re.search(r"HINT\b.*Nearly the same as .read", screen))


def heat_is_told_in_colours(helix):
    def swatches(screen):
        return [line for line in screen.split("\n") if re.search(r"■ ?load_config", line)]

    helix.until("a swatch before the word", swatches)
    helix.command("lsp-workspace-command fovea.toggleHeat")
    # Asked for anew when the text changes.
    helix.find("continue")
    helix.keys("O")
    helix.until("insert mode", lambda screen: " INS " in screen)
    helix.paste("// one more line")
    helix.until("no swatch", lambda screen: not swatches(screen))
    helix.escape()


def the_snippet_for_a_language_keeps_its_servers(fovea, hx):
    for name in ("rust", "python"):
        text = subprocess.run([fovea, "editor", "helix", name], capture_output=True, text=True, check=True).stdout
        every_language_keeps_its_own_servers(hx, fovea, text, [name])


def workspace_commands_toggle_and_pause(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    helix.command("lsp-workspace-command fovea.pause")
    helix.command("lsp-workspace-command fovea.resume")
    helix.find("load_config")
    helix.hover(is_ours)


def beside_a_second_server_its_highlights_stay(helix):
    # Helix passes over a server that is not up yet, so first see that the primary is.
    helix.find("read_settings")
    helix.hover(lambda screen: "second server" in screen)
    texts = select_highlights(helix, "settings")
    assert set(texts) == {"settings"}, f"the primary server's highlights were displaced: {texts}"


def beside_a_second_server_both_hovers_are_shown(helix):
    helix.find("load_config")

    # Helix 25.07 shows one server's answer at a time, with Alt-n to the next; it says [1/2].
    def ask():
        helix.escape()
        helix.type(" k")

    ask()
    screen = helix.until("a hover", lambda screen: re.search(r"\[\d/2\]", screen) and screen, ask)
    seen = [screen]
    helix.keys("M-n")
    seen.append(helix.until("the other hover", lambda now: re.search(r"\[\d/2\]", now) and now != screen and now))
    assert any("second server" in now for now in seen), "the second server's hover is missing"
    assert any(is_ours(now) for now in seen), "our hover is missing"


def main():
    # The runner's time limit must not leave a terminal behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    fovea, hx = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
    version = subprocess.run([hx, "--version"], capture_output=True, text=True).stdout
    merges_hovers = takes_arguments = tuple(map(int, re.search(r"(\d+)\.(\d+)", version).groups())) >= (25, 7)
    files = ["src/config.rs", "src/settings.rs"]
    alone = '["fovea"]'
    # The README's lists: the primary first; where only the first capable server is asked, it says who that is.
    primary = '["second", "fovea"]'
    ours_first = '["fovea", { name = "second", except-features = ["hover"] }]'

    test("hover shows the share of the word", fovea, hx, alone, files, hover_shows_the_share_of_the_word)
    test("hover follows an edit", fovea, hx, alone, files, hover_follows_an_edit)
    test("space h selects the words that a word draws on", fovea, hx, alone, files, highlights_select_the_words_that_a_word_draws_on)
    test("a code action goes to the similar function", fovea, hx, alone, files, code_action_goes_to_the_similar_function)
    test("workspace commands pause and resume", fovea, hx, alone, files, workspace_commands_toggle_and_pause)
    test("a code action tells why two functions are similar", fovea, hx, alone, files, explain_similarity_is_told)
    test("space S finds by meaning what no open file has", fovea, hx, alone, files[:1], symbols_are_found_by_meaning)
    test("settings in languages.toml reach the server", fovea, hx, alone, files, settings_of_languages_toml_show, SETTINGS)
    if takes_arguments:
        test("fovea.search lets the person choose, and opens it", fovea, hx, alone, files[:1], search_command_lets_choose_and_opens)
        test("fovea.setMethod takes a name", fovea, hx, alone, files, a_command_takes_an_argument)
        # 25.01 asks for no document colours.
        test("document colours stand for heat where they are wanted", fovea, hx, alone, files, heat_is_told_in_colours, CARRIERS)
    test("inlay hints name the similar function where they are wanted", fovea, hx, alone, files, inlay_hints_name_the_similar_function, CARRIERS)
    test("near-duplicates are hints among the diagnostics where they are wanted", fovea, hx, alone, files, near_duplicates_are_hints, CARRIERS)
    plain("fovea editor helix keeps the servers of a language", the_snippet_for_a_language_keeps_its_servers, fovea, hx)
    plain("languages.toml keeps the servers that each language has", languages_toml_keeps_servers, fovea, hx)
    test("beside a primary server, space S finds by meaning", fovea, hx, primary, files[:1], symbols_are_found_by_meaning)
    test("beside a primary server, its highlights stay its own", fovea, hx, primary, files[::-1], beside_a_second_server_its_highlights_stay)
    test("beside a primary server, our code action goes to the similar function", fovea, hx, primary, files, code_action_goes_to_the_similar_function)
    if merges_hovers:
        test("beside a primary server, both hovers are shown", fovea, hx, primary, files, beside_a_second_server_both_hovers_are_shown)
    else:
        test("beside a primary server, hover is ours where its own is left out", fovea, hx, ours_first, files, hover_shows_the_share_of_the_word)
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
