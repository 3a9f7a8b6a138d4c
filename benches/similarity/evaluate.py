"""Measures code similarity and search, and prints Markdown tables.

FOVEA=…/fovea FOVEA_EVALUATION_CACHE=… python evaluate.py ITEMS.jsonl
"""

import json
import re
import sys
from collections import defaultdict

import numpy as np

from space import centered, interval, measure
from vectors import embed

SYSTEMS = ["plain", "identifiers", "plain, centered", "both"]
BY_REPOSITORY = "both, centered by repository too"
HALVES = ["development", "test"]


def code_texts(items):
    return [i["code"] for i in items]


def documented(item):
    """The text of an item in the editor, which includes the comment above it."""
    return item["doc"] + "\n" + item["code"] if item["doc"] else item["code"]


def masked(item):
    """The code without its own name, to measure how much of a result depends on shared names."""
    return re.sub(rf"\b{re.escape(item['name'])}\b", "f", item["code"])


def queries(items):
    return [i["sentence"] for i in items if i.get("sentence")]


def by_language(items, texts):
    """Vectors of texts embedded with the identifier rules of their languages."""
    out = np.zeros((len(items), 384), dtype=np.float32)
    languages = np.array([i["language"] for i in items])
    for language in sorted(set(languages.tolist())):
        places = np.flatnonzero(languages == language)
        out[places] = embed([texts[p] for p in places], language)
    return out


def systems(items, texts=None):
    """The vectors of one pool in each of the four systems."""
    texts = texts or code_texts(items)
    languages = [i["language"] for i in items]
    plain, aware = embed(texts, None), by_language(items, texts)
    return dict(zip(SYSTEMS, (plain, aware, centered(plain, languages), centered(aware, languages))))


def table(title, rows, head="system"):
    print(f"\n**{title}**\n\n| {head} | half | queries | P@1 | P@5 | MRR | nDCG@10 |\n| --- | --- | --- | --- | --- | --- | --- |")
    for name, half, results in rows:
        clusters = [c for c, _ in results]
        cells = []
        for k in range(4):
            mean, low, high = interval([m[k] for _, m in results], clusters)
            cells.append(f"{mean:.3f} ({low:.3f}–{high:.3f})")
        print(f"| {name} | {half} | {len(results)} | " + " | ".join(cells) + " |")


def ranked(items, vectors, half, candidates_of, relevant_of):
    results = []
    scores = vectors @ vectors.T
    for q, item in enumerate(items):
        if item["half"] != half or item.get("task") is None:
            continue
        candidates, relevant = candidates_of(q), relevant_of(q)
        if relevant[candidates].any():
            results.append((item["task"], measure(scores[q], candidates, relevant)))
    return results


def fields(items):
    return (
        np.array([str(i.get("task")) for i in items]),
        np.array([i["language"] for i in items]),
        np.array([i.get("author", "") for i in items]),
    )


def across(items):
    """Candidates: all except the same task in the same language. Answers: the same task in other languages."""
    task, language, _ = fields(items)
    return (
        lambda q: np.flatnonzero(~((task == task[q]) & (language == language[q]))),
        lambda q: (task == task[q]) & (language != language[q]),
    )


def within(items):
    """Candidates: everything else in the same language. Answers: the same task by another author."""
    task, language, author = fields(items)

    def candidates(q):
        keep = language == language[q]
        keep[q] = False
        return np.flatnonzero(keep)

    return candidates, lambda q: (task == task[q]) & (author != author[q]) & (language == language[q])


def report(title, items, rule, texts=None):
    spaces = systems(items, texts)
    table(title, [(s, h, ranked(items, spaces[s], h, *rule(items))) for h in HALVES for s in SYSTEMS])
    return spaces


def pairs(items, spaces, half):
    """P@1 from a language (row) to a language (column), only among the functions of that language."""
    task, language, _ = fields(items)
    names = sorted(set(language.tolist()))
    for system in (SYSTEMS[0], SYSTEMS[3]):
        scores = spaces[system] @ spaces[system].T
        print(
            f"\n{system}, {half} half, P@1 from row to column\n\n| | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1)
        )
        for one in names:
            cells = []
            for other in names:
                columns = np.flatnonzero(language == other)
                rows = [q for q in np.flatnonzero(language == one) if items[q]["half"] == half and (task[columns] == task[q]).any()]
                hit = [task[columns[np.argmax(scores[q, columns])]] == task[q] for q in rows] if one != other else []
                cells.append(f"{np.mean(hit):.2f}" if hit else "")
            print(f"| {one} | " + " | ".join(cells) + " |")


def main(path):
    items = [json.loads(line) for line in open(path)]
    groups = defaultdict(list)
    for item in items:
        groups[item["set"]].append(item)
    print("### 1. The same task in several languages")
    spaces = report("HumanEval-X, six languages", groups["tasks"], across)
    pairs(groups["tasks"], spaces, "test")
    report("HumanEval-X, the function's own name removed", groups["tasks"], across, [masked(i) for i in groups["tasks"]])
    spaces = report("Exercism, ten languages, six authors", groups["exercises"], across)
    pairs(groups["exercises"], spaces, "test")
    print("\n### 2. Near-duplicates in one language")
    report("Exercism: the same exercise by another author", groups["exercises"], within)
    report_forks(groups["forks"])


def report_forks(items):
    """Each pair of repositories is a separate pool. A fifth system centers by language and repository."""
    rows = defaultdict(list)
    for source in sorted({i["source"] for i in items}):
        own = [i for i in items if i["source"] == source]
        spaces = systems(own)
        spaces[BY_REPOSITORY] = centered(spaces["identifiers"], [i["language"] + " " + i["repository"] for i in own])
        for half in HALVES:
            for system in [*SYSTEMS, BY_REPOSITORY]:
                rows[half, system] += ranked(own, spaces[system], half, *within(own))
    table(
        "Forks: the same function after the repositories went apart",
        [(s, h, rows[h, s]) for h in HALVES for s in [*SYSTEMS, BY_REPOSITORY]],
    )


if __name__ == "__main__":
    main(sys.argv[1])
