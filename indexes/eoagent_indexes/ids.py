"""Which row a tile id stands in: sorted ids with their rows, searched by bisection.

The file holds, one after the other without a header: the upper and the lower 64 bits of each id
(uint64), in order of the ids, and its row (uint32).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError

__all__ = ["ID_BYTES", "IdColumn", "SortedIds", "id_words"]

ID_BYTES: Final = 20
"""Bytes of an entry of the file."""
IdColumn = tuple[NDArray[np.uint64], NDArray[np.uint64]]
"""Upper and lower 64 bits of ids."""
_SHAPE: Final = re.compile(r"[0-9a-f]{32}")


def id_words(tile_ids: Sequence[str]) -> IdColumn:
    """Return ids as two columns of 64 bits.

    Raises:
        InputError: if one is not 32 hex digits.
    """
    for name in tile_ids:
        if not _SHAPE.fullmatch(name):
            raise InputError(
                f"'{name[:60]}' is no tile id", hint="a tile id is 32 digits of 0-9 and a-f"
            )
    words = np.frombuffer(bytes.fromhex("".join(tile_ids)), dtype=">u8").astype(np.uint64)
    return words[0::2], words[1::2]


@dataclass(frozen=True, slots=True)
class SortedIds:
    """Ids in order, with their rows."""

    upper: NDArray[np.uint64]
    """Upper halves."""
    lower: NDArray[np.uint64]
    """Lower halves."""
    rows: NDArray[np.uint32]
    """Rows."""

    @classmethod
    def of(cls, words: IdColumn) -> SortedIds:
        """Return the ids of rows 0, 1, 2 ... in order."""
        upper, lower = words
        order = np.lexsort((lower, upper))
        return cls(upper[order], lower[order], order.astype(np.uint32))

    @classmethod
    def over(cls, buffer: Any, rows: int) -> SortedIds:
        """Return the ids that lie in a buffer of `rows * ID_BYTES` bytes."""
        return cls(
            np.frombuffer(buffer, dtype="<u8", count=rows),
            np.frombuffer(buffer, dtype="<u8", count=rows, offset=8 * rows),
            np.frombuffer(buffer, dtype="<u4", count=rows, offset=16 * rows),
        )

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        columns = ((self.upper, "<u8"), (self.lower, "<u8"), (self.rows, "<u4"))
        return b"".join(column.astype(kind).tobytes() for column, kind in columns)

    def find(self, words: IdColumn) -> NDArray[np.int64]:
        """Return the row of each id, -1 where it is not there."""
        upper, lower = words
        at = np.searchsorted(self.upper, upper)
        found = np.full(upper.shape, -1, dtype=np.int64)
        open_ = np.arange(len(upper))
        while len(open_):  # one round, but for ids that share their upper half
            inside = at[open_] < len(self.upper)
            open_ = open_[inside]
            place = at[open_]
            open_ = open_[self.upper[place] == upper[open_]]
            place = at[open_]
            hit = self.lower[place] == lower[open_]
            found[open_[hit]] = self.rows[place[hit]]
            open_ = open_[~hit]
            at[open_] += 1
        return found

    def words_in_row_order(self) -> IdColumn:
        """Return the ids of rows 0, 1, 2 ..."""
        upper, lower = np.empty_like(self.upper), np.empty_like(self.lower)
        upper[self.rows], lower[self.rows] = self.upper, self.lower
        return upper, lower

    def has_twins(self) -> bool:
        """Return whether an id stands in two rows."""
        same = (self.upper[1:] == self.upper[:-1]) & (self.lower[1:] == self.lower[:-1])
        return bool(same.any())
