"""One open file of a raster, read directly or brought to another grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import same_grid
from eoagent.io.dataset import RasterFile
from eoagent.io.georeference import read_grid
from eoagent.io.resample import find_positions, sample_nearest, target_lines

__all__ = ["FileSource", "Place", "make_place"]

_MOST_VALUES: Final = 500_000_000
_RESAMPLINGS: Final = ("nearest", "average", "bilinear", "mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is to be read: a window of a grid, at full size or smaller."""

    grid: Grid
    """Grid that the window counts in."""
    window: Window
    """Part of it."""
    out_shape: tuple[int, int] | None = None
    """(height, width) to give; None is the window's."""
    resampling: str = "nearest"
    """How a smaller `out_shape` comes about, for files on the same grid."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) that is given."""
        return self.out_shape or (self.window.height, self.window.width)


def make_place(
    grid: Grid,
    window: Window | None,
    *,
    out_shape: tuple[int, int] | None = None,
    resampling: str = "nearest",
    count: int = 1,
) -> Place:
    """Return a place that has been checked; the window None is the whole grid.

    Raises:
        InputError: if the window lies outside the grid, or `count` bands of it do not fit in
            memory.
    """
    part = window or grid.window
    if part.row + part.height > grid.height or part.col + part.width > grid.width:
        raise InputError(
            f"rows {part.row} to {part.row + part.height}, columns {part.col} to "
            f"{part.col + part.width} were asked for, but the grid has {grid.height} rows and "
            f"{grid.width} columns",
            hint="give a window inside the grid",
        )
    if resampling not in _RESAMPLINGS:
        raise InputError(
            f"resampling '{resampling[:40]}' is not known",
            hint=f"known: {', '.join(_RESAMPLINGS)}",
        )
    place = Place(grid=grid, window=part, out_shape=out_shape, resampling=resampling)
    height, width = place.shape
    if height < 1 or width < 1 or height * width * count > _MOST_VALUES:
        raise InputError(
            f"{count} bands of {width} x {height} pixels were asked for at once",
            hint=f"read strip by strip, or smaller: at most {_MOST_VALUES:,} values",
        )
    return place


class FileSource:
    """An open file with its grid; reads at places of any grid."""

    def __init__(self, file: RasterFile, *, max_pixels: int, grid: Grid | None = None) -> None:
        """Take over an open file.

        Args:
            file: an open raster.
            max_pixels: most pixels per band that are held to change grids.
            grid: its grid where the file itself does not say, as a mask file does not; it counts
                if it has the file's size.
        """
        self.file = file
        """The open file."""
        own = read_grid(file).grid
        is_known = grid is not None and (grid.height, grid.width) == (own.height, own.width)
        self.grid = grid if grid is not None and is_known else own
        """Its own grid."""
        with file.faults("its mask flags could not be read"):
            flags = file.raw.mask_flag_enums[0]
        self.has_mask = MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
        """Whether it has a mask band of its own besides alpha and nodata."""
        self.block_rows = int(file.raw.block_shapes[0][0])
        """Rows of its blocks."""
        self._max_pixels = max_pixels
        self._same: tuple[Grid, bool] | None = None

    def is_on(self, grid: Grid) -> bool:
        """Return whether a grid has the same pixels as the file."""
        if self._same is None or self._same[0] is not grid:
            self._same = grid, same_grid(grid, self.grid)
        return self._same[1]

    def stored(
        self, indexes: Sequence[int], place: Place
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return stored numbers (bands, height, width), and where the file has any (None: all).

        Raises:
            InputError: if the file has to be brought to another grid and cannot be.
            SourceError: if the pixels could not be had.
        """

        def read(window: Window, out_shape: tuple[int, int] | None = None) -> NDArray[Any]:
            return self.file.read(indexes, window, out_shape=out_shape, resampling=place.resampling)

        return self._at(place, read)

    def mask(self, place: Place) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
        """Return the file's own mask (height, width), and where the file has any pixels.

        Raises:
            InputError: if the file has to be brought to another grid and cannot be.
            SourceError: if the mask could not be had.
        """

        def read(window: Window, out_shape: tuple[int, int] | None = None) -> NDArray[Any]:
            return self.file.read_mask(window, out_shape=out_shape)[None]

        pixels, inside = self._at(place, read)
        return pixels[0], inside

    def _at(
        self, place: Place, read: Callable[..., NDArray[Any]]
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        if self.is_on(place.grid):
            return read(place.window, place.out_shape), None
        rows, cols = target_lines(place.window, place.out_shape)
        positions = find_positions(place.grid, self.grid, rows, cols)
        size = self.grid.height, self.grid.width
        return sample_nearest(positions, size, read, max_pixels=self._max_pixels)
