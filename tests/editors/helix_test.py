#!/usr/bin/env python3
"""What a person sees of Fovea in a real Helix, alone: helix_test.py FOVEA HX"""

import re

from helix_harness import FILES, IS_MODERN, code_action_goes_to_the_similar_function, hover_shows_the_share_of_the_word, is_ours
from helix_harness import choose_action, run_all, select_highlights, symbols_are_found_by_meaning, test

CARRIERS = """[language-server.fovea.config.fovea]
inlayHint = { enable = true }
documentColor = { enable = true }
diagnostics = { enable = true, minSimilarity = 0.7 }
"""


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


def highlights_select_the_words_that_a_word_draws_on(helix):
    texts = select_highlights(helix, "read_to_string")
    for text in texts:
        assert text.strip() and not re.search(r"\s", text), f"a selection is {text!r}"
    source = (helix.root / "work" / "src" / "config.rs").read_text()
    for text in filter(str.isidentifier, texts):
        assert re.search(rf"(?<![A-Za-z]){text}(?![A-Za-z])", source), f"{text!r} is cut out of a word"


def explain_similarity_is_told(helix):
    """The action answers in the status line, since Helix has no panel."""
    helix.find("load_config")
    choose_action(helix, "Explain similarity")
    helix.until("the essence", lambda screen: re.search(r"cosine 0\.\d+; most of it from \S+ ~ \S+", screen))


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


def workspace_commands_toggle_and_pause(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    helix.command("lsp-workspace-command fovea.pause")
    helix.command("lsp-workspace-command fovea.resume")
    helix.find("load_config")
    helix.hover(is_ours)


def tests():
    one = {"files": FILES[:1]}
    test("hover shows the share of the word", hover_shows_the_share_of_the_word)
    test("hover follows an edit", hover_follows_an_edit)
    test("space h selects the words that a word draws on", highlights_select_the_words_that_a_word_draws_on)
    test("a code action goes to the similar function", code_action_goes_to_the_similar_function)
    test("workspace commands pause and resume", workspace_commands_toggle_and_pause)
    test("a code action tells why two functions are similar", explain_similarity_is_told)
    test("space S finds by meaning what no open file has", symbols_are_found_by_meaning, **one)
    if IS_MODERN:
        test("fovea.search lets the person choose, and opens it", search_command_lets_choose_and_opens, **one)
        test("fovea.setMethod takes a name", a_command_takes_an_argument)
        # 25.01 asks for no document colours.
        test("document colours stand for heat where they are wanted", heat_is_told_in_colours, settings=CARRIERS)
    test("inlay hints name the similar function where they are wanted", inlay_hints_name_the_similar_function, settings=CARRIERS)
    test("near-duplicates are hints among the diagnostics where they are wanted", near_duplicates_are_hints, settings=CARRIERS)


if __name__ == "__main__":
    run_all(tests)
