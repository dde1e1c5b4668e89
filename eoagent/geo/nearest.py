"""The shortest geodesic between two geometries, edge to edge."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import scipy  # loads its parts when they are first used
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry, BaseMultipartGeometry

from eoagent.contracts.errors import InputError
from eoagent.geo.antimeridian import bring_near
from eoagent.geo.projection import WGS84, Floats, surface_point

__all__ = ["geodesic_distance_between"]

_FIRST_PIECES: Final = 4000
_MOST_PIECES: Final = 400_000
_FINER: Final = 8.0
_SHARE: Final = 1e-3
_SMALLEST_M: Final = 0.002
_CHORD_SLACK: Final = 0.005


def geodesic_distance_between(a: BaseGeometry, b: BaseGeometry) -> float:
    """Return the shortest distance between two geometries in metres; 0 where they meet.

    Edges are straight in longitude and latitude, and the antimeridian is no barrier. Edges are
    cut into pieces, pieces too far apart are dropped and the rest cut finer, until a piece is
    shorter than a thousandth of the distance; that leaves a relative error below 1e-6. Between
    outlines that run side by side for thousands of times their distance it stops earlier, at
    about 1e-3.

    Args:
        a: WGS84 degrees.
        b: WGS84 degrees.

    Raises:
        InputError: if one of them is empty.
    """
    for geometry in (a, b):
        if geometry.is_empty:
            raise InputError(
                "a distance was asked for to an empty geometry", hint="check the input"
            )
    if _meet(a, b):
        return 0.0
    edges_a, edges_b = _edges(a), _edges(b)
    longest = max(_total_length(edges_a), _total_length(edges_b)) / _FIRST_PIECES
    while True:
        edges_a, edges_b = _cut(edges_a, longest), _cut(edges_b, longest)
        middle_a, middle_b = _middle(edges_a), _middle(edges_b)
        chord, nearest = _chords(middle_a, middle_b)
        best = float(chord.min())
        if longest <= max(_SHARE * best, _SMALLEST_M):
            break
        limit = best * (1 + _CHORD_SLACK) + longest
        back, _ = _chords(middle_b, middle_a)
        edges_a, edges_b = edges_a[chord <= limit], edges_b[back <= limit]
        if (len(edges_a) + len(edges_b)) * _FINER > _MOST_PIECES:
            break
        longest /= _FINER
    close = np.flatnonzero(chord <= best * (1 + _CHORD_SLACK))
    from_, to = middle_a[close], middle_b[nearest[close]]
    _, _, metres = WGS84.inv(from_[:, 0], from_[:, 1], to[:, 0], to[:, 1])
    return float(np.min(metres))


def _meet(a: BaseGeometry, b: BaseGeometry) -> bool:
    """Return whether two geometries share a point in any turn of longitude."""
    middle_a, middle_b = ((g.bounds[0] + g.bounds[2]) / 2 for g in (a, b))
    first = float(bring_near(middle_b, middle_a)) - middle_b
    moved = (shapely.transform(b, partial(_shift, by=first + turn)) for turn in (-360, 0, 360))
    return any(bool(shapely.intersects(a, other)) for other in moved)


def _shift(points: Floats, by: float) -> Floats:
    moved: Floats = points + np.array([by, 0.0])
    return moved


def _edges(geometry: BaseGeometry) -> Floats:
    """Return the edges of a geometry, shape (n, 4): lon, lat, lon, lat; points as null edges."""
    if isinstance(geometry, BaseMultipartGeometry):
        return np.concatenate([_edges(part) for part in geometry.geoms if not part.is_empty])
    if isinstance(geometry, Polygon):
        return np.concatenate([_edges(ring) for ring in (geometry.exterior, *geometry.interiors)])
    points = shapely.get_coordinates(geometry)
    if len(points) == 1:
        return np.hstack([points, points])
    return np.hstack([points[:-1], points[1:]])


def _lengths(edges: Floats) -> Floats:
    """Return rough upper lengths of edges in metres."""
    high = np.minimum(np.abs(edges[:, 1]), np.abs(edges[:, 3]))
    across = np.where(edges[:, 1] * edges[:, 3] < 0, 1.0, np.cos(np.radians(high)))
    east = (edges[:, 2] - edges[:, 0]) * across
    metres: Floats = np.radians(np.hypot(east, edges[:, 3] - edges[:, 1])) * WGS84.a * 1.01
    return metres


def _total_length(edges: Floats) -> float:
    return float(_lengths(edges).sum())


def _cut(edges: Floats, longest: float) -> Floats:
    """Return edges cut evenly so that none is longer than `longest` metres."""
    if longest == 0:
        return edges
    pieces = np.maximum(np.ceil(_lengths(edges) / longest), 1).astype(np.intp)
    owner = np.repeat(np.arange(len(edges)), pieces)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start, step = edges[owner, :2], (edges[owner, 2:] - edges[owner, :2])
    share = (number / pieces[owner])[:, np.newaxis]
    return np.hstack([start + step * share, start + step * (share + 1 / pieces[owner, None])])


def _middle(edges: Floats) -> Floats:
    middle: Floats = (edges[:, :2] + edges[:, 2:]) / 2
    return middle


def _chords(from_: Floats, to: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return for each point the chord in metres to its nearest other point, and which it is."""
    tree = scipy.spatial.cKDTree(surface_point(to[:, 0], to[:, 1]))
    chord, nearest = tree.query(surface_point(from_[:, 0], from_[:, 1]))
    return np.asarray(chord, dtype=np.float64), np.asarray(nearest, dtype=np.intp)
