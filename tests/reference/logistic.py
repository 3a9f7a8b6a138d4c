#!/usr/bin/env python3
"""Make logistic.json: the weights that scikit-learn's LogisticRegression learns from vectors of a formula.

    python3 tests/reference/logistic.py

src/similar/probe/logistic.rs has the same formula. Needs PyPI's scikit-learn and numpy.
"""
import json
import pathlib

import numpy
from sklearn.linear_model import LogisticRegression


def made(items, width, classes):
    i, j = numpy.arange(items)[:, None], numpy.arange(width)[None, :]
    x = numpy.sin((i * 31 + j * 17) * 0.37) + (i % classes == j) * 0.8
    x = (x / numpy.linalg.norm(x, axis=1, keepdims=True)).astype(numpy.float32)
    i = numpy.arange(items)
    return x, numpy.where(i % 11 == 0, (i + 1) % classes, i % classes)


cases = []
for items, width, classes, strength in [(120, 7, 2, 1.0), (150, 9, 3, 1.0), (200, 16, 4, 30.0), (90, 5, 2, 100.0)]:
    x, y = made(items, width, classes)
    fitted = LogisticRegression(C=strength, tol=1e-10, max_iter=10000).fit(x.astype(numpy.float64), y)
    found = dict(items=items, width=width, classes=classes, strength=strength, accuracy=fitted.score(x, y))
    found |= dict(rows=fitted.coef_.ravel().round(6).tolist(), intercepts=fitted.intercept_.round(6).tolist())
    cases.append(found)
(pathlib.Path(__file__).parent / "logistic.json").write_text(json.dumps(cases) + "\n")
