"""Centers vectors as `src/similar/center.rs` does, and measures rankings."""

import numpy as np

FULL = 20


def means(vectors, groups):
    """The mean of each group, shrunk toward zero if the group has few members."""
    groups = np.asarray(groups)
    found = {}
    for group in sorted(set(groups.tolist())):
        own = vectors[groups == group]
        found[group] = own.mean(0) * min(1.0, (len(own) - 1) / (FULL - 1))
    return found


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def centered(vectors, groups):
    mean = means(vectors, groups)
    return unit(vectors - np.stack([mean[g] for g in groups]))


def measure(scores, candidates, relevant):
    """P@1, P@5, MRR and nDCG@10 of one query. P@5 counts at most five answers, so that its maximum is 1."""
    order = np.argsort(-scores[candidates], kind="stable")
    hits = relevant[candidates][order]
    total = int(hits.sum())
    first = int(np.argmax(hits))
    gains = 1 / np.log2(np.arange(2, 12))
    ideal = gains[: min(10, total)].sum()
    return (
        float(hits[0]),
        hits[:5].sum() / min(5, total),
        1 / (first + 1),
        (hits[:10] * gains[: len(hits[:10])]).sum() / ideal,
    )


def interval(values, clusters, rounds=1000):
    """The mean and its bootstrap 95 % interval; whole clusters (tasks, files) are resampled."""
    values, clusters = np.asarray(values, dtype=float), np.asarray(clusters)
    _, index = np.unique(clusters, return_inverse=True)
    count = index.max() + 1
    sums, sizes = np.bincount(index, values), np.bincount(index)
    draws = np.random.default_rng(1).integers(0, count, (rounds, count))
    means = sums[draws].sum(1) / sizes[draws].sum(1)
    return values.mean(), *np.quantile(means, [0.025, 0.975])
