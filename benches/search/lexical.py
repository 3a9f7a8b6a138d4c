"""BM25 over pieces of files: a baseline without a model. It shares no code with Fovea."""

import math
import re
from collections import Counter, defaultdict
from pathlib import Path

from protocol import Result

IDENTIFIER = re.compile(r"[^\W\d]\w*|\d+")
HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
SUFFIXES = set("py pyi ts mts cts tsx js mjs cjs jsx go rs java c h cc cpp cxx hpp hh hxx inl cs rb sh bash md rst toml".split())
LARGEST_FILE = 1_000_000
PIECE = 1500


def words(text: str) -> list[str]:
    """Identifiers and their parts, in lower case."""
    found = []
    for name in IDENTIFIER.findall(text):
        parts = [part.lower() for part in HUMP.findall(name)]
        found += parts if len(parts) == 1 else [name.lower(), *parts]
    return found


class BM25:
    """Okapi BM25 with the usual constants."""

    def __init__(self, texts: list[str], k1: float = 1.2, b: float = 0.75):
        self.postings = defaultdict(list)
        lengths = []
        for number, text in enumerate(texts):
            own = words(text)
            lengths.append(len(own))
            for word, count in Counter(own).items():
                self.postings[word].append((number, count))
        average = max(1.0, sum(lengths) / max(1, len(lengths)))
        self.k1, self.size = k1, len(texts)
        self.norm = [k1 * (1 - b + b * length / average) for length in lengths]

    def ranking(self, query: str) -> list[int]:
        """Numbers of the texts that share a word with the query, best first."""
        scores = defaultdict(float)
        for word in set(words(query)):
            postings = self.postings.get(word, ())
            rarity = math.log(1 + (self.size - len(postings) + 0.5) / (len(postings) + 0.5))
            for number, count in postings:
                scores[number] += rarity * count * (self.k1 + 1) / (count + self.norm[number])
        return sorted(scores, key=lambda number: (-scores[number], number))


def pieces(folder: Path) -> list[tuple[Result, str]]:
    """The files of a folder in pieces of about 1,500 characters, cut at line ends; each piece begins with its path."""
    found = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or path.suffix[1:] not in SUFFIXES or not path.is_file() or path.stat().st_size > LARGEST_FILE:
            continue
        first, piece = 1, ""
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            piece += line
            if len(piece) >= PIECE or number == len(lines):
                if piece.strip():
                    found.append((Result(inside.as_posix(), first, number), f"{inside}\n{piece}"))
                first, piece = number + 1, ""
    return found
