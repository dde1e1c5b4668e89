"""Row groups that stay decoded, of all segments of an index together, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

import pyarrow as pa

__all__ = ["GroupCache"]

_MOST_BYTES: Final = 64 << 20
"""Some 200,000 tiles: what a search by place looks at is then decoded once for many queries."""


class GroupCache:
    """Tables by key, the ones used last; safe for threads."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        """Keep no more than so many bytes, and one table whatever its size."""
        self._most = most_bytes
        self._held = 0
        self._tables: OrderedDict[Hashable, pa.Table] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return self._held

    def get(self, key: Hashable) -> pa.Table | None:
        """Return the table of a key; None if it is not kept."""
        with self._guard:
            table = self._tables.get(key)
            if table is not None:
                self._tables.move_to_end(key)
            return table

    def keep(self, key: Hashable, table: pa.Table) -> None:
        """Keep a table that shares its memory with no other."""
        with self._guard:
            if key in self._tables:  # another thread was as quick
                return
            self._tables[key] = table
            self._held += table.nbytes
            while self._held > self._most and len(self._tables) > 1:
                _, gone = self._tables.popitem(last=False)
                self._held -= gone.nbytes
