"""Geodesic measures of geometries in longitude and latitude: area, length, bearing, centroid.

Edges are geodesics between their ends. Longitudes may pass 180 where a geometry crosses the
antimeridian. Nothing here measures pixels; `eoagent.geo.area` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import shapely
from pyproj import Transformer
from pyproj.enums import TransformDirection
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.geo.antimeridian import wrap_lon
from eoagent.geo.nearest import geodesic_distance_between
from eoagent.geo.projection import WGS84, Floats, surface_point
from eoagent.geo.reprojection import to_lonlat

__all__ = [
    "area_m2",
    "bearing_deg",
    "centroid_lonlat",
    "compass",
    "distance_m",
    "geodesic_distance_between",
    "length_m",
    "perimeter_m",
    "to_lonlat",
]

_LOCAL_M: Final = 5000.0
_WIDE_DEG: Final = 180.0
_FINE_DEG: Final = 0.5

_WINDS: Final = (
    "north",
    "north-north-east",
    "north-east",
    "east-north-east",
    "east",
    "east-south-east",
    "south-east",
    "south-south-east",
    "south",
    "south-south-west",
    "south-west",
    "west-south-west",
    "west",
    "west-north-west",
    "north-west",
    "north-north-west",
)


def area_m2(geometry: BaseGeometry) -> float:
    """Return the area of polygons on WGS84 in square metres, holes left out.

    Rings within 5 km are measured in the plane that touches the ellipsoid there (to 1e-7), since
    the sums of the geodesic formula leave an absolute error of about 0.1 square metres. A polygon
    wider than half a turn, other than a cap on a pole, is read with edges straight in longitude and
    latitude.

    Raises:
        InputError: if the geometry has no polygon.
    """
    _require(geometry, dimensions=2, what="an area", hint="ask for a length or a distance")
    return sum(_polygon_area(polygon) for polygon in _polygons(geometry))


def perimeter_m(geometry: BaseGeometry) -> float:
    """Return the length of the outlines of polygons, holes included, in metres.

    Raises:
        InputError: if the geometry has no polygon.
    """
    _require(geometry, dimensions=2, what="a perimeter", hint="ask for a length")
    rings = (ring for p in _polygons(geometry) for ring in (p.exterior, *p.interiors))
    return sum(_path_length(shapely.get_coordinates(ring)) for ring in rings)


def length_m(geometry: BaseGeometry) -> float:
    """Return the length of lines in metres.

    Raises:
        InputError: if the geometry is not made of lines.
    """
    _require(geometry, dimensions=1, what="a length", hint="ask for the perimeter of polygons")
    lines = (g for g in _parts(geometry) if shapely.get_dimensions(g) == 1)
    return sum(_path_length(shapely.get_coordinates(line)) for line in lines)


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the length of the geodesic between two (longitude, latitude) points in metres."""
    return float(WGS84.inv(a[0], a[1], b[0], b[1])[2])


