#!/usr/bin/env python3
"""Writes the settings of docs/settings.md into the Emacs package: emacs_settings.py [SETTINGS.md]

The table of settings in src/server/settings/table.rs makes docs/settings.md, and this makes editors/emacs/fovea-settings.el from it. A
test in Emacs fails while the two differ.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "editors/emacs/fovea-settings.el"


def lisp(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def told(text):
    """A meaning as a docstring, which quotes code as `this'."""
    return lisp(re.sub(r"`([^`]+)`", r"`\1'", text))


def value(text):
    """A default as Lisp."""
    return {"true": "t", "false": ":json-false", "[]": "[]"}.get(text, text)


def kind(text):
    """The values of a setting as a type of Custom."""
    if text == "true or false":
        return "(choice (const :tag \"on\" t) (const :tag \"off\" :json-false))"
    if text in ("a list of texts", "a list of strings"):
        return "(repeat string)"
    if text in ("a text", "a string"):
        return "string"
    if text.startswith("one of"):
        return "(choice " + " ".join(f"(const {one})" for one in re.findall(r'"[^"]+"', text)) + ")"
    if text.startswith("a whole number"):
        return "integer"
    if text.startswith("a number"):
        return "number"
    sys.exit(f"no type for {text!r}")


def rows(page):
    for line in page.read_text().splitlines():
        match = re.fullmatch(r"\| `fovea\.([\w.]+)` \| (.+?) \| `(.*?)` \| (.+) \|", line)
        if match:
            yield match.groups()


def main():
    page = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/settings.md"
    table = "\n".join(f"    ({lisp(key)} {value(default)} {kind(values)}\n     {told(meaning)})" for key, values, default, meaning in rows(page))
    text = TARGET.read_text()
    start, end = text.index("  '(;; table\n") + len("  '(;; table\n"), text.index("\n    ;; end of the table")
    TARGET.write_text(text[:start] + table + text[end:])


main()
