"""Preferences of the command line tools."""

from pathlib import Path


def load_preferences(path: Path) -> dict[str, str]:
    """Read the preferences file: one `key = value` per line, comments after a hash."""
    preferences = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition("=")
        preferences[key.strip()] = value.strip()
    return preferences


def median(numbers: list[float]) -> float:
    """The middle of the sorted numbers, the mean of the two middle ones for an even count."""
    ordered = sorted(numbers)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2
