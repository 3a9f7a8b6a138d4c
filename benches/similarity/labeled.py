"""Measures what a threshold shows and misses where the right answer is known: the same task in another language.

FOVEA=…/fovea FOVEA_EVALUATION_CACHE=… python labeled.py ITEMS.jsonl
"""

import json
import re
import sys

import numpy as np

from evaluate import HALVES, fields, systems

THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)


def name_words(name):
    """The words of a name in any case convention."""
    return tuple(w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name.split("::")[-1]))


def one_name(a, b):
    """Whether two names have the same two or more words; single words such as `get` do not count."""
    words = name_words(a["name"])
    return len(words) >= 2 and words == name_words(b["name"])


def best_elsewhere(items, vectors):
    """The best neighbor of each function in another language: (function, neighbor, score)."""
    _, language, _ = fields(items)
    scores = vectors @ vectors.T
    scores[language[:, None] == language[None, :]] = -2
    found = scores.argmax(1)
    return [(q, int(k), float(scores[q, k])) for q, k in enumerate(found)]


def rows(title, items):
    vectors = systems(items)["both"]
    pairs = best_elsewhere(items, vectors)
    for half in HALVES:
        own = [(items[q], items[k], s) for q, k, s in pairs if items[q]["half"] == half]
        for threshold in THRESHOLDS:
            line(title, half, f"{threshold:.2f}", own, lambda a, b, s: s >= threshold)
        line(title, half, "0.65, or 0.40 with one name", own, lambda a, b, s: s >= (0.4 if one_name(a, b) else 0.65))


def line(title, half, rule, own, shows):
    right = np.array([a["task"] == b["task"] for a, b, _ in own])
    seen = np.array([shows(a, b, s) for a, b, s in own])
    wrong = f"{(~right[seen]).mean():.3f}" if seen.any() else ""
    print(f"| {title} | {half} | {rule} | {seen.mean():.3f} | {wrong} | {(right & seen).mean():.3f} |")


def main(path):
    items = [json.loads(text) for text in open(path)]
    print("**The best neighbor in another language, where the task determines the right answer**\n")
    print("| source | half | threshold | functions with a lens | another task's among them | functions whose lens is right |")
    print("| --- | --- | --- | --- | --- | --- |")
    rows("HumanEval-X", [i for i in items if i["set"] == "tasks"])
    rows("Exercism", [i for i in items if i["set"] == "exercises"])


if __name__ == "__main__":
    main(sys.argv[1])
