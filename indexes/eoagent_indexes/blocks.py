"""The vectors of a segment, mapped into memory and checked block by block as they are used.

A block is compared with its hash when it is first used by this process; what was found sound is
remembered for as long as the segment is open, never beyond: a mark on the disk that says "sound"
tells nothing about bits that the disk lost later.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.checked import map_sized, read_checked
from eoagent_indexes.layout import BLOCKS, VECTORS
from eoagent_indexes.manifest import SegmentEntry
from eoagent_indexes.npyfile import HEADER_BYTES, npy_header
from eoagent_indexes.refusals import damaged

__all__ = ["BlockedVectors"]

_DIGEST: Final = 32
_THREADS: Final = min(8, os.cpu_count() or 1)
_FEW: Final = 64  # blocks that are hashed faster by one thread than by several


class BlockedVectors:
    """Vectors (rows, dimensions), float16; safe for threads."""

    def __init__(self, root: Path, entry: SegmentEntry) -> None:
        """Map the file and read the table of its hashes.

        Raises:
            SourceError: if the file is missing, has another size, or starts otherwise than a
                file of these rows and dimensions; if the table has other bytes than were written.
        """
        self._root, self._entry = root, entry
        file = entry.file(VECTORS)
        self._path = root / file.path
        self._hashes = read_checked(root, entry.file(BLOCKS))
        self._mapped: mmap.mmap = map_sized(root, file)
        self._size = file.bytes
        self._block = entry.block_bytes
        self._stride = 2 * entry.dimensions
        blocks = -(-self._size // self._block)
        expected = HEADER_BYTES + entry.rows * self._stride
        if self._size != expected or len(self._hashes) != blocks * _DIGEST:
            raise damaged(root, self._path, f"is not of {entry.rows} rows, as its entry says")
        if self._mapped[:HEADER_BYTES] != npy_header("<f2", (entry.rows, entry.dimensions)):
            raise damaged(
                root,
                self._path,
                f"does not start as {entry.rows} vectors of {entry.dimensions} float16 do",
            )
        self._sound = np.zeros(blocks, dtype=np.bool_)
        flat = np.frombuffer(self._mapped, dtype="<f2", offset=HEADER_BYTES)
        self._vectors = flat.reshape(entry.rows, entry.dimensions)

    def range(self, start: int, stop: int) -> NDArray[np.float16]:
        """Return the vectors of rows `start` up to `stop`, a read-only view without a copy.

        Raises:
            SourceError: if a block of them has other bytes than were written.
        """
        if stop > start:
            first = (HEADER_BYTES + start * self._stride) // self._block
            last = (HEADER_BYTES + stop * self._stride - 1) // self._block
            self._check(np.flatnonzero(~self._sound[first : last + 1]) + first)
        return self._vectors[start:stop]

    def take(
        self, rows: NDArray[np.integer], out: NDArray[np.float16] | None = None
    ) -> NDArray[np.float16]:
        """Return the vectors of some rows, a copy (n, dimensions).

        Args:
            rows: from 0 up to the number of rows.
            out: where the copy goes, of that shape; new memory by default.

        Raises:
            SourceError: if a block of them has other bytes than were written.
        """
        if not len(rows):
            return self._vectors[:0] if out is None else out
        if rows.min() < 0 or rows.max() >= len(self._vectors):
            raise IndexError(f"{len(self._vectors)} rows do not have all of those asked for")
        start = HEADER_BYTES + rows.astype(np.int64) * self._stride
        for offset in (*range(0, self._stride, self._block), self._stride - 1):
            blocks = (start + offset) // self._block
            is_sound = self._sound[blocks]
            if not is_sound.all():
                self._check(np.unique(blocks[~is_sound]))
        # Rows are within bounds: clipping only spares numpy a second buffer.
        return np.take(self._vectors, rows, axis=0, out=out, mode="clip")

    def damaged_blocks(self) -> NDArray[np.intp]:
        """Read every block again and return the numbers of those with other bytes.

        What a look at the memory map finds is what the system's cache holds; bits that the disk
        lost under the cache show once they are read from it again.
        """
        self._sound[:] = False
        return self._unsound(np.arange(len(self._sound)))

    @property
    def checked_share(self) -> float:
        """Share of the blocks that were compared so far, 0 to 1."""
        return float(self._sound.mean())

    def _check(self, blocks: NDArray[np.intp]) -> None:
        if not len(blocks):
            return
        wrong = self._unsound(blocks)
        if len(wrong):
            at = int(wrong[0]) * self._block
            raise damaged(
                self._root,
                self._path,
                f"has other bytes than were written in {len(wrong)} blocks, first at byte {at}",
            )

    def _unsound(self, blocks: NDArray[np.intp]) -> NDArray[np.intp]:
        if len(blocks) <= _FEW or _THREADS == 1:
            self._hash(blocks)
        else:
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(self._hash, np.array_split(blocks, 4 * _THREADS)))
        return blocks[~self._sound[blocks]]

    def _hash(self, blocks: NDArray[np.intp]) -> None:
        with memoryview(self._mapped) as whole, memoryview(self._hashes) as table:
            for number in blocks.tolist():
                at = number * self._block
                digest = hashlib.sha256(whole[at : at + self._block]).digest()
                if digest == table[number * _DIGEST : (number + 1) * _DIGEST]:
                    self._sound[number] = True
