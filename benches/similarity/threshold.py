"""Draws pairs of best neighbors for a reader to judge, and computes the precision by score from the judgments.

python threshold.py draw ITEMS.jsonl PAIRS.txt     writes the pairs, each with both texts, for a reader
python threshold.py table ITEMS.jsonl              prints the precision from judgements.csv
"""

import csv
import hashlib
import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from evaluate import HALVES, by_language, documented
from labeled import one_name
from space import centered

MIN_TOKENS = 12
PER_BUCKET = 7
JUDGMENTS = Path(__file__).with_name("judgements.csv")
KINDS = {
    "same": "same language, one repository",
    "polyglot": "other language, one repository",
    "across": "other language, all repositories",
}
MODEL = os.environ.get("FOVEA_MODEL_FOLDER", "model")


def same_place(a, b):
    """Whether two items are overloads: they have the same name in the same class of the same file."""
    return all(a[k] == b[k] for k in ("source", "path", "container", "name"))


def best(items, vectors, allowed):
    """The best allowed neighbor of each item: (item, neighbor, score)."""
    scores = vectors @ vectors.T
    found = []
    for k, item in enumerate(items):
        row = np.where(allowed(k), scores[k], -2)
        row[k] = -2
        for other in np.argsort(-row)[:50]:
            if row[other] > -1 and not same_place(item, items[other]):
                found.append((k, int(other), float(row[other])))
                break
    return found


def neighbors(items, vectors):
    """The best neighbors of each kind.

    `same`: in the same language and repository. `across`: in another language, anywhere in the pool. `polyglot`: in another language and
    the same repository.
    """
    language = np.array([i["language"] for i in items])
    source = np.array([i["source"] for i in items])
    return {
        "same": best(items, vectors, lambda k: (language == language[k]) & (source == source[k])),
        "across": best(items, vectors, lambda k: language != language[k]),
        "polyglot": best(items, vectors, lambda k: (language != language[k]) & (source == source[k])),
    }


