"""Compares the time of `fovea index` on a folder with the time of sentence-transformers' `encode` on the same texts, in one run.

    FOVEA=…/fovea python indexing.py MODEL_FOLDER FOLDER…

MODEL_FOLDER is all-MiniLM-L6-v2 in f32. The texts are those of the items that `fovea index` finds. Each byte counts once: the text of an
item excludes the items inside it. sentence-transformers sorts the texts by length, embeds batches of 32 on two threads, and cuts texts at 256
tokens. Fovea reads whole texts, and its time includes listing files, parsing and writing. No file changes before its second run.
"""

import os
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

import torch
from sentence_transformers import SentenceTransformer

FOVEA = os.environ["FOVEA"]


# A child of this process would count its memory too: the largest size of a process outlives `exec`. A small process starts Fovea instead.
MEASURED = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(status, time.perf_counter() - start, usage.ru_maxrss / 1024)
"""


def index(folder, cache):
    command = [sys.executable, "-c", MEASURED, FOVEA, "index", folder]
    run = subprocess.run(command, env={**os.environ, "FOVEA_CACHE_DIR": cache}, stdout=subprocess.PIPE, text=True, check=True)
    status, seconds, megabytes = run.stdout.split()
    assert int(status) == 0
    return float(seconds), float(megabytes)


def texts(folder, database):
    files = dict(database.execute("SELECT content, path FROM files WHERE content IS NOT NULL"))
    found, items = set(), 0
    for content, path in files.items():
        source = (pathlib.Path(folder) / path.decode()).read_bytes()
        rows = database.execute("SELECT places FROM items WHERE content = ?", (content,))
        spans = sorted({struct.unpack_from("<20I", places)[0:6:5] for (places,) in rows}, key=lambda span: (span[0], -span[1]))
        items += len(spans)
        for at, (start, end) in enumerate(spans):
            rest, done = [], start
            for inner, last in spans[at + 1 :]:
                if inner >= end:
                    break
                if inner >= done:
                    rest.append(source[done:inner])
                    done = last
            rest.append(source[done:end])
            text = b"".join(rest).decode(errors="replace").strip()
            found.update([text] if text else [])
    return sorted(found), items


def main(model, *folders):
    torch.set_num_threads(2)
    encoder = SentenceTransformer(model, device="cpu")
    print("| folder | files | items | texts | fovea s | items/s | encode s | ratio | second run s | of the first | MB | kB per item |")
    for folder in folders:
        with tempfile.TemporaryDirectory() as cache:
            first, memory = index(folder, cache)
            again, _ = index(folder, cache)
            path = next(pathlib.Path(cache).rglob("index*.sqlite"))
            size = sum(file.stat().st_size for file in path.parent.glob(path.name + "*"))
            with sqlite3.connect(path) as database:
                all_texts, items = texts(folder, database)
                files = database.execute("SELECT count(*) FROM files").fetchone()[0]
        start = time.perf_counter()
        encoder.encode(all_texts, batch_size=32, normalize_embeddings=True)
        theirs = time.perf_counter() - start
        name = pathlib.Path(folder).name
        print(
            f"| {name} | {files} | {items} | {len(all_texts)} | {first:.1f} | {items / first:.0f} | {theirs:.1f} | {theirs / first:.2f} "
            f"| {again:.2f} | {again / first:.1%} | {memory:.0f} | {size / items / 1e3:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
