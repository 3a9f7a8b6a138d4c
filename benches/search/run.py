"""Measures `fovea search` and prints Markdown tables.

    python benches/search/run.py --repositories DIR [--fovea PATH]

DIR holds one git clone per repository, as OWNER/NAME; sources.json lists them. Nothing is fetched.
"""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import protocol
import sources
from lexical import BM25, pieces
from product import TERMS, Product, Server
from protocol import Query, hit, interval, ndcg, one_per_file, reciprocal

FOVEA = "**fovea**"
DEPTH = 400
WARM_ROUNDS = 5
ALONE = {"cosine alone": TERMS, "words and paths alone": ["vector"]}


def ways(product: Product, ablation: bool) -> dict[str, list[str]]:
    """The ways to rank, each with the terms that it omits."""
    found = {FOVEA: []}
    if product.has_terms:
        found |= ALONE
        if ablation:
            found |= {f"without {term}": [term] for term in TERMS}
    return found


@dataclass
class Scores:
    """NDCG@10 of every query, by way and repository, in the order of the queries."""

    by_way: dict = field(default_factory=lambda: defaultdict(dict))
    categories: dict = field(default_factory=dict)

    def add(self, way: str, name: str, values: list[float]) -> None:
        self.by_way[way][name] = values

    def category(self, way: str, category: str) -> float:
        pairs = [
            value
            for name, values in self.by_way[way].items()
            for value, own in zip(values, self.categories[name], strict=True)
            if own == category
        ]
        return mean(pairs)


def measure(product: Product, folder: Path, queries: list[Query], ablation: bool):
    """The results of every way, one list per query."""
    found = {}
    for way, without in ways(product, ablation).items():
        found[way] = [product.search(folder, query.text, DEPTH, without) for query in queries]
    found["one result per file"] = [one_per_file(results) for results in found[FOVEA]]
    stock = pieces(folder)
    bm25 = BM25([text for _, text in stock])
    found["BM25 over pieces"] = [[stock[number][0] for number in bm25.ranking(query.text)] for query in queries]
    return found


def latency(product: Product, folder: Path, queries: list[Query]) -> list[float]:
    """Milliseconds of each query on a warm server: the median of five."""
    server = Server(product, folder)
    times = [median(server.search_ms(query.text) for _ in range(WARM_ROUNDS)) for query in queries]
    server.close()
    return times


def row(*cells) -> None:
    print("| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |")


def head(*cells) -> None:
    row(*cells)
    print("|" + " --- |" * len(cells))


def spread(groups: list[list[float]]) -> str:
    middle, low, high = interval(groups)
    return f"{middle:.3f} ({low:.3f}–{high:.3f})"


def semble(product: Product, places: dict[str, Path], options) -> dict:
    source = sources.SOURCES["semble"]
    scores, times = Scores(), []
    for name, folder in places.items():
        queries = sources.annotations(name, folder)
        scores.categories[name] = [query.category for query in queries]
        product.index(folder)
        for way, found in measure(product, folder, queries, options.ablation).items():
            scores.add(way, name, [ndcg(results, query) for results, query in zip(found, queries, strict=True)])
        times += latency(product, folder, queries)
        print(f"{name}: {mean(scores.by_way[FOVEA][name]):.3f}", file=sys.stderr, flush=True)
    print("\n## Eight repositories, NDCG@10\n")
    columns = [way for way in scores.by_way if not way.startswith("without ")]
    head("repository", "queries", *columns, *(f"{system}, published" for system in source["systems"]))
    for name in places:
        own = [mean(scores.by_way[way][name]) for way in columns]
        row(name, len(scores.categories[name]), *own, *source["repositories"][name]["published"])
    published = zip(*(source["repositories"][name]["published"] for name in places), strict=True)
    total = sum(map(len, scores.categories.values()))
    row("mean", total, *(mean(map(mean, scores.by_way[way].values())) for way in columns), *map(mean, published))
    print("\n## By category, and what each term is worth\n")
    kinds = sorted({kind for own in scores.categories.values() for kind in own})
    counts = {kind: sum(own.count(kind) for own in scores.categories.values()) for kind in kinds}
    head("ranking", "mean (95 %)", "change", *(f"{kind} ({counts[kind]})" for kind in kinds))
    full = mean(map(mean, scores.by_way[FOVEA].values()))
    for way, own in scores.by_way.items():
        groups = list(own.values())
        change = "" if way == FOVEA else f"{mean(map(mean, groups)) - full:+.3f}"
        row(way, spread(groups), change, *(scores.category(way, kind) for kind in kinds))
    times.sort()
    print(f"\nWarm server, {len(times)} queries: p50 {median(times):.1f} ms, p99 {times[int(0.99 * len(times))]:.1f} ms.")
    return {way: dict(own) for way, own in scores.by_way.items()} | {"warm_ms": times}