def comparable(items, texts):
    """The items that Fovea compares: those with at least twelve tokens."""
    tokenizer = Tokenizer.from_file(str(Path(MODEL) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lengths = [len(e.ids) - 2 for e in tokenizer.encode_batch(texts)]
    return [i | {"tokens": n, "text": t} for i, n, t in zip(items, lengths, texts) if n >= MIN_TOKENS]


def pools(items, half, text_of=documented):
    """The best neighbors of a half: within each repository as a workspace, and across languages within all repositories together."""
    own = [i for i in items if i["set"] == "libraries" and i["half"] == half]
    own = comparable(own, [text_of(i) for i in own])
    vectors = by_language(own, [i["text"] for i in own])
    found = []
    for source in sorted({i["source"] for i in own}):
        places = [k for k, i in enumerate(own) if i["source"] == source]
        languages = [own[k]["language"] for k in places]
        space = centered(vectors[places], languages)
        workspace = [own[k] for k in places]
        made = neighbors(workspace, space)
        for kind in ("same", "polyglot"):
            found += [pair(kind, half, workspace[a], workspace[b], s) for a, b, s in made[kind]]
    everything = centered(vectors, [i["language"] for i in own])
    found += [pair("across", half, own[a], own[b], s) for a, b, s in neighbors(own, everything)["across"]]
    return found


def pair(kind, half, a, b, score):
    key = hashlib.sha256((a["text"] + "\0" + b["text"]).encode()).hexdigest()[:12]
    return {"kind": kind, "half": half, "a": a, "b": b, "score": score, "key": key}


def bucket(score):
    return int(score * 20 + 1e-6) / 20


def draw(found, per_bucket, lowest, highest):
    """Pairs for a reader to judge: at most `per_bucket` for each twentieth of the score, in the order of a hash."""
    drawn = []
    for low in range(round(lowest * 20), round(highest * 20)):
        own = sorted((p for p in found if round(bucket(p["score"]) * 20) == low), key=lambda p: p["key"])
        drawn += own[:per_bucket]
    return drawn


def shown(pair_, number):
    def side(i):
        lines = [line[:110] for line in i["text"].splitlines() if line.strip()]
        cut = lines[:13] + (["…"] if len(lines) > 13 else [])
        place = f"  {i['source']} {i['path'].split('/')[-1]} {i['container']}.{i['name']} [{i['tokens']}]\n"
        return place + "\n".join("    " + x for x in cut)

    head = f"#{number} {pair_['key']} {pair_['kind']} {pair_['half']} {pair_['score']:.3f}"
    return f"{head}\n{side(pair_['a'])}\n  --\n{side(pair_['b'])}\n"


def stratum(p):
    """The stratum of a pair: kind, half, twentieth of the score, and whether the neighbor is in another file."""
    return p["kind"], p["half"], bucket(p["score"]), elsewhere(p)


def elsewhere(p):
    return p["a"]["path"] != p["b"]["path"] or p["a"]["source"] != p["b"]["source"]


def weighted(found):
    """The judged pairs that were drawn by score, each weighted by the share of its stratum."""
    pairs = {(p["kind"], p["half"], p["key"]): p for p in found}
    rows = [r for r in csv.DictReader(JUDGMENTS.open()) if r["drawn"] == "score"]
    judged = [
        pairs[r["kind"], r["half"], r["pair"]] | {"unrelated": r["verdict"] == "unrelated"}
        for r in rows
        if (r["kind"], r["half"], r["pair"]) in pairs
    ]
    population, drawn = Counter(map(stratum, found)), Counter(map(stratum, judged))
    return [features(j) | {"weight": population[stratum(j)] / drawn[stratum(j)]} for j in judged]


def features(p):
    return p | {"tokens": fewest(p), "elsewhere": elsewhere(p)}


def fewest(p):
    return min(p["a"]["tokens"], p["b"]["tokens"])


def share_unrelated(judged, shown, rounds=1000):
    """The weighted share of unrelated pairs among the shown ones, and its bootstrap 95 % interval."""
    kept = [j for j in judged if shown(j)]
    if not kept:
        return "", 0
    bad = np.array([j["unrelated"] for j in kept], dtype=float)
    weight = np.array([j["weight"] for j in kept])
    draws = np.random.default_rng(1).integers(0, len(kept), (rounds, len(kept)))
    shares = (bad * weight)[draws].sum(1) / weight[draws].sum(1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return f"{(bad * weight).sum() / weight.sum():.3f} ({low:.3f}–{high:.3f})", len(kept)


def print_buckets(judged):
    print("\n**Related, of those judged, by score**\n")
    edges = [e / 100 for e in range(35, 95, 5)]
    print("| neighbors | half | " + " | ".join(f"{e:.2f}" for e in edges) + " |\n|" + " --- |" * (len(edges) + 2))
    groups = {
        "same language, same file": ("same", False),
        "same language, another file": ("same", True),
        KINDS["polyglot"]: ("polyglot", True),
        KINDS["across"]: ("across", True),
    }
    for name, (kind, away) in groups.items():
        for half in HALVES:
            cells = []
            for edge in edges:
                own = [j for j in judged if stratum(j) == (kind, half, edge, away)]
                cells.append(f"{sum(not j['unrelated'] for j in own)}/{len(own)}" if own else "")
            print(f"| {name} | {half} | " + " | ".join(cells) + " |")


def print_thresholds(found, judged):
    print(
        "\n**What a threshold shows**\n\n| neighbors | half | threshold | functions with a lens | unrelated among them | judged |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in KINDS:
        for half in HALVES:
            own = [p for p in found if (p["kind"], p["half"]) == (kind, half)]
            for threshold in (0.5, 0.55, 0.6, 0.65, 0.7):
                at = lambda j: (j["kind"], j["half"]) == (kind, half) and j["score"] >= threshold
                text, count = share_unrelated(judged, at)
                shown = np.mean([p["score"] >= threshold for p in own])
                print(f"| {KINDS[kind]} | {half} | {threshold:.2f} | {shown:.2f} | {text} | {count} |")


def print_rules(found, judged):
    print("\n**Rules, same language**\n\n| rule | half | functions with a lens | unrelated among them | judged |")
    print("| --- | --- | --- | --- | --- |")
    rules = {
        "0.60": lambda j: j["score"] >= 0.6,
        "0.65": lambda j: j["score"] >= 0.65,
        "0.60, under 32 tokens never": lambda j: j["score"] >= 0.6 and j["tokens"] >= 32,
        "0.60, under 32 tokens 0.75": lambda j: j["score"] >= (0.6 if j["tokens"] >= 32 else 0.75),
        "same file 0.60, another 0.70": lambda j: j["score"] >= (0.7 if j["elsewhere"] else 0.6),
        "same file 0.60, another 0.75": lambda j: j["score"] >= (0.75 if j["elsewhere"] else 0.6),
        "same file 0.55, another 0.75": lambda j: j["score"] >= (0.75 if j["elsewhere"] else 0.55),
        "same file 0.60, another 0.75, under 32 tokens 0.75": lambda j: (
            j["score"] >= (0.75 if j["elsewhere"] or j["tokens"] < 32 else 0.6)
        ),
        "same file 0.60, another 0.75, or 0.65 from 64 tokens on": lambda j: (
            j["score"] >= (0.6 if not j["elsewhere"] else 0.65 if j["tokens"] >= 64 else 0.75)
        ),
        "of these, another file from 0.65, 64 tokens": lambda j: j["score"] >= 0.65 and j["elsewhere"] and j["tokens"] >= 64,
        "of these, the same file from 0.60": lambda j: j["score"] >= 0.6 and not j["elsewhere"],
        "of these, another file from 0.60": lambda j: j["score"] >= 0.6 and j["elsewhere"],
        "of these, another file from 0.60, 32 tokens": lambda j: j["score"] >= 0.6 and j["elsewhere"] and j["tokens"] >= 32,
        "of these, another file from 0.70": lambda j: j["score"] >= 0.7 and j["elsewhere"],
        "of these, another file from 0.70, 32 tokens": lambda j: j["score"] >= 0.7 and j["elsewhere"] and j["tokens"] >= 32,
        "of these, another file from 0.75": lambda j: j["score"] >= 0.75 and j["elsewhere"],
    }
    for name, rule in rules.items():
        for half in HALVES:
            own = [features(p) for p in found if (p["kind"], p["half"]) == ("same", half)]
            text, count = share_unrelated(judged, lambda j: j["kind"] == "same" and j["half"] == half and rule(j))
            print(f"| {name} | {half} | {np.mean([rule(p) for p in own]):.2f} | {text} | {count} |")


def print_names(found):
    """Prints how many pairs of two languages below the threshold have names of the same two or more words, and how many are related."""
    verdicts = {(r["half"], r["pair"]): r["verdict"] for r in csv.DictReader(JUDGMENTS.open())}
    print("\n**Another language, 0.40 to 0.65, names of the same two or more words**\n")
    print("| neighbors | half | functions found this way | related, of those judged |\n| --- | --- | --- | --- |")
    for kind in ("polyglot", "across"):
        for half in HALVES:
            all_ = [p for p in found if (p["kind"], p["half"]) == (kind, half)]
            own = [p for p in all_ if 0.4 <= p["score"] < 0.65 and one_name(p["a"], p["b"])]
            known = {p["key"]: verdicts[half, p["key"]] for p in own if (half, p["key"]) in verdicts}
            right = sum(v == "related" for v in known.values())
            print(f"| {KINDS[kind]} | {half} | {len(own)} of {len(all_)} | {right}/{len(known)} |")


def main(command, path, out=None):
    items = [json.loads(line) for line in open(path)]
    found = [p for half in HALVES for p in pools(items, half)]
    if command == "draw":
        drawn = [
            p
            for kind in KINDS
            for half in HALVES
            for p in draw([p for p in found if (p["kind"], p["half"]) == (kind, half)], PER_BUCKET, 0.35, 0.95)
        ]
        Path(out).write_text("\n".join(shown(p, n) for n, p in enumerate(drawn)))
        return
    judged = weighted(found)
    print("### 4. The threshold of a lens")
    print_buckets(judged)
    print_thresholds(found, judged)
    print_rules(found, judged)
    print_names(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
