"""The narrowest box around many boxes, across the antimeridian where that is narrower."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.geometry import BBox

__all__ = ["centres", "hull"]


def centres(boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude of the centres of boxes (n, 4): west, south, east, north."""
    west, south, east, north = boxes.T
    half = np.mod(east - west, 360.0) / 2
    half = np.where(east - west == 360.0, 180.0, half)
    lon = west + half
    return np.where(lon > 180.0, lon - 360.0, lon), (south + north) / 2


def hull(boxes: NDArray[np.float64]) -> BBox | None:
    """Return the box around boxes (n, 4); rows that are not finite are left out, None if all are.

    Its west is greater than its east only where that makes it narrower.
    """
    known = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(known):
        return None
    south, north = float(known[:, 1].min()), float(known[:, 3].max())
    west, east = _arc(known[:, 0], known[:, 2])
    return BBox(west=west, south=south, east=east, north=north)


def _arc(west: NDArray[np.float64], east: NDArray[np.float64]) -> tuple[float, float]:
    over = west > east
    starts = np.concatenate([west[~over], west[over], np.full(over.sum(), -180.0)])
    ends = np.concatenate([east[~over], np.full(over.sum(), 180.0), east[over]])
    order = np.argsort(starts)
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    gaps = starts[1:] - ends[:-1]
    outer = (starts[0] + 180.0) + (180.0 - ends[-1])  # the gap over the antimeridian
    if len(gaps) and gaps.max() > max(outer, 0.0):
        widest = int(gaps.argmax())
        return float(starts[widest + 1]), float(ends[widest])
    return float(starts[0]), float(ends[-1])
