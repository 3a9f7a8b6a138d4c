#!/usr/bin/env python3
"""Compare `fovea probe train` with scikit-learn's LogisticRegression on the same embeddings.

    python benches/probe/run.py FOVEA LABELS.csv

The CSV has the columns text and label; all texts have one language (--language, prose by default). Both programs run a cross-validation, each
with its own folds. Both also learn from three quarters of the items and are tested on the last quarter. Needs PyPI's scikit-learn and numpy.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import tempfile
import time

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

arguments = argparse.ArgumentParser()
arguments.add_argument("fovea")
arguments.add_argument("labels")
arguments.add_argument("--language", default="prose")
arguments = arguments.parse_args()
rows = list(csv.DictReader(open(arguments.labels, newline="")))
with tempfile.TemporaryDirectory() as folder:
    labeled = pathlib.Path(folder) / "labels.csv"
    with labeled.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "label", "language"])
        writer.writerows([row["text"], row["label"], arguments.language] for row in rows)
    probe = [arguments.fovea, "probe", "train", str(labeled), "--out", folder + "/probe.json", "--format", "json"]
    subprocess.run(probe, check=True, capture_output=True)
    start = time.time()
    ours = json.loads(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)
    whole = time.time() - start
    weights = json.loads((pathlib.Path(folder) / "probe.json").read_text())
texts = "".join(json.dumps(row["text"]) + "\n" for row in rows)
embed = [arguments.fovea, "embed", "--as", "passage", "--language", arguments.language]
lines = subprocess.run(embed, input=texts, check=True, capture_output=True, text=True).stdout.splitlines()
x, y = numpy.array([json.loads(line) for line in lines]), numpy.array([row["label"] for row in rows])
folds = StratifiedKFold(ours["report"]["folds"], shuffle=True, random_state=0)
print(f"{len(rows)} items, {len(set(y))} labels")
print(f"fovea: accuracy {ours['report']['accuracy']:.4f} (C {ours['strength']:.0f}), learning {ours['train_ms']:.0f} ms, command {whole:.1f} s")
for strength in (1.0, ours["strength"]):
    model = LogisticRegression(C=strength, max_iter=5000, tol=1e-8)
    start = time.time()
    accuracy = (cross_val_predict(model, x, y, cv=folds) == y).mean()
    print(f"scikit-learn: accuracy {accuracy:.4f} (C {strength:.0f}), cross-validation {1000 * (time.time() - start):.0f} ms")
fitted = model.fit(x, y)
print(f"largest difference of coefficients: {abs(numpy.array(weights['rows']) - fitted.coef_).max():.1e} of {abs(fitted.coef_).max():.1f}")
part = len(rows) * 3 // 4
with tempfile.TemporaryDirectory() as folder:
    tables = [pathlib.Path(folder) / name for name in ("seen.csv", "unseen.csv")]
    for table, own in zip(tables, (rows[:part], rows[part:]), strict=True):
        with table.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["text", "label", "language"])
            writer.writerows([row["text"], row["label"], arguments.language] for row in own)
    probe = folder + "/probe.json"
    trained = [arguments.fovea, "probe", "train", str(tables[0]), "--out", probe, "--format", "json"]
    strength = json.loads(subprocess.run(trained, check=True, capture_output=True, text=True).stdout)["strength"]
    tested = [arguments.fovea, "probe", "test", probe, str(tables[1]), "--format", "json"]
    accuracy = json.loads(subprocess.run(tested, check=True, capture_output=True, text=True).stdout)["accuracy"]
model = LogisticRegression(C=strength, max_iter=5000, tol=1e-8).fit(x[:part], y[:part])
print(f"unseen quarter: fovea {accuracy:.4f}, scikit-learn {model.score(x[part:], y[part:]):.4f} (C {strength:.0f})")
