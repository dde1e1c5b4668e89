"""Bring pixels of one grid to another: where each target pixel lies in the source, and its value.

Positions count from the outer corner of a grid, so the centre of its first pixel is at 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import (
    crs_to_pixel,
    lonlat_to_pixel,
    pixel_to_crs,
    pixel_to_lonlat,
)

__all__ = ["Positions", "find_positions", "sample_nearest", "target_lines"]

Floats = NDArray[np.float64]

_EDGE_PX: Final = 1e-6
"""A centre this close to the edge of a source pixel lies on it, and goes to the pixel after it."""
_LATTICE_PX: Final = 32
_TOLERANCE_PX: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Where target pixels lie in a source, in source pixels; NaN where nowhere.

    Along a common grid direction rows and columns are independent: `rows` is (height, 1) and
    `cols` (1, width); else both are (height, width).
    """

    rows: Floats
    """Source rows."""
    cols: Floats
    """Source columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the target."""
        return self.rows.shape[0], self.cols.shape[1]

    def part(self, rows: slice, cols: slice) -> Positions:
        """Return the positions of a part of the target."""
        return Positions(
            rows=self.rows[rows, cols if self.rows.shape[1] > 1 else slice(None)],
            cols=self.cols[rows if self.cols.shape[0] > 1 else slice(None), cols],
        )


def target_lines(window: Window, out_shape: tuple[int, int] | None) -> tuple[Floats, Floats]:
    """Return the rows and columns of the centres of a window's pixels, at full size or smaller."""
    height, width = out_shape or (window.height, window.width)
    rows: Floats = window.row + (np.arange(height, dtype=np.float64) + 0.5) * (
        window.height / height
    )
    cols: Floats = window.col + (np.arange(width, dtype=np.float64) + 0.5) * (window.width / width)
    return rows, cols


def find_positions(target: Grid, source: Grid, rows: Floats, cols: Floats) -> Positions:
    """Return where target positions lie in a source grid.

    Between coordinate systems the positions are computed on a lattice and interpolated; it is
    refined until they are true to 0.005 source pixels.

    Args:
        target: grid that the positions count in.
        source: grid that they are wanted in.
        rows: target rows, ascending, shape (height,).
        cols: target columns, ascending, shape (width,).

    Raises:
        InputError: if one of the grids has no georeference.
    """
    if not (target.is_georeferenced and source.is_georeferenced):
        raise InputError(
            f"an image of {source.width} x {source.height} pixels cannot be laid on a grid of "
            f"{target.width} x {target.height}: at least one has no georeference",
            hint="images without georeference can be compared only where their sizes are equal",
        )
    same_crs = target.crs == source.crs
    if same_crs and target.is_north_up and source.is_north_up:
        x = pixel_to_crs(target, np.zeros_like(cols), cols)[0]
        y = pixel_to_crs(target, rows, np.zeros_like(rows))[1]
        at_cols = crs_to_pixel(source, x, np.full_like(x, y[0]))[1]
        at_rows = crs_to_pixel(source, np.full_like(y, x[0]), y)[0]
        return Positions(rows=at_rows[:, None], cols=at_cols[None, :])

    def exact(at_rows: Floats, at_cols: Floats) -> tuple[Floats, Floats]:
        if same_crs:
            return crs_to_pixel(source, *pixel_to_crs(target, at_rows, at_cols))
        return lonlat_to_pixel(source, *pixel_to_lonlat(target, at_rows, at_cols))

    step = _LATTICE_PX
    while step >= 4:
        found = _interpolated(exact, rows, cols, step)
        if found is not None:
            return found
        step //= 4
    at_rows, at_cols = exact(*np.meshgrid(rows, cols, indexing="ij"))
    return Positions(rows=at_rows, cols=at_cols)


