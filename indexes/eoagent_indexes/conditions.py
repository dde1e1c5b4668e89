"""A tile filter in the numbers that filter columns are compared with."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox
from eoagent.contracts.tilesearch import TileFilter
from eoagent.geo.antimeridian import split_at_antimeridian

__all__ = ["Conditions", "Place", "Spans", "box_place", "microseconds", "read_area"]

Spans = tuple[tuple[float, float], ...]
"""Intervals of longitude, degrees, each west <= east."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLY: Final = np.iinfo(np.int64).min + 1
_LATE: Final = np.iinfo(np.int64).max
_MOST_SPANS: Final = 8
_POLYGONS: Final = frozenset({"Polygon", "MultiPolygon"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A box or a polygon that a tile must meet."""

    spans: Spans
    """Longitudes that it covers; 180 and -180 are one meridian."""
    south: float
    """Its southern edge, degrees."""
    north: float
    """Its northern edge, degrees."""
    is_box: bool
    """Whether it fills these spans."""
    shape: BaseGeometry
    """Its outline within -180 to 180, prepared; twice where it touches the antimeridian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a tile must meet; what is None or empty is no condition."""

    places: tuple[Place, ...] = ()
    """Places, each of which the tile meets."""
    time: tuple[int, int] | None = None
    """First and last instant, microseconds since 1970 UTC."""
    max_cloud_pct: np.float32 | None = None
    """Most cloud, percent, rounded as filter columns are."""
    collections: frozenset[str] = frozenset()
    """Ids of collections."""
    items: frozenset[str] = frozenset()
    """Ids of items."""

    @classmethod
    def of(cls, where: TileFilter) -> Conditions:
        """Return the conditions of a filter, but for tile ids.

        Raises:
            InputError: if its area is no polygon.
        """
        places = [box_place(where.bbox)] if where.bbox is not None else []
        if where.area is not None:
            places.append(read_area(where.area))
        return cls(
            places=tuple(places),
            time=None
            if where.time is None
            else (
                _EARLY if where.time.start is None else microseconds(where.time.start),
                _LATE if where.time.end is None else microseconds(where.time.end),
            ),
            max_cloud_pct=None if where.max_cloud_pct is None else np.float32(where.max_cloud_pct),
            collections=frozenset(where.collections),
            items=frozenset(where.items),
        )

    @property
    def is_empty(self) -> bool:
        """Whether every tile meets them."""
        return not (
            self.places
            or self.time is not None
            or self.max_cloud_pct is not None
            or self.collections
            or self.items
        )

    def codes(self, collections: Sequence[str]) -> NDArray[np.int32]:
        """Return the positions of the wanted collections in those of a segment."""
        found = [code for code, name in enumerate(collections) if name in self.collections]
        return np.array(found, dtype=np.int32)


def box_place(bbox: BBox) -> Place:
    """Return a box as a place."""
    over = bbox.crosses_antimeridian
    spans = ((bbox.west, 180.0), (-180.0, bbox.east)) if over else ((bbox.west, bbox.east),)
    parts = [_rectangle(west, bbox.south, east, bbox.north) for west, east in spans]
    return _place(parts, spans, is_box=True)


def read_area(area: dict[str, Any]) -> Place:
    """Return a GeoJSON polygon or multipolygon as a place.

    Raises:
        InputError: if it is neither, or not in degrees of longitude and latitude.
    """
    kind = area.get("type")
    if kind not in _POLYGONS:
        raise InputError(
            f"the area is a GeoJSON {kind!r}, which is no polygon",
            hint="give a Polygon or MultiPolygon in WGS84 longitude and latitude, not a feature",
        )
    try:
        shape = _from_geojson(area)
    except (ShapelyError, TypeError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"the area cannot be read as a GeoJSON {kind}: {error}") from error
    if shape.is_empty:
        raise InputError("the area is an empty polygon", hint="give at least one ring")
    _, south, _, north = bounds = shape.bounds
    if not np.isfinite(bounds).all() or south < -90 or north > 90 or np.abs(bounds).max() > 540:
        raise InputError(
            f"the area reaches from {bounds[:2]} to {bounds[2:]}, not degrees on the globe",
            hint="give it in WGS84 longitude and latitude",
        )
    parts = shapely.get_parts(split_at_antimeridian(shapely.make_valid(shape)))
    flat = [part for part in parts if shapely.get_dimensions(part) == 2]
    if not flat:
        raise InputError("the area covers no ground: its polygon has no surface")
    return _place(flat, _joined([(p.bounds[0], p.bounds[2]) for p in flat]), is_box=False)


def _rectangle(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """Return a box; a line or a point where it has no surface."""
    if west == east and south == north:
        return shapely.Point(west, south)
    if west == east or south == north:
        return shapely.LineString([(west, south), (east, north)])
    return shapely.box(west, south, east, north)


def _from_geojson(area: dict[str, Any]) -> BaseGeometry:
    rings = [area["coordinates"]] if area["type"] == "Polygon" else area["coordinates"]
    polygons = [
        shapely.Polygon(
            [point[:2] for point in one[0]], [[p[:2] for p in hole] for hole in one[1:]]
        )
        for one in rings
        if one
    ]
    return shapely.MultiPolygon(polygons)


def _place(parts: Sequence[BaseGeometry], spans: Spans, *, is_box: bool) -> Place:
    """Return a place that is also there on the other side of the antimeridian that it touches."""
    west, south, east, north = shapely.total_bounds(list(parts)).tolist()
    seams: list[BaseGeometry] = []
    more: list[tuple[float, float]] = []
    for edge in (180.0, -180.0):
        if edge not in (west, east):
            continue
        line = shapely.LineString([(edge, -90.0), (edge, 90.0)])
        cuts = shapely.intersection(list(parts), line)
        seams += shapely.transform(cuts[~shapely.is_empty(cuts)], _opposite).tolist()
        more.append((-edge, -edge))
    shape = shapely.GeometryCollection([*parts, *seams])
    shapely.prepare(shape)
    return Place(
        spans=_joined([*spans, *more]), south=south, north=north, is_box=is_box, shape=shape
    )


def _opposite(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of one side of the antimeridian on the other."""
    moved: NDArray[np.float64] = points * np.array([-1.0, 1.0])
    return moved


def _joined(spans: Sequence[tuple[float, float]]) -> Spans:
    """Return intervals that overlap as one, and at most a few, which may cover more."""
    found: list[tuple[float, float]] = []
    for west, east in sorted(spans):
        if found and west <= found[-1][1]:
            found[-1] = (found[-1][0], max(east, found[-1][1]))
        else:
            found.append((west, east))
    while len(found) > _MOST_SPANS:
        gaps = [b[0] - a[1] for a, b in itertools.pairwise(found)]
        at = int(np.argmin(gaps))
        found[at : at + 2] = [(found[at][0], found[at + 1][1])]
    return tuple(found)


def microseconds(moment: datetime) -> int:
    """Return microseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
