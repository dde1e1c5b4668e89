"""Cut an image into tiles: square windows that cover every pixel, without padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eoagent.contracts.geometry import Window

__all__ = ["Tiling", "make_tiling"]

_OWN_PIXELS: Final = 1.05
"""A ground sampling distance within this factor of the file's own means the file's own pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How an image is cut; a window is numbered by rows, from the upper left."""

    rows: tuple[int, ...]
    """First row of each row of windows, in pixels of the file."""
    cols: tuple[int, ...]
    """First column of each column of windows."""
    height: int
    """Rows of a window."""
    width: int
    """Columns of a window."""
    out_shape: tuple[int, int] | None
    """(height, width) that a window is read at; None is its own."""

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.rows) * len(self.cols)

    def window(self, number: int) -> Window:
        """Return a window by its number."""
        down, across = divmod(number, len(self.cols))
        return Window(
            row=self.rows[down], col=self.cols[across], height=self.height, width=self.width
        )


def make_tiling(
    size: tuple[int, int], *, tile_px: int, stride_px: int, shrink: float = 1.0
) -> Tiling:
    """Return how an image is cut.

    The last window of a row or column is moved inward, so that the image is covered to its edge
    by whole windows. An image that is smaller than a window is one window.

    Args:
        size: (height, width) of the image.
        tile_px: edge of a tile as it is read.
        stride_px: pixels from tile to tile as they are read, at most the edge.
        shrink: pixels of the file per pixel that is read, 1 or more.
    """
    is_own = shrink < _OWN_PIXELS
    edge = tile_px if is_own else max(1, round(tile_px * shrink))
    step = stride_px if is_own else max(1, round(stride_px * shrink))
    height, width = (min(edge, side) for side in size)
    out = None if is_own else tuple(max(1, round(side / shrink)) for side in (height, width))
    return Tiling(
        rows=_starts(size[0], height, step),
        cols=_starts(size[1], width, step),
        height=height,
        width=width,
        out_shape=None if out is None else (out[0], out[1]),
    )


def _starts(size: int, edge: int, step: int) -> tuple[int, ...]:
    last = size - edge
    return (*range(0, last, step), last)
