"""Embeds every text of the evaluation once, so that measurements take seconds.

python embed_all.py ITEMS.jsonl
"""

import json
import sys

from evaluate import by_language, code_texts, documented, masked, queries
from vectors import embed


def main(path):
    items = [json.loads(line) for line in open(path)]
    libraries = [i for i in items if i["set"] == "libraries"]
    tasks = [i for i in items if i["set"] == "tasks"]
    by_language(libraries, [documented(i) for i in libraries])
    embed(queries(items), None)
    embed(queries(items), "plaintext")
    for name in ("tasks", "libraries", "exercises", "forks"):
        own = [i for i in items if i["set"] == name]
        by_language(own, code_texts(own))
        embed(code_texts(own), None)
    by_language(tasks, [masked(i) for i in tasks])
    embed([masked(i) for i in tasks], None)


if __name__ == "__main__":
    main(sys.argv[1])
