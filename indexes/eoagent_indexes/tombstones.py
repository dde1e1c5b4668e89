"""Which rows of a segment are deleted: a sorted .npy file of row numbers."""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.checked import read_checked
from eoagent_indexes.durable import store_bytes
from eoagent_indexes.manifest import TombstoneEntry
from eoagent_indexes.npyfile import HEADER_BYTES, npy_header
from eoagent_indexes.refusals import damaged

__all__ = ["live_mask", "read_tombstones", "write_tombstones"]


def write_tombstones(root: Path, segment_id: str, rows: NDArray[np.integer]) -> TombstoneEntry:
    """Write the deleted rows of a segment as a new file.

    Raises:
        OSError: if the disk refuses.
    """
    numbers = np.unique(rows).astype("<u4")
    data = npy_header("<u4", (len(numbers),)) + numbers.tobytes()
    file = store_bytes(root, f"deletes/{secrets.token_hex(16)}.npy", data)
    return TombstoneEntry(segment=segment_id, rows=len(numbers), file=file)


def read_tombstones(root: Path, entry: TombstoneEntry, rows: int) -> NDArray[np.uint32]:
    """Return the deleted rows of a segment of `rows` rows, ascending.

    Raises:
        SourceError: if the file is missing or damaged.
    """
    data = read_checked(root, entry.file)
    size = HEADER_BYTES + 4 * entry.rows
    if len(data) != size or data[:HEADER_BYTES] != npy_header("<u4", (entry.rows,)):
        raise damaged(root, root / entry.file.path, f"is no list of {entry.rows} rows")
    numbers = np.frombuffer(data, dtype="<u4", offset=HEADER_BYTES)
    if (np.diff(numbers.astype(np.int64)) <= 0).any() or numbers[-1] >= rows:
        raise damaged(root, root / entry.file.path, f"names rows that a segment of {rows} lacks")
    return numbers


def live_mask(root: Path, entry: TombstoneEntry | None, rows: int) -> NDArray[np.bool_]:
    """Return which of the rows of a segment are not deleted.

    Raises:
        SourceError: if the file is missing or damaged.
    """
    mask = np.ones(rows, dtype=np.bool_)
    if entry is not None:
        mask[read_tombstones(root, entry, rows)] = False
    return mask
