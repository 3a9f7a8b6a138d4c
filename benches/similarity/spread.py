"""Compares three scores for functions of several languages: cosine, cosine divided by spread, and Fovea's score.

FOVEA=…/fovea FOVEA_EVALUATION_CACHE=… python spread.py ITEMS.jsonl

The spread of an item in a language is the root mean square of its cosines with the items of that language. An item along the main directions
of a language is near all items of the language; dividing by the spread removes this effect. One matrix per language is enough to compute it.
Fovea also multiplies by the spreads in the items' own languages. So the score within one language is the cosine, and the score between two
languages has the same scale.
"""

import json
import sys

import numpy as np

from evaluate import HALVES, across, by_language, code_texts, fields, masked, ranked, table
from space import centered


def spreads(vectors, languages):
    """The spread of each item (row) in each language (column), over the other items of the language."""
    names = sorted(set(languages.tolist()))
    found = np.zeros((len(vectors), len(names)))
    for column, name in enumerate(names):
        own = languages == name
        moment = vectors[own].T @ vectors[own]
        squares, counts = ((vectors @ moment) * vectors).sum(1), np.full(len(vectors), own.sum())
        squares[own] -= 1  # The cosine of an item with itself.
        counts[own] -= 1
        found[:, column] = np.sqrt(squares / np.maximum(counts, 1))
    return names, found


def over_spread(vectors, languages):
    """cosine(i, j) / sqrt(spread(i, language of j) × spread(j, language of i))"""
    names, spread = spreads(vectors, languages)
    column = np.array([names.index(language) for language in languages])
    towards = spread[:, column]
    return vectors @ vectors.T / np.sqrt(np.maximum(towards * towards.T, 1e-9))


def as_told(vectors, languages):
    """cosine(i, j) × sqrt(spread(i, own) × spread(j, own) / (spread(i, language of j) × spread(j, language of i)))"""
    names, spread = spreads(vectors, languages)
    column = np.array([names.index(language) for language in languages])
    own = spread[np.arange(len(languages)), column]
    return over_spread(vectors, languages) * np.sqrt(np.outer(own, own))


class Given:
    """Scores in place of vectors for `ranked`, which multiplies its argument by its transpose."""

    def __init__(self, scores):
        self.scores = scores
        self.T = None

    def __matmul__(self, _):
        return self.scores


def other_languages(items):
    """Like `across`, but without candidates in the language of the query, because none of them can be correct."""
    _, language, _ = fields(items)
    return lambda q: np.flatnonzero(language != language[q]), across(items)[1]


def report(title, items, texts):
    languages = np.array([item["language"] for item in items])
    vectors = centered(by_language(items, texts), languages)
    systems = {"cosine": vectors @ vectors.T, "over spread": over_spread(vectors, languages), "as told": as_told(vectors, languages)}
    for pool, rule in {"all candidates": across, "other languages": other_languages}.items():
        rows = [(s, h, ranked(items, Given(systems[s]), h, *rule(items))) for h in HALVES for s in systems]
        table(f"{title}, {pool}", rows)


def main(path):
    items = [item for item in map(json.loads, open(path)) if item["set"] == "tasks"]
    report("HumanEval-X", items, code_texts(items))
    report("HumanEval-X, the function's own name removed", items, [masked(item) for item in items])


if __name__ == "__main__":
    main(sys.argv[1])
