"""Label pictures by their nearest labelled neighbours (k-NN)."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.vectors.ranking import best_rows, cosines
from eoagent.vectors.unit import require_labels, require_unit

__all__ = ["NEIGHBOURS", "knn_votes", "nearest_labels"]

NEIGHBOURS: Final = 20
"""Neighbours that vote, as the RemoteCLIP paper has it."""
_BLOCK: Final = 256


def knn_votes(
    pictures: NDArray[Any],
    train: NDArray[Any],
    labels: NDArray[Any],
    *,
    classes: int,
    k: int = NEIGHBOURS,
    weighting: Literal["cosine", "equal"] = "cosine",
) -> NDArray[np.float64]:
    """Return the votes that the k nearest neighbours cast for each class, (pictures, classes).

    A neighbour's vote weighs its cosine, and nothing where that is negative; with `equal` each
    vote weighs 1. Of neighbours at one distance the lower row is nearer. Where there are fewer
    than k, all vote.

    Args:
        pictures: unit vectors to label, (n, d).
        train: unit vectors with labels, (m, d).
        labels: class of each of them, from 0.
        classes: number of classes.
        k: neighbours.
        weighting: what a vote weighs.

    Raises:
        InputError: if something is no unit vector, dimensions or numbers differ, or k is below 1.
    """
    known = require_unit(train, "training vectors")
    asked = require_unit(pictures, "pictures", dimensions=known.shape[1])
    own = require_labels(labels, "training vectors", rows=len(known), classes=classes)
    if k < 1:
        raise InputError(f"{k} neighbours were asked for; at least one is needed")
    votes = np.zeros((len(asked), classes))
    for start in range(0, len(asked), _BLOCK):
        scores = cosines(asked[start : start + _BLOCK], known)
        for row, found in enumerate(scores, start):
            nearest = best_rows(found, k)
            cast = np.maximum(found[nearest], 0) if weighting == "cosine" else np.ones(len(nearest))
            np.add.at(votes[row], own[nearest], cast)
    return votes


def nearest_labels(votes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the class with most votes for each picture; of equal ones the lower index."""
    return np.asarray(np.argmax(votes, axis=1))
