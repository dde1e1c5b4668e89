"""Find the rows of a segment that meet the conditions of a search, before any is ranked.

Manifest ranges rule out segments, zones rule out runs of rows, filter columns decide row by row,
and footprints decide where a box cuts one. A condition that a tile cannot be held against, for
want of a place, a time or a cloud share, leaves it out; such tiles are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from eoagent.contracts.geometry import BBox, TimeRange
from eoagent_indexes.conditions import Conditions, Place, microseconds
from eoagent_indexes.footprints import Edges, edges_of, meets_place
from eoagent_indexes.hot import NO_TIME, HotColumns
from eoagent_indexes.segment import Segment
from eoagent_indexes.zones import ZONE_ROWS, Zones, known_times

__all__ = ["Matches", "match_rows", "may_match"]

_Mask = NDArray[np.bool_]
_Run = slice | NDArray[np.int64]
_WORTH = 3  # rows that are taken one by one cost about as much as three in a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Rows of a segment that meet the conditions."""

    rows: NDArray[np.int64] | None
    """Their numbers, ascending; None for every row of a segment without deleted ones."""
    count: int
    """How many."""
    without_place: int = 0
    """Tiles that meet the others as far as is known, and have no place to hold against."""
    without_time: int = 0
    """Likewise without a time."""
    without_cloud: int = 0
    """Likewise without a cloud share."""

    def numbers(self) -> NDArray[np.int64]:
        """Return their numbers, ascending."""
        return np.arange(self.count) if self.rows is None else self.rows


def may_match(segment: Segment, wanted: Conditions) -> bool:
    """Return whether a segment can hold a tile that is found or counted, by the manifest alone."""
    entry = segment.entry
    if wanted.collections and not len(wanted.codes(entry.collections)):
        return False
    is_near = entry.bbox is not None and all(_meets(p, entry.bbox) for p in wanted.places)
    if wanted.places and not is_near and not entry.without_place:
        return False
    if wanted.time is None or entry.without_time:
        return True
    return entry.time is not None and _overlaps(wanted.time, entry.time)


def match_rows(
    segment: Segment,
    wanted: Conditions,
    *,
    zones: Zones | None = None,
    among: NDArray[np.int64] | None = None,
) -> Matches:
    """Return the live rows of a segment that meet the conditions.

    Args:
        segment: the segment.
        wanted: the conditions.
        zones: its zones, where they are at hand.
        among: rows to choose from, ascending; all by default.

    Raises:
        SourceError: if a file of the segment is damaged.
    """
    if wanted.is_empty and among is None:
        is_whole = segment.tombstones is None
        rows = None if is_whole else np.flatnonzero(segment.live)
        return Matches(rows=rows, count=segment.live_rows)
    found: list[NDArray[np.int64]] = []
    unknown: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    codes = wanted.codes(segment.entry.collections)
    for run in _narrowed(segment, wanted, _runs(segment, wanted, zones, among)):
        judged = _judge(segment, run, wanted, codes)
        if segment.tombstones is not None:
            judged.add(segment.live[run])
        found.append(_numbers(run, judged.met()))
        for which, mask in judged.missing():
            unknown[which].append(_numbers(run, mask))
    rows = _settled(segment, found, wanted)
    missing = [len(_settled(segment, parts, wanted)) for parts in unknown]
    return Matches(
        rows=rows,
        count=len(rows),
        without_place=missing[0],
        without_time=missing[1],
        without_cloud=missing[2],
    )


def _numbers(run: _Run, mask: _Mask) -> NDArray[np.int64]:
    return np.flatnonzero(mask) + run.start if isinstance(run, slice) else run[mask]


def _settled(
    segment: Segment, parts: list[NDArray[np.int64]], wanted: Conditions
) -> NDArray[np.int64]:
    """Return the rows that also meet what filter columns do not tell: footprints and items."""
    rows = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    for place in wanted.places:
        if len(rows):
            rows = rows[meets_place(segment, rows, place)]
    if wanted.items and len(rows):
        items = segment.table(rows, ["item_id"]).column("item_id")
        known = pa.array(sorted(wanted.items), pa.string())
        rows = rows[pc.is_in(items, value_set=known).to_numpy()]
    return rows


class _Judged:
    """Which rows of a run meet the conditions so far, and which cannot be held against one."""

    def __init__(self, rows: int) -> None:
        self._met = np.ones(rows, dtype=np.bool_)
        self._unknown: dict[int, _Mask] = {}

    def add(self, met: _Mask, unknown: _Mask | None = None, which: int = -1) -> None:
        """Take a condition; `which` says what of a tile it is held against: 0 place, 1 time ..."""
        if unknown is not None and unknown.any():
            before = self._unknown.get(which)
            self._unknown[which] = unknown if before is None else before | unknown
            met = met | unknown
        self._met &= met

    def met(self) -> _Mask:
        """Return which rows meet all conditions."""
        if not self._unknown:
            return self._met
        met: _Mask = self._met & ~np.logical_or.reduce(list(self._unknown.values()))
        return met

    def missing(self) -> list[tuple[int, _Mask]]:
        """Return which rows without place, time or cloud meet what they can be held against."""
        return [(which, mask & self._met) for which, mask in self._unknown.items()]


