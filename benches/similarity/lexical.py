"""Scores of shared words between a question and a function: the part of search that needs no model."""

import re
from collections import Counter, defaultdict

import numpy as np

NAME_COUNTS = 3
SATURATION, LENGTH = 1.2, 0.75


def words(text):
    """The words of a text. It splits identifiers and removes common English endings."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)
    return [stem(p.lower()) for p in parts if len(p) > 1]


def stem(word):
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def bm25(items, sentences):
    """The BM25 score of each sentence with each function, scaled so that the best score of a sentence is 1; a name counts three times."""
    bags = [Counter(words(i["code"]) + words(i["name"]) * NAME_COUNTS) for i in items]
    lengths = np.array([sum(b.values()) for b in bags])
    scale = SATURATION * (1 - LENGTH + LENGTH * lengths / lengths.mean())
    places = defaultdict(list)
    for k, bag in enumerate(bags):
        for word, count in bag.items():
            places[word].append((k, count))
    scores = np.zeros((len(sentences), len(items)), dtype=np.float32)
    for row, sentence in zip(scores, sentences):
        for word in sorted(set(words(sentence)) & places.keys()):
            found = places[word]
            weight = np.log(1 + (len(items) - len(found) + 0.5) / (len(found) + 0.5))
            for k, count in found:
                row[k] += weight * count * (1 + SATURATION) / (count + scale[k])
    return scores / np.maximum(scores.max(1, keepdims=True), 1e-9)
