"""Masks to polygons and back: outlines along pixel edges, holes kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize, shapes
from shapely import MultiPolygon, Polygon
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InternalError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import crs_to_pixel, footprint, lonlat_to_pixel, pixel_to_crs
from eoagent.geo.projection import Floats

__all__ = [
    "estimate_vertices",
    "lonlat_to_mask",
    "mask_to_polygons",
    "polygons_to_mask",
    "trace_step",
]

_CURVED_SEGMENT_PX: Final = 16.0
_MARGIN: Final = 0.05
_PIECES: Final = 8
_TURNS: Final = (-360.0, 0.0, 360.0)


def mask_to_polygons(
    yes: NDArray[np.bool_],
    grid: Grid,
    window: Window,
    step: int = 1,
    *,
    connectivity: Literal[4, 8] = 4,
) -> list[Polygon | MultiPolygon]:
    """Return the outlines of a mask's regions along pixel edges, with their holes.

    Each geometry is valid and stands for one region. With 8 neighbours a region whose parts touch
    only at corners is a MultiPolygon.

    Args:
        yes: shape (height, width) of the window.
        grid: the mask's lattice.
        window: where `yes` lies in the grid.
        step: side of the square of pixels taken together; a square counts as yes if at least half
            of its pixels are. At 1 the outline is exact and `polygons_to_mask` gives `yes` back.
        connectivity: 4, sides join; 8, corners too.

    Returns:
        Geometries in the grid's CRS (x = column, y = row in pixels if it has none).

    Raises:
        InternalError: if the shape of `yes` is not that of the window.
    """
    if yes.shape != (window.height, window.width):
        raise InternalError(
            f"a mask of shape {yes.shape} came for a window of {window.height} x {window.width}"
        )
    blocks = (yes if step == 1 else _majority(yes, step)).astype(np.uint8)
    found = shapes(blocks, mask=blocks.astype(bool), connectivity=connectivity)
    traced = [shape(outline) for outline, _ in found]

    def place(points: Floats) -> Floats:
        rows = np.minimum(points[:, 1] * step, window.height) + window.row
        cols = np.minimum(points[:, 0] * step, window.width) + window.col
        return np.column_stack(pixel_to_crs(grid, rows, cols))

    return [_placed(outline, place, curved=bool(grid.gcps)) for outline in traced]


def polygons_to_mask(
    geometries: Iterable[BaseGeometry], grid: Grid, window: Window
) -> NDArray[np.bool_]:
    """Return which pixels of a window have their centre inside any of the geometries.

    Args:
        geometries: polygons in the grid's CRS (in pixels if it has none); empty ones count as
            nothing.
        grid: the lattice.
        window: the part of it to fill.

    Returns:
        Shape (height, width).
    """

    def place(points: Floats) -> Floats:
        rows, cols = crs_to_pixel(grid, points[:, 0], points[:, 1])
        return np.column_stack([cols - window.col, rows - window.row])

    return _burn([shapely.transform(g, place) for g in geometries if not g.is_empty], window)


def lonlat_to_mask(
    geometries: Iterable[BaseGeometry], grid: Grid, window: Window
) -> NDArray[np.bool_]:
    """Return which pixels of a window have their centre inside geometries given in degrees.

    Edges are straight in longitude and latitude, and longitudes may be in any turn. A geometry is
    clipped to the surroundings of the grid before it is projected, so one that spans the Earth
    does no harm.

    Args:
        geometries: polygons in WGS84 degrees.
        grid: georeferenced.
        window: the part of it to fill.

    Returns:
        Shape (height, width).

    Raises:
        InputError: if the grid has no georeference.
    """
    west, south, east, north = footprint(grid).bounds
    margin = max(east - west, north - south) * _MARGIN

    def place(points: Floats) -> Floats:
        rows, cols = lonlat_to_pixel(grid, points[:, 0], points[:, 1])
        return np.column_stack([cols - window.col, rows - window.row])

    near = []
    for geometry in geometries:
        for turn in _TURNS:
            box = (west - margin - turn, south - margin, east + margin - turn, north + margin)
            part = shapely.clip_by_rect(geometry, *box)
            if not part.is_empty:
                fine = shapely.segmentize(part, margin / _PIECES)
                near.append(shapely.transform(fine, place))
    return _burn(near, window)


def estimate_vertices(yes: NDArray[np.bool_]) -> int:
    """Return the number of vertices that the outlines of a mask have: its corners.

    Args:
        yes: shape (height, width).
    """
    padded = np.pad(yes, 1).astype(np.uint8)
    quad = padded[:-1, :-1] + padded[:-1, 1:] + padded[1:, :-1] + padded[1:, 1:]
    crossed = (quad == 2) & (padded[:-1, :-1] == padded[1:, 1:])
    return int(np.count_nonzero(quad & 1)) + 2 * int(np.count_nonzero(crossed))


def trace_step(vertices: int, max_vertices: int) -> int:
    """Return the step for `mask_to_polygons` that keeps outlines near a number of vertices.

    The vertices of an outline fall at least as fast as the step grows.

    Args:
        vertices: what `estimate_vertices` gave.
        max_vertices: the number wanted at most, >= 1.
    """
    return max(1, -(-vertices // max_vertices))


def _placed(
    outline: BaseGeometry, place: Callable[[Floats], Floats], *, curved: bool
) -> Polygon | MultiPolygon:
    """Return an outline traced in pixels as a valid geometry in the grid's CRS."""
    valid = outline if outline.is_valid else shapely.make_valid(outline, method="structure")
    if curved:
        valid = shapely.segmentize(valid, _CURVED_SEGMENT_PX)
    placed = shapely.transform(valid, place)
    if not isinstance(placed, Polygon | MultiPolygon):
        raise InternalError(f"the outline of a region came out as a {placed.geom_type}")
    return placed


def _burn(placed: Sequence[BaseGeometry], window: Window) -> NDArray[np.bool_]:
    """Return the pixels with their centre inside geometries in the window's own pixels."""
    if not placed:
        return np.zeros((window.height, window.width), dtype=bool)
    burnt: NDArray[np.uint8] = rasterize(
        placed, out_shape=(window.height, window.width), transform=Affine.identity(), dtype="uint8"
    )
    return burnt.astype(bool)


def _majority(yes: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Return whether at least half the pixels of each square are yes; the last may be cut."""
    starts: Sequence[NDArray[np.intp]] = [np.arange(0, size, step) for size in yes.shape]
    counts = np.add.reduceat(yes.astype(np.int32), starts[0], axis=0)
    counts = np.add.reduceat(counts, starts[1], axis=1)
    high, wide = (
        np.minimum(start + step, size) - start
        for start, size in zip(starts, yes.shape, strict=True)
    )
    majority: NDArray[np.bool_] = 2 * counts >= high[:, np.newaxis] * wide
    return majority
