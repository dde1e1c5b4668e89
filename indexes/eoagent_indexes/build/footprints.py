"""Where tiles lie on Earth: the outlines of many windows of one image at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox, Window
from eoagent.contracts.raster import Grid
from eoagent.geo.antimeridian import split_at_antimeridian, wrap_lon
from eoagent.geo.grid import footprint, pixel_to_crs
from eoagent.geo.projection import Floats, to_wgs84
from eoagent.io.footprint import box_around

__all__ = ["Outline", "outlines"]

_DENSE: Final = 16
_SPARSE_PX: Final = 0.25
"""Sides that stray less than this from the straight line between their corners need no points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Where one tile lies."""

    wkb: bytes
    """Polygon in WGS84 longitude and latitude, in parts within -180..180."""
    bbox: BBox
    """Box around it; west is greater than east over the antimeridian."""


def outlines(grid: Grid, windows: Sequence[Window]) -> list[Outline | None]:
    """Return where windows of a grid lie; None for those off the map of its projection.

    All are None where the grid has no georeference. Points are set along the sides of a window
    only where they bend on the map of longitude and latitude by more than a quarter of a pixel.
    """
    if not grid.is_georeferenced or not windows:
        return [None] * len(windows)
    rows, cols = _ring(windows, 1)
    if _bend_px(grid, windows[len(windows) // 2]) > _SPARSE_PX:
        rows, cols = _ring(windows, _DENSE)
    lon, lat = to_wgs84(grid.crs, *pixel_to_crs(grid, rows, cols))
    rolled: NDArray[np.float64] = np.unwrap(lon, axis=1, period=360)
    is_plain = (
        np.isfinite(lon).all(axis=1)
        & np.isfinite(lat).all(axis=1)
        & (np.abs(rolled[:, -1] - rolled[:, 0]) < 180)
        & (rolled.min(axis=1) >= -180)
        & (rolled.max(axis=1) <= 180)
    )
    rolled[:, -1] = rolled[:, 0]
    rings = np.stack([rolled, np.clip(lat, -90, 90)], axis=-1)
    found: list[Outline | None] = [None] * len(windows)
    numbers = np.flatnonzero(is_plain)
    texts = shapely.to_wkb(shapely.polygons(rings[numbers]))
    boxes = np.column_stack([rings[numbers].min(axis=1), rings[numbers].max(axis=1)])
    for number, wkb, edges in zip(numbers.tolist(), texts, boxes.tolist(), strict=True):
        box = BBox(west=edges[0], south=edges[1], east=edges[2], north=edges[3])
        found[number] = Outline(wkb=wkb, bbox=box)
    for other in np.flatnonzero(~is_plain).tolist():
        found[other] = _by_itself(grid, windows[other])
    return found


def _ring(windows: Sequence[Window], steps: int) -> tuple[Floats, Floats]:
    """Return rows and columns (windows, points) round each window, the first point again last."""
    along = np.arange(steps) / steps
    zero = np.zeros(steps)
    cols = np.concatenate([along, zero + 1, 1 - along, zero, [0.0]])
    rows = np.concatenate([zero, along, zero + 1, 1 - along, [0.0]])
    first = np.array([(w.row, w.col) for w in windows], dtype=np.float64)
    size = np.array([(w.height, w.width) for w in windows], dtype=np.float64)
    return first[:, :1] + size[:, :1] * rows, first[:, 1:] + size[:, 1:] * cols


def _bend_px(grid: Grid, window: Window) -> float:
    """Return how far the middle of a window's side strays from its chord, in pixels."""
    rows, cols = _ring([window], 2)
    lon, lat = (values[0] for values in to_wgs84(grid.crs, *pixel_to_crs(grid, rows, cols)))
    if not np.isfinite(lon).all():
        return float("inf")
    lon = np.unwrap(lon, period=360)
    away = np.hypot(
        (lon[1::2] - (lon[0:-1:2] + lon[2::2]) / 2) * np.cos(np.radians(lat[1::2])),
        lat[1::2] - (lat[0:-1:2] + lat[2::2]) / 2,
    )
    sides = np.hypot(np.diff(lon[::2]) * np.cos(np.radians(lat[1::2])), np.diff(lat[::2]))
    pixels = np.array([window.width, window.height, window.width, window.height])
    return float((away / np.maximum(sides / pixels, 1e-12)).max())


def _by_itself(grid: Grid, window: Window) -> Outline | None:
    """Return the outline of a window that crosses the antimeridian, a pole or the map's edge."""
    try:
        whole: BaseGeometry = footprint(_part(grid, window), _DENSE)
    except InputError:
        return None
    parts = split_at_antimeridian(whole)
    if parts.is_empty or not parts.is_valid:
        return None
    west, south, east, north = whole.bounds
    if east > 180 and east - west < 360:
        box = BBox(west=west, south=south, east=float(wrap_lon(east)), north=north)
    else:
        box = box_around(parts)
    return Outline(wkb=shapely.to_wkb(parts), bbox=box)


def _part(grid: Grid, window: Window) -> Grid:
    """Return the grid of a window."""
    a, b, x, d, e, y = grid.transform
    corner = (
        a * window.col + b * window.row + x,
        d * window.col + e * window.row + y,
    )
    points = tuple(
        gcp.model_copy(update={"row": gcp.row - window.row, "col": gcp.col - window.col})
        for gcp in grid.gcps
    )
    return grid.model_copy(
        update={
            "width": window.width,
            "height": window.height,
            "transform": (a, b, corner[0], d, e, corner[1]),
            "gcps": points,
        }
    )
