"""Compares other scores with the centered cosine on the judged pairs: which separates related and unrelated pairs best?

FOVEA=…/fovea FOVEA_EVALUATION_CACHE=… FOVEA_MODEL_FOLDER=… python alternatives.py ITEMS.jsonl
"""

import csv
import json
import sys
from dataclasses import dataclass

import numpy as np

from evaluate import HALVES, by_language, documented
from space import centered
from threshold import JUDGMENTS, best, comparable, pair

NEAREST = 10


@dataclass
class Judged:
    """A judged pair and its scores."""

    kind: str
    related: bool
    cosine: float
    local: float
    code_only: float


def area(scores, related):
    """The probability that a related pair scores higher than an unrelated pair."""
    scores, related = np.array(scores), np.array(related)
    above, below = scores[related][:, None], scores[~related][None]
    return ((above > below) + 0.5 * (above == below)).mean()


class Workspace:
    """Some items with their cosines, with and without comments, each centered over these items."""

    def __init__(self, items, with_comments, code_only):
        self.items = items
        languages = np.array([i["language"] for i in items])
        self.same = languages[:, None] == languages[None]
        self.vectors = centered(with_comments, languages)
        without = centered(code_only, languages)
        self.cosine, self.code_only = self.vectors @ self.vectors.T, without @ without.T
        for scores in (self.cosine, self.code_only):
            np.fill_diagonal(scores, -2)

    def judged(self, kind, half, verdicts):
        """The judged pairs of a kind, and for each item whether its best neighbor is the same without comments."""
        allowed = self.same if kind == "same" else ~self.same
        near = np.sort(np.where(allowed, self.cosine, np.nan), 1)
        level = np.array([np.mean(row[row > -1][-NEAREST:]) if (row > -1).any() else 0 for row in near])
        without = np.where(allowed, self.code_only, -2)
        found, unchanged = [], []
        for a, b, score in best(self.items, self.vectors, lambda k: allowed[k]):
            unchanged.append((int(without[a].argmax()) == b, score, without[a].max()))
            key = pair(kind, half, self.items[a], self.items[b], score)["key"]
            if verdict := verdicts.get((kind, half, key)):
                local = 2 * score - level[a] - level[b]
                found.append(Judged(kind, verdict == "related", score, local, without[a, b]))
        return found, unchanged


def workspaces(items, half):
    """Each repository of a half, and all of them together: (kinds of neighbors to consider, workspace)."""
    own = [i for i in items if i["set"] == "libraries" and i["half"] == half]
    own = comparable(own, [documented(i) for i in own])
    vectors, code = by_language(own, [i["text"] for i in own]), by_language(own, [i["code"] for i in own])
    for source in sorted({i["source"] for i in own}):
        places = [k for k, i in enumerate(own) if i["source"] == source]
        yield ("same", "polyglot"), Workspace([own[k] for k in places], vectors[places], code[places])
    yield ("across",), Workspace(own, vectors, code)


def main(path):
    items = [json.loads(line) for line in open(path)]
    rows = [r for r in csv.DictReader(JUDGMENTS.open()) if r["drawn"] == "score"]
    verdicts = {(r["kind"], r["half"], r["pair"]): r["verdict"] for r in rows}
    judged, unchanged, spread = [], [], {True: [], False: []}
    for half in HALVES:
        for kinds, workspace in workspaces(items, half):
            for within in spread:
                scores = workspace.cosine[(workspace.same == within) & (workspace.cosine > -2)]
                if len(scores) > 1000:
                    spread[within].append(scores.std())
            for kind in kinds:
                found, others = workspace.judged(kind, half, verdicts)
                judged += found
                unchanged += others if kind == "same" else []
    print("| neighbors | pairs | centered cosine | less the ten nearest | without comments |\n| --- | --- | --- | --- | --- |")
    for kind in ("same", "polyglot", "across"):
        own = [j for j in judged if j.kind == kind]
        related = [j.related for j in own]
        areas = [area([getattr(j, score) for j in own], related) for score in ("cosine", "local", "code_only")]
        print(f"| {kind} | {len(own)} | " + " | ".join(f"{a:.3f}" for a in areas) + " |")
    print(f"\nStandard deviation of the cosine: {np.mean(spread[True]):.3f} in a language, {np.mean(spread[False]):.3f} across.")
    same, with_comments, without = (np.array(column) for column in zip(*unchanged))
    print(f"Best neighbor unchanged without comments: {same.mean():.2f}; from 0.60 on: {(with_comments >= 0.6).mean():.2f}")
    print(f"with, {(without >= 0.6).mean():.2f} without.")


if __name__ == "__main__":
    main(sys.argv[1])
