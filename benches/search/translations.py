"""Measures how well questions in other languages find English code.

    python benches/search/translations.py --repositories DIR [--fovea PATH]

translations.json has questions of questions.json in other languages, by their numbers. The script asks Fovea, and only the English model
(`--model assets/all-MiniLM-L6-v2`, without the multilingual model), and asks in English for comparison. Nothing is fetched.
"""

import argparse
import json
import tempfile
from pathlib import Path
from statistics import mean

import protocol
import sources
from product import Product
from run import head, row

HERE = Path(__file__).parent
TRANSLATIONS = json.loads((HERE / "translations.json").read_text())
ENGLISH = str(HERE.parent.parent / "assets/all-MiniLM-L6-v2")


class Alone(Product):
    """The same program with only the English model."""

    def start(self, *arguments: str, text: str | None = None):
        model = ["--model", ENGLISH] if arguments[0] in ("index", "search") and "--help" not in arguments else []
        return super().start(arguments[0], *model, *arguments[1:], text=text)


def scores(product: Product, folder: Path, asked: list[tuple[str, protocol.Query]]) -> list[tuple[float, float, float]]:
    """For each question: whether the first result answers it, whether one of the first three does, and the NDCG@10."""
    found = [(product.search(folder, text, 10), query) for text, query in asked]
    return [(protocol.hit(own, query, 1), protocol.hit(own, query, 3), protocol.ndcg(own, query)) for own, query in found]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures questions in other languages than English.")
    parser.add_argument("--repositories", type=Path, required=True, help="folder of git clones, as OWNER/NAME")
    parser.add_argument("--fovea", default="fovea", help="the binary to measure")
    options = parser.parse_args()
    chosen = sources.SOURCES["questions"]
    sources.require(options.repositories, list(chosen.values()))
    with tempfile.TemporaryDirectory() as work:
        ways = {"fovea": Product(options.fovea, Path(work) / "cache"), "the English model alone": Alone(options.fovea, Path(work) / "alone")}
        table = {}
        for name, source in chosen.items():
            folder = sources.unpack(options.repositories, source, Path(work) / name)
            queries = sources.questions(name, folder)
            for product in ways.values():
                product.index(folder)
            for language, questions in TRANSLATIONS.items():
                pairs = [(text, queries[int(number)]) for number, text in questions.get(name, {}).items()]
                english = [(query.text, query) for _, query in pairs]
                rows = {way: scores(product, folder, pairs) for way, product in ways.items()}
                rows["asked in English"] = scores(ways["fovea"], folder, english)
                for way, own in rows.items():
                    table.setdefault((language, way), []).extend(own)
    print("\n## Questions in other languages\n")
    head("language", "ranking", "questions", "first is correct", "one of three", "NDCG@10")
    for (language, way), own in table.items():
        first, three, ndcg = (mean(values) for values in zip(*own, strict=True))
        row(language, way, len(own), f"{first:.2f}", f"{three:.2f}", f"{ndcg:.3f}")


if __name__ == "__main__":
    main()
