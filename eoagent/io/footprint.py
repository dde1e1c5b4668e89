"""Read footprints and boxes as items write them, with the antimeridian put right.

Items write a box over the antimeridian in four ways: west greater than east (as RFC 7946 says),
longitudes beyond 180, the whole turn from -180 to 180, and outlines whose longitudes jump.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.geometry import BBox

__all__ = ["box_around", "read_bbox", "read_geometry"]

_MAX_VERTICES: Final = 100_000
_EPS: Final = 1e-6
_HAIR: Final = 1e-9


def read_geometry(value: Any) -> BaseGeometry | None:
    """Return a GeoJSON geometry in longitude and latitude, or None where it is no sound one.

    One that lies wholly beyond 180 degrees of longitude is brought back by a turn.
    """
    if not isinstance(value, dict):
        return None
    try:
        found = shapely.from_geojson(json.dumps(value))
    except (shapely.errors.GEOSException, TypeError, ValueError, RecursionError):
        return None
    if found is None or found.is_empty:
        return None
    flat: BaseGeometry = shapely.force_2d(found)
    points = shapely.get_coordinates(flat)
    is_sound = len(points) <= _MAX_VERTICES and bool(np.isfinite(points).all())
    if not is_sound or np.abs(points[:, 0]).max() > 540 or np.abs(points[:, 1]).max() > 90 + _EPS:
        return None
    west, _, east, _ = flat.bounds
    turn = -360.0 if west > 180 else 360.0 if east < -180 else 0.0
    return affinity.translate(flat, xoff=turn) if turn else flat


def read_bbox(value: Any) -> BBox | None:
    """Return a box of four or six numbers; None where it is no box.

    Longitudes beyond 180 are brought back by a turn, so that such a box crosses the antimeridian.
    """
    if not isinstance(value, list) or len(value) not in (4, 6):
        return None
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in value):
        return None
    half = len(value) // 2
    west, south, east, north = (*value[:2], *value[half : half + 2])
    if not all(math.isfinite(v) for v in (west, south, east, north)):
        return None
    if max(abs(south), abs(north)) > 90 + _EPS or max(abs(west), abs(east)) > 540 or south > north:
        return None
    south, north = max(float(south), -90.0), min(float(north), 90.0)
    if east - west >= 360 - _EPS:
        return BBox(west=-180.0, south=south, east=180.0, north=north)
    return BBox(west=_wrap(west), south=south, east=_wrap(east, is_east=True), north=north)


def box_around(geometry: BaseGeometry) -> BBox:
    """Return the narrowest box around a geometry; west is greater than east over the antimeridian.

    Each part keeps together: longitudes that jump by more than half a turn between neighbours are
    taken as crossing the antimeridian, and the widest gap between the parts stays outside.
    """
    _, south, _, north = geometry.bounds
    south, north = max(south, -90.0), min(north, 90.0)
    spans = sorted(_span(part) for part in shapely.get_parts(geometry))
    if any(east - west >= 360 - _EPS for west, east in spans):
        return BBox(west=-180.0, south=south, east=180.0, north=north)
    turned = sorted((west % 360, west % 360 + east - west, west, east) for west, east in spans)
    first, reach, start, edge = turned[0]
    farthest = max(turned, key=lambda span: span[1])
    if farthest[1] - 360 > reach:  # it comes round over the meridian of Greenwich, past the first
        reach, edge = farthest[1] - 360, farthest[3]
    gaps = []
    for low, high, west, east in turned[1:]:
        gaps.append((low - reach, low % 360, edge, west))  # of equal gaps the one farther east
        if high > reach:
            reach, edge = high, east
    gaps.append((first + 360 - reach, first, edge, start))
    widest, _, east, west = max(gaps)
    if widest >= 360 - _HAIR:
        return BBox(west=_wrap(west), south=south, east=_wrap(west), north=north)
    if widest <= _EPS:
        return BBox(west=-180.0, south=south, east=180.0, north=north)
    return BBox(west=_wrap(west), south=south, east=_wrap(east, is_east=True), north=north)


def _span(part: BaseGeometry) -> tuple[float, float]:
    lon: NDArray[np.float64] = shapely.get_coordinates(part)[:, 0]
    rolled: NDArray[np.float64] = np.unwrap(lon, period=360)
    # A box of the whole turn has corners on one meridian only: unrolled it would be a line.
    kept = lon if np.ptp(rolled) <= _EPS else rolled
    return float(kept.min()), float(kept.max())


def _wrap(lon: float, *, is_east: bool = False) -> float:
    """Return a longitude within -180..180; a seam is 180 as an eastern edge and -180 as a western.

    Longitudes inside keep their value to the last bit.
    """
    if -180 < lon < 180:
        return float(lon)
    wrapped = (lon + 180) % 360 - 180
    if abs(abs(wrapped) - 180) < _EPS:
        return 180.0 if is_east else -180.0
    return wrapped
