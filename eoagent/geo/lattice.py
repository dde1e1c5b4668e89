"""Pixel areas on grids without equal rows: computed on a lattice, interpolated between."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import pixel_density_m2, pixel_size_m
from eoagent.geo.projection import Floats

__all__ = ["DensityLattice"]

_FIRST_NODES: Final = 9
_MOST_NODES: Final = 1 << 20
_COARSE_ERROR: Final = 4e-6
_SMALL_PIXEL_M: Final = 2000.0
_CHUNK: Final = 1 << 18
_GAUSS_OFFSET: Final = 0.5 / 3**0.5


class DensityLattice:
    """Areas of a grid's pixels by bilinear interpolation on a lattice that is fine enough.

    Each axis is refined until halving its spacing changes nothing by more than 4e-6, which leaves
    about 1e-6. Where the map is torn or ends inside the grid no lattice serves, and each
    pixel is computed.

    Args:
        grid: georeferenced.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid

    def block(self, window: Window) -> Floats:
        """Return the areas in square metres of a window's pixels, shape (height, width).

        NaN where a pixel lies off the map.

        Raises:
            InputError: if the grid's CRS or control points give no place on Earth.
        """
        rows = _centres(window.row, window.height)
        cols = _centres(window.col, window.width)
        nodes = self._nodes
        if nodes is None:
            step = max(_CHUNK // window.width, 1)
            parts = [self._compute(rows[i : i + step], cols) for i in range(0, len(rows), step)]
            return np.concatenate(parts)
        return _bilinear(
            nodes,
            _place(rows, self._grid.height, len(nodes)),
            _place(cols, self._grid.width, nodes.shape[1]),
        )

    @cached_property
    def _nodes(self) -> Floats | None:
        """Areas at the nodes, spread evenly from the first to the last pixel, or None."""
        counts = [min(n, _FIRST_NODES) for n in (self._grid.height, self._grid.width)]
        values = self._at_nodes(counts)
        open_axes = [axis for axis in (0, 1) if counts[axis] > 1]
        while open_axes and np.isfinite(values).all():
            for axis in tuple(open_axes):
                guess = _linear(values, np.arange(2 * counts[axis] - 1) / 2, axis=axis)
                counts[axis] = 2 * counts[axis] - 1
                if counts[0] * counts[1] > _MOST_NODES:
                    return None
                values = self._at_nodes(counts)
                if np.all(np.abs(guess - values) <= _COARSE_ERROR * values):
                    open_axes.remove(axis)
        return values if np.isfinite(values).all() else None

    def _at_nodes(self, counts: list[int]) -> Floats:
        """Return the areas at evenly spread nodes, `counts` along rows and columns."""
        ends = (self._grid.height - 0.5, self._grid.width - 0.5)
        rows, cols = (
            np.linspace(0.5, end, count, dtype=np.float64)
            for end, count in zip(ends, counts, strict=True)
        )
        return self._compute(rows, cols)

    def _compute(self, rows: Floats, cols: Floats) -> Floats:
        """Return the areas of pixels at all pairs of rows and columns."""
        r, c = np.meshgrid(rows, cols, indexing="ij")
        if self._is_fine:
            return pixel_density_m2(self._grid, r, c)
        offsets = [(i, j) for i in (-1, 1) for j in (-1, 1)]
        parts = [
            pixel_density_m2(self._grid, r + i * _GAUSS_OFFSET, c + j * _GAUSS_OFFSET)
            for i, j in offsets
        ]
        mean: Floats = np.mean(parts, axis=0)
        return mean

    @cached_property
    def _is_fine(self) -> bool:
        """Whether the density at the centre of a pixel is that of the pixel.

        It is on maps whose pixels are small against the Earth; control points may bend a grid
        within a few pixels.
        """
        if self._grid.gcps:
            return False
        try:
            return max(pixel_size_m(self._grid)) <= _SMALL_PIXEL_M
        except InputError:
            return False


def _centres(first: int, count: int) -> Floats:
    """Return the positions of pixel centres along an axis."""
    return np.arange(first, first + count, dtype=np.float64) + 0.5


def _place(centres: Floats, size: int, count: int) -> Floats:
    """Return where pixel centres fall on an axis of `count` nodes, in nodes."""
    return np.zeros_like(centres) if size == 1 else (centres - 0.5) * (count - 1) / (size - 1)


def _bilinear(nodes: Floats, rows: Floats, cols: Floats) -> Floats:
    """Return values at all pairs of positions, given in nodes, shape (rows, cols)."""
    return _linear(_linear(nodes, rows, axis=0), cols, axis=1)


def _linear(nodes: Floats, at: Floats, *, axis: int) -> Floats:
    """Return values at positions along one axis."""
    last = nodes.shape[axis] - 1
    low = np.clip(np.floor(at).astype(np.intp), 0, max(last - 1, 0))
    share = at - low
    values: Floats = nodes.take(low, axis=axis)
    steps: Floats = nodes.take(np.minimum(low + 1, last), axis=axis)
    steps -= values
    steps *= share[:, np.newaxis] if axis == 0 else share
    values += steps
    return values
