"""Masks as files of one byte a pixel: 1 = yes, 0 = no, 255 = not valid; handled in strips."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import SourceError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.contracts.store import Admitted
from eoagent.geo.grid import strips
from eoagent.io.dataset import open_dataset
from eoagent.io.gridwriter import GridWriter
from eoagent.io.source import FileSource, make_place

__all__ = ["MASK_INVALID", "GridWriter", "MaskReader", "MaskWriter"]

MASK_INVALID: Final = 255
"""Stored value of a pixel that is neither yes nor no."""

_BLOCK_PIXELS: Final = 8_000_000


class MaskWriter:
    """Writes a mask strip by strip; a context manager that removes what is not finished."""

    def __init__(self, path: Path, grid: Grid, *, label: str = "", cache_mb: int = 128) -> None:
        """Begin a mask; nothing is at `path` before `finish`.

        Raises:
            SourceError: if there is no room, or the place cannot be written.
        """
        self._writer = GridWriter(
            path,
            grid,
            dtype="uint8",
            nodata=MASK_INVALID,
            names=(label,) if label else (),
            cache_mb=cache_mb,
        )

    def add(self, window: Window, yes: NDArray[np.bool_], valid: NDArray[np.bool_]) -> None:
        """Write a part of the mask; every pixel of the grid has to be added once.

        Args:
            window: where it lies.
            yes: (height, width), True where the mask shows.
            valid: (height, width), True where that is known; elsewhere `yes` does not count.

        Raises:
            InputError: if the arrays do not have the window's shape.
            SourceError: if it could not be written.
        """
        stored = np.where(valid, yes, np.uint8(MASK_INVALID)).astype(np.uint8)
        self._writer.add(window, stored)

    def finish(self) -> Path:
        """Make the final file and return its path.

        Raises:
            InputError: if not every pixel was added once.
            SourceError: if it could not be written; nothing is left behind.
        """
        return self._writer.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.discard()


class MaskReader:
    """Reads a mask of the store; a context manager, for one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        grid: Grid | None = None,
        block_pixels: int = _BLOCK_PIXELS,
        cache_mb: int = 128,
    ) -> None:
        """Open a mask file that was made here.

        Args:
            path: the file.
            grid: its lattice as its reference says it, with a stated pixel size; None is the
                file's own.
            block_pixels: most pixels that are held at a time.
            cache_mb: GDAL's block cache, MB.

        Raises:
            SourceError: if it cannot be read, or is no mask.
        """
        real = os.path.realpath(path)
        self._block_pixels = block_pixels
        self._closing = ExitStack()
        with self._closing:
            file = open_dataset(Admitted(scheme="file", href=real, typed=True), cache_mb=cache_mb)
            self._closing.callback(file.close)
            if file.raw.count != 1 or file.raw.dtypes[0] != "uint8":
                raise SourceError(
                    f"{real!r} is no mask: it has {file.raw.count} bands of {file.raw.dtypes[0]}",
                    href=real,
                    hint="a mask has one band of bytes: 1 yes, 0 no, 255 not valid",
                )
            self._source = FileSource(file, max_pixels=block_pixels, grid=grid)
            self._closing = self._closing.pop_all()
        self.grid = self._source.grid
        """The mask's lattice."""

    def read(
        self,
        window: Window | None = None,
        *,
        grid: Grid | None = None,
        out_shape: tuple[int, int] | None = None,
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return where the mask says yes, and where it is valid, (height, width) each.

        Args:
            window: part of the grid; None is the whole.
            grid: grid to read on, by nearest pixel; None is the mask's own.
            out_shape: (height, width) to give instead of the window's.

        Raises:
            InputError: if the window lies outside the grid, or the mask cannot be brought to it.
            SourceError: if pixels could not be had.
        """
        place = make_place(grid or self.grid, window, out_shape=out_shape)
        stored, inside = self._source.stored([1], place)
        valid = stored[0] != MASK_INVALID
        if inside is not None:
            valid &= inside
        return (stored[0] == 1) & valid, valid

    def windows(self) -> Iterator[Window]:
        """Yield full-width strips of the mask, cut along its blocks."""
        rows = self._source.block_rows
        aligned = rows if rows * self.grid.width <= self._block_pixels else 1
        yield from strips(self.grid, self._block_pixels, aligned)

    def close(self) -> None:
        """Close the file."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
