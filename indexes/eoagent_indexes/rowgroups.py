"""Single rows of a Parquet file: only the row groups that hold them are decoded, the last kept."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

__all__ = ["RowGroups"]

_AT_ONCE: Final = 8


class RowGroups:
    """Rows of a Parquet file that was checked; safe for threads."""

    def __init__(self, buffer: Any, *, kept: int = 16) -> None:
        """Read the footer.

        Args:
            buffer: the bytes of the file.
            kept: row groups that stay decoded.

        Raises:
            pa.ArrowException: if it is no Parquet file.
        """
        self._file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(buffer)), pre_buffer=False)
        meta = self._file.metadata
        sizes = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._kept: OrderedDict[tuple[int, tuple[str, ...] | None], pa.Table] = OrderedDict()
        self._most = kept
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
        parts, places = [], []
        for first in range(0, len(needed), _AT_ONCE):
            for group, table in self._decoded(needed[first : first + _AT_ONCE], wanted).items():
                mine = np.flatnonzero(groups == group)
                inside = rows[mine].astype(np.int64) - self._starts[group]
                parts.append(table.take(pa.array(inside)))
                places.append(mine)
        if len(parts) == 1:
            return parts[0]
        return pa.concat_tables(parts).take(pa.array(np.argsort(np.concatenate(places))))

    def _decoded(
        self, groups: Sequence[int], columns: tuple[str, ...] | None
    ) -> dict[int, pa.Table]:
        with self._guard:
            missing = [group for group in groups if (group, columns) not in self._kept]
            if missing:  # in one call they cost half of what they do one by one
                names = None if columns is None else list(columns)
                read = self._file.read_row_groups(missing, columns=names, use_threads=False)
                at = 0
                for group in missing:
                    count = int(self._starts[group + 1] - self._starts[group])
                    self._kept[group, columns] = read.slice(at, count)
                    at += count
            found = {group: self._kept[group, columns] for group in groups}
            for group in groups:
                self._kept.move_to_end((group, columns))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found
