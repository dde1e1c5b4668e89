"""Checksums of deflate blocks: a TIFF's blocks end in one, and GDAL does not look at it.

Without this about one flipped byte in seven of a deflate GeoTIFF changes pixels unseen. Only reads
at full size are checked, and only the blocks of the bands themselves: overviews, which previews are
made from, and internal masks are not.

Source: RFC 1950, section 2.2 (Adler-32 at the end of the stream).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from rasterio.enums import Compression

from eoagent.contracts.geometry import Window

__all__ = ["BlockSums", "SeekableBytes", "has_sums"]


class SeekableBytes(Protocol):
    """A file object that can be read anywhere."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a position."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """Read bytes."""
        ...


def has_sums(raw: Any) -> bool:
    """Return whether an open rasterio dataset is a TIFF whose blocks carry checksums."""
    return raw.driver == "GTiff" and raw.compression is Compression.deflate


class BlockSums:
    """Checks each deflate block of a TIFF once, before its pixels are believed."""

    def __init__(self, raw: Any, file: SeekableBytes) -> None:
        """Take an open dataset and a file object over the same bytes."""
        self._raw = raw
        self._file = file
        self._rows, self._cols = raw.block_shapes[0]
        self._is_pixelwise = raw.interleaving is not None and raw.interleaving.name == "pixel"
        shares = raw.count if self._is_pixelwise else 1
        self._block_bytes = self._rows * self._cols * shares * np.dtype(raw.dtypes[0]).itemsize
        self._done: set[tuple[int, int, int]] = set()

    def check(self, indexes: Sequence[int], window: Window | None) -> None:
        """Check the blocks that a read touches; those checked before are skipped.

        Raises:
            ValueError: if a block is damaged; the message says which.
        """
        for block in self._touched(indexes, window):
            if block not in self._done:
                self._check_block(block)
                self._done.add(block)

    def _touched(
        self, indexes: Sequence[int], window: Window | None
    ) -> Iterator[tuple[int, int, int]]:
        part = window or Window(row=0, col=0, height=self._raw.height, width=self._raw.width)
        for index in (1,) if self._is_pixelwise else indexes:
            for row in range(part.row // self._rows, -(-(part.row + part.height) // self._rows)):
                for col in range(part.col // self._cols, -(-(part.col + part.width) // self._cols)):
                    yield index, row, col

    def _check_block(self, block: tuple[int, int, int]) -> None:
        index, row, col = block
        place = f"{col}_{row}"
        offset = self._raw.get_tag_item(f"BLOCK_OFFSET_{place}", "TIFF", bidx=index)
        size = self._raw.get_tag_item(f"BLOCK_SIZE_{place}", "TIFF", bidx=index)
        if offset is None or size is None:  # absent from the file: no data there
            return
        self._file.seek(int(offset))
        packed = self._file.read(int(size))
        unpacker = zlib.decompressobj()
        try:
            plain = unpacker.decompress(packed, self._block_bytes)
            # The end of the stream, with the checksum, may still stand behind the last byte.
            spill = b"" if unpacker.eof else unpacker.decompress(unpacker.unconsumed_tail, 1)
        except zlib.error as error:
            raise ValueError(f"block {place} is damaged: {error}") from error
        if spill or not unpacker.eof:
            raise ValueError(
                f"block {place} is damaged: it unpacks to {len(plain) + len(spill)} bytes or more "
                f"without an end, where {self._block_bytes} are declared"
            )
