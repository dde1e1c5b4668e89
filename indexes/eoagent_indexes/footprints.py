"""Decide whether footprints meet a place, reading only those that their boxes leave in doubt.

A footprint is in one piece and reaches every edge of its box. So where a box cuts the tile's box
from side to side, it meets the footprint too; only at the corners must the footprint be read.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError

from eoagent.contracts.errors import InputError
from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent_indexes.conditions import Place, Spans
from eoagent_indexes.hot import HotColumns, boxes_of
from eoagent_indexes.segment import Segment

__all__ = ["Edges", "edges_of", "footprints_of", "meets_place"]

Edges = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""West, south, east and north of boxes, each (n,)."""
_Mask = NDArray[np.bool_]
_Ends = NDArray[np.float32]


def edges_of(columns: HotColumns, rows: slice | NDArray[np.int64]) -> Edges:
    """Return the edges of the boxes of some rows."""
    return columns.west[rows], columns.south[rows], columns.east[rows], columns.north[rows]


def meets_place(segment: Segment, rows: NDArray[np.int64], place: Place) -> _Mask:
    """Return which rows, whose boxes meet the spans of a place, meet it with their footprints.

    Rows without a box count as meeting it.

    Raises:
        SourceError: if a file of the segment is damaged.
    """
    edges = edges_of(segment.columns, rows)
    met = np.isnan(edges[0])
    if place.is_box:
        met |= _within(edges, place)  # most are
        open_ = np.flatnonzero(~met)
        west, south, east, north = (edge[open_] for edge in edges)
        cut = _cut_through((west, south, east, north), place)
        met[open_[cut]] = True
        open_ = open_[~cut]
    else:
        met, open_ = _by_boxes(edges, place, met)
    if len(open_):
        shapes = footprints_of(segment, rows[open_])
        met[open_] = shapely.intersects(place.shape, shapes)
    return met


def footprints_of(segment: Segment, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return footprints within -180 to 180 degrees; of a tile that states none, its box.

    Raises:
        InputError: if one is no geometry.
        SourceError: if a file of the segment is damaged.
    """
    table = segment.table(rows, ["geometry", "bbox"])
    blobs = table.column("geometry").to_numpy()
    try:
        shapes: NDArray[np.object_] = shapely.from_wkb(blobs)
    except (ShapelyError, TypeError) as error:
        raise InputError(f"a footprint of segment {segment.entry.id} is no WKB: {error}") from error
    bare = np.flatnonzero(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    if len(bare):
        boxes = boxes_of(table)[bare]
        shapes[bare] = [_box(*edges) for edges in boxes.tolist()]
    bounds = shapely.bounds(shapes)
    for at in np.flatnonzero((bounds[:, 0] < -180) | (bounds[:, 2] > 180)).tolist():
        shapes[at] = split_at_antimeridian(shapes[at])
    return shapes


def _box(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    if west <= east:
        return shapely.box(west, south, east, north)
    parts = (shapely.box(west, south, 180.0, north), shapely.box(-180.0, south, east, north))
    return shapely.union_all(parts)


def _within(edges: Edges, place: Place) -> _Mask:
    """Return which boxes a box covers whole."""
    west, south, east, north = edges
    within = np.zeros(len(west), dtype=np.bool_)
    for start, stop in place.spans:
        within |= (west >= np.float64(start)) & (east <= np.float64(stop))
    within &= west <= east
    within &= south >= np.float64(place.south)
    within &= north <= np.float64(place.north)
    return within


def _cut_through(edges: Edges, place: Place) -> _Mask:
    """Return which boxes a box covers from side to side, in one direction at least."""
    west, south, east, north = edges
    flat = west <= east
    across, meets_lon = _against(west, east, place.spans)
    upward, meets_lat = _against(south, north, ((place.south, place.north),))
    met: _Mask = flat & ((across & meets_lat) | (upward & meets_lon))
    return met


def _against(low: _Ends, high: _Ends, spans: Spans) -> tuple[_Mask, _Mask]:
    """Return which intervals lie within a span, and which surely meet one.

    Edges were rounded outward by less than a step of single precision, which is taken back twice.
    """
    within = np.zeros(len(low), dtype=np.bool_)
    meeting = within.copy()
    inner_low = np.nextafter(np.nextafter(low, np.float32(np.inf)), np.float32(np.inf))
    inner_high = np.nextafter(np.nextafter(high, np.float32(-np.inf)), np.float32(-np.inf))
    for start, stop in spans:
        start_, stop_ = np.float64(start), np.float64(stop)
        inside = (low >= start_) & (high <= stop_)
        within |= inside
        meeting |= inside | (
            (inner_low <= inner_high) & (inner_low <= stop_) & (inner_high >= start_)
        )
    return within, meeting


def _by_boxes(edges: Edges, place: Place, met: _Mask) -> tuple[_Mask, NDArray[np.int64]]:
    """Return which boxes lie within a polygon, and where the box leaves it in doubt."""
    west, south, east, north = (edge.astype(np.float64) for edge in edges)
    known = ~met
    flat = np.flatnonzero(known & (west <= east))
    boxes = shapely.box(west[flat], south[flat], east[flat], north[flat])
    meeting = shapely.intersects(place.shape, boxes)
    within = np.zeros_like(meeting)
    within[meeting] = shapely.covers(place.shape, boxes[meeting])
    met = met.copy()
    met[flat[within]] = True
    doubtful = known & (west > east)
    doubtful[flat[meeting & ~within]] = True
    return met, np.flatnonzero(doubtful)