def _narrowed(segment: Segment, wanted: Conditions, runs: Iterator[_Run]) -> Iterator[_Run]:
    """Yield rows to judge: where places matter too, those that a time leaves, if it leaves few.

    A place takes longer to judge than a time, and many short runs longer than one list of rows.
    """
    if not wanted.places or wanted.time is None:
        yield from runs
        return
    whole = list(runs)
    left = [_numbers(run, _in_time(segment.columns, run, wanted.time)[0]) for run in whole]
    if _WORTH * sum(map(len, left)) < sum(map(_length, whole)):
        yield np.concatenate(left)
    else:
        yield from whole


def _length(run: _Run) -> int:
    return run.stop - run.start if isinstance(run, slice) else len(run)


def _in_time(columns: HotColumns, run: _Run, wanted: tuple[int, int]) -> tuple[_Mask, _Mask | None]:
    """Return which rows a time lets through or cannot be held against, and the latter."""
    first, last = wanted
    start, end = columns.start[run], columns.end[run]
    unknown = None
    if NO_TIME in (start.min(initial=0), end.min(initial=0)):
        start, end = known_times(start, end)
        unknown = end == NO_TIME
    met = start <= last
    met &= end >= first
    return (met if unknown is None else met | unknown), unknown


def _judge(segment: Segment, run: _Run, wanted: Conditions, codes: NDArray[np.int32]) -> _Judged:
    columns = segment.columns
    judged = _Judged(_length(run))
    if wanted.places:
        edges = edges_of(columns, run)
        nowhere = np.isnan(edges[0]) if segment.entry.without_place else None
        for place in wanted.places:
            judged.add(_touches(edges, place), nowhere, 0)
    if wanted.time is not None:
        judged.add(*_in_time(columns, run, wanted.time), 1)
    if wanted.max_cloud_pct is not None:
        cloud = columns.cloud_pct[run]
        judged.add(cloud <= wanted.max_cloud_pct, np.isnan(cloud), 2)
    if wanted.collections:
        judged.add(np.isin(columns.collection[run], codes))
    return judged


def _touches(edges: Edges, place: Place) -> _Mask:
    """Return which boxes meet the spans of a place; a box over the antimeridian has two ends.

    Edges are compared in single precision: boxes are rounded outward, so none is missed.
    """
    west, south, east, north = edges
    met = np.zeros(len(west), dtype=np.bool_)
    over = west > east
    is_any_over = over.any()
    for start, stop in place.spans:
        ends_after, starts_before = east >= start, west <= stop
        if is_any_over:
            met |= over & (ends_after | starts_before)
        ends_after &= starts_before
        met |= ends_after
    met &= south <= place.north
    met &= north >= place.south
    return met


def _runs(
    segment: Segment,
    wanted: Conditions,
    zones: Zones | None,
    among: NDArray[np.int64] | None,
) -> Iterator[_Run]:
    """Yield the rows that must be looked at: runs of zones, or those there are to choose from."""
    if among is not None:
        if len(among):
            yield among
        return
    if zones is None:
        yield slice(0, segment.rows)
        return
    open_ = np.concatenate([[False], _open_zones(segment, wanted, zones), [False]])
    edges = np.flatnonzero(open_[1:] != open_[:-1])
    for first, last in edges.reshape(-1, 2).tolist():
        yield slice(first * ZONE_ROWS, min(last * ZONE_ROWS, segment.rows))


def _open_zones(segment: Segment, wanted: Conditions, zones: Zones) -> _Mask:
    """Return which zones may hold a tile that is found or counted."""
    open_ = np.ones(len(zones.west), dtype=np.bool_)
    for place in wanted.places:
        near = np.zeros_like(open_)
        for start, stop in place.spans:
            near |= (zones.east >= start) & (zones.west <= stop)
        near &= (zones.south <= place.north) & (zones.north >= place.south)
        open_ &= near | zones.without_place
    if wanted.time is not None:
        first, last = wanted.time
        open_ &= ((zones.first <= last) & (zones.last >= first)) | zones.without_time
    if wanted.max_cloud_pct is not None:
        open_ &= (zones.cloud_pct <= wanted.max_cloud_pct) | zones.without_cloud
    if wanted.collections:
        codes = wanted.codes(segment.entry.collections)
        least, most = zones.collections
        open_ &= ((codes[:, None] >= least) & (codes[:, None] <= most)).any(axis=0)
    return open_


def _meets(place: Place, bbox: BBox) -> bool:
    return any(
        BBox(west=west, south=place.south, east=east, north=place.north).intersects(bbox)
        for west, east in place.spans
    )


def _overlaps(wanted: tuple[int, int], span: TimeRange) -> bool:
    first, last = wanted
    starts_in_time = span.start is None or microseconds(span.start) <= last
    return starts_in_time and (span.end is None or microseconds(span.end) >= first)
