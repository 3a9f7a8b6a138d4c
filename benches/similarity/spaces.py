"""Measures cosines of unrelated pairs of an index, to choose thresholds: spaces.py INDEX.sqlite FOLDER LANGUAGE

INDEX.sqlite is the file that `fovea index FOLDER [--model DIR]` names. The script prints the mean, the standard deviation and high quantiles
of the cosine of two functions or types of different files, before and after subtracting the mean of the language. Then it prints the same
for samples of few functions, whose mean is shrunk as in Fovea, without calibration. If the index has results of several models for the
folder, pass --model-id.
"""

import argparse
import os
import sqlite3
import struct

import numpy as np


def items(path, folder, language, model):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    root = os.path.realpath(folder).encode()
    query = "SELECT id FROM roots WHERE path = ? AND (? IS NULL OR model = ?)"
    (number,) = db.execute(query, (root, model, model)).fetchone()
    files = db.execute(
        "SELECT path, content FROM files JOIN contents ON contents.id = content WHERE root = ? AND language = ?", (number, language)
    )
    for file, content in files.fetchall():
        rows = db.execute(
            "SELECT tokens, vector FROM uses JOIN units ON units.id = unit WHERE content = ? ORDER BY ordinal", (content,)
        )
        units = [(max(tokens - 2, 1), np.frombuffer(vector, np.float16).astype(np.float32)) for tokens, vector in rows]
        for (numbers,) in db.execute("SELECT units FROM items WHERE content = ? AND kind < 2", (content,)):
            own = [units[i] for i in struct.unpack(f"<{len(numbers) // 4}I", numbers)]
            if sum(tokens for tokens, _ in own) >= 12:
                vector = sum(tokens * vector / np.linalg.norm(vector) for tokens, vector in own)
                yield file, vector / np.linalg.norm(vector)


def unit(vectors):
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)


def told(name, cosines):
    high = " ".join(f"q{q:g} {np.quantile(cosines, q / 100):.3f}" for q in (50, 90, 99, 99.9))
    print(f"{name:12} mean {cosines.mean():.3f} deviation {cosines.std():.3f} {high} at least .6: {(cosines >= 0.6).mean():.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("folder")
    parser.add_argument("language")
    parser.add_argument("--model-id")
    given = parser.parse_args()
    files, vectors = zip(*items(given.index, given.folder, given.language, given.model_id))
    files, vectors = np.array(files), np.stack(vectors)
    random = np.random.default_rng(0)
    a, b = random.integers(0, len(files), (2, 400_000))
    apart = files[a] != files[b]
    for name, space in (("raw", vectors), ("centered", unit(vectors - vectors.mean(0)))):
        told(name, (space[a] * space[b]).sum(1)[apart])
    for count in (2, 5, 10, 15, 20, 40):
        cosines = []
        for _ in range(600):
            some = vectors[random.choice(len(vectors), count, replace=False)]
            some = unit(some - some.mean(0) * min(1, (count - 1) / 19))
            cosines.append(some[0] @ some[1])
        told(f"{count} functions", np.array(cosines))


if __name__ == "__main__":
    main()
