"""Connected patches of a coarse mask, with a box around each and a cell of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["patches"]


def patches(grid: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the patches of a mask; cells that touch at a corner are of one patch.

    Args:
        grid: (rows, columns), small.

    Returns:
        Boxes, (n, 4) as x1, y1, x2, y2 in cells, and the middle of the cell of each patch that is
        nearest to the mean of its cells, (n, 2) as x, y. From top to bottom.
    """
    boxes, points = [], []
    left = np.array(grid, dtype=bool)
    for row, column in np.argwhere(grid):
        if not left[row, column]:
            continue
        cells = _taken(left, int(row), int(column))
        low, high = cells.min(axis=0), cells.max(axis=0) + 1
        boxes.append((low[1], low[0], high[1], high[0]))
        nearest = cells[np.argmin(((cells - cells.mean(axis=0)) ** 2).sum(axis=1))]
        points.append((nearest[1] + 0.5, nearest[0] + 0.5))
    found = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return found, np.array(points, dtype=np.float64).reshape(-1, 2)


def _taken(left: NDArray[np.bool_], row: int, column: int) -> NDArray[np.int64]:
    """Take the patch of a cell out of a mask; return its cells, (n, 2) as row, column."""
    left[row, column] = False
    reached, place = [(row, column)], 0
    while place < len(reached):
        y, x = reached[place]
        place += 1
        top, start = max(y - 1, 0), max(x - 1, 0)
        for dy, dx in np.argwhere(left[top : y + 2, start : x + 2]).tolist():
            reached.append((top + dy, start + dx))
            left[top + dy, start + dx] = False
    return np.array(reached, dtype=np.int64)
