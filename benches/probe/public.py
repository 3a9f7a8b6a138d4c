#!/usr/bin/env python3
"""Write tables of labels from four public data sets, for run.py: python benches/probe/public.py CLONES FOLDER

CLONES contains one git clone per repository as OWNER/NAME, bare or not:
PolyAI-LDN/task-specific-datasets (banking77: 77 intents of bank customers, Casanueva et al. 2020), clinc/oos-eval (CLINC150 by its ten
domains, Larson et al. 2019) and AcademiaSinicaNLPLab/sentiment_dataset (TREC: six types of questions, Li & Roth 2002; polarity of sentences
from reviews, Pang & Lee 2005). Each table has 2,000 items, drawn with a fixed seed. Needs nothing beyond Python and git.
"""
import csv
import io
import json
import pathlib
import random
import subprocess
import sys

ITEMS = 2000
clones, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


def show(repository, path):
    shown = subprocess.run(["git", "-C", clones / repository, "show", f"HEAD:{path}"], check=True, capture_output=True).stdout
    return shown.decode("utf-8", "replace")


def banking():
    for row in csv.DictReader(io.StringIO(show("PolyAI-LDN/task-specific-datasets", "banking_data/train.csv"))):
        yield row["text"], row["category"]


def clinc():
    domains = json.loads(show("clinc/oos-eval", "data/domains.json"))
    domain = {intent: name for name, intents in domains.items() for intent in intents}
    for text, intent in json.loads(show("clinc/oos-eval", "data/data_full.json"))["train"]:
        yield text, domain[intent]


def lines(path):
    """Parses lines with a label, white space and a text."""
    for line in show("AcademiaSinicaNLPLab/sentiment_dataset", path).splitlines():
        label, _, text = line.strip().partition(" ")
        if text.strip():
            yield text.strip(), label


SETS = {"banking77": banking, "clinc-domains": clinc, "trec": lambda: lines("data/TREC.train.all"), "reviews": lambda: lines("data/panglee/rt-polarity.all")}
folder.mkdir(parents=True, exist_ok=True)
for name, items in SETS.items():
    rows = list(items())
    random.Random(0).shuffle(rows)
    with (folder / f"{name}.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "label"])
        writer.writerows(rows[:ITEMS])
    print(f"{name}: {len(rows[:ITEMS])} of {len(rows)} items, {len({label for _, label in rows})} labels")
