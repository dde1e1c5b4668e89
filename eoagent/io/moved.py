"""Read a raster on another grid: by nearest pixel, between pixels, or averaged over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid, RasterRef
from eoagent.geo.grid import same_grid
from eoagent.geo.interpolation import Smooth, interpolate, window_mean
from eoagent.io.raster import RasterReader
from eoagent.io.resample import Positions, find_positions, target_lines
from eoagent.spectral.backscatter import from_power, to_power

__all__ = ["METHODS", "Moved", "Resampling", "check_resampling", "moved_note"]

Values = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Resampling = Literal["nearest", "bilinear", "cubic", "average"]
"""How values come to another grid."""

METHODS: Final[dict[Resampling, str]] = {
    "nearest": "nearest neighbour",
    "bilinear": "bilinear interpolation",
    "cubic": "cubic convolution (Keys 1981)",
    "average": "the mean of the pixels below each new one",
}
"""The ways in words."""

_HALO: Final = 2
_FEWEST_PARTS: Final = 8
_MOST_PARTS: Final = 512


def check_resampling(ref: RasterRef, method: Resampling) -> None:
    """Refuse ways that make values which classes and bits do not have.

    Raises:
        InputError: if a raster of classes or bits is to be interpolated or averaged.
    """
    if ref.values == "quality" and method != "nearest":
        raise InputError(
            f"{ref.title} holds classes or bits, which {METHODS[method]} would mix up",
            hint="use resampling nearest",
        )


def moved_note(ref: RasterRef, grid: Grid, onto: str, method: Resampling) -> tuple[str, ...]:
    """Return in words how a raster comes to a grid; nothing where it lies on it already."""
    if same_grid(ref.grid, grid):
        return ()
    how = METHODS[method]
    if ref.values == "backscatter_db" and method != "nearest":
        how += ", in linear power, given in decibels again"
    return (f"{ref.title} was brought to the grid of {onto} by {how}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Reads some bands of a raster on a grid."""

    reader: RasterReader
    """An open reader of the raster."""
    names: Sequence[str]
    """Bands, in the order wanted."""
    grid: Grid
    """Grid to read on."""
    method: Resampling
    """How."""
    max_pixels: int
    """Most pixels that are held at a time, all bands together."""

    def read(self, window: Window) -> tuple[Values, Bools]:
        """Return values (bands, height, width) of a window of the grid, and where they are valid.

        A pixel is valid where the pixel that its centre lies in is; averaged, where any below it
        is. Backscatter in decibels is interpolated and averaged in linear power.

        Raises:
            InputError: if the raster cannot be brought to the grid.
            SourceError: if pixels could not be had.
        """
        own = self.reader.ref
        if same_grid(own.grid, self.grid):
            return self.reader.read(self.names, window)
        if self.method == "nearest":
            return self.reader.read(self.names, window, grid=self.grid)
        if self.method == "average":
            parts = self._parts()
            return self._halved(window, parts * parts, lambda w: self._averaged(w, parts))
        return self._between(window, self.method)

    def _halved(
        self, window: Window, cost: int, read: Callable[[Window], tuple[Values, Bools]]
    ) -> tuple[Values, Bools]:
        """Read a window in pieces of which none costs more than is allowed."""
        if window.pixels * cost * len(self.names) <= self.max_pixels or window.pixels == 1:
            return read(window)
        done = [self._halved(half, cost, read) for half in _halves(window)]
        return _joined(window, done)

    def _averaged(self, window: Window, parts: int) -> tuple[Values, Bools]:
        shape = window.height * parts, window.width * parts
        values, valid = self.reader.read(self.names, window, grid=self.grid, out_shape=shape)
        values, valid = window_mean(self._as_power(values), valid, parts)
        return self._as_stored(values), valid

    def _parts(self) -> int:
        """Return into how many parts a pixel is cut along each side to find those below it.

        A multiple of the pixels below one, where that is a whole number, so that each of them
        counts alike. The middle of the grid decides.
        """
        rows = self.grid.height / 2 + np.array([0.0, 1.0])
        cols = self.grid.width / 2 + np.array([0.0, 1.0])
        at = find_positions(self.grid, self.reader.ref.grid, rows, cols)
        steps = [np.ptp(at.rows), np.ptp(at.cols)]
        if not np.isfinite(steps).all():
            return _FEWEST_PARTS
        below = max(1, int(np.ceil(max(steps) - 1e-6)))
        return min(_MOST_PARTS, below * max(2, -(-_FEWEST_PARTS // below)))

    def _between(self, window: Window, method: Smooth) -> tuple[Values, Bools]:
        own = self.reader.ref.grid
        rows, cols = target_lines(window, None)
        positions = find_positions(self.grid, own, rows, cols)
        source = _below(positions, own)
        if source is None:
            shape = window.height, window.width
            dtype = self.reader.read(self.names, Window(row=0, col=0, height=1, width=1))[0].dtype
            return np.full((len(self.names), *shape), np.nan, dtype), np.zeros(shape, np.bool_)
        if source.pixels * len(self.names) > self.max_pixels and window.pixels > 1:
            return _joined(window, [self._between(half, method) for half in _halves(window)])
        values, valid = self.reader.read(self.names, source)
        values, valid = interpolate(
            self._as_power(values),
            valid,
            positions.rows - source.row,
            positions.cols - source.col,
            method=method,
        )
        return self._as_stored(values), valid

    @property
    def _is_db(self) -> bool:
        return self.reader.ref.values == "backscatter_db"

    def _as_power(self, values: Values) -> Values:
        return to_power(values, is_db=True) if self._is_db else values

    def _as_stored(self, values: Values) -> Values:
        if not self._is_db:
            return values
        return from_power(values.astype(np.float64), to_db=True)


def _below(positions: Positions, own: Grid) -> Window | None:
    """Return the window of a grid in which positions lie, with what the kernels reach around it."""
    spans = []
    for at, size in ((positions.rows, own.height), (positions.cols, own.width)):
        inside = at[(at > -1) & (at < size + 1)]  # NaN compares false
        if not inside.size:
            return None
        first = max(0, int(inside.min()) - _HALO)
        spans.append((first, min(size, int(inside.max()) + 1 + _HALO)))
    (top, bottom), (left, right) = spans
    return Window(row=top, col=left, height=bottom - top, width=right - left)


def _halves(window: Window) -> tuple[Window, Window]:
    if window.height >= window.width:
        cut = window.height // 2
        upper = window.model_copy(update={"height": cut})
        rest = {"row": window.row + cut, "height": window.height - cut}
        return upper, window.model_copy(update=rest)
    cut = window.width // 2
    left = window.model_copy(update={"width": cut})
    rest = {"col": window.col + cut, "width": window.width - cut}
    return left, window.model_copy(update=rest)


def _joined(window: Window, done: Sequence[tuple[Values, Bools]]) -> tuple[Values, Bools]:
    axis = 0 if window.height >= window.width else 1
    return (
        np.concatenate([values for values, _ in done], axis=axis + 1),
        np.concatenate([valid for _, valid in done], axis=axis),
    )