def bearing_deg(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the direction in which b lies from a: 0 north, 90 east, below 360.

    It is the azimuth of the geodesic where it leaves a; points are (longitude, latitude).

    Raises:
        InputError: if the two points are one.
    """
    azimuth, _, metres = WGS84.inv(a[0], a[1], b[0], b[1])
    if metres == 0:
        raise InputError(
            f"a direction was asked for from the point {a} to itself",
            hint="name two different places",
        )
    return float(azimuth) % 360.0


def centroid_lonlat(geometry: BaseGeometry) -> tuple[float, float]:
    """Return the centroid as (longitude in -180..180, latitude).

    It is taken in the plane that touches the ellipsoid for geometries within 5 km, and in an
    equal-area projection (Lambert azimuthal) centred on the geometry for larger ones.

    Raises:
        InputError: if the geometry is empty or reaches round the Earth.
    """
    if geometry.is_empty:
        raise InputError("the centroid of an empty geometry was asked for", hint="check the input")
    _require_finite(geometry, "a centroid")
    lon, lat = shapely.get_coordinates(geometry).T
    points = surface_point(lon, lat)
    if np.ptp(points, axis=0).max() <= _LOCAL_M:
        return _local_centroid(geometry, points.mean(axis=0))
    west, south, east, north = geometry.bounds
    if max(east - west, north - south) > _FINE_DEG:
        geometry = shapely.segmentize(geometry, _FINE_DEG)
        lon, lat = shapely.get_coordinates(geometry).T
        points = surface_point(lon, lat)
    middle_lon, middle_lat = _lonlat_of(points.mean(axis=0))
    plane = _equal_area(round(middle_lon), round(middle_lat))
    placed = np.column_stack(plane.transform(lon, lat))
    if not np.isfinite(placed).all():
        raise InputError(
            "the centroid of a geometry that reaches round the Earth was asked for",
            hint="ask for its parts",
        )
    centre: Point = shapely.set_coordinates(shapely.force_2d(geometry), placed).centroid
    at = plane.transform(centre.x, centre.y, direction=TransformDirection.INVERSE)
    return float(wrap_lon(at[0])), float(at[1])


def _local_centroid(geometry: BaseGeometry, middle: Floats) -> tuple[float, float]:
    """Return the centroid in the plane that touches the ellipsoid at an Earth-centred point."""
    up = middle / np.array([WGS84.a, WGS84.a, WGS84.b]) ** 2
    axes, _ = np.linalg.qr(np.column_stack([up, np.eye(3)]))
    plane: Floats = axes[:, 1:3]

    def project(points: Floats) -> Floats:
        flat: Floats = (surface_point(points[:, 0], points[:, 1]) - middle) @ plane
        return flat

    centre: Point = shapely.transform(geometry, project).centroid
    return _lonlat_of(middle + plane @ np.array([centre.x, centre.y]))


def _lonlat_of(point: Floats) -> tuple[float, float]:
    """Return longitude and latitude of an Earth-centred point near the ellipsoid."""
    x, y, z = (float(v) for v in point)
    lat = math.atan2(z, math.hypot(x, y) * (1 - WGS84.es))
    return math.degrees(math.atan2(y, x)), math.degrees(lat)


@lru_cache(maxsize=512)
def _equal_area(lon: int, lat: int) -> Transformer:
    return Transformer.from_crs(
        "EPSG:4326", f"+proj=laea +lon_0={lon} +lat_0={lat} +ellps=WGS84", always_xy=True
    )


def _require(geometry: BaseGeometry, *, dimensions: int, what: str, hint: str) -> None:
    if geometry.is_empty:
        return
    if shapely.get_dimensions(geometry) != dimensions:
        raise InputError(f"{what} was asked for of a {geometry.geom_type}", hint=hint)
    _require_finite(geometry, what)


def _require_finite(geometry: BaseGeometry, what: str) -> None:
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise InputError(
            f"{what} was asked for of a {geometry.geom_type} with coordinates that are not finite",
            hint="check the input",
        )


def _parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    for part in shapely.get_parts(geometry):
        if shapely.get_num_geometries(part) == 1 and not hasattr(part, "geoms"):
            yield part
        else:
            yield from _parts(part)


def _polygons(geometry: BaseGeometry) -> Iterator[Polygon]:
    return (part for part in _parts(geometry) if isinstance(part, Polygon))


def _polygon_area(polygon: Polygon) -> float:
    west, south, east, north = polygon.bounds
    if east - west > _WIDE_DEG and not (south * north > 0 and _has_short_edges(polygon)):
        fine = shapely.segmentize(polygon, _FINE_DEG)
        boxes = [
            shapely.box(lon, lat, min(lon + 90, east), lat + 90)
            for lon in np.arange(west, east, 90.0)
            for lat in (-90.0, 0.0)
        ]
        pieces = (piece for box in boxes for piece in _polygons(shapely.intersection(fine, box)))
        return sum(_polygon_area(piece) for piece in pieces)
    holes = sum(_ring_area(shapely.get_coordinates(ring)) for ring in polygon.interiors)
    return _ring_area(shapely.get_coordinates(polygon.exterior)) - holes


def _has_short_edges(polygon: Polygon) -> bool:
    """Return whether all edges off the poles are shorter than half a turn of longitude."""
    lonlat = shapely.get_coordinates(polygon.exterior)
    off_pole = np.abs(lonlat[1:, 1]) < 90
    return bool(np.all(np.abs(np.diff(lonlat[:, 0]))[off_pole] < _WIDE_DEG))


def _ring_area(lonlat: Floats) -> float:
    if len(lonlat) == 0:
        return 0.0
    points = surface_point(lonlat[:, 0], lonlat[:, 1])
    if np.ptp(points, axis=0).max() > _LOCAL_M:
        return abs(float(WGS84.polygon_area_perimeter(lonlat[:, 0], lonlat[:, 1])[0]))
    middle = points.mean(axis=0)
    normal = middle / np.array([WGS84.a, WGS84.a, WGS84.b]) ** 2
    spokes = points - middle
    twice = np.cross(spokes[:-1], spokes[1:]).sum(axis=0)
    return abs(float(twice @ normal) / float(np.linalg.norm(normal))) / 2


def _path_length(lonlat: Floats) -> float:
    return float(WGS84.line_length(lonlat[:, 0], lonlat[:, 1]))


def compass(bearing: float) -> str:
    """Return the direction of a bearing in degrees among the sixteen winds."""
    return _WINDS[round(bearing / 22.5) % len(_WINDS)]