def sample_nearest(
    positions: Positions,
    size: tuple[int, int],
    read: Callable[[Window], NDArray[Any]],
    *,
    max_pixels: int,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the source pixel under each target centre.

    Args:
        positions: where the targets lie in the source.
        size: (height, width) of the source.
        read: returns stored pixels (bands, height, width) of a window of the source.
        max_pixels: most source pixels per band that are read at a time.

    Returns:
        Pixels (bands, height, width), 0 outside the source, and True (height, width) inside it.
    """
    rows, cols = _whole(positions.rows, size[0]), _whole(positions.cols, size[1])
    inside = (rows >= 0) & (cols >= 0)
    if not inside.any():
        empty = read(Window(row=0, col=0, height=1, width=1))
        return np.zeros((empty.shape[0], *inside.shape), dtype=empty.dtype), inside
    row_span, col_span = _span(rows), _span(cols)
    is_large = _length(row_span) * _length(col_span) > max_pixels
    if is_large and max(inside.shape) > 1:
        return _in_halves(positions, size, read, max_pixels=max_pixels)
    window = Window(
        row=row_span[0], col=col_span[0], height=_length(row_span), width=_length(col_span)
    )
    stored = read(window)
    at_rows = np.clip(rows - window.row, 0, window.height - 1)
    at_cols = np.clip(cols - window.col, 0, window.width - 1)
    pixels = stored[:, at_rows, at_cols]
    pixels[:, ~inside] = 0
    return pixels, inside


def _in_halves(
    positions: Positions,
    size: tuple[int, int],
    read: Callable[[Window], NDArray[Any]],
    *,
    max_pixels: int,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    axis = 0 if positions.shape[0] >= positions.shape[1] else 1
    middle = positions.shape[axis] // 2
    everything = slice(None)
    halves = [
        positions.part(cut, everything) if axis == 0 else positions.part(everything, cut)
        for cut in (slice(None, middle), slice(middle, None))
    ]
    done = [sample_nearest(half, size, read, max_pixels=max_pixels) for half in halves]
    return (
        np.concatenate([pixels for pixels, _ in done], axis=axis + 1),
        np.concatenate([inside for _, inside in done], axis=axis),
    )


def _whole(positions: Floats, limit: int) -> NDArray[np.int64]:
    """Return positions as pixel numbers, -1 where they lie outside 0 to limit."""
    floor = np.floor(positions + _EDGE_PX)
    inside = (floor >= 0) & (floor < limit)  # NaN compares false
    return np.where(inside, floor, -1).astype(np.int64)


def _span(numbers: NDArray[np.int64]) -> tuple[int, int]:
    inside = numbers[numbers >= 0]
    return int(inside.min()), int(inside.max())


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0] + 1


def _interpolated(
    exact: Callable[[Floats, Floats], tuple[Floats, Floats]], rows: Floats, cols: Floats, step: int
) -> Positions | None:
    """Return positions by bilinear interpolation between exact ones, or None if not true enough."""
    node_rows, node_cols = _nodes(rows, step), _nodes(cols, step)
    if node_rows.size * node_cols.size * 2 > rows.size * cols.size:
        return None
    nodes = exact(*np.meshgrid(node_rows, node_cols, indexing="ij"))
    middle_rows = (node_rows[1:] + node_rows[:-1]) / 2
    middle_cols = (node_cols[1:] + node_cols[:-1]) / 2
    truth = exact(*np.meshgrid(middle_rows, middle_cols, indexing="ij"))
    for values, true in zip(nodes, truth, strict=True):
        between = (values[1:, 1:] + values[:-1, 1:] + values[1:, :-1] + values[:-1, :-1]) / 4
        if not (np.abs(between - true) < _TOLERANCE_PX).all():  # NaN is not true enough
            return None
    out = [_bilinear(values, node_rows, node_cols, rows, cols) for values in nodes]
    return Positions(rows=out[0], cols=out[1])


def _nodes(line: Floats, step: int) -> Floats:
    return np.linspace(line[0], line[-1], max(2, -(-line.size // step) + 1))


def _bilinear(
    values: Floats, node_rows: Floats, node_cols: Floats, rows: Floats, cols: Floats
) -> Floats:
    along_rows, share = _between(node_rows, rows)
    at_rows = values[along_rows] * (1 - share[:, None]) + values[along_rows + 1] * share[:, None]
    along_cols, share = _between(node_cols, cols)
    out: Floats = at_rows[:, along_cols] * (1 - share) + at_rows[:, along_cols + 1] * share
    return out


def _between(nodes: Floats, line: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the node before each position, and how far it lies on the way to the next."""
    spacing = (nodes[-1] - nodes[0]) / (nodes.size - 1) or 1.0
    at = np.clip((line - nodes[0]) / spacing, 0, nodes.size - 1)
    before = np.minimum(at.astype(np.int64), nodes.size - 2)
    return before, at - before
