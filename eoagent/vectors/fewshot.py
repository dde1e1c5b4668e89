"""Measure how well a few labelled pictures of each class label the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Vectors
from eoagent.contracts.errors import InputError
from eoagent.vectors.probe import fit_probe
from eoagent.vectors.ranking import cosines
from eoagent.vectors.unit import require_labels, require_unit, unit_vectors

__all__ = ["SHOTS", "FewShot", "class_means", "draw_shots", "few_shot"]

SHOTS: Final = (1, 4, 8, 16, 32)
"""Labelled pictures for each class, as the RemoteCLIP paper has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShot:
    """How well some number of labelled pictures for each class did."""

    shots: int
    """Labelled pictures for each class."""
    accuracies: tuple[float, ...]
    """Share of pictures that were labelled rightly, 0 to 1, for each draw."""

    @property
    def mean(self) -> float:
        """Mean over the draws."""
        return float(np.mean(self.accuracies))

    @property
    def std(self) -> float:
        """Standard deviation over the draws."""
        return float(np.std(self.accuracies))


def draw_shots(labels: NDArray[Any], shots: int, *, classes: int, seed: int) -> NDArray[np.intp]:
    """Return the rows of a random draw of that many pictures of each class, in order.

    Raises:
        InputError: if a class has fewer, or none is asked for.
    """
    own = require_labels(labels, "labelled pictures", rows=len(labels), classes=classes)
    counts = np.bincount(own, minlength=classes)
    if shots < 1 or (counts < shots).any():
        least = int(np.argmin(counts))
        raise InputError(
            f"{shots} pictures of each class were asked for; class {least} has {counts[least]}",
            hint="ask for at least one, and for no more than the smallest class has",
        )
    random = np.random.default_rng(seed)
    drawn = [
        random.choice(np.flatnonzero(own == one), size=shots, replace=False)
        for one in range(classes)
    ]
    return np.sort(np.concatenate(drawn))


def class_means(train: NDArray[Any], labels: NDArray[Any], *, classes: int) -> Vectors:
    """Return the mean of each class, brought to unit length, (classes, d).

    Raises:
        InputError: if something is no unit vector, or a class has none.
    """
    vectors = require_unit(train, "training vectors")
    own = require_labels(labels, "training vectors", rows=len(vectors), classes=classes)
    sums = np.zeros((classes, vectors.shape[1]))
    np.add.at(sums, own, vectors)
    return unit_vectors(sums, "class means")


def few_shot(
    train: NDArray[Any],
    labels: NDArray[Any],
    test: NDArray[Any],
    truth: NDArray[Any],
    *,
    classes: int,
    shots: Sequence[int] = SHOTS,
    seeds: Sequence[int] = (0, 1, 2),
    method: Literal["means", "probe"] = "means",
) -> tuple[FewShot, ...]:
    """Return how well draws of few labelled pictures label others.

    Args:
        train: unit vectors that are drawn from, (n, d).
        labels: their classes, from 0.
        test: unit vectors to label, (m, d).
        truth: their classes.
        classes: number of classes.
        shots: pictures for each class.
        seeds: one draw for each.
        method: `means` labels by the nearest class mean, `probe` by a linear probe.

    Raises:
        InputError: if a class has fewer pictures than are asked for, or something does not fit.
    """
    vectors = require_unit(train, "training vectors")
    asked = require_unit(test, "test vectors", dimensions=vectors.shape[1])
    right = require_labels(truth, "test vectors", rows=len(asked), classes=classes)
    own = require_labels(labels, "training vectors", rows=len(vectors), classes=classes)
    results = []
    for count in shots:
        found = []
        for seed in seeds:
            rows = draw_shots(own, count, classes=classes, seed=seed)
            if method == "probe":
                told = fit_probe(vectors[rows], own[rows], classes=classes).labels(asked)
            else:
                means = class_means(vectors[rows], own[rows], classes=classes)
                told = np.argmax(cosines(asked, means), axis=1)
            found.append(float(np.mean(told == right)))
        results.append(FewShot(shots=count, accuracies=tuple(found)))
    return tuple(results)
