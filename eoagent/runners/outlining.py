"""An outliner that stands for a model of the pool: asked through its queue, loaded when needed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Placement
from eoagent.runners.pictures import as_pictures
from eoagent.runners.pooled import Ask

__all__ = ["PooledOutliner"]

_CORNERS: Final = 4
_MOST_PIXELS: Final = 1 << 26
"""Pixels of masks that are asked for at a time, all boxes together."""


class PooledOutliner:
    """An `Outliner`; may be shared by threads.

    Its model takes a picture, a box and a point for the task `outline`, and gives a mask of the
    size of the picture for each.
    """

    def __init__(
        self, card: ModelCard, ask: Ask, *, placement: Placement, reason: str = ""
    ) -> None:
        """Ask for `max_batch` boxes at a time; `ModelPool.outliner` makes these."""
        self._card = card
        self._ask = ask
        self._at_once = placement.max_batch
        self.reason = reason
        """Why this model was taken; empty where it was named."""
        self.manner = {"device": placement.device, "precision": placement.dtype}
        """How it is run: what may change its masks besides its weights."""

    @property
    def card(self) -> ModelCard:
        """What the model can do, with the hash of the weights that are installed."""
        return self._card

    def outline(
        self, picture: NDArray[np.uint8], boxes: NDArray[np.float64], points: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Return a mask for each box, (n, height, width); no box gives no mask.

        Boxes are cut off at the picture, and points brought into their box. A box with no area in
        the picture gives an empty mask, and the model is not asked about it.

        Args:
            picture: (height, width, 3) of uint8.
            boxes: (n, 4) as x1, y1, x2, y2, pixels of the picture.
            points: (n, 2) as x, y: a point of each object.

        Raises:
            InputError: if it is no picture, or there is not one point for each box.
            ModelError: if the model fails.
            BudgetExceeded: if the deadline of a request passes.
        """
        (checked,) = as_pictures([picture])
        pixels = np.asarray(checked)
        height, width = pixels.shape[:2]
        inside, at = _within(boxes, points, height=height, width=width)
        masks = np.zeros((len(inside), height, width), bool)
        has_area = (inside[:, 2:] > inside[:, :2]).all(axis=1)
        places = [int(place) for place in np.flatnonzero(has_area)]
        few = max(1, min(self._at_once, _MOST_PIXELS // (height * width)))
        for start in range(0, len(places), few):
            some = places[start : start + few]
            found = self._ask("outline", [(pixels, inside[n], at[n]) for n in some])
            for place, mask in zip(some, found, strict=True):
                masks[place] = _checked(mask, (height, width), self._card.id)
        return masks


def _within(
    boxes: NDArray[np.float64], points: NDArray[np.float64], *, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    boxes, points = np.asarray(boxes, np.float64), np.asarray(points, np.float64)
    fits = boxes.ndim == points.ndim == 2 and len(boxes) == len(points)
    if not fits or boxes.shape[1] != _CORNERS or points.shape[1] != 2:
        raise InputError(
            f"boxes of shape {boxes.shape} came with points of shape {points.shape}",
            hint="give (n, 4) as x1, y1, x2, y2 and (n, 2) as x, y: a point for each box",
        )
    if not (np.isfinite(boxes).all() and np.isfinite(points).all()):
        raise InputError("a box or a point to be outlined is not finite")
    ends = np.array([width, height], np.float64)
    inside = np.clip(boxes, 0.0, np.tile(ends, 2))
    at = np.clip(points, inside[:, :2], np.maximum(inside[:, 2:], inside[:, :2]))
    return inside, at


def _checked(mask: Any, shape: tuple[int, int], name: str) -> NDArray[np.bool_]:
    if not isinstance(mask, np.ndarray) or mask.shape != shape or mask.dtype != np.bool_:
        told = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ModelError(f"{name} was given a picture of {shape} pixels and gave a mask of {told}")
    return mask
