"""Connected regions of a mask that comes in strips, joined across their borders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import scipy  # loads its parts when they are first used
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError, InternalError
from eoagent.contracts.geometry import Window
from eoagent.geo.area import Bools, PixelAreas, StripOrder, transitions
from eoagent.geo.projection import Floats
from eoagent.geo.regionsums import Labels, concatenate, merge, no_regions, sum_regions

__all__ = ["ComponentTable", "Components"]

_FIRST_COLLAPSE: Final = 1 << 20


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ComponentTable:
    """The regions of a mask in the order of their first pixel; region i has label i + 1.

    All arrays have shape (n,). Rows and columns are those of the whole grid.
    """

    pixels: NDArray[np.int64]
    """Pixels of each region."""
    edges: NDArray[np.int64]
    """Sides that its pixels share with valid pixels outside it."""
    area_m2: Floats | None
    """Area in square metres; None when only pixels are counted."""
    edge_error_m2: Floats | None
    """Area in doubt along the outline: half a pixel's area for each of the sides."""
    row_start: NDArray[np.int32]
    """First row."""
    row_stop: NDArray[np.int32]
    """Row after the last."""
    col_start: NDArray[np.int32]
    """First column."""
    col_stop: NDArray[np.int32]
    """Column after the last."""
    centroid_row: Floats
    """Row of the centroid, each pixel with equal weight, counted from the outer corner."""
    centroid_col: Floats
    """Column of the centroid, likewise."""

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Border:
    """The last row of a strip, shape (width,)."""

    rows: Labels
    """Row of the table, from 1, that each pixel counts in; 0 for none."""
    no: Bools
    """Valid pixels that are in no region."""
    area: Floats
    """Areas of the pixels."""


