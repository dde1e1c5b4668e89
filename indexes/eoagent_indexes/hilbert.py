"""The place of a point on a Hilbert curve over the globe: near on the curve is near on the map.

Source: Hamilton (2006), Compact Hilbert Indices, Technical Report CS-2006-07, Dalhousie
University; the two-dimensional rotate-and-flip form, bit by bit from the top.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BITS", "curve_distance", "hilbert_keys"]

BITS: Final = 16
"""Bits an axis: cells of 0.0055 by 0.0027 degrees."""


def hilbert_keys(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the position on the curve of points in degrees; 4^16 where one is not a number."""
    cells = 1 << BITS
    known = np.isfinite(lon) & np.isfinite(lat)
    x = np.floor((np.where(known, lon, 0.0) + 180.0) / 360.0 * cells)
    y = np.floor((np.where(known, lat, 0.0) + 90.0) / 180.0 * cells)
    column = np.clip(x, 0, cells - 1).astype(np.int64)
    row = np.clip(y, 0, cells - 1).astype(np.int64)
    return np.where(known, curve_distance(column, row), np.int64(1) << (2 * BITS))


def curve_distance(column: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distance from the start of the curve to cells of the 2^16 by 2^16 square."""
    x, y = column.copy(), row.copy()
    distance = np.zeros(x.shape, dtype=np.int64)
    for bit in range(BITS - 1, -1, -1):
        side = np.int64(1) << bit
        right = (x & side) > 0
        upper = (y & side) > 0
        distance += side * side * ((3 * right.astype(np.int64)) ^ upper.astype(np.int64))
        flip = right & ~upper
        x = np.where(flip, (1 << BITS) - 1 - x, x)
        y = np.where(flip, (1 << BITS) - 1 - y, y)
        x, y = np.where(upper, x, y), np.where(upper, y, x)
    return distance
