"""Embeds texts with the `fovea` binary, and keeps the vectors on disk between runs."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import numpy as np

BINARY = os.environ.get("FOVEA", "fovea")
CACHE = Path(os.environ.get("FOVEA_EVALUATION_CACHE", "cache"))
PIECE = 2000


def embed(texts: list[str], language: str | None) -> np.ndarray:
    """Unit vectors in the order of the texts; without a language, from `fovea embed --plain`, the reference pipeline."""
    variant = language or "plain"
    keys = [hashlib.sha256(t.encode()).hexdigest()[:24] for t in texts]
    store = CACHE / f"{variant}.npz"
    known = {}
    if store.exists():
        with np.load(store) as old:
            known = dict(zip(old["keys"].tolist(), old["vectors"]))
    new = {k: t for k, t in zip(keys, texts) if k not in known}
    missing = list(new)
    for start in range(0, len(missing), PIECE):
        piece = missing[start : start + PIECE]
        known.update(zip(piece, run([new[k] for k in piece], language)))
        CACHE.mkdir(parents=True, exist_ok=True)
        np.savez(store, keys=np.array(list(known)), vectors=np.array(list(known.values()), dtype=np.float32))
    return np.array([known[k] for k in keys], dtype=np.float32)


def run(texts, language):
    options = ["--language", language] if language else ["--plain"]
    lines = "".join(json.dumps(t) + "\n" for t in texts)
    done = subprocess.run([BINARY, "embed", *options], input=lines, capture_output=True, text=True, check=True)
    return [np.array(json.loads(line), dtype=np.float32) for line in done.stdout.splitlines()]
