"""Classes from masks: which are in a picture, which one it is of, and which each pixel has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.runners.remotesam.segmented import Segmented

__all__ = ["Labels", "class_map", "class_prompt", "labels_in", "main_label"]

_SEVERAL: Final = 0.5
_SINGLE: Final = 1.0
_LEAST: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Which classes a picture shows."""

    chosen: tuple[str, ...]
    """Those that it shows, in the order asked; empty where it shows none of them."""
    scores: dict[str, float]
    """Score of each class that was asked, 0 to 1."""


def class_prompt(name: str) -> str:
    """Return the text by which the network is asked for a class."""
    return f"{name} in the image"


def labels_in(
    found: Mapping[str, Segmented], *, weight: float = _SEVERAL, least: float = _LEAST
) -> Labels:
    """Return the classes whose score is above `least`.

    Args:
        found: what was found for each class.
        weight: share of the highest probability in the score; the rest is the mean's.
        least: score that a class must be above.

    Raises:
        InputError: if the weight is not from 0 to 1.
    """
    scores = {name: one.presence(weight) for name, one in found.items()}
    chosen = tuple(name for name, score in scores.items() if score > least)
    return Labels(chosen=chosen, scores=scores)


def main_label(
    found: Mapping[str, Segmented], *, weight: float = _SINGLE, least: float = _LEAST
) -> Labels:
    """Return the one class with the best score, the first of equals, unless it is below `least`.

    Args:
        found: what was found for each class.
        weight: share of the highest probability in the score; the rest is the mean's.
        least: lowest score that the class may have.

    Raises:
        InputError: if the weight is not from 0 to 1.
    """
    scores = {name: one.presence(weight) for name, one in found.items()}
    best = max(scores, key=scores.__getitem__, default="")
    chosen = (best,) if scores and scores[best] >= least else ()
    return Labels(chosen=chosen, scores=scores)


def class_map(found: Sequence[Segmented], *, is_as_published: bool = False) -> NDArray[np.int32]:
    """Return the class of each pixel, counted from 1; 0 where the pixel is of none.

    Where masks overlap, the most probable class is taken; as published, the last one.

    Raises:
        InputError: if there is none, or they are of several pictures.
    """
    sizes = {(one.height, one.width) for one in found}
    if len(sizes) != 1:
        raise InputError(f"a map of classes is made of one picture, got the sizes {sorted(sizes)}")
    numbers: NDArray[np.int32] = np.zeros(sizes.pop(), np.int32)
    best = np.zeros(numbers.shape, np.float32)
    for number, one in enumerate(found, start=1):
        probability = one.probability()
        takes = one.mask() & (is_as_published | (probability > best))
        numbers[takes] = number
        best[takes] = probability[takes]
    return numbers
