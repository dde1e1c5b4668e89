"""Measure labels and rankings against the truth: accuracy, confusion, precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.vectors.ranking import best_rows
from eoagent.vectors.unit import require_labels

__all__ = ["average_precision", "confusion", "precision_at", "top_accuracy"]


def top_accuracy(scores: NDArray[Any], truth: NDArray[Any], *, k: int = 1) -> float:
    """Return the share of rows whose class is among the k best by score, 0 to 1.

    Of equal scores the class of lower index comes first.

    Args:
        scores: (rows, classes).
        truth: class of each row, from 0.
        k: classes that count.

    Raises:
        InputError: if there is no row, numbers differ, a score is NaN, or k is below 1.
    """
    values = np.asarray(scores)
    if values.ndim != 2 or not values.size:
        raise InputError(f"scores are rows of classes; these have shape {values.shape}")
    right = require_labels(truth, "scores", rows=len(values), classes=values.shape[1])
    found = [own in best_rows(row, k) for row, own in zip(values, right, strict=True)]
    return float(np.mean(found))


def confusion(truth: NDArray[Any], told: NDArray[Any], *, classes: int) -> NDArray[np.int64]:
    """Return how often each class (rows) was told as each class (columns).

    Raises:
        InputError: if numbers differ or a label names no class.
    """
    right = require_labels(truth, "truth", rows=len(truth), classes=classes)
    other = require_labels(told, "labels told", rows=len(right), classes=classes)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (right, other), 1)
    return counts


def precision_at(scores: NDArray[Any], is_relevant: NDArray[Any], *, k: int) -> float:
    """Return the share of the k best by score that are relevant, 0 to 1.

    With fewer than k rows it is the share of k all the same, so that a short list is no better.

    Raises:
        InputError: if numbers differ, there is no score, one is NaN, or k is below 1.
    """
    relevant = _relevant(scores, is_relevant)
    return float(relevant[best_rows(scores, k)].sum() / k)


def average_precision(scores: NDArray[Any], is_relevant: NDArray[Any]) -> float:
    """Return the average precision of a ranking, 0 to 1; rows of equal scores count as one step.

    It is the sum of precision times the gain in recall over the different scores, without
    interpolation, so no order among equal scores matters.

    Raises:
        InputError: if numbers differ, a score is NaN, or nothing is relevant.
    """
    relevant = _relevant(scores, is_relevant)
    if not relevant.any():
        raise InputError("nothing is relevant, so there is no average precision")
    values = np.asarray(scores)
    order = best_rows(values, len(values))
    ranked = values[order]
    hits = np.cumsum(relevant[order])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    precision = hits[ends] / (ends + 1)
    gains = np.diff(hits[ends], prepend=0) / hits[-1]
    return float((precision * gains).sum())


def _relevant(scores: NDArray[Any], is_relevant: NDArray[Any]) -> NDArray[np.bool_]:
    found = np.asarray(is_relevant)
    if found.dtype != np.bool_ or found.shape != np.shape(scores):
        raise InputError(
            f"relevance is true or false for each score; it is {found.dtype} of shape "
            f"{found.shape} beside scores of shape {np.shape(scores)}"
        )
    return found
