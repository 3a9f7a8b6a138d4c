#!/usr/bin/env python3
"""Fovea as the only server in a real Helix: helix_test.py FOVEA HX"""

import pathlib
import re
import shutil
import subprocess
import tempfile

from helix_harness import FILES, FOVEA, HERE, IS_MODERN, code_action_goes_to_the_similar_function, hover_says_what_the_word_is_to_its_function, is_ours
from helix_harness import choose_action, run_all, select_highlights, symbols_are_found_by_meaning, test

CARRIERS = """[language-server.fovea.config.fovea]
inlayHint = { enable = true }
documentColor = { enable = true }
diagnostics = { enable = true, minSimilarity = 0.7 }
# Helix asks for colors only once, when a slow machine may still load the model.
hover = { deadlineMs = 60000 }
"""

ATTENTION = """[language-server.fovea.config.fovea]
highlight = { attention = "always" }
"""

DETAILS = """[language-server.fovea.config.fovea]
hover = { details = true }
"""


def hover_follows_an_edit(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    helix.escape()
    helix.type("ggO")
    helix.until("insert mode", lambda screen: " INS " in screen)
    # The text is pasted as one change: 25.01 sends changes of fast typing out of order, so that servers have the wrong text.
    helix.paste("// Spreads marmalade on the bread")
    helix.until("the text", lambda screen: "on the bread" in screen)
    helix.escape()
    helix.find("marmalade")
    # The word exists only in the edited text, so an answer about it is about the new version.
    helix.hover(lambda screen: is_ours(screen) and screen.count("marmalade") >= 2)


def occurrences(helix, word):
    """The number of times that a word occurs in the file as a whole word."""
    source = (helix.root / "work" / "src" / "config.rs").read_text()
    return len(re.findall(rf"(?<!\w){word}(?!\w)", source))


def space_h_selects_the_occurrences(helix):
    # The test waits until the model has read the file: before, there is nothing else to select.
    helix.find("load_config")
    helix.hover(is_ours)

    def all_occurrences(_):
        texts = select_highlights(helix, "line")
        assert set(texts) == {"line"}, f"other words are selected: {texts}"
        # Repeated keys may leave one selection.
        return len(texts) == occurrences(helix, "line")

    helix.until("every occurrence selected", all_occurrences)


def more_than_occurrences(helix):
    """The texts that space h selects, if they are more than occurrences of a word."""
    texts = select_highlights(helix, "line")
    return texts if len(set(texts)) > 1 else None


def check_attention(helix, texts):
    """Fails unless the selections are whole words and include the word itself."""
    assert "line" in texts, texts
    for text in texts:
        assert text.strip() and not re.search(r"\s", text), f"a selection is {text!r}"
    source = (helix.root / "work" / "src" / "config.rs").read_text()
    for text in filter(str.isidentifier, texts):
        assert re.search(rf"(?<![A-Za-z]){text}(?![A-Za-z])", source), f"{text!r} is only a part of a word"


def space_h_selects_what_a_word_draws_on_where_the_setting_wants_it(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    check_attention(helix, helix.until("other words", lambda _: more_than_occurrences(helix)))


def a_code_action_asks_for_what_a_word_draws_on(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    choose_action(helix, "Highlight what a word draws on")
    helix.escape()
    check_attention(helix, helix.until("other words", lambda _: more_than_occurrences(helix)))
    choose_action(helix, "Highlight occurrences only")
    helix.escape()
    helix.until("only occurrences", lambda _: set(select_highlights(helix, "line")) == {"line"})


def explain_similarity_is_told(helix):
    """The action answers in the status line, since Helix has no panel."""
    helix.find("load_config")
    choose_action(helix, "Explain similarity")
    helix.until("the essence", lambda screen: re.search(r"similarity 0\.\d+\. Both use .*BTreeMap", screen))
    choose_action(helix, "Can I trust the last comparison")
    helix.until("the verdict", lambda screen: re.search(r"Fovea: Removing the five words that count most", screen))


def the_explanation_is_judged(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    choose_action(helix, "Can I trust")
    helix.until("the verdict", lambda screen: re.search(r"Fovea: Removing the \w+ most telling words changes the embedding", screen))


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


def a_question_is_answered_and_its_place_opened(helix):
    def ask():
        helix.command('lsp-workspace-command fovea.ask "how is the median of numbers computed?"')

    helix.find("load_config")
    helix.hover(is_ours)
    ask()
    helix.until("the choice", lambda screen: re.search(r"1\. def median\(numbers", screen) and re.search(r"1\. .*preferences\.py:\d+  0\.\d+", screen), ask)
    helix.keys("Enter")
    helix.until("the words", lambda screen: re.search(r"preferences\.py[\s\S]*Fovea: median for median \+0\.\d+", screen))
    helix.type(" a")
    menu = r"Can I trust the last answer|No configured language server"
    screen = helix.until("the actions", lambda screen: re.search(menu, screen) and screen)
    if "No configured language server" in screen:
        # Helix 25.07 attaches no server to a file that a server opened.
        return
    choose_action(helix, "Can I trust the last answer")
    helix.until("the verdict", lambda screen: re.search(r"Fovea: Removing the \w+ words that count most", screen))


def an_answer_is_written_and_its_source_opened(helix):
    def ask():
        helix.command('lsp-workspace-command fovea.ask "how is the median of numbers computed?"')

    helix.find("load_config")
    helix.hover(is_ours)
    ask()
    screen = helix.until("the choice", lambda screen: "Write an answer from these" in screen and screen, ask)
    # The first answer is selected, and the choice to write comes after all of them.
    for _ in re.findall(r"\d\. \S+:\d+  0\.\d\d", screen):
        helix.keys("Down")
    helix.keys("Enter")
    helix.until("the answer", lambda screen: re.search(r"tiny-chat wrote this: check it", screen))
    helix.until("a source", lambda screen: re.search(r"1\. tools/preferences\.py:\d+-\d+, .* less likely without it", screen))
    helix.keys("Enter")
    helix.until("the file", lambda screen: re.search(r"NOR\s.*preferences\.py", screen))


def a_command_takes_an_argument(helix):
    helix.find("load_config")
    helix.hover(lambda screen: is_ours(screen) and "decomposition" in screen)
    helix.command('lsp-workspace-command fovea.setMethod "norm"')
    helix.find("load_config")
    helix.hover(lambda screen: is_ours(screen) and "norm" in screen and "decomposition" not in screen)


def inlay_hints_name_the_similar_function(helix):
    helix.find("load_config")
    helix.hover(is_ours)

    def edit():
        # Helix asks for hints when the text changed, and is never told that there are new ones.
        helix.escape()
        helix.type("geo")
        helix.paste("// again")
        helix.escape()
        helix.type("gg")

    helix.until("the hint", lambda screen: re.search(r"load_config.*≈ 0\.\d\d read_settings", screen), edit)


def near_duplicates_are_hints(helix):
    helix.find("load_config")
    helix.until("the diagnostic", lambda screen: re.search(r"Nearly", screen))
    # The picker of diagnostics shows the whole message.
    helix.escape()
    helix.type(" d")
    helix.until("its text", lambda screen: re.search(r"HINT\b.*Nearly the same as .read", screen))


def heat_is_told_in_colors(helix):
    def swatches(screen):
        return [line for line in screen.split("\n") if re.search(r"■ ?(configuration|BTreeMap|hash|config|vectors)", line)]

    helix.until("a swatch before the word", swatches)
    helix.command("lsp-workspace-command fovea.toggleHeat")
    # Helix asks again when the text changes.
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


def a_class_is_explained_and_corrected(helix):
    """Helix shows no lenses; two code actions replace one."""
    labels = pathlib.Path(helix.environment["PROBE"]) / "labels.csv"
    helix.find("load_config")
    helix.hover(is_ours)
    choose_action(helix, r"Why `configuration [.1]")
    helix.until("the words", lambda screen: re.search(r"Fovea: configuration [.1]\d*: \w+ [+-]\d", screen))
    if not IS_MODERN:
        # Helix 25.01 cannot show a choice of labels.
        return
    choose_action(helix, r"Not `configuration [.1].*Choose the right label")
    helix.until("the labels", lambda screen: re.search(r"\bother\b", screen))
    helix.keys("Down")
    helix.keys("Enter")
    helix.until("what was learned", lambda screen: "learned from 13 labels" in screen)
    assert labels.read_text().endswith(",other,rust\n")


def a_prediction_is_explained(helix):
    helix.find("load_config")
    choose_action(helix, "Predict what comes next here")
    helix.until("the tokens", lambda screen: re.search(r"\d\.\d % \"", screen))
    if not IS_MODERN:
        return
    helix.keys("Enter")
    helix.until("the words", lambda screen: re.search(r"Fovea: \".*\": .* [+-]\d", screen) and "rather than" in screen)
    helix.keys("Enter")
    helix.until("the words that decided", lambda screen: re.search(r"Fovea: \".*\" rather than \".*\": .* [+-]\d", screen))


def tests():
    probe = tempfile.mkdtemp(prefix="fovea-probe-")
    shutil.copy(HERE / "probe" / "labels.csv", probe)
    subprocess.run([FOVEA, "probe", "train", "--out", f"{probe}/configuration.json", f"{probe}/labels.csv"], check=True, capture_output=True)
    by_probe = f'[language-server.fovea.config.fovea]\n"classify.probe" = "{probe}/configuration.json"'
    decoder = f'[language-server.fovea.config.fovea]\n"model.dir" = "{HERE.parent / "fixtures" / "tiny-llama"}"'
    writer = f'[language-server.fovea.config.fovea]\n"model.generator" = "{HERE.parent / "fixtures" / "tiny-chat"}"'
    one = {"files": FILES[:1]}
    test("hover says in a sentence how telling the word is for its function", hover_says_what_the_word_is_to_its_function)
    test("hover follows an edit", hover_follows_an_edit)
    test("space h selects the occurrences of the word, and nothing else", space_h_selects_the_occurrences)
    name = "with highlight.attention = always, space h also selects the words that a word draws on"
    test(name, space_h_selects_what_a_word_draws_on_where_the_setting_wants_it, settings=ATTENTION)
    test("a code action adds the words that a word draws on to highlights, and another removes them", a_code_action_asks_for_what_a_word_draws_on)
    test("a code action goes to the similar function", code_action_goes_to_the_similar_function)
    test("workspace commands pause and resume", workspace_commands_toggle_and_pause)
    name = "code actions say why a function has its class, and correct it"
    test(name, a_class_is_explained_and_corrected, settings=by_probe, environment={"PROBE": probe}, **one)
    test("a code action predicts, and says why", a_prediction_is_explained, settings=decoder, **one)
    shutil.rmtree(probe)
    test("a code action says why two functions are similar", explain_similarity_is_told)
    test("a code action says whether the explanation can be trusted", the_explanation_is_judged)
    test("space S finds items by meaning in files that are not open", symbols_are_found_by_meaning, **one)
    if IS_MODERN:
        test("fovea.search lets the user choose, and opens the place", search_command_lets_choose_and_opens, **one)
        test("fovea.ask answers a question, opens the place and names the words", a_question_is_answered_and_its_place_opened, **one)
        name = "fovea.ask offers an answer that a model writes, and opens its source"
        test(name, an_answer_is_written_and_its_source_opened, settings=writer, **one)
        test("fovea.setMethod takes a name", a_command_takes_an_argument, settings=DETAILS)
        # Helix 25.01 does not ask for document colors.
        test("document colors replace heat if they are turned on", heat_is_told_in_colors, settings=CARRIERS)
    test("inlay hints name the similar function if they are turned on", inlay_hints_name_the_similar_function, settings=CARRIERS)
    test("near-duplicates are hints among the diagnostics if they are turned on", near_duplicates_are_hints, settings=CARRIERS)


if __name__ == "__main__":
    run_all(tests)
