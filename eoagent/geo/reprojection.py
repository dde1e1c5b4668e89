"""Geometries from any CRS to longitude and latitude, with straight edges kept true."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import shapely
from shapely import GeometryCollection, LineString, MultiLineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.geo.antimeridian import bring_near, unroll_ring
from eoagent.geo.projection import WGS84, Floats, is_lonlat, metres_per_unit, to_wgs84, turn_of

__all__ = ["to_lonlat"]

_AREA_TOLERANCE: Final = 1e-5
_STEEPEST_DEG: Final = 85.0
_FLATTEST_DEG: Final = 10.0
_HALF_TURN: Final = 180.0


def to_lonlat(geometry: BaseGeometry, crs: str, max_segment: float | None = None) -> BaseGeometry:
    """Return a geometry in WGS84 degrees whose edges follow the straight edges it had.

    Long edges are cut before they are bent. On a projected CRS, rings that cross the antimeridian
    come out with continuous longitudes that may pass 180, and rings around a pole are closed
    over it; on a geographic one, edges run as drawn, straight in longitude and latitude.

    Args:
        geometry: in the CRS, x and y.
        crs: `EPSG:n` or WKT.
        max_segment: longest edge in CRS units; by default one that keeps areas to 1e-5.

    Raises:
        InputError: if the CRS cannot be used or a vertex lies off its map.
    """
    if geometry.is_empty:
        return geometry
    segment = _segment_for(geometry, crs) if max_segment is None else max_segment
    fine = shapely.segmentize(geometry, segment) if segment > 0 else geometry

    def project(points: Floats) -> Floats:
        lon, lat = to_wgs84(crs, points[:, 0], points[:, 1])
        if is_lonlat(crs):
            lon = bring_near(lon, points[:, 0] * 360.0 / turn_of(crs))
        if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
            raise InputError(
                f"a {geometry.geom_type} has a vertex off the map of its coordinate system",
                hint="check the coordinate system of the layer",
            )
        return np.column_stack([lon, lat])

    bent: BaseGeometry = shapely.transform(fine, project)
    points = shapely.get_coordinates(bent)
    if is_lonlat(crs) or not np.any(np.abs(np.diff(points[:, 0])) > _HALF_TURN):
        return bent
    return _unrolled(bent)


def _segment_for(geometry: BaseGeometry, crs: str) -> float:
    """Return the longest edge, CRS units, that keeps the area of a geometry to 1e-5.

    A straight edge of length s bends by s * s * k / 8 against the geodesic, with k about
    tan(latitude) / R; along the outline of a shape of size d that makes s * s * k / (3 d) of its
    area. Twice that k leaves a margin for projections with shear.
    """
    west, south, east, north = geometry.bounds
    size = math.hypot(east - west, north - south)
    _, lat = to_wgs84(crs, [west, west, east, east], [south, north, south, north])
    known = np.abs(lat[np.isfinite(lat)])
    steep = min(max(float(known.max(initial=_FLATTEST_DEG)), _FLATTEST_DEG), _STEEPEST_DEG)
    bend = 2 * math.tan(math.radians(steep)) / WGS84.a
    pieces = math.ceil(math.sqrt(size * metres_per_unit(crs) * bend / (3 * _AREA_TOLERANCE)))
    return size / max(pieces, 1)


def _unrolled(geometry: BaseGeometry) -> BaseGeometry:
    """Return a geometry whose rings and lines have no jump in longitude."""
    if isinstance(geometry, MultiPolygon):
        return MultiPolygon([_unrolled_polygon(part) for part in geometry.geoms])
    if isinstance(geometry, MultiLineString):
        return MultiLineString([_unrolled_line(part) for part in geometry.geoms])
    if isinstance(geometry, GeometryCollection):
        return GeometryCollection([_unrolled(part) for part in geometry.geoms])
    if isinstance(geometry, Polygon):
        return _unrolled_polygon(geometry)
    return _unrolled_line(geometry) if isinstance(geometry, LineString) else geometry


def _unrolled_line(line: LineString) -> LineString:
    lon, lat = shapely.get_coordinates(line).T
    return LineString(np.column_stack([np.unwrap(lon, period=2 * _HALF_TURN), lat]))


def _unrolled_polygon(polygon: Polygon) -> Polygon:
    shell, *holes = (
        unroll_ring(*shapely.get_coordinates(ring).T)
        for ring in (polygon.exterior, *polygon.interiors)
    )
    middle = (shell[:, 0].min() + shell[:, 0].max()) / 2
    for hole in holes:
        at = (hole[:, 0].min() + hole[:, 0].max()) / 2
        hole[:, 0] += float(bring_near(at, middle)) - at
    return Polygon(shell, holes)
