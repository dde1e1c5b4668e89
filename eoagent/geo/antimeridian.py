"""Longitudes across the antimeridian: bringing near, unrolling rings, splitting geometries."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike
from shapely.geometry.base import BaseGeometry

from eoagent.geo.projection import Floats

__all__ = ["bring_near", "split_at_antimeridian", "unroll_ring", "wrap_lon"]

_TURN: Final = 360.0


def bring_near(values: ArrayLike, centre: ArrayLike, turn: float = _TURN) -> Floats:
    """Return values moved by whole turns to within half a turn of a centre."""
    values = np.asarray(values, dtype=np.float64)
    near: Floats = values - turn * np.round((values - np.asarray(centre)) / turn)
    return near


def wrap_lon(lon: ArrayLike) -> Floats:
    """Return longitudes in -180..180; those inside already keep their value to the last bit."""
    return bring_near(lon, 0.0)


def unroll_ring(lon: Floats, lat: Floats) -> Floats:
    """Return a closed ring whose longitudes do not jump, so that they may pass 180.

    A ring that goes round a pole is closed over that pole. Neighbouring points must be less than
    180 degrees of longitude apart.

    Args:
        lon: degrees, shape (n,), last point equal to the first on the ground.
        lat: degrees, shape (n,).

    Returns:
        Shape (n or n + 3, 2).
    """
    rolled = np.unwrap(lon, period=_TURN)
    ring = np.column_stack([rolled, lat])
    if abs(rolled[-1] - rolled[0]) > _TURN / 2:
        pole = float(np.copysign(90.0, lat.mean()))
        over = [[rolled[-1], pole], [rolled[0], pole], [rolled[0], lat[0]]]
        return np.vstack([ring, over])
    ring[-1] = ring[0]
    return ring


def split_at_antimeridian(geometry: BaseGeometry) -> BaseGeometry:
    """Return a geometry with unrolled longitudes cut into parts within -180..180.

    What lies inside -180..180 already comes back unchanged.
    """
    if geometry.is_empty:
        return geometry
    west, _, east, _ = geometry.bounds
    if west >= -_TURN / 2 and east <= _TURN / 2:
        return geometry
    first = int(np.floor((west + _TURN / 2) / _TURN))
    last = int(np.ceil((east - _TURN / 2) / _TURN))
    parts = []
    for turn in range(first, last + 1):
        middle = _TURN * turn
        band = shapely.box(middle - _TURN / 2, -90.0, middle + _TURN / 2, 90.0)
        cut = shapely.get_parts(shapely.intersection(geometry, band))
        like = cut[shapely.get_dimensions(cut) == shapely.get_dimensions(geometry)]
        parts.extend(shapely.transform(like, partial(_shift, by=-middle)))
    return shapely.union_all(parts)


def _shift(points: Floats, by: float) -> Floats:
    moved: Floats = points + np.array([by, 0.0])
    return moved
