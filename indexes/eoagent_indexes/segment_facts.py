"""What is known of a segment once all its rows have passed by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent_indexes.cells import curve_keys, month_numbers
from eoagent_indexes.extent import hull
from eoagent_indexes.hot import NO_TIME, HotColumns, boxes_of, hot_from_table
from eoagent_indexes.ids import SortedIds, id_words
from eoagent_indexes.manifest import FileEntry, SegmentEntry
from eoagent_indexes.schema import geometry_kinds

__all__ = ["NORM_RANGE", "SegmentFacts", "norms_of", "time_span"]

NORM_RANGE: Final = (0.99, 1.01)
"""Lengths that a stored vector may have."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def norms_of(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Return the lengths of vectors (n, d); NaN or infinite where one is not finite."""
    whole = vectors.astype(np.float32)
    norms: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", whole, whole))
    return norms


def time_span(start: NDArray[np.int64], end: NDArray[np.int64]) -> TimeRange | None:
    """Return the span of times in microseconds since 1970; None if none is known."""
    first = start[start != NO_TIME]
    last = end[end != NO_TIME]
    known = np.concatenate([first, last])
    if not len(known):
        return None
    ends = (int(known.min()), int(known.max()))
    lower, upper = (_EPOCH + timedelta(microseconds=value) for value in ends)
    return TimeRange(start=lower, end=upper)


class SegmentFacts:
    """Collects ranges, filter columns and ids from the pieces of a segment."""

    def __init__(self) -> None:
        self.rows = 0
        """Rows so far."""
        self.kinds: set[str] = set()
        """Types of the geometries."""
        self._tables: list[pa.Table] = []
        self._norms = (np.inf, -np.inf)

    def add(self, table: pa.Table, vectors: NDArray[Any]) -> None:
        """Take a piece.

        Raises:
            InputError: if a vector is not finite or not of length 1.
        """
        norms = norms_of(vectors)
        # A comparison with NaN is false, so this refuses what is not finite too.
        sound = (norms >= NORM_RANGE[0]) & (norms <= NORM_RANGE[1])
        if not sound.all():
            row = int(np.argmin(sound))
            raise InputError(
                f"the vector of tile {table.column('tile_id')[row].as_py()} has length "
                f"{norms[row]:g}; lengths from {NORM_RANGE[0]} to {NORM_RANGE[1]} are stored",
                hint="divide vectors by their length first",
            )
        self.rows += table.num_rows
        self.kinds |= geometry_kinds(table.column("geometry"))
        self._norms = (
            min(self._norms[0], float(norms.min())),
            max(self._norms[1], float(norms.max())),
        )
        kept = ("tile_id", "collection", "bbox", "start", "end", "cloud_pct")
        self._tables.append(table.select(kept))

    @property
    def collections(self) -> tuple[str, ...]:
        """Collections of the tiles, sorted."""
        return tuple(sorted(set(self._whole().column("collection").unique().to_pylist())))

    @property
    def bbox(self) -> BBox | None:
        """Box around the tiles."""
        return hull(boxes_of(self._whole()))

    def columns(self) -> HotColumns:
        """Return the filter columns."""
        return hot_from_table(self._whole(), self.collections)

    def ids(self) -> SortedIds:
        """Return the tile ids in order.

        Raises:
            InputError: if one is not 32 hex digits.
        """
        return SortedIds.of(id_words(self._whole().column("tile_id").to_pylist()))

    def entry(
        self, name: str, files: tuple[FileEntry, ...], *, dimensions: int, block_bytes: int
    ) -> SegmentEntry:
        """Return the entry of the segment."""
        table = self._whole()
        hot = self.columns()
        start, end = hot.start, hot.end
        keys, months = curve_keys(hot, slice(None)), month_numbers(start)
        last = hot.collection == hot.collection.max()
        return SegmentEntry(
            id=name,
            rows=self.rows,
            dimensions=dimensions,
            block_bytes=block_bytes,
            files=files,
            bbox=self.bbox,
            time=time_span(start, end),
            collections=self.collections,
            without_place=int(np.isnan(boxes_of(table)).any(axis=1).sum()),
            without_time=int(((start == NO_TIME) & (end == NO_TIME)).sum()),
            months=(int(months[hot.collection == 0].min()), int(months[last].max())),
            curve=(int(keys.min()), int(keys.max())),
            norms=self._norms,
        )

    def _whole(self) -> pa.Table:
        return pa.concat_tables(self._tables)
