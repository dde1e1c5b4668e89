"""Boxes in pixels: how much they overlap, which lie inside others, which stand for one object.

Boxes are rows (x1, y1, x2, y2); x2 and y2 are the column and row after the last.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError

__all__ = ["Boxes", "Scores", "inside", "overlaps", "suppress", "union"]

Boxes = NDArray[np.int64]
"""Boxes, shape (n, 4)."""
Scores = NDArray[np.float64]
"""A score for each box, shape (n,)."""

_COLUMNS: Final = 4


def overlaps(box: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Return the intersection over union of a box (4,) with each of others (n, 4), 0 to 1."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1, dtype=np.float64)
    whole = _areas(box[None])[0] + _areas(others) - shared
    shares = np.zeros(len(others))
    np.divide(shared, whole, out=shares, where=whole > 0)
    return shares


def suppress(boxes: Boxes, scores: Scores, most: float) -> NDArray[np.int64]:
    """Return the places of the boxes that stay, best first, when each removes what it overlaps.

    A box goes when its intersection over union with a better one that stays is above `most`; of
    equal scores the earlier box is better.

    Raises:
        InputError: if the arrays do not go together.
    """
    _check(boxes, scores)
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[overlaps(boxes[best], boxes[left]) <= most]
    return np.array(kept, np.int64)


def inside(boxes: Boxes, scores: Scores | None = None, *, slack: int = 0) -> NDArray[np.bool_]:
    """Return which boxes lie inside another, shape (n,).

    Args:
        boxes: shape (n, 4).
        scores: of boxes that lie inside each other (equal ones, without slack) the one with the
            best score is taken to be outside; of equal scores, the first. None takes both to be
            inside, so that neither is left.
        slack: pixels by which x2 and y2 may stick out.

    Raises:
        InputError: if the arrays do not go together.
    """
    _check(boxes, scores)
    found = np.zeros(len(boxes), bool)
    place = np.arange(len(boxes))
    for number, box in enumerate(boxes):
        holds = _within(box, boxes, slack)
        if scores is not None:
            is_held = _within(boxes, box, slack)
            comes_first = (scores > scores[number]) | (
                (scores == scores[number]) & (place < number)
            )
            holds &= ~is_held | comes_first
        holds[number] = False
        found[number] = holds.any()
    return found


def union(boxes: Boxes) -> Boxes | None:
    """Return the smallest box (4,) around all of them, or None where there is none."""
    if not len(boxes):
        return None
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _within(inner: Boxes, outer: Boxes, slack: int) -> NDArray[np.bool_]:
    starts = (inner[..., :2] >= outer[..., :2]).all(axis=-1)
    ends = (inner[..., 2:] <= outer[..., 2:] + slack).all(axis=-1)
    return np.asarray(starts & ends)


def _areas(boxes: Boxes) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1, dtype=np.float64)
    return found


def _check(boxes: Boxes, scores: Scores | None) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != _COLUMNS:
        raise InputError(f"boxes have the shape (n, 4), got {boxes.shape}")
    if scores is not None and scores.shape != (len(boxes),):
        raise InputError(f"there are {len(boxes)} boxes and scores of shape {scores.shape}")
