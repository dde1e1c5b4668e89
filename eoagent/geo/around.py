"""The ground within a distance of a point, line or area, measured along geodesics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from pyproj import CRS
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.geo.antimeridian import split_at_antimeridian, unroll_ring
from eoagent.geo.projection import WGS84, Floats, from_wgs84
from eoagent.geo.reprojection import to_lonlat

__all__ = ["MAX_REACH_M", "around", "geodesic_circle"]

MAX_REACH_M: Final = 2_000_000.0
"""Largest distance; a plane about the middle of a piece keeps distances to about 1e-3 up to it."""

_CIRCLE_POINTS: Final = 720
_PIECE_M: Final = 100_000.0
_STRAIGHT_DEG: Final = 0.1
_QUARTER_SEGMENTS: Final = 32


def geodesic_circle(lon: float, lat: float, radius_m: float) -> BaseGeometry:
    """Return the ground within a radius of a point, as a polygon of 720 corners on the circle.

    Its area is smaller than the circle's by 1.3e-5. Parts lie within -180..180 degrees; a circle
    that holds a pole reaches up to it.

    Args:
        lon: degrees.
        lat: degrees.
        radius_m: metres along the ellipsoid.

    Raises:
        InputError: if the radius is not above 0 and at most `MAX_REACH_M`.
    """
    _check_reach(radius_m)
    azimuths = np.linspace(0.0, 360.0, _CIRCLE_POINTS + 1)
    starts = np.full_like(azimuths, lon), np.full_like(azimuths, lat)
    x, y, _ = WGS84.fwd(*starts, azimuths, np.full_like(azimuths, radius_m))
    ring = unroll_ring(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    return _tidy(Polygon(ring))


def around(geometry: BaseGeometry, distance_m: float) -> BaseGeometry:
    """Return the ground within a distance of a geometry, the geometry itself included.

    Points become circles; lines and outlines are cut into pieces of at most 100 km, each widened
    in an azimuthal equidistant plane about its middle.

    Args:
        geometry: WGS84 degrees.
        distance_m: metres along the ellipsoid.

    Returns:
        A polygon or polygons within -180..180 degrees.

    Raises:
        InputError: if the distance is not above 0 and at most `MAX_REACH_M`, or nothing is given.
    """
    _check_reach(distance_m)
    if geometry.is_empty:
        raise InputError("the surroundings of nothing were asked for", hint="check the input")
    grown: list[BaseGeometry] = []
    for part in _simple_parts(geometry):
        if isinstance(part, Point):
            grown.append(geodesic_circle(part.x, part.y, distance_m))
            continue
        if isinstance(part, Polygon):
            grown.append(split_at_antimeridian(part))
        outlines = shapely.get_parts(part.boundary) if isinstance(part, Polygon) else [part]
        grown += [_widened(piece, distance_m) for outline in outlines for piece in _pieces(outline)]
    return shapely.union_all(grown)


def _check_reach(distance_m: float) -> None:
    if not 0 < distance_m <= MAX_REACH_M:
        raise InputError(
            f"the surroundings within {distance_m:g} m were asked for",
            hint=f"give a distance above 0 and at most {MAX_REACH_M / 1000:,.0f} km",
        )


def _simple_parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    if hasattr(geometry, "geoms"):
        for part in geometry.geoms:
            yield from _simple_parts(part)
    elif not geometry.is_empty:
        yield geometry


def _pieces(line: BaseGeometry) -> Iterator[LineString]:
    """Yield a line in pieces of at most about 100 km; long edges are cut first."""
    points = shapely.get_coordinates(shapely.segmentize(line, _STRAIGHT_DEG))
    _, _, steps = WGS84.inv(points[:-1, 0], points[:-1, 1], points[1:, 0], points[1:, 1])
    number = np.floor(np.cumsum(steps) / _PIECE_M).astype(np.intp)
    ends = [*np.flatnonzero(np.diff(number)) + 1, len(points) - 1]
    start = 0
    for end in ends:
        yield LineString(points[start : end + 1])
        start = int(end)


def _widened(piece: LineString, distance_m: float) -> BaseGeometry:
    west, south, east, north = piece.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    plane = CRS.from_proj4(f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84").to_wkt()

    def flatten(points: Floats) -> Floats:
        return np.column_stack(from_wgs84(plane, points[:, 0], points[:, 1]))

    flat = shapely.transform(piece, flatten)
    grown = shapely.buffer(flat, distance_m, quad_segs=_QUARTER_SEGMENTS)
    return _tidy(to_lonlat(grown, plane))


def _tidy(geometry: BaseGeometry) -> BaseGeometry:
    """Return a valid geometry within -180..180."""
    cut = split_at_antimeridian(geometry if geometry.is_valid else shapely.make_valid(geometry))
    areas = shapely.get_parts(cut)
    return shapely.union_all(areas[shapely.get_dimensions(areas) == 2])
