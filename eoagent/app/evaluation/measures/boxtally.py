"""How well boxes agree with the true ones: areas that both cover, as one tally a picture."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from eoagent.app.evaluation.measures.overlap import Tally

__all__ = ["around", "tally_boxes"]

Floats = NDArray[np.float64]


def tally_boxes(found: Floats, truth: Floats) -> Tally:
    """Return the tally of the areas that boxes cover, where they overlap counted once.

    For one box on each side, its intersection over union is that of the two boxes.

    Args:
        found: (n, 4) as x1, y1, x2, y2.
        truth: (m, 4).
    """
    ours, theirs = (shapely.union_all(_shapes(boxes)) for boxes in (found, truth))
    both = float(shapely.area(shapely.intersection(ours, theirs)))
    return Tally(both=both, found=float(shapely.area(ours)), true=float(shapely.area(theirs)))


def around(boxes: Floats) -> Floats:
    """Return the smallest box around all of them, (1, 4); none for none."""
    if not len(boxes):
        return np.empty((0, 4))
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return np.concatenate([low, high])[None]


def _shapes(boxes: Floats) -> NDArray[np.object_]:
    x1, y1, x2, y2 = np.asarray(boxes, np.float64).reshape(-1, 4).T
    made: NDArray[np.object_] = shapely.box(x1, y1, x2, y2)
    return made
