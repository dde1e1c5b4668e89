"""Slope and aspect of heights on any grid, by differences in metres on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.antimeridian import wrap_lon
from eoagent.geo.grid import pixel_to_lonlat
from eoagent.geo.projection import WGS84, Floats, is_lonlat

__all__ = ["Gradient", "GroundSteps", "ground_steps", "horn_gradient"]

_FIRST_STEP_PX: Final = 64
_TRUE_TO: Final = 1e-5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GroundSteps:
    """Where one pixel to the right and one down lead on the ground, metres.

    Arrays broadcast to the window's (height, width).
    """

    col_east: Floats
    """East, of a column."""
    col_north: Floats
    """North, of a column."""
    row_east: Floats
    """East, of a row."""
    row_north: Floats
    """North, of a row; negative where rows run south."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Gradient:
    """How heights rise to the east and to the north, metres per metre, (height, width)."""

    east: Floats
    """Rise to the east."""
    north: Floats
    """Rise to the north."""

    @property
    def rise(self) -> Floats:
        """Rise along the steepest way, metres per metre; 1 is 45 degrees."""
        steepest: Floats = np.hypot(self.east, self.north)
        return steepest

    @property
    def slope_deg(self) -> Floats:
        """Angle of the slope to the horizontal, degrees."""
        angle: Floats = np.degrees(np.arctan(self.rise))
        return angle

    @property
    def aspect_deg(self) -> Floats:
        """Direction that the slope faces, downhill, clockwise from north in 0..360; NaN if flat."""
        angle = np.degrees(np.arctan2(-self.east, -self.north)) % 360
        faced: Floats = np.where(self.rise > 0, angle, np.nan)
        return faced


def ground_steps(grid: Grid, window: Window) -> GroundSteps:
    """Return the steps of the pixels of a window on the WGS84 ellipsoid.

    Exact per row on north-up longitude/latitude grids; else computed on a lattice that is refined
    until it is true to 1e-5 of a step. Without georeference the stated ground sampling distance
    is the step, to what is then called east and south.

    Raises:
        InputError: if there is neither a georeference nor a ground sampling distance.
    """
    if not grid.is_georeferenced:
        if grid.gsd_m is None:
            raise InputError(
                "a slope was asked for, but the image has no georeference",
                hint="state --gsd (metres per pixel)",
            )
        side, none = np.array([[grid.gsd_m]]), np.array([[0.0]])
        return GroundSteps(col_east=side, col_north=none, row_east=none, row_north=-side)
    rows: Floats = window.row + np.arange(window.height, dtype=np.float64) + 0.5
    cols: Floats = window.col + np.arange(window.width, dtype=np.float64) + 0.5
    if is_lonlat(grid.crs) and grid.is_north_up:
        return _named(_steps(grid, rows, cols[:1]))
    step = _FIRST_STEP_PX
    while step > 1:
        found = _interpolated(grid, rows, cols, step)
        if found is not None:
            return _named(found)
        step //= 4
    return _named(_steps(grid, rows, cols))


def horn_gradient(heights: NDArray[np.floating[Any]], steps: GroundSteps) -> Gradient:
    """Return the gradient from the eight neighbours of each pixel; NaN where one is missing.

    Args:
        heights: (height + 2, width + 2), metres: the window with a pixel around it; NaN = missing.
        steps: of the window.

    Source: B. K. P. Horn, 1981, Hill shading and the reflectance map, Proc. IEEE 69(1), 14-47:
    differences over three columns and rows with weights 1, 2, 1. They are those per pixel; the
    steps of the pixels on the ground turn them into those to the east and the north.
    """
    z = heights.astype(np.float64)
    left, middle, right = z[:, :-2], z[:, 1:-1], z[:, 2:]
    across = (right - left)[:-2] + 2 * (right - left)[1:-1] + (right - left)[2:]
    weighed = left + 2 * middle + right
    per_col, per_row = across / 8, (weighed[2:] - weighed[:-2]) / 8
    per_row = np.where(np.isfinite(middle[1:-1]), per_row, np.nan)
    area = steps.col_east * steps.row_north - steps.col_north * steps.row_east
    return Gradient(
        east=(per_col * steps.row_north - per_row * steps.col_north) / area + 0 * per_row,
        north=(per_row * steps.col_east - per_col * steps.row_east) / area + 0 * per_row,
    )


def _named(steps: Floats) -> GroundSteps:
    return GroundSteps(col_east=steps[0], col_north=steps[1], row_east=steps[2], row_north=steps[3])


def _steps(grid: Grid, rows: Floats, cols: Floats) -> Floats:
    """Return the four steps at all pairs of rows and columns, (4, rows, columns)."""
    r, c = np.meshgrid(rows, cols, indexing="ij")
    _, lat = pixel_to_lonlat(grid, r, c)
    sides = []
    for down, across in ((0.0, 0.5), (0.5, 0.0)):
        lon_a, lat_a = pixel_to_lonlat(grid, r - down, c - across)
        lon_b, lat_b = pixel_to_lonlat(grid, r + down, c + across)
        sides.append((np.radians(wrap_lon(lon_b - lon_a)), np.radians(lat_b - lat_a)))
    phi = np.radians(lat)
    bent = 1 - WGS84.es * np.sin(phi) ** 2
    meridian = WGS84.a * (1 - WGS84.es) / bent**1.5
    parallel = WGS84.a / np.sqrt(bent) * np.cos(phi)
    return np.stack([part for lon, lat in sides for part in (lon * parallel, lat * meridian)])


def _interpolated(grid: Grid, rows: Floats, cols: Floats, step: int) -> Floats | None:
    """Return the steps by bilinear interpolation between nodes, or None if not true enough."""
    nodes = [np.linspace(x[0], x[-1], max(2, -(-x.size // step) + 1)) for x in (rows, cols)]
    if nodes[0].size * nodes[1].size * 2 > rows.size * cols.size:
        return None
    known = _steps(grid, *nodes)
    middle = [(x[1:] + x[:-1]) / 2 for x in nodes]
    truth = _steps(grid, *middle)
    between = (known[:, 1:, 1:] + known[:, :-1, 1:] + known[:, 1:, :-1] + known[:, :-1, :-1]) / 4
    if not (np.abs(between - truth) <= _TRUE_TO * np.abs(truth).max(axis=0)).all():
        return None
    out: Floats = _along(_along(known, nodes[0], rows, axis=1), nodes[1], cols, axis=2)
    return out


def _along(values: Floats, nodes: Floats, at: Floats, *, axis: int) -> Floats:
    spacing = (nodes[-1] - nodes[0]) / (nodes.size - 1) or 1.0
    place = (at - nodes[0]) / spacing
    low = np.clip(place.astype(np.intp), 0, nodes.size - 2)
    share = (place - low).reshape((-1, 1) if axis == 1 else (1, -1))
    made: Floats = values.take(low, axis=axis) * (1 - share)
    made += values.take(low + 1, axis=axis) * share
    return made