class Components:
    """Labels a mask strip by strip: `add` each, `finish`, then `relabel` each in a second pass.

    The regions are those of `scipy.ndimage.label` on the whole mask, in the same order. Memory
    grows with the number of regions (about 70 bytes each), not with the image.

    Args:
        connectivity: 4, sides join pixels; 8, corners too.
        areas: areas of the pixels, or None to count pixels only.
    """

    def __init__(self, connectivity: Literal[4, 8] = 8, *, areas: PixelAreas | None = None) -> None:
        self._structure = scipy.ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
        self._reach = (0,) if connectivity == 4 else (-1, 0, 1)
        self._areas = areas
        self._order = StripOrder()
        self._sums = [no_regions()]
        self._count = 0
        self._pairs: list[NDArray[np.int64]] = []
        self._collapse_at = _FIRST_COLLAPSE
        self._strips: dict[int, Labels] = {}
        self._border: _Border | None = None
        self._is_finished = False

    def add(self, window: Window, yes: Bools, valid: Bools | None = None) -> None:
        """Add the next strip.

        Args:
            window: where it lies; strips come from top to bottom, equally wide.
            yes: shape (height, width); counts only where valid.
            valid: shape (height, width), True = valid; None when all pixels are.

        Raises:
            InputError: if a region has a pixel off the map, which has no area.
            InternalError: if strips come out of order or after `finish`.
        """
        if self._is_finished:
            raise InternalError("a strip was added to components that are finished")
        valid = np.ones_like(yes) if valid is None else valid
        touches = self._order.follow(window, yes, valid)
        yes, no = yes & valid, valid & ~yes
        labels, count = self._label(yes)
        rows = np.arange(self._count, self._count + count + 1, dtype=np.int32)
        rows[0] = 0
        area = np.ones((1, 1)) if self._areas is None else self._areas.block(window)
        rim = np.broadcast_to(area, yes.shape)
        edges = transitions(yes, no)
        above = self._border if touches else None
        if above is not None:
            edges[0] += yes[0] & above.no
        sums = sum_regions(labels, count, window, area=area, edges=edges)
        if not np.isfinite(sums.area).all():
            raise InputError(
                f"regions in rows {window.row} to {window.row + window.height - 1} reach off the "
                "map of the image's coordinate system, where pixels have no area",
                hint="mark those pixels as not valid, or check the coordinate system",
            )
        if above is not None:
            self._join(above, rows[labels[0]], no[0])
        self._sums.append(sums)
        self._count += count
        self._strips[window.row] = rows
        self._border = _Border(rows=rows[labels[-1]], no=no[-1].copy(), area=rim[-1].copy())
        if self._count + sum(map(len, self._pairs)) > self._collapse_at:
            self._collapse()

    def finish(self) -> ComponentTable:
        """Return the table of regions; no strip can be added afterwards."""
        self._collapse()
        self._is_finished = True
        sums = self._sums[0]
        known = self._areas is not None
        return ComponentTable(
            pixels=sums.pixels,
            edges=sums.edges,
            area_m2=sums.area if known else None,
            edge_error_m2=sums.edge_area / 2 if known else None,
            row_start=sums.row_min,
            row_stop=sums.row_max + 1,
            col_start=sums.col_min,
            col_stop=sums.col_max + 1,
            centroid_row=sums.row_sum / sums.pixels,
            centroid_col=sums.col_sum / sums.pixels,
        )

    def relabel(self, window: Window, yes: Bools, valid: Bools | None = None) -> Labels:
        """Return the final labels of a strip that was added; 0 is background.

        Args:
            window: one of the windows that were added.
            yes: the same as then.
            valid: the same as then.

        Returns:
            Shape (height, width).

        Raises:
            InternalError: if the components are not finished or the strip is not as it was.
        """
        labels, count = self._label(yes if valid is None else yes & valid)
        rows = self._strips.get(window.row)
        if not self._is_finished or rows is None or len(rows) != count + 1:
            raise InternalError(
                f"the strip at row {window.row} was asked for its labels before the end, or is "
                "not the strip that was added there"
            )
        return rows[labels]

    def _label(self, yes: Bools) -> tuple[Labels, int]:
        labels = np.empty(yes.shape, dtype=np.int32)
        return labels, int(scipy.ndimage.label(yes, structure=self._structure, output=labels))

    def _join(self, above: _Border, rows: Labels, no: Bools) -> None:
        """Note which regions meet at a border, and the sides of the upper ones along it."""
        down = (above.rows > 0) & no
        upper = self._sums[-1]
        owner = above.rows[down] - 1 - (self._count - len(upper))
        np.add.at(upper.edges, owner, 1)
        np.add.at(upper.edge_area, owner, above.area[down])
        for shift in self._reach:
            size = len(rows) - abs(shift)
            a = above.rows[max(shift, 0) : max(shift, 0) + size].astype(np.int64)
            b = rows[max(-shift, 0) : max(-shift, 0) + size]
            both = (a > 0) & (b > 0)
            if both.any():
                self._pairs.append(np.unique(a[both] << 32 | b[both]))

    def _collapse(self) -> None:
        """Make one row of all rows that have turned out to be one region."""
        sums = concatenate(self._sums)
        self._sums = [sums]
        if not self._pairs:
            self._collapse_at = max(_FIRST_COLLAPSE, 2 * self._count)
            return
        pairs = np.concatenate(self._pairs)
        a, b = (pairs >> 32) - 1, (pairs & 0xFFFFFFFF) - 1
        graph = scipy.sparse.coo_array(
            (np.ones(len(pairs), dtype=np.int8), (a, b)), shape=(self._count, self._count)
        )
        count, into = scipy.sparse.csgraph.connected_components(graph, directed=False)
        self._sums = [merge(sums, into, count)]
        moved = np.concatenate([[0], into + 1]).astype(np.int32)
        self._strips = {row: moved[rows] for row, rows in self._strips.items()}
        if self._border is not None:
            self._border = _Border(
                rows=moved[self._border.rows], no=self._border.no, area=self._border.area
            )
        self._count, self._pairs = count, []
        self._collapse_at = max(_FIRST_COLLAPSE, 2 * count)