def questions(product: Product, places: dict[str, Path], options) -> dict:
    hits = defaultdict(lambda: defaultdict(list))
    for name, folder in places.items():
        queries = sources.questions(name, folder)
        product.index(folder)
        for way, found in measure(product, folder, queries, options.ablation).items():
            for results, query in zip(found, queries, strict=True):
                own = hits[way]
                own["first"].append(hit(results, query, 1))
                own["among three"].append(hit(results, query, 3))
                own["ndcg"].append(ndcg(results, query))
    print("\n## Our own questions on three other repositories\n")
    head("ranking", "first is correct", "one of three", "NDCG@10 (95 %)")
    for way, own in hits.items():
        if way == "one result per file":
            continue  # One file may contain several answers to a question.
        row(way, *(f"{sum(own[key]):.0f} of {len(own[key])}" for key in ("first", "among three")), spread([own["ndcg"]]))
    return {way: dict(own) for way, own in hits.items()}


def cosqa(product: Product, folder: Path, work: Path) -> dict:
    """Measures the whole program and not only its vectors, with a separate file for each function."""
    functions, queries, answers = sources.cosqa(folder)
    pool = work / "cosqa-files"
    pool.mkdir(exist_ok=True)
    for number, text in enumerate(functions):
        (pool / f"{number}.py").write_text(text + "\n")
    product.index(pool)
    found = {}
    for way, without in ways(product, ablation=False).items():
        found[way] = []
        for query, answer in zip(queries, answers, strict=True):
            results = one_per_file(product.search(pool, query, 150, without))
            found[way].append(reciprocal(protocol.rank(results, protocol.Target(f"{answer}.py"))))
    bm25 = BM25(functions)
    rankings = [bm25.ranking(query)[:50] for query in queries]
    found["BM25"] = [
        reciprocal(ranking.index(answer) + 1 if answer in ranking else None)
        for ranking, answer in zip(rankings, answers, strict=True)
    ]
    for way, options in {"vectors, plain text": ["--plain"], "vectors, identifiers as words": ["--language", "python"]}.items():
        asked = ["--plain"] if "--plain" in options else []
        found[way] = dense(product.embed(functions, *options), product.embed(queries, *asked), answers)
    print("\n## CoSQA, MRR@50 of 500 queries over 6,267 functions\n")
    head("ranking", "MRR@50 (95 %)")
    for way, own in found.items():
        row(way, spread([own]))
    return found


def dense(functions, queries, answers: list[int]) -> list[float]:
    import numpy as np

    scores = np.array(queries, dtype=np.float32) @ np.array(functions, dtype=np.float32).T
    own = scores[np.arange(len(answers)), answers]
    return [reciprocal(int(place)) for place in (scores > own[:, None]).sum(1) + 1]


def arguments():
    parser = argparse.ArgumentParser(description="Measures `fovea search` on public benchmarks.")
    parser.add_argument("--repositories", type=Path, required=True, help="folder of git clones, as OWNER/NAME")
    parser.add_argument("--fovea", default="fovea", help="the binary to measure")
    parser.add_argument("--only", choices=["semble", "questions", "cosqa"], action="append", help="a part of the benchmark")
    parser.add_argument("--no-ablation", dest="ablation", action="store_false", help="omit the table of the terms")
    parser.add_argument("--work", type=Path, help="keep unpacked repositories and indexes here; otherwise a temporary folder")
    parser.add_argument("--json", type=Path, help="write the score of every query to this file")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    parts = options.only or ["semble", "questions", "cosqa"]
    chosen = {
        "semble": sources.SOURCES["semble"]["repositories"],
        "questions": sources.SOURCES["questions"],
        "cosqa": {"cosqa": sources.SOURCES["cosqa"]},
    }
    sources.require(options.repositories, [source for part in parts for source in chosen[part].values()])
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        product = Product(options.fovea, work / "cache")
        if not product.has_terms:
            print("This fovea has no `search --without`: its parts are not measured.", file=sys.stderr)
        report = {}
        for part in parts:
            places = {
                name: sources.unpack(options.repositories, source, work / part / name)
                for name, source in chosen[part].items()
            }
            if part == "cosqa":
                report[part] = cosqa(product, places["cosqa"] / chosen[part]["cosqa"]["folder"], work)
            else:
                report[part] = {"semble": semble, "questions": questions}[part](product, places, options)
        if options.json:
            options.json.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
