"""Measures how often `fovea search` says that nothing is close to a query.

    python benches/search/absent.py --repositories DIR [--fovea PATH]

It asks every question of semble and ours, which the repositories answer, and the questions of absent.json, which they do not. A warning is
wrong for the former and right for the latter. Nothing is fetched.
"""

import argparse
import json
import tempfile
from pathlib import Path

import sources
from product import Product
from run import head, row

ABSENT = json.loads((Path(__file__).parent / "absent.json").read_text())
WARNING = "nothing here is close to this query"


def warnings(product: Product, folder: Path, queries: list[str]) -> list[str]:
    """The queries with a warning."""
    def warned(query: str) -> bool:
        return WARNING in product.start("search", "--root", str(folder), "--", query).stderr

    return [query for query in queries if warned(query)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the warning of a search that found nothing close.")
    parser.add_argument("--repositories", type=Path, required=True, help="folder of git clones, as OWNER/NAME")
    parser.add_argument("--fovea", default="fovea", help="the binary to measure")
    options = parser.parse_args()
    chosen = [
        (name, source, read)
        for part, read in (("semble", sources.annotations), ("questions", sources.questions))
        for name, source in (sources.SOURCES[part].get("repositories") or sources.SOURCES[part]).items()
    ]
    sources.require(options.repositories, [source for _, source, _ in chosen])
    print("\n## Queries that a repository does not answer\n")
    head("repository", "warned of questions with an answer", "warned of questions without")
    totals = [0, 0, 0, 0]
    with tempfile.TemporaryDirectory() as work:
        product = Product(options.fovea, Path(work) / "cache")
        for name, source, read in chosen:
            folder = sources.unpack(options.repositories, source, Path(work) / name)
            product.index(folder)
            answered = [query.text for query in read(name, folder)]
            wrong, right = (warnings(product, folder, queries) for queries in (answered, ABSENT))
            row(name, f"{len(wrong)} of {len(answered)}", f"{len(right)} of {len(ABSENT)}")
            own = [len(wrong), len(answered), len(right), len(ABSENT)]
            totals = [total + value for total, value in zip(totals, own, strict=True)]
    row("all", f"{totals[0]} of {totals[1]}", f"{totals[2]} of {totals[3]}")


if __name__ == "__main__":
    main()
