"""How well masks agree with the truth: pixels tallied, shares of them, and thresholds passed.

A mask that is rightly empty has an intersection over union of 1: nothing was there, and nothing
was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["PASSED_AT", "Tally", "nearest_square", "pass_rates", "tally"]

PASSED_AT: Final = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Overlaps at which a picture counts as right."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Pixels, or areas, by what was found and what is true."""

    both: float = 0.0
    """Found and true."""
    found: float = 0.0
    """Found, true or not."""
    true: float = 0.0
    """True, found or not."""

    def __add__(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(
            both=self.both + other.both,
            found=self.found + other.found,
            true=self.true + other.true,
        )

    @property
    def either(self) -> float:
        """Found or true."""
        return self.found + self.true - self.both

    @property
    def iou(self) -> float:
        """Intersection over union."""
        return self.both / self.either if self.either else 1.0

    @property
    def precision(self) -> float:
        """Share of what was found that is true; 1 where nothing was found and nothing is true."""
        return self.both / self.found if self.found else float(not self.true)

    @property
    def recall(self) -> float:
        """Share of what is true that was found; 1 where nothing is true."""
        return self.both / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        whole = self.found + self.true
        return 2 * self.both / whole if whole else 1.0


def tally(found: Bools, truth: Bools, counts: Bools | None = None) -> Tally:
    """Return the tally of a mask.

    Args:
        found: (height, width).
        truth: (height, width).
        counts: which pixels count; None takes all.
    """
    if counts is not None:
        found, truth = found & counts, truth & counts
    return Tally(
        both=int(np.count_nonzero(found & truth)),
        found=int(np.count_nonzero(found)),
        true=int(np.count_nonzero(truth)),
    )


def pass_rates(overlaps: Sequence[float]) -> dict[float, float]:
    """Return the share of overlaps that reach each of `PASSED_AT`."""
    held = np.asarray(overlaps, np.float64)
    return {at: float(np.mean(held >= at)) for at in PASSED_AT}


def nearest_square(mask: Bools, side: int) -> Bools:
    """Return a mask on a square of `side` pixels, each the nearest one of the mask.

    Places are reckoned in float32, as torch does.
    """
    rows, cols = (_places(length, side) for length in mask.shape)
    return np.ascontiguousarray(mask[rows[:, None], cols[None, :]])


def _places(inside: int, outside: int) -> NDArray[np.intp]:
    scale = np.float32(inside) / np.float32(outside)
    found = np.floor(np.arange(outside, dtype=np.float32) * scale).astype(np.intp)
    places: NDArray[np.intp] = np.minimum(found, inside - 1)
    return places
