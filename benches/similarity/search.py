"""Measures search by a sentence: with which centering does it find the function that the sentence describes?

    FOVEA=…/fovea FOVEA_EVALUATION_CACHE=… python search.py ITEMS.jsonl

At run time, a search knows only the query and the index. So it can use the query unchanged, subtract a vector from the index (the mean of
all code), or subtract a constant vector (the mean of such sentences, here from the development half).
"""

import json
import sys
from collections import defaultdict

import numpy as np

from evaluate import HALVES, by_language, code_texts, table
from lexical import bm25
from space import centered, interval, means, measure, unit
from vectors import embed

WORDS = (0.1, 0.2, 0.3)


def spaces(items):
    """The vectors of the functions in each space that queries are compared in."""
    plain, aware = embed(code_texts(items), None), by_language(items, code_texts(items))
    languages = [i["language"] for i in items]
    found = means(aware, languages)
    return {
        "plain": plain,
        "aware": aware,
        "plain centered": centered(plain, languages),
        "both": centered(aware, languages),
        "half": unit(aware - 0.5 * np.stack([found[g] for g in languages])),
        "code": aware.mean(0),
    }


def options(items, sentences, prose):
    """The scores of each sentence with each function, by the name of the option."""
    made, query = spaces(items), embed(sentences, None)
    code = made["code"]
    aware, shared = query @ made["aware"].T, bm25(items, sentences)
    found = {
        "plain, query as it is": query @ made["plain"].T,
        "identifiers, query as it is": aware,
        "plain centered, query as it is": query @ made["plain centered"].T,
        "both, query as it is": query @ made["both"].T,
        "both, query less half the mean of the code": unit(query - 0.5 * code) @ made["both"].T,
        "both, query less the mean of the code": unit(query - code) @ made["both"].T,
        "both, query less half the mean of sentences": unit(query - 0.5 * prose) @ made["both"].T,
        "both, query less the mean of sentences": unit(query - prose) @ made["both"].T,
        "functions less half their mean, query as it is": query @ made["half"].T,
        "words alone (BM25)": shared,
    }
    return found | {f"identifiers, query as it is, + {w} words": aware + w * shared for w in WORDS}


def one_pool(items, prose):
    """The results of each option for all queries of a pool, with and without tests among the candidates."""
    sentence = np.array([i["sentence"] for i in items], dtype=object)
    asked = np.flatnonzero(sentence != "")
    if not len(asked):
        return {}
    candidates = {"": np.arange(len(items)), ", without tests": np.flatnonzero([not i["test"] for i in items])}
    results = defaultdict(list)
    for name, scores in options(items, sentence[asked].tolist(), prose).items():
        for suffix, those in candidates.items():
            if suffix and not name.startswith("identifiers"):
                continue
            for k, row in zip(asked, scores):
                key = f"{items[k]['source']}/{items[k]['path']}"
                results[name + suffix].append((key, measure(row, those, sentence == sentence[k])))
    return results


def print_differences(pools):
    """Prints how much one option gains over another on the same queries, with the interval of the difference."""
    names = {
        "identifiers − plain": ("identifiers, query as it is", "plain, query as it is"),
        "both − identifiers": ("both, query as it is", "identifiers, query as it is"),
        "words − identifiers": ("identifiers, query as it is, + 0.2 words", "identifiers, query as it is"),
    }
    print("\n**Differences in MRR on the same queries**\n\n| pool | half | difference | MRR |\n| --- | --- | --- | --- |")
    for pool, results in pools.items():
        for half in HALVES:
            for name, (one, other) in names.items():
                a, b = results[half][one], results[half][other]
                mean, low, high = interval([x[1][2] - y[1][2] for x, y in zip(a, b)], [key for key, _ in a])
                print(f"| {pool} | {half} | {name} | {mean:+.3f} ({low:+.3f} to {high:+.3f}) |")


def main(path):
    items = [i for i in map(json.loads, open(path)) if i["set"] == "libraries"]
    prose = embed([i["sentence"] for i in items if i["sentence"] and i["half"] == "development"], None).mean(0)
    apart, together = defaultdict(dict), defaultdict(dict)
    for half in HALVES:
        own = [i for i in items if i["half"] == half]
        for source in sorted({i["source"] for i in own}):
            for name, results in one_pool([i for i in own if i["source"] == source], prose).items():
                apart[half].setdefault(name, []).extend(results)
        together[half] = one_pool(own, prose)
    print("### 3. A sentence and the function it describes")
    table("Each repository separately", [(n, h, r) for h in HALVES for n, r in apart[h].items()], "option")
    table("All repositories of a half in one pool", [(n, h, r) for h in HALVES for n, r in together[h].items()], "option")
    print_differences({"each repository": apart, "all together": together})


if __name__ == "__main__":
    main(sys.argv[1])
