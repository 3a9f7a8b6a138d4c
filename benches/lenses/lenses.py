"""Lists the lenses that Fovea shows on public repositories, with the verdicts of readers.

    python lenses.py table CHECKOUTS             # shares of useful, plausible and noise, from judgements.csv
    python lenses.py list CHECKOUTS REPOSITORY   # every lens that is shown now, with its verdict
    python lenses.py draw CHECKOUTS N            # N lenses of each repository without a verdict, with their texts

CHECKOUTS contains one folder per repository of sources.json, at its commit. FOVEA is the path of the program; its index is in
$FOVEA_CACHE_DIR. With --threshold X, only the threshold selects lenses (0.6 was the earlier rule).
"""

import argparse
import collections
import csv
import json
import os
import pathlib
import random
import subprocess

HERE = pathlib.Path(__file__).parent
FOVEA = os.environ.get("FOVEA", "fovea")
SOURCES = json.loads((HERE / "sources.json").read_text())
VERDICTS = ["useful", "plausible", "noise"]
ENDINGS = set(
    "rs py js jsx mjs cjs ts tsx go java c h cpp cc hpp cs rb rake ru php sh bash lua md mdx rst txt json toml yaml yml".split()
)


def judgements():
    """The verdicts by repository and both places; the order of a pair does not matter."""
    with open(HERE / "judgements.csv", newline="") as file:
        rows = list(csv.DictReader(file))

    def place(row, side):
        return row["path_" + side], row["name_" + side], int(row["line_" + side])

    return {(row["repository"], frozenset([place(row, "a"), place(row, "b")])): row for row in rows}


def place(item):
    return item["path"], item["name"], item["start"]["line"] + 1


def lenses(root, threshold):
    """For each item of a checkout the item that its lens names, with the score; and the number of items."""
    subprocess.run([FOVEA, "index", root], check=True, stdout=subprocess.DEVNULL)
    shown, asked = {}, 0
    for path in sorted(pathlib.Path(root).rglob("*")):
        if not path.is_file() or path.suffix.lstrip(".") not in ENDINGS or "/.git/" in str(path):
            continue
        command = [FOVEA, "similar", str(path), "--root", str(root), "--format", "json", "--top", "1"]
        if threshold is not None:
            command.append(f"--threshold={threshold}")
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode != 0:
            continue
        for entry in json.loads(answer.stdout):
            asked += 1
            entry["item"]["path"] = str(path.relative_to(root))
            for best in entry["similar"][:1]:
                shown[place(entry["item"])] = (entry["item"], best)
    return shown, asked


def shares(verdicts, rounds=2000):
    """The share of each verdict, with a bootstrap interval of 95 %."""
    generator = random.Random(0)
    total = max(1, len(verdicts))
    drawn = [collections.Counter(generator.choices(verdicts, k=len(verdicts))) for _ in range(rounds)] if verdicts else []
    cells = []
    for verdict in VERDICTS:
        values = sorted(counts[verdict] / total for counts in drawn) or [0.0]
        low, high = values[int(0.025 * len(values))], values[int(0.975 * (len(values) - 1))]
        cells.append(f"{verdicts.count(verdict) / total:.2f} ({low:.2f}–{high:.2f})")
    return cells


def table(checkouts, threshold):
    known = judgements()
    print("| set | repository | items | lenses | judged | " + " | ".join(VERDICTS) + " |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for group, repositories in SOURCES.items():
        everything = []
        for name in repositories:
            shown, asked = lenses(checkouts / name, threshold)
            pairs = [(name, frozenset([item, place(best)])) for item, (_, best) in shown.items()]
            verdicts = [known[pair]["verdict"] for pair in pairs if pair in known]
            everything += verdicts
            print(f"| {group} | {name} | {asked} | {len(shown)} | {len(verdicts)} | " + " | ".join(shares(verdicts)) + " |", flush=True)
        print(f"| {group} | all |  |  | {len(everything)} | " + " | ".join(shares(everything)) + " |", flush=True)


def excerpt(root, item, lines=12):
    text = (root / item["path"]).read_bytes()[item["start"]["byte"] : item["end"]["byte"]].decode("utf-8", "replace")
    kept = [line.rstrip()[:110] for line in text.splitlines() if line.strip()]
    return "\n".join("    " + line for line in kept[:lines])


def draw(checkouts, count, threshold):
    known = judgements()
    for name in (name for group in SOURCES.values() for name in group):
        root = checkouts / name
        shown, _ = lenses(root, threshold)
        new = [pair for item, pair in shown.items() if (name, frozenset([item, place(pair[1])])) not in known]
        for item, best in random.Random(1).sample(new, min(count, len(new))):
            print(f"{name}: {best['score']:.2f}")
            for side in (item, best):
                print("  {}:{} {}".format(side["path"], side["start"]["line"] + 1, side["name"]))
                print(excerpt(root, side))


def listing(checkouts, name, threshold):
    known = judgements()
    shown, _ = lenses(checkouts / name, threshold)
    for item, (_, best) in sorted(shown.items()):
        row = known.get((name, frozenset([item, place(best)])))
        verdict = f"{row['verdict']}: {row['reason']}" if row else "not judged"
        print("{}:{} {} ≈ {:.2f} {} · {} | {}".format(item[0], item[2], item[1], best["score"], best["name"], best["path"], verdict))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["table", "list", "draw"])
    parser.add_argument("checkouts", type=pathlib.Path)
    parser.add_argument("more", nargs="?")
    parser.add_argument("--threshold", type=float)
    asked = parser.parse_args()
    if asked.what == "table":
        table(asked.checkouts, asked.threshold)
    elif asked.what == "list":
        listing(asked.checkouts, asked.more, asked.threshold)
    else:
        draw(asked.checkouts, int(asked.more or 10), asked.threshold)


if __name__ == "__main__":
    main()
