"""Windows of a large image at several scales, each half over its neighbours, coarse to fine.

At scale s a window takes s times the finest window's pixels along each side; scales are powers of
two. Nothing here reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window

__all__ = ["Spot", "apart", "beneath", "coarsest_scale", "overlap_share", "spots_at"]

_COARSE_ACROSS: Final = 4
"""Windows along the longer side at the coarsest scale, at most, without overlap."""


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """One window of a pyramid."""

    scale: int
    """How many of the image's pixels one pixel at this scale takes along a side."""
    row: int
    """First row, in the image's pixels."""
    col: int
    """First column, in the image's pixels."""

    def window(self, edge: int, height: int, width: int) -> Window:
        """Return the window in the image's pixels; one that is larger than the image is cut.

        Args:
            edge: side of the finest windows, pixels.
            height: rows of the image.
            width: columns of the image.
        """
        side = edge * self.scale
        return Window(
            row=self.row,
            col=self.col,
            height=min(side, height - self.row),
            width=min(side, width - self.col),
        )


def coarsest_scale(height: int, width: int, edge: int) -> int:
    """Return the finest power of two at which at most four windows lie along the longer side.

    Raises:
        InputError: if the image is smaller than one window.
    """
    if max(height, width) < edge:
        raise InputError(
            f"an image of {width} x {height} pixels is smaller than one window of {edge}",
            hint="ask of the image as a whole, or give a larger one",
        )
    scale = 1
    while max(height, width) > _COARSE_ACROSS * edge * scale:
        scale *= 2
    return scale


def spots_at(scale: int, height: int, width: int, edge: int) -> tuple[Spot, ...]:
    """Return the windows of a scale that cover the image, half over each other."""
    return tuple(
        Spot(scale, row, col)
        for row in _starts(height, edge * scale)
        for col in _starts(width, edge * scale)
    )


def beneath(spot: Spot, height: int, width: int, edge: int) -> tuple[Spot, ...]:
    """Return the windows of the next finer scale that lie in a window; none below scale 1."""
    if spot.scale == 1:
        return ()
    finer, side = spot.scale // 2, edge * spot.scale
    rows = [r for r in _starts(height, edge * finer) if _lies(r, edge * finer, spot.row, side)]
    cols = [c for c in _starts(width, edge * finer) if _lies(c, edge * finer, spot.col, side)]
    return tuple(Spot(finer, row, col) for row in rows for col in cols)


def overlap_share(a: Window, b: Window) -> float:
    """Return the share of the smaller of two windows that the other covers."""
    high = min(a.row + a.height, b.row + b.height) - max(a.row, b.row)
    wide = min(a.col + a.width, b.col + b.width) - max(a.col, b.col)
    return max(high, 0) * max(wide, 0) / min(a.pixels, b.pixels)


def apart(
    windows: Sequence[Window], order: Iterable[int] | NDArray[np.intp], *, most: float, k: int
) -> list[int]:
    """Return the first k of some windows in an order that no earlier one of them covers.

    Args:
        windows: the windows.
        order: their numbers, best first.
        most: largest share of the smaller window that may be covered.
        k: how many.
    """
    kept: list[int] = []
    for number in order:
        if len(kept) == k:
            break
        own = windows[int(number)]
        if all(overlap_share(own, windows[other]) <= most for other in kept):
            kept.append(int(number))
    return kept


def _starts(length: int, side: int) -> list[int]:
    """Return where windows start along a side: every half window, and the last at its end."""
    if length <= side:
        return [0]
    starts = list(range(0, length - side, max(side // 2, 1)))
    return [*starts, length - side]


def _lies(start: int, side: int, outer: int, outer_side: int) -> bool:
    """Return whether most of a finer window lies in a coarser one: its centre does."""
    return outer <= start + side / 2 <= outer + outer_side
