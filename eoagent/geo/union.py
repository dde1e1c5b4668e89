"""Where one grid lies on another, and the grid that holds several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import crs_to_pixel, lonlat_to_pixel, pixel_to_crs, pixel_to_lonlat

__all__ = ["Extent", "extent_on", "union_grid"]

_STEPS: Final = 65
_SAME_PX: Final = 0.01
"""An outline this close to the edge of a pixel ends there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The rectangle of a grid's pixels in which another grid lies; it may reach outside."""

    top: int
    """First row."""
    left: int
    """First column."""
    bottom: int
    """Row after the last."""
    right: int
    """Column after the last."""

    def part_of(self, window: Window) -> Window | None:
        """Return what of a window lies in the rectangle, or None."""
        top, left = max(self.top, window.row), max(self.left, window.col)
        bottom = min(self.bottom, window.row + window.height)
        right = min(self.right, window.col + window.width)
        if top >= bottom or left >= right:
            return None
        return Window(row=top, col=left, height=bottom - top, width=right - left)


def extent_on(grid: Grid, target: Grid) -> Extent:
    """Return where a grid lies on a target grid, by the outline of its pixels.

    Raises:
        InputError: if one of them has no georeference, or the grid is nowhere on the target's map.
    """
    if not (grid.is_georeferenced and target.is_georeferenced):
        raise InputError(
            f"an image of {grid.width} x {grid.height} pixels cannot be laid on a grid of "
            f"{target.width} x {target.height}: at least one has no georeference",
            hint="images without georeference go together only where their sizes are equal",
        )
    along = np.linspace(0, 1, _STEPS)
    zero = np.zeros_like(along)
    rows = np.concatenate([zero, along, zero + 1, along]) * grid.height
    cols = np.concatenate([along, zero, along, zero + 1]) * grid.width
    if grid.crs == target.crs and not (grid.gcps or target.gcps):
        at_rows, at_cols = crs_to_pixel(target, *pixel_to_crs(grid, rows, cols))
    else:
        at_rows, at_cols = lonlat_to_pixel(target, *pixel_to_lonlat(grid, rows, cols))
    known = np.isfinite(at_rows) & np.isfinite(at_cols)
    if not known.any():
        raise InputError(
            f"an image of {grid.width} x {grid.height} pixels lies off the map of the grid it was "
            "to be laid on",
            hint="give another raster as onto",
        )
    at_rows, at_cols = at_rows[known], at_cols[known]
    return Extent(
        top=int(np.floor(at_rows.min() + _SAME_PX)),
        left=int(np.floor(at_cols.min() + _SAME_PX)),
        bottom=int(np.ceil(at_rows.max() - _SAME_PX)),
        right=int(np.ceil(at_cols.max() - _SAME_PX)),
    )


def union_grid(target: Grid, grids: Iterable[Grid]) -> Grid:
    """Return the target's lattice, cut or widened to the rectangle in which all the grids lie.

    Raises:
        InputError: if the target is held by control points, or a grid has no place on it.
    """
    if target.gcps:
        raise InputError(
            "a mosaic cannot be laid on a grid that control points hold: it ends with them",
            hint="give a raster with a plain transform as onto",
        )
    extents = [extent_on(grid, target) for grid in grids]
    top, left = min(e.top for e in extents), min(e.left for e in extents)
    bottom, right = max(e.bottom for e in extents), max(e.right for e in extents)
    a, b, c, d, e, f = target.transform
    moved = (a, b, a * left + b * top + c, d, e, d * left + e * top + f)
    size = {"height": max(1, bottom - top), "width": max(1, right - left)}
    return target.model_copy(update={**size, "transform": moved})
