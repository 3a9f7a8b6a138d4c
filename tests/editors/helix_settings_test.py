#!/usr/bin/env python3
"""Tests the effect of each setting of the server in a real Helix: helix_settings_test.py FOVEA HX

The tests set each setting in languages.toml, as users do. They look for its effect on the screen, or in the answers in Helix's log, the
server's process or its files. With FOVEA_TEST_IGNORED in the environment the settings are omitted, and every one of these tests should
fail.
"""

import contextlib
import os
import pathlib
import re
import sqlite3
import tempfile
import time

from helix_harness import FILES, HERE, IS_MODERN, Helix, choose_action, count, hover_says_what_the_word_is_to_its_function, is_ours, run_all, test

EFFECTS = {}
# Settings without an effect in this Helix.
UNSEEN = {"codeLens.enable": "Helix does not ask for lenses"}
if not IS_MODERN:
    UNSEEN.update(dict.fromkeys(["documentColor.enable", "heat.enable", "heat.preset"], "25.01 draws no colors"))

# With this long limit, an empty answer does not mean that the model is still loading.
PATIENT = "hover.deadlineMs = 60000"


def effect(name, value, *others, **session):
    """Registers the test of a setting, with its value, other settings and arguments of its Helix."""

    def mark(body):
        EFFECTS[name] = (value, others, session, body)
        return body

    return mark


def config(name, value, others):
    """The lines of languages.toml that set a setting."""
    lines = ["[language-server.fovea.config.fovea]", *others]
    if "FOVEA_TEST_IGNORED" not in os.environ:
        lines.append(f"{name} = {value}")
    return "\n".join(lines)


def answer(helix, method, ask):
    """The server's answer to the request that `ask` makes Helix send."""
    before = len(helix.answers(method))
    ask()
    # Helix does not ask a server that is not ready yet.
    return helix.until(f"an answer to {method}", lambda _: helix.answers(method)[before:], ask)[0]


def hover_answer(helix, word):
    helix.find(word)
    return answer(helix, "textDocument/hover", lambda: helix.type(" k"))


def is_skipped(helix):
    assert hover_answer(helix, "load_config") is None, "the document is analyzed"


def insert_line(helix, text):
    """Inserts a line at the top."""
    helix.escape()
    helix.type("ggO")
    helix.until("insert mode", lambda screen: " INS " in screen)
    helix.paste(text)
    helix.until("the text", lambda screen: text in screen)
    helix.escape()
    helix.until("normal mode", lambda screen: " NOR " in screen)


def actions(helix):
    """Opens the menu of code actions."""
    helix.escape()
    helix.escape()
    helix.type(" a")


@effect("enable", "false", PATIENT)
def nothing_is_analyzed(helix):
    is_skipped(helix)


@effect("languages", '["python"]', PATIENT)
def another_language_is_skipped(helix):
    is_skipped(helix)


@effect("excludePatterns", '["**/config.rs"]', PATIENT)
def an_excluded_file_is_skipped(helix):
    is_skipped(helix)


@effect("maxFileBytes", "1000", PATIENT)
def a_long_file_is_skipped(helix):
    is_skipped(helix)


def with_a_long_line(work):
    with (work / "src/config.rs").open("a") as file:
        file.write("// " + "long " * 40 + "\n")


@effect("maxLineBytes", "100", PATIENT, prepare=with_a_long_line)
def a_long_line_is_skipped(helix):
    is_skipped(helix)


@effect("threads", "7")
def the_server_has_this_number_of_threads(helix):
    hover_says_what_the_word_is_to_its_function(helix)
    names = [thread.read_text() for thread in (helix.server() / "task").glob("*/comm")]
    assert sum(name.startswith("fovea-pool") for name in names) == 7, names


@effect("debounceMs", "4000")
def new_text_is_read_after_the_delay(helix):
    actions(helix)
    helix.find("load_config")
    helix.until("the action", lambda screen: "Go to similar" in screen, lambda: actions(helix))
    helix.escape()
    start = time.monotonic()
    insert_line(helix, "// new")
    helix.find("load_config")
    actions(helix)
    helix.until("the action", lambda screen: "Go to similar" in screen, lambda: actions(helix))
    # The delay is a minimum on any machine.
    assert time.monotonic() - start >= 4, "the text was read at once"


@effect("method", '"norm"', "hover.details = true")
def the_hover_names_the_method(helix):
    helix.find("load_config")
    helix.hover(lambda screen: is_ours(screen) and "norm" in screen)


