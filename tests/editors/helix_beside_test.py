#!/usr/bin/env python3
"""Fovea in a real Helix beside a language's own server, and the configuration for that: helix_beside_test.py FOVEA HX"""

import os
import pathlib
import re
import subprocess
import tempfile

from helix_harness import FILES, FOVEA, HERE, HX, IS_MODERN, code_action_goes_to_the_similar_function, count
from helix_harness import hover_says_what_the_word_is_to_its_function, is_ours, run_all, select_highlights, symbols_are_found_by_meaning, test

# The lists of the README. The primary server is first; Helix asks only the first capable server for some features.
PRIMARY = '["second", "fovea"]'
OURS_FIRST = '["fovea", { name = "second", except-features = ["hover"] }]'


def configured(language, languages_toml, path):
    """The servers that `hx --health` names for a language, in order."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "helix"
        config.mkdir()
        if languages_toml:
            (config / "languages.toml").write_text(languages_toml)
        environment = {**os.environ, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder, "PATH": path}
        told = subprocess.run([HX, "--health", language], capture_output=True, text=True, env=environment, check=True).stdout
    told = re.sub(r"\x1b\[[0-9;]*m", "", told)
    servers = re.search(r"language servers?:(.*?)^Configured debug", told, re.S | re.M).group(1)
    return [(name, mark == "✓") for mark, name in re.findall(r"(✓|✘) ([\w-]+):", servers)]


def every_language_keeps_its_own_servers(text, names):
    path = f"{pathlib.Path(FOVEA).parent}:/usr/bin:/bin"
    for name in names:
        default = [server for server, _ in configured(name, None, path)]
        ours = configured(name, text, path)
        assert ("fovea", True) in ours, f"{name}: Helix does not find fovea among {ours}"
        rest = [server for server, _ in ours if server != "fovea"]
        # An older Helix may have fewer of these servers by default.
        assert [server for server in rest if server in default] == default, f"{name}: {rest} lacks some of {default}"
        if name != "markdown":
            assert ours[-1][0] == "fovea", f"{name}: fovea is before the primary server"


def languages_toml_keeps_servers():
    text = (HERE.parent.parent / "editors" / "helix" / "languages.toml").read_text()
    names = re.findall(r'^name = "([\w-]+)"', text, re.M)
    assert {"rust", "python", "javascript", "typescript", "go", "java", "c", "cpp", "markdown"} <= set(names), names
    every_language_keeps_its_own_servers(text, names)


def the_snippet_for_a_language_keeps_its_servers():
    for name in ("rust", "python"):
        text = subprocess.run([FOVEA, "editor", "helix", name], capture_output=True, text=True, check=True).stdout
        every_language_keeps_its_own_servers(text, [name])


def beside_a_second_server_its_highlights_stay(helix):
    # Helix skips a server that is not ready, so the test first waits for the primary one.
    helix.find("read_settings")
    helix.hover(lambda screen: "second server" in screen)
    texts = select_highlights(helix, "settings")
    assert set(texts) == {"settings"}, f"the primary server's highlights were replaced: {texts}"


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
    assert any(is_ours(now) for now in seen), "Fovea's hover is missing"


def tests():
    count("fovea editor helix keeps the servers of a language", the_snippet_for_a_language_keeps_its_servers)
    count("languages.toml keeps the servers that each language has", languages_toml_keeps_servers)
    test("beside a primary server, space S finds by meaning", symbols_are_found_by_meaning, servers=PRIMARY, files=FILES[:1])
    test("beside a primary server, its highlights stay its own", beside_a_second_server_its_highlights_stay, servers=PRIMARY, files=FILES[::-1])
    name = "beside a primary server, Fovea's code action goes to the similar function"
    test(name, code_action_goes_to_the_similar_function, servers=PRIMARY)
    if IS_MODERN:
        test("beside a primary server, both hovers are shown", beside_a_second_server_both_hovers_are_shown, servers=PRIMARY)
    else:
        name = "beside a primary server without hover, the hover is Fovea's"
        test(name, hover_says_what_the_word_is_to_its_function, servers=OURS_FIRST)


if __name__ == "__main__":
    run_all(tests)
