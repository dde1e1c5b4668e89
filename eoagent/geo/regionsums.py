"""Sums over labelled regions, which add up when regions turn out to be one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.geometry import Window
from eoagent.geo.projection import Floats

__all__ = ["Labels", "RegionSums", "concatenate", "merge", "no_regions", "sum_regions"]

Labels = NDArray[np.int32]
"""An array of labels; 0 is background."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RegionSums:
    """One row per region; all arrays have shape (n,)."""

    pixels: NDArray[np.int64]
    """Pixels."""
    edges: NDArray[np.int64]
    """Sides shared with valid pixels outside."""
    area: Floats
    """Area, square metres."""
    edge_area: Floats
    """Area of the pixel behind each of the sides, added up, square metres."""
    row_sum: Floats
    """Sum of the rows of pixel centres."""
    col_sum: Floats
    """Sum of the columns of pixel centres."""
    row_min: NDArray[np.int32]
    """First row."""
    row_max: NDArray[np.int32]
    """Last row."""
    col_min: NDArray[np.int32]
    """First column."""
    col_max: NDArray[np.int32]
    """Last column."""

    def __len__(self) -> int:
        return len(self.pixels)


def sum_regions(
    labels: Labels, count: int, window: Window, *, area: Floats, edges: NDArray[np.uint8]
) -> RegionSums:
    """Return the sums over the regions of a block; row i is label i + 1.

    It works on runs of pixels along rows, of which there are far fewer than pixels.

    Args:
        labels: shape (height, width), 0 to `count`; pixels side by side in a row that are not 0
            have one label.
        count: number of labels.
        window: where the block lies.
        area: areas of the pixels; shape (height, width), (height, 1) or (1, 1).
        edges: sides of each pixel that count for its region's outline, shape (height, width).
    """
    inside = np.zeros((window.height, window.width + 2), dtype=bool)
    inside[:, 1:-1] = labels != 0
    first = np.flatnonzero(inside[:, 1:-1] & ~inside[:, :-2])
    last = np.flatnonzero(inside[:, 1:-1] & ~inside[:, 2:])
    owner = labels.ravel()[first] - 1
    row, col = np.divmod(first, window.width)
    stop = last - row * window.width + 1
    size = stop - col
    run_edges = _sum_runs(edges, first, last).astype(np.int64)
    if area.shape[1] == 1:
        per_pixel = area[row if len(area) > 1 else np.zeros_like(row), 0]
        run_area, run_edge_area = per_pixel * size, per_pixel * run_edges
    else:
        run_area = _sum_runs(area, first, last)
        run_edge_area = _sum_runs(np.where(edges > 0, area * edges, 0.0), first, last)
    row_min, row_max, col_min, col_max = (np.zeros(count, dtype=np.int32) for _ in range(4))
    row_max[owner] = row + window.row
    row_min[owner[::-1]] = (row + window.row)[::-1]
    col_min.fill(np.iinfo(np.int32).max)
    np.minimum.at(col_min, owner, (col + window.col).astype(np.int32))
    np.maximum.at(col_max, owner, (stop + window.col - 1).astype(np.int32))
    return RegionSums(
        pixels=_add_up(owner, size, count).astype(np.int64),
        edges=_add_up(owner, run_edges, count).astype(np.int64),
        area=_add_up(owner, run_area, count),
        edge_area=_add_up(owner, run_edge_area, count),
        row_sum=_add_up(owner, (row + window.row + 0.5) * size, count),
        col_sum=_add_up(owner, ((col + stop) / 2 + window.col) * size, count),
        row_min=row_min,
        row_max=row_max,
        col_min=col_min,
        col_max=col_max,
    )


def no_regions() -> RegionSums:
    """Return a table without rows."""
    nothing = np.zeros((1, 1), dtype=np.int32)
    return sum_regions(
        nothing,
        0,
        Window(row=0, col=0, height=1, width=1),
        area=np.zeros((1, 1)),
        edges=nothing.astype(np.uint8),
    )


def concatenate(parts: Sequence[RegionSums]) -> RegionSums:
    """Return the rows of all parts, in order; there is at least one part."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(RegionSums)]
    return RegionSums(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


def merge(sums: RegionSums, into: Labels, count: int) -> RegionSums:
    """Return `count` rows, where row i of `sums` has gone into row `into[i]`."""

    def lowest(values: NDArray[np.int32]) -> NDArray[np.int32]:
        out = np.full(count, np.iinfo(np.int32).max, dtype=np.int32)
        np.minimum.at(out, into, values)
        return out

    def highest(values: NDArray[np.int32]) -> NDArray[np.int32]:
        out = np.full(count, -1, dtype=np.int32)
        np.maximum.at(out, into, values)
        return out

    return RegionSums(
        pixels=_add_up(into, sums.pixels, count).astype(np.int64),
        edges=_add_up(into, sums.edges, count).astype(np.int64),
        area=_add_up(into, sums.area, count),
        edge_area=_add_up(into, sums.edge_area, count),
        row_sum=_add_up(into, sums.row_sum, count),
        col_sum=_add_up(into, sums.col_sum, count),
        row_min=lowest(sums.row_min),
        row_max=highest(sums.row_max),
        col_min=lowest(sums.col_min),
        col_max=highest(sums.col_max),
    )


def _add_up(owner: NDArray[np.integer], values: NDArray[np.generic], count: int) -> Floats:
    return np.asarray(np.bincount(owner, weights=values, minlength=count), dtype=np.float64)


def _sum_runs(
    values: NDArray[np.generic], first: NDArray[np.intp], last: NDArray[np.intp]
) -> Floats:
    """Return the sum of values from each first to each last position, row by row."""
    if len(first) == 0:
        return np.zeros(0)
    flat = values.ravel()
    ends = np.column_stack([first, last + 1]).ravel()
    if ends[-1] == len(flat):
        ends = ends[:-1]
    sums: Floats = np.add.reduceat(flat, ends, dtype=np.float64)[::2]
    return sums
