"""Make places of tiles that overlap or touch: one place, shown by its best tile.

A tile belongs to the best place whose own tile it overlaps or touches, in the pixels of one file or
on the ground, on whatever date; places do not grow by chains of neighbours. Tiles are taken from
the best down until one would open a place too many, so the count of a place says how many of the
tiles before that one are its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape

from eoagent.contracts.geometry import BBox
from eoagent.contracts.tilesearch import TileHit

__all__ = ["are_neighbours", "merge_places"]

_GAP_DEG: Final = 1e-6
"""Gap between footprints of neighbours that rounding leaves: a tenth of a metre."""
_TURN: Final = 360.0


def merge_places(hits: Sequence[TileHit], k: int) -> tuple[tuple[TileHit, ...], bool]:
    """Return the best places of tiles given best first, and whether more tiles could add to them.

    Args:
        hits: tiles, best first.
        k: most places.
    """
    places: list[TileHit] = []
    counts: list[int] = []
    edges = np.full((min(k, len(hits)), 4), np.nan)
    by_file: dict[str, list[int]] = defaultdict(list)
    is_open = True
    for hit in hits:
        possible = sorted({*by_file[hit.href], *_near(edges[: len(places)], hit)})
        near = next((n for n in possible if are_neighbours(places[n], hit)), None)
        if near is not None:
            counts[near] += 1
        elif len(places) < k:
            by_file[hit.href].append(len(places))
            edges[len(places)] = _edges(hit)
            places.append(hit)
            counts.append(1)
        else:
            is_open = False
            break
    made = tuple(
        place.model_copy(update={"rank": rank, "merged": count})
        for rank, (place, count) in enumerate(zip(places, counts, strict=True), start=1)
    )
    return made, is_open


def are_neighbours(one: TileHit, other: TileHit) -> bool:
    """Return whether two tiles overlap or touch."""
    if one.href == other.href:
        return _windows_touch(one.window, other.window)
    if one.bbox is None or other.bbox is None:
        return False
    if not _widened(one.bbox).intersects(_widened(other.bbox)):
        return False
    if one.footprint is None or other.footprint is None:
        return True
    mine, theirs = shape(one.footprint), shape(other.footprint)
    turns = (0.0, _TURN, -_TURN)  # 180 and -180 degrees are one meridian
    moved = [shapely.transform(theirs, partial(_shift, by=by)) for by in turns]
    return any(shapely.dwithin(mine, geometry, _GAP_DEG) for geometry in moved)


def _edges(hit: TileHit) -> tuple[float, float, float, float]:
    """Return centre and half width in longitude, south and north; NaN without a place."""
    box = hit.bbox
    if box is None:
        return (math.nan,) * 4
    half = ((box.east - box.west) % _TURN if box.crosses_antimeridian else box.east - box.west) / 2
    return box.west + half, half, box.south, box.north


def _near(edges: NDArray[np.float64], hit: TileHit) -> list[int]:
    """Return which places have boxes that may touch that of a tile."""
    middle, half, south, north = _edges(hit)
    apart = np.abs((edges[:, 0] - middle + _TURN / 2) % _TURN - _TURN / 2)
    near = apart <= edges[:, 1] + half + 2 * _GAP_DEG
    near &= (edges[:, 2] <= north + 2 * _GAP_DEG) & (edges[:, 3] >= south - 2 * _GAP_DEG)
    found: list[int] = np.flatnonzero(near).tolist()
    return found


def _shift(points: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = points + np.array([by, 0.0])
    return moved


def _windows_touch(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    col, row, width, height = one
    col_2, row_2, width_2, height_2 = other
    meets_across = col <= col_2 + width_2 and col_2 <= col + width
    return meets_across and row <= row_2 + height_2 and row_2 <= row + height


def _widened(box: BBox) -> BBox:
    gap = _GAP_DEG
    return BBox(
        west=max(box.west - gap, -180.0),
        south=max(box.south - gap, -90.0),
        east=min(box.east + gap, 180.0),
        north=min(box.north + gap, 90.0),
    )
