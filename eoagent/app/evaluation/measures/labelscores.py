"""How well the classes that pictures are said to show agree with those they show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["score_labels"]

Bools = NDArray[np.bool_]


def score_labels(told: Bools, truth: Bools) -> dict[str, float]:
    """Return scores of labels of which a picture may have several.

    The accuracy is of each class in each picture, as published: generous, as most are absent. The
    F1 scores tell more: `f1_micro` of all labels together, `f1_macro` the mean over the classes
    that some picture shows or is said to show.

    Args:
        told: (pictures, classes), True where the picture is said to show the class.
        truth: likewise, where it does.
    """
    both = (told & truth).sum(axis=0).astype(np.float64)
    whole = (told.sum(axis=0) + truth.sum(axis=0)).astype(np.float64)
    named = whole > 0
    each = np.divide(2 * both, whole, out=np.zeros_like(both), where=named)
    return {
        "elementwise_accuracy": float(np.mean(told == truth)),
        "f1_micro": float(2 * both.sum() / whole.sum()) if named.any() else 1.0,
        "f1_macro": float(each[named].mean()) if named.any() else 1.0,
        "precision_micro": _share(both.sum(), told.sum()),
        "recall_micro": _share(both.sum(), truth.sum()),
    }


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 1.0
