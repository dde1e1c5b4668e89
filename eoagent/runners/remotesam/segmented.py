"""What the network found in one picture for one text, as a mask or as probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError

__all__ = ["Segmented"]

_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Segmented:
    """What the network found in one picture for one text.

    It is kept on the grid of the network; mask and probability are brought to the pixels of the
    picture when they are asked for, each by taking the nearest value.
    """

    text: str
    """What was asked."""
    margin: NDArray[np.float32]
    """Logit of the object less that of the background, on the network's grid (S, S)."""
    height: int
    """Rows of the picture."""
    width: int
    """Columns of the picture."""
    was_cut: bool = False
    """The text was longer than the network reads, and its end was not seen."""

    def mask(self) -> NDArray[np.bool_]:
        """Return where the object is, (height, width)."""
        return self._on_picture(self.margin > 0)

    def probability(self) -> NDArray[np.float32]:
        """Return the probability of the object, (height, width), 0 to 1."""
        return self._on_picture(self.scene_probability())

    def scene_probability(self) -> NDArray[np.float32]:
        """Return the probability of the object on the network's grid, (S, S), 0 to 1."""
        # exp of minus the absolute value never overflows
        small = np.exp(-np.abs(self.margin))
        found: NDArray[np.float32] = np.where(self.margin >= 0, np.float32(1), small) / (1 + small)
        return found

    def presence(self, weight: float) -> float:
        """Return how likely the object is anywhere in the picture, 0 to 1.

        Args:
            weight: share of the highest probability in it; the rest is the mean's.

        Raises:
            InputError: if the weight is not from 0 to 1.
        """
        if not 0 <= weight <= 1:
            raise InputError(f"the weight of the highest probability is 0 to 1, got {weight}")
        probability = self.scene_probability()
        return float(weight * probability.max() + (1 - weight) * probability.mean(dtype=np.float64))

    def _on_picture(self, grid: NDArray[_Value]) -> NDArray[_Value]:
        rows = _nearest(grid.shape[0], self.height)
        cols = _nearest(grid.shape[1], self.width)
        return np.ascontiguousarray(grid[rows[:, None], cols[None, :]])


def _nearest(inside: int, outside: int) -> NDArray[np.intp]:
    """Return the place on a grid for each pixel of a picture, reckoned in float32 as torch does."""
    scale = np.float32(inside) / np.float32(outside)
    places = np.floor(np.arange(outside, dtype=np.float32) * scale).astype(np.intp)
    found: NDArray[np.intp] = np.minimum(places, inside - 1)
    return found
