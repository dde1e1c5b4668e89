"""Where the yes pixels of a mask lie: their extent and centroid, added up strip by strip."""

from __future__ import annotations

import numpy as np

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox, Window
from eoagent.contracts.raster import Grid
from eoagent.geo.area import Bools
from eoagent.geo.grid import bounds, pixel_to_lonlat

__all__ = ["Marked"]


class Marked:
    """Adds up where yes pixels lie."""

    def __init__(self) -> None:
        self._pixels = 0
        self._row_sum = self._col_sum = 0.0
        self._first = np.full(2, np.iinfo(np.int64).max)
        self._last = np.full(2, -1)

    def add(self, window: Window, yes: Bools) -> None:
        """Add a strip; `yes` has the shape (height, width) of the window."""
        by_row, by_col = yes.sum(axis=1, dtype=np.int64), yes.sum(axis=0, dtype=np.int64)
        rows, cols = np.flatnonzero(by_row), np.flatnonzero(by_col)
        if not rows.size:
            return
        self._pixels += int(by_row.sum())
        self._row_sum += float(by_row @ (np.arange(window.height) + window.row + 0.5))
        self._col_sum += float(by_col @ (np.arange(window.width) + window.col + 0.5))
        self._first = np.minimum(self._first, [window.row + rows[0], window.col + cols[0]])
        self._last = np.maximum(self._last, [window.row + rows[-1], window.col + cols[-1]])

    def centroid(self, grid: Grid, label: str) -> tuple[float, float]:
        """Return (longitude, latitude) of the centroid, each yes pixel with equal weight.

        Raises:
            InputError: if there is no yes pixel, or the grid has no georeference.
        """
        self._require(label, "centre")
        lon, lat = pixel_to_lonlat(
            grid, [self._row_sum / self._pixels], [self._col_sum / self._pixels]
        )
        return float(lon[0]), float(lat[0])

    def box(self, grid: Grid, label: str) -> BBox:
        """Return the box around the rectangle of pixels that holds all yes pixels.

        Raises:
            InputError: if there is no yes pixel, or the grid has no georeference.
        """
        self._require(label, "extent")
        (row, col), (height, width) = self._first, self._last - self._first + 1
        a, b, c, d, e, f = grid.transform
        corner = a * float(col) + b * float(row) + c, d * float(col) + e * float(row) + f
        part = grid.model_copy(
            update={
                "height": int(height),
                "width": int(width),
                "transform": (a, b, corner[0], d, e, corner[1]),
                "gcps": tuple(
                    p.model_copy(update={"row": p.row - row, "col": p.col - col}) for p in grid.gcps
                ),
            }
        )
        return bounds(part)

    def _require(self, label: str, what: str) -> None:
        if not self._pixels:
            raise InputError(
                f"'{label}' marks no pixel, so it has no {what}",
                hint="loosen the rule, or use another image",
            )
