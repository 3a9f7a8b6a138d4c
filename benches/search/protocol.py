"""Targets, ranks, NDCG@10, MRR@50 and bootstrap intervals.

The protocol is that of semble's benchmark: the rank of a target is the rank of the first result in its file that overlaps its lines
(any lines if the target has none). Two targets that one result finds share a rank and count there once. The ideal ranking contains every
target. Results of one file are not merged, so three passages of one file take three ranks.
"""

import math
import random
from dataclasses import dataclass
from statistics import mean

PLACES = 10


@dataclass(frozen=True)
class Result:
    """One place of a ranking; lines count from 1."""

    path: str
    first: int
    last: int


@dataclass(frozen=True)
class Target:
    """A correct answer: a file, or some lines of it."""

    path: str
    first: int | None = None
    last: int | None = None
    # A result may be at most this many lines longer than the target; None allows any length.
    slack: int | None = None

    def found_by(self, result: Result) -> bool:
        if not same_path(self.path, result.path):
            return False
        if self.first is None:
            return True
        overlaps = result.first <= self.last and result.last >= self.first
        longer = (result.last - result.first) - (self.last - self.first)
        return overlaps and (self.slack is None or longer <= self.slack)


@dataclass(frozen=True)
class Query:
    """A question with its correct answers."""

    text: str
    category: str
    targets: tuple[Target, ...]


def same_path(one: str, other: str) -> bool:
    """Whether two paths are the same; annotations may omit leading folders."""
    return one == other or one.endswith("/" + other) or other.endswith("/" + one)


def rank(results: list[Result], target: Target) -> int | None:
    return next((place for place, result in enumerate(results, 1) if target.found_by(result)), None)


def gain(places) -> float:
    return sum(1 / math.log2(place + 1) for place in places)


def ndcg(results: list[Result], query: Query) -> float:
    found = {place for target in query.targets if (place := rank(results[:PLACES], target))}
    return gain(found) / gain(range(1, min(PLACES, len(query.targets)) + 1))


def hit(results: list[Result], query: Query, places: int) -> float:
    """Whether one of the first results is correct."""
    return float(any(rank(results[:places], target) for target in query.targets))


def reciprocal(place: int | None, places: int = 50) -> float:
    return 1 / place if place is not None and place <= places else 0.0


def one_per_file(results: list[Result]) -> list[Result]:
    """The best result of each file."""
    best = {}
    for result in results:
        best.setdefault(result.path, result)
    return list(best.values())


def interval(groups: list[list[float]], rounds: int = 2000) -> tuple[float, float, float]:
    """The mean of the groups' means, with its bootstrap 95 % interval; queries are resampled within each group."""
    draw = random.Random(1)
    means = sorted(mean(mean(draw.choices(group, k=len(group))) for group in groups) for _ in range(rounds))
    return mean(map(mean, groups)), means[int(0.025 * rounds)], means[int(0.975 * rounds)]
