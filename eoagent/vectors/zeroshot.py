"""Label pictures without training: by the class whose prompts lie nearest.

The vector of a class is the mean of its prompts' unit vectors, brought back to unit length. A label
comes with its cosine, the margin to the next class, and z against the scores of a background; none
of them is a probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Vectors
from eoagent.contracts.errors import InputError
from eoagent.vectors.ranking import background_of, best_rows, cosines
from eoagent.vectors.unit import require_unit, unit_vectors

__all__ = ["ZeroShot", "class_vectors", "zero_shot"]

_PROMPTS_CLASSES_VALUES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShot:
    """Labels of pictures, best first in each row."""

    classes: NDArray[np.intp]
    """Indices of classes, (pictures, k); of equal cosines the class named first."""
    cosines: NDArray[np.float32]
    """Cosine of picture and class, (pictures, k)."""
    margins: NDArray[np.float32]
    """How far the best class is above the second, (pictures,)."""
    zs: NDArray[np.float64] | None
    """How unusual each cosine is for its class, (pictures, k); NaN for a class whose background
    scores are all the same, None without a background."""


def class_vectors(prompts: NDArray[Any]) -> Vectors:
    """Return the vector of each class, (classes, d), as the mean of its prompts.

    Args:
        prompts: unit vectors, (prompts, classes, d).

    Raises:
        InputError: if the shape is another, something is no unit vector, or prompts cancel out.
    """
    found = np.asarray(prompts)
    if found.ndim != _PROMPTS_CLASSES_VALUES or not found.size:
        raise InputError(
            f"prompts are vectors of shape (prompts, classes, d); these have {found.shape}"
        )
    count, classes, dimensions = found.shape
    flat = require_unit(found.reshape(count * classes, dimensions), "prompts")
    means = flat.reshape(found.shape).mean(axis=0, dtype=np.float64)
    return unit_vectors(means, "means of prompts")


def zero_shot(
    pictures: NDArray[Any],
    classes: NDArray[Any],
    *,
    k: int = 1,
    background: NDArray[Any] | None = None,
) -> ZeroShot:
    """Return the k nearest classes of each picture.

    Args:
        pictures: unit vectors, (n, d).
        classes: unit vectors of at least two classes, (c, d).
        k: labels for each picture; all classes where there are fewer.
        background: unit vectors of pictures that nobody chose, which z is measured against.

    Raises:
        InputError: if there are fewer than two classes, something is no unit vector, dimensions
            differ, or k is below 1.
    """
    if len(np.asarray(classes)) < 2:
        raise InputError(
            f"{len(np.asarray(classes))} class was given; a label is a choice among two or more",
            hint="name what else a picture may show",
        )
    scores = cosines(pictures, classes)
    order = np.stack([best_rows(row, max(k, 2) if k >= 1 else k) for row in scores])
    ranked = np.take_along_axis(scores, order, axis=1)
    labels = order[:, :k]
    zs = None if background is None else _zs(ranked[:, :k], labels, classes, background)
    return ZeroShot(
        classes=labels, cosines=ranked[:, :k], margins=ranked[:, 0] - ranked[:, 1], zs=zs
    )


def _zs(
    scores: NDArray[np.float32],
    labels: NDArray[np.intp],
    classes: NDArray[Any],
    background: NDArray[Any],
) -> NDArray[np.float64]:
    found = [background_of(vector, background) for vector in np.asarray(classes)]
    means = np.array([own.mean for own in found])
    stds = np.array([own.std if own.std > 0 else np.nan for own in found])
    return np.asarray((scores.astype(np.float64) - means[labels]) / stds[labels])
