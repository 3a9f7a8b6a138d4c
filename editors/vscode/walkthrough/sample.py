"""A sample: the most telling words of each function have a violet background."""

import json
import time
from pathlib import Path


def load_settings(path: Path) -> dict[str, str]:
    """Read the settings file: one `key = value` per line, comments after a hash."""
    settings = {}
    for line in path.read_text().splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition("=")
        settings[key.strip()] = value.strip()
    return settings


def read_preferences(file: Path) -> dict[str, str]:
    """Parse `name = value` pairs, skipping blank lines and remarks."""
    preferences = {}
    with file.open() as lines:
        for row in lines:
            name, separator, setting = row.split("#")[0].partition("=")
            if separator:
                preferences[name.strip()] = setting.strip()
    return preferences


def retry(action, attempts=5, delay=0.1):
    """Call an action again after an error, waiting twice as long each time."""
    for attempt in range(attempts):
        try:
            return action()
        except OSError:
            if attempt == attempts - 1:
                raise
            time.sleep(delay * 2**attempt)


def save_report(report: dict, path: Path) -> None:
    """Write a report as indented JSON, replacing what was there."""
    path.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")
