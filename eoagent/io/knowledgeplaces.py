"""Read where a row of a knowledge base is about: a geometry, a box, or a longitude and latitude."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import shapely
import shapely.geometry
from shapely.geometry.base import BaseGeometry

from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent.geo.wkbdepth import wkb_depth

__all__ = ["place_of"]

_DEEPEST: Final = 20
"""Collections within each other; a multipolygon in a collection makes two."""
_EDGES: Final = ("xmin", "ymin", "xmax", "ymax")
_FLAT, _SOLID = 4, 6
_MOST_LON, _MOST_LAT = 360.0, 90.0


def place_of(row: Mapping[str, Any]) -> BaseGeometry | None:
    """Return the place of a row on WGS84, valid and without heights; None where it states none.

    Args:
        row: may have `geometry` (WKB or as GeoJSON has it), `bbox` (west, south, east, north, or
            with heights; a west above the east crosses the antimeridian), or `lon` and `lat`.

    Raises:
        ValueError: if a place is there that cannot be read, or is not in degrees.
    """
    try:
        with np.errstate(invalid="ignore"):  # what is no number is refused below
            shape = _stated(row)
            return None if shape is None else _sound(shape)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        shapely.errors.ShapelyError,
    ) as error:
        raise ValueError(f"the place is none: {type(error).__name__}") from error


def _stated(row: Mapping[str, Any]) -> BaseGeometry | None:
    geometry, box = row.get("geometry"), row.get("bbox")
    lon: Any = row.get("lon")
    lat: Any = row.get("lat")
    if isinstance(geometry, bytes):
        _refuse_deep(geometry)
        return shapely.from_wkb(geometry)
    if geometry is not None:
        shape = shapely.geometry.shape(geometry)
        _refuse_deep(shapely.to_wkb(shape))
        return shape
    if box is not None:
        return _box(box)
    if lon is None and lat is None:
        return None
    return shapely.Point(float(lon), float(lat))  # one alone is no place, and refused


def _refuse_deep(blob: bytes) -> None:
    if wkb_depth(blob, most=_DEEPEST) > _DEEPEST:
        raise ValueError("collections lie too deep within each other")


def _box(stated: Any) -> BaseGeometry:
    edges = [stated[key] for key in _EDGES] if isinstance(stated, Mapping) else list(stated)
    if len(edges) == _SOLID:
        edges = [*edges[0:2], *edges[3:5]]
    if len(edges) != _FLAT:
        raise ValueError(f"a box has {len(edges)} numbers")
    west, south, east, north = (float(edge) for edge in edges)
    if south > north:
        raise ValueError("a box has its south above its north")
    return shapely.box(west, south, east + 360.0 if west > east else east, north)


def _sound(shape: BaseGeometry) -> BaseGeometry:
    flat = shapely.force_2d(shape)
    points = shapely.get_coordinates(flat)
    if not len(points) or not np.isfinite(points).all():
        raise ValueError("a place has no coordinates, or such as are no numbers")
    if (np.abs(points).max(axis=0) > [_MOST_LON, _MOST_LAT]).any():
        raise ValueError(f"bounds {shapely.bounds(flat)} are not in degrees")
    return split_at_antimeridian(flat if flat.is_valid else shapely.make_valid(flat))
