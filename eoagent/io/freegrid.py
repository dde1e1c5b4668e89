"""Lay a map in longitude and latitude about shapes that have no raster below them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Grid
from eoagent.geo.antimeridian import bring_near
from eoagent.geo.grid import pixel_to_crs
from eoagent.geo.projection import turn_of
from eoagent.io.footprint import box_around

__all__ = ["grid_about", "near_grid"]

_LONGEST_PX: Final = 800
_MARGIN: Final = 0.05
_POINT_DEG: Final = 0.01
_SLIMMEST: Final = 0.4
_STEEPEST: Final = 0.05


def grid_about(shapes: Iterable[BaseGeometry]) -> Grid:
    """Return a grid whose pixels are square on the ground in the middle, about all of the shapes.

    The longer side has 800 pixels, a twentieth of it margin at either end; the shorter side is at
    least 0.4 of it. A lone point has about a kilometre around it. Over the antimeridian the grid
    goes on beyond 180 degrees.

    Args:
        shapes: in longitude and latitude, degrees; empty ones are passed over.

    Raises:
        InputError: if there is no shape that is not empty.
    """
    parts = [part for shape in shapes for part in shapely.get_parts(shape) if not part.is_empty]
    if not parts:
        raise InputError("there is no feature to draw", hint="give features that are not empty")
    box = box_around(shapely.GeometryCollection(parts))
    wide = box.east - box.west + (360.0 if box.crosses_antimeridian else 0.0)
    tall = box.north - box.south
    lon, lat = box.west + wide / 2, box.south + tall / 2
    squeeze = max(math.cos(math.radians(lat)), _STEEPEST)
    sides = (wide * squeeze, tall) if wide or tall else (_POINT_DEG, _POINT_DEG)
    longest = max(sides)
    whole = longest * (1 + 2 * _MARGIN)
    step = whole / _LONGEST_PX
    width, height = (round(max(side + whole - longest, _SLIMMEST * whole) / step) for side in sides)
    west, north = lon - width / 2 * step / squeeze, lat + height / 2 * step
    return Grid(
        width=width,
        height=height,
        crs="EPSG:4326",
        transform=(step / squeeze, 0.0, west, 0.0, -step, north),
    )


def near_grid(shapes: Iterable[BaseGeometry], grid: Grid) -> list[BaseGeometry]:
    """Return the parts of shapes, each moved by whole turns of longitude to be nearest the grid.

    Args:
        shapes: in the grid's CRS, which counts in longitude and latitude.
        grid: where they are drawn.
    """
    middle = float(pixel_to_crs(grid, grid.height / 2, grid.width / 2)[0])
    turn = turn_of(grid.crs)
    moved = []
    for part in shapely.get_parts(list(shapes)):
        if part.is_empty:
            continue
        centre = (part.bounds[0] + part.bounds[2]) / 2
        by = float(bring_near(centre, middle, turn)) - centre
        moved.append(shapely.transform(part, partial(_shift, by=by)) if by else part)
    return moved


def _shift(points: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = points + np.array([by, 0.0])
    return moved
