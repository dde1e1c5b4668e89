"""Single rows of a Parquet file: only the row groups that hold them are decoded."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from eoagent_indexes.groupcache import GroupCache

__all__ = ["RowGroups"]

_FEW: Final = 64  # rows that are cut out one by one faster than by a `take` of each group


class RowGroups:
    """Rows of a Parquet file that was checked; safe for threads."""

    def __init__(self, buffer: Any, kept: GroupCache | None = None) -> None:
        """Read the footer.

        Args:
            buffer: the bytes of the file.
            kept: row groups that stay decoded; one of its own by default.

        Raises:
            pa.ArrowException: if it is no Parquet file.
        """
        self._file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(buffer)), pre_buffer=False)
        meta = self._file.metadata
        sizes = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._kept = kept or GroupCache()
        self._own = object()  # tells its groups from those of other files
        self._guard = threading.Lock()

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return int(self._starts[-1])

    @property
    def group_rows(self) -> tuple[tuple[int, int], ...]:
        """First row of each row group, and the first after it."""
        starts = self._starts.tolist()
        return tuple(itertools.pairwise(starts))

    @property
    def schema(self) -> Any:
        """Its Arrow schema."""
        return self._file.schema_arrow

    def take(self, rows: NDArray[np.integer], columns: Sequence[str] | None = None) -> pa.Table:
        """Return some rows in the order asked for, with all columns or some."""
        wanted = None if columns is None else tuple(columns)
        groups = np.searchsorted(self._starts, rows, side="right") - 1
        needed = np.unique(groups).tolist() or [0]
        if 0 < len(rows) <= _FEW:
            return self._cut(rows, groups, {g: self._decoded(g, wanted) for g in needed})
        parts, places = [], []
        for group in needed:
            mine = np.flatnonzero(groups == group)
            inside = rows[mine].astype(np.int64) - self._starts[group]
            parts.append(self._decoded(group, wanted).take(pa.array(inside)))
            places.append(mine)
        if len(parts) == 1:
            return parts[0]
        return pa.concat_tables(parts).take(pa.array(np.argsort(np.concatenate(places))))

    def _cut(
        self, rows: NDArray[np.integer], groups: NDArray[np.intp], decoded: dict[int, pa.Table]
    ) -> pa.Table:
        """Return few rows in the order asked for."""
        inside = (rows.astype(np.int64) - self._starts[groups]).tolist()
        pieces = [
            decoded[group].slice(at, 1) for group, at in zip(groups.tolist(), inside, strict=True)
        ]
        return pa.concat_tables(pieces).combine_chunks()

    def _decoded(self, group: int, columns: tuple[str, ...] | None) -> pa.Table:
        key = (self._own, group, columns)
        table = self._kept.get(key)
        if table is None:
            names = None if columns is None else list(columns)
            with self._guard:  # a file reads for one thread at a time
                table = self._file.read_row_group(group, columns=names, use_threads=False)
            self._kept.keep(key, table)
        return table
