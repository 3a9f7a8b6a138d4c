"""Compares `fovea embed --plain` with sentence-transformers on a hundred texts of the evaluation.

    FOVEA=…/fovea python verify.py ITEMS.jsonl MODEL_FOLDER

MODEL_FOLDER is all-MiniLM-L6-v2 in f32. Set FOVEA_MODEL to the same folder to exclude the compression of the embedded weights.
"""

import json
import random
import sys

import numpy as np
from sentence_transformers import SentenceTransformer

from vectors import run


def main(path, folder):
    items = [json.loads(line) for line in open(path)]
    chosen = random.Random(3)
    texts = [i["code"] for i in chosen.sample(items, 60)]
    texts += [i["sentence"] for i in chosen.sample([i for i in items if i.get("sentence")], 40)]
    ours = np.array(run(texts, None))
    theirs = SentenceTransformer(folder).encode(texts, normalize_embeddings=True)
    print(f"largest difference {np.abs(ours - theirs).max():.1e}, smallest cosine {(ours * theirs).sum(1).min():.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