def hover_of(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    lines = hover_answer(helix, "load_config")["contents"]["value"].split("\n")
    # Later lines name similar items, which may not be known yet.
    return [line.strip() for line in lines[:3]]


@effect("identifierAware", "false", "hover.details = true")
def the_hover_of_a_name_of_several_words_differs(helix):
    with Helix(settings="[language-server.fovea.config.fovea]\nhover.details = true") as usual:
        told = hover_of(usual)
    assert hover_of(helix) != told, told


@effect("hover.enable", "false", PATIENT)
def there_is_no_hover(helix):
    assert hover_answer(helix, "load_config") is None


@effect("hover.words", "0")
def no_words_are_named(helix):
    helix.find("configuration")
    screen = helix.hover(is_ours)
    assert "reads it with" not in screen, "the hover names sources"


@effect("hover.details", "true")
def the_hover_has_numbers(helix):
    helix.find("load_config")
    helix.hover(lambda screen: is_ours(screen) and re.search(r"\d ?%", screen) and "decomposition" in screen)


@effect("hover.deadlineMs", "0", "debounceMs = 10000")
def text_that_is_not_read_yet_has_no_hover(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    insert_line(helix, "// something that nobody has read before, such as marmalade")
    assert hover_answer(helix, "marmalade") is None, "the hover waited for the analysis"


@effect("codeLens.minSimilarity", "0.3")
def less_similar_items_are_shown_too(helix):
    helix.find("load_config")
    actions(helix)
    helix.until("the action", lambda screen: re.search(r"Go to similar.*load_preferences", screen), lambda: actions(helix))


def with_two_getters(work):
    with (work / "src/config.rs").open("a") as file:
        for name in ["width", "height"]:
            file.write(f"\nfn bar_{name}(bar: &ProgressBar) -> usize {{ bar.{name}_in_cells }}\n")


@effect("lens.detail", '"all"', prepare=with_two_getters)
def short_functions_are_shown_too(helix):
    helix.find("bar_width")
    helix.until("the action", lambda screen: re.search(r"Go to similar.*bar_height", screen), lambda: actions(helix))


MEDIAN = "the middle of a sorted list of numbers"


def search(helix, query):
    helix.escape()
    helix.escape()
    helix.type(" S")
    helix.type(query)


def finds(helix, query, wanted):
    search(helix, query)
    helix.until("the symbol", lambda screen: re.search(wanted, screen), lambda: search(helix, query))


@effect("index.enable", "false", PATIENT, files=FILES[:1])
def files_that_are_closed_are_not_found(helix):
    # The files were indexed before, so a search would find them as soon as the model is loaded.
    with Helix(files=FILES[:1], environment=helix.environment) as before:
        finds(before, MEDIAN, r"median\b.*preferences\.py")
        before.quit()
    with Helix(files=FILES[:1], environment=helix.environment, settings=helix.settings) as helix:
        finds(helix, "the scalar product of two vectors", r"dot_product\b.*config\.rs")
        search(helix, MEDIAN)
        found = helix.until("an answer", lambda _: helix.answers("workspace/symbol", query=MEDIAN), lambda: search(helix, MEDIAN))
        assert "median" not in str(found), found


def supplies_of_a_machine_on_battery(folder):
    battery = folder / "supplies" / "BAT0"
    battery.mkdir(parents=True)
    (battery / "type").write_text("Battery\n")
    (battery / "status").write_text("Discharging\n")
    return battery.parent


@effect("index.onBattery", "true", files=FILES[:1], environment={"FOVEA_POWER_SUPPLY": supplies_of_a_machine_on_battery})
def the_folder_is_indexed_on_the_battery(helix):
    finds(helix, MEDIAN, r"median\b.*preferences\.py")


@effect("inlayHint.enable", "true", "debounceMs = 0")
def hints_name_similar_items(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    # Helix asks for hints only when the text changes; it supports no refresh.
    hint = re.compile(r"load_config.*≈ 0\.\d\d read_settings")
    helix.until("the hint", hint.search, lambda: insert_line(helix, "// again"))


def swatches(screen):
    return re.search(r"■ ?(configuration|BTreeMap|hash|config|vectors)", screen)


@effect("documentColor.enable", "true", PATIENT)
def words_have_swatches(helix):
    helix.until("a swatch before the word", swatches)


@effect("heat.enable", "false", PATIENT, "documentColor.enable = true")
def no_word_has_a_swatch(helix):
    told = helix.until("an answer", lambda _: helix.answers("textDocument/documentColor"))
    assert told[0] == [], "words have colors"


def the_near_duplicate_is_shown(helix):
    helix.find("load_config")
    helix.until("the diagnostic", lambda screen: re.search(r"Nearly", screen))


@effect("diagnostics.enable", "true", "diagnostics.minSimilarity = 0.7")
def near_duplicates_are_shown(helix):
    the_near_duplicate_is_shown(helix)


@effect("diagnostics.minSimilarity", "0.7", "diagnostics.enable = true")
def less_similar_duplicates_are_shown(helix):
    the_near_duplicate_is_shown(helix)


@effect("heat.preset", '"off"', PATIENT, "documentColor.enable = true")
def no_word_has_a_swatch_without_heat(helix):
    told = helix.until("an answer", lambda _: helix.answers("textDocument/documentColor"))
    assert told[0] == [], "words have colors"


@effect("highlight.attention", '"always"', PATIENT)
def words_that_a_word_draws_on_are_highlighted_too(helix):
    helix.find("line")
    told = answer(helix, "textDocument/documentHighlight", lambda: helix.type(" h"))
    assert any(highlight.get("kind", 1) != 1 for highlight in told), told


@effect("highlight.enable", "false", PATIENT)
def no_words_are_selected(helix):
    helix.find("read_to_string")
    assert not answer(helix, "textDocument/documentHighlight", lambda: helix.type(" h")), "words are highlighted"


@effect("classify.probe", '"/nowhere.json"')
def the_status_line_says_what_is_wrong_with_the_probe(helix):
    helix.until("the message", lambda screen: "/nowhere.json does not exist" in screen)


@effect("model.dir", '"/nowhere"')
def the_status_line_says_that_there_is_no_model(helix):
    helix.until("the message", lambda screen: "/nowhere" in screen)


@effect("model.generator", f'"{HERE.parent / "fixtures" / "tiny-chat"}"')
def the_model_that_writes_also_predicts(helix):
    helix.find("load_config")
    choose_action(helix, "Predict what comes next here")
    helix.until("the tokens", lambda screen: re.search(r"\d\.\d % \"", screen))


def results(helix):
    return list(pathlib.Path(helix.environment["FOVEA_CACHE_DIR"]).rglob("results.sqlite"))


@effect("cache.disk", "false")
def no_results_are_kept(helix):
    hover_says_what_the_word_is_to_its_function(helix)
    helix.quit()
    assert not results(helix), "there are results on disk"


def kept(file):
    """The number of used bytes in an SQLite file, including its write-ahead log."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        pages, free, size = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return (pages - free) * size


def with_many_functions(work):
    names = ["config", "line", "value", "queue", "file"]
    with (work / "many.rs").open("w") as file:
        for i in range(1200):
            name = f"{names[i % 5]}_{names[i // 5 % 5]}_{names[i // 25 % 5]}"
            file.write(f"fn {name}_{i}(value: u32) -> u32 {{ value * {i} + {i % 7} }}\n\n")


@effect("cache.diskMegabytes", "1")
def results_stay_within_their_limit(helix):
    with Helix(files=["many.rs"], environment=helix.environment, prepare=with_many_functions) as before:
        before.until("a megabyte", lambda _: results(before) and kept(results(before)[0]) > 2**20)
        before.quit()
    with Helix(environment=helix.environment, settings=helix.settings) as helix:
        # The server enforces the limit when it writes.
        insert_line(helix, f"// something new: {time.monotonic_ns()}")
        helix.until("the limit", lambda _: kept(results(helix)[0]) <= 2**20)


@effect("positionEncoding", '"utf-32"')
def the_server_announces_the_encoding(helix):
    told = helix.until("the answer", lambda _: helix.answers("initialize"))
    assert told[0]["capabilities"]["positionEncoding"] == "utf-32", told


def a_slow_request_is_logged(helix):
    helix.find("load_config")
    helix.hover(is_ours)
    # Helix's log contains the server's stderr.
    helix.until("the line", lambda _: any("slow request" in line for line in helix.logged()), lambda: helix.hover(is_ours))


@effect("log.level", '"info"', "log.slowMs = 1")
def more_is_logged(helix):
    a_slow_request_is_logged(helix)


@effect("log.slowMs", "1", 'log.level = "info"')
def quicker_requests_are_logged(helix):
    a_slow_request_is_logged(helix)


def every_setting_has_a_test():
    page = (HERE.parent.parent / "docs" / "settings.md").read_text()
    names = set(re.findall(r"^\| `fovea\.([\w.]+)`", page, re.M))
    assert len(names) > 20, names
    seen = set(EFFECTS) | set(UNSEEN)
    assert names == seen, f"not seen: {names - seen}; no setting: {seen - names}"


def tests():
    count("every setting has a test that sees its effect", every_setting_has_a_test)
    for name, (value, others, session, body) in EFFECTS.items():
        if name in UNSEEN:
            continue
        # Each test has its own cache folder.
        with tempfile.TemporaryDirectory(prefix="fovea-cache-") as folder:
            environment = {key: make(pathlib.Path(folder)) for key, make in session.get("environment", {}).items()}
            environment["FOVEA_CACHE_DIR"] = f"{folder}/fovea"
            sessions = {**session, "environment": environment, "settings": config(name, value, others)}
            test(f"the setting {name}: {body.__name__.replace('_', ' ')}", body, **sessions)


if __name__ == "__main__":
    run_all(tests)
