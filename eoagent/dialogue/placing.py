"""Bring what a model found into the picture that it was asked about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.reasoner import ReplyStatus
from eoagent.dialogue.frames import CELL_PX, Frame, within
from eoagent.dialogue.grammars.found import Found, Target
from eoagent.dialogue.patches import patches

__all__ = ["Placed", "place"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Placed:
    """What was found, in pixels of the picture that was given."""

    status: ReplyStatus
    """Found only where there is a box or a mask."""
    boxes: NDArray[np.float64]
    """(n, 4) as x1, y1, x2, y2, clipped to the picture."""
    points: NDArray[np.float64]
    """A point in each box, (n, 2) as x, y."""
    labels: tuple[str, ...] = ()
    """What the model called each."""
    stated: tuple[tuple[float, ...], ...] = ()
    """The numbers of each box as the model wrote them."""
    dropped: int = 0
    """Boxes without an area within the picture, and those beyond the most that are taken."""
    mask: NDArray[np.bool_] | None = None
    """(height, width), where the model wrote a mask."""
    notes: tuple[str, ...] = ()
    """What was left out, each a sentence."""


def place(found: Found, frame: Frame, *, max_boxes: int) -> Placed:
    """Return what was found, in the picture that was given.

    A box that the model gave with its corners swapped is turned about. Where the model says that it
    found something, and nothing of it lies in the picture, the reply counts as unparseable.

    Args:
        found: what was read.
        frame: what its numbers count.
        max_boxes: most boxes that are taken.
    """
    if found.grid is not None:
        return _placed_mask(found, found.grid, frame)
    notes = []
    boxed = [target for target in found.targets if target.box]
    taken = boxed[:max_boxes]
    stated = np.array([target.box for target in taken], dtype=np.float64).reshape(-1, 4)
    boxes, is_in = within(frame.to_picture(stated), frame.given)
    kept = [target for target, is_kept in zip(taken, is_in, strict=True) if is_kept]
    boxes = boxes[is_in]
    if len(boxed) > max_boxes:
        notes.append(f"It gave {len(boxed)} boxes, of which the first {max_boxes} are taken.")
    if outside := len(taken) - len(kept):
        notes.append(f"{_boxes(outside)} without an area within the picture left out.")
    if pointed := len(found.targets) - len(boxed):
        notes.append(f"{pointed} that it gave as a point without a box left out.")
    if found.broken:
        notes.append(f"{found.broken} of what it listed could not be read and left out.")
    status: ReplyStatus = found.status
    if status == "found" and not kept:
        status = "unparseable"
    points = np.array(
        [_point(target, box, frame) for target, box in zip(kept, boxes, strict=True)],
        dtype=np.float64,
    )
    return Placed(
        status=status,
        boxes=boxes,
        points=points.reshape(-1, 2),
        labels=tuple(target.label for target in kept),
        stated=tuple(target.box for target in kept),
        dropped=len(found.targets) - len(kept),
        notes=tuple(notes),
    )


def _placed_mask(found: Found, grid: NDArray[np.bool_], frame: Frame) -> Placed:
    """Return a mask on the model's grid in the picture, with a box around each of its patches."""
    none = np.zeros((0, 4)), np.zeros((0, 2))
    rows, columns = frame.shown[0] // CELL_PX, frame.shown[1] // CELL_PX
    is_short = found.status == "truncated" and len(grid) < rows
    if grid.shape[1] != columns or (len(grid) != rows and not is_short):
        note = (
            f"It wrote a mask of {grid.shape[1]} x {len(grid)} cells (columns x rows), and the "
            f"picture has {columns} x {rows}."
        )
        return Placed(status="unparseable", boxes=none[0], points=none[1], notes=(note,))
    if is_short:
        missing = np.zeros((rows - len(grid), columns), dtype=bool)
        grid = np.concatenate([grid, missing])
    high, wide = frame.given
    y = (np.arange(high) * 2 + 1) * rows // (2 * high)
    x = (np.arange(wide) * 2 + 1) * columns // (2 * wide)
    cells, points = patches(grid)
    scale = np.array([wide / columns, high / rows])
    return Placed(
        status=found.status,
        boxes=cells * np.tile(scale, 2),
        points=points * scale,
        labels=("",) * len(cells),
        stated=((),) * len(cells),
        mask=grid[np.ix_(y, x)],
    )


def _point(target: Target, box: NDArray[np.float64], frame: Frame) -> tuple[float, float]:
    """Return the first point of a target that lies in its box, or the middle of the box."""
    x1, y1, x2, y2 = box
    for x, y in frame.to_picture(np.array(target.points, dtype=np.float64).reshape(-1, 2)):
        if x1 <= x <= x2 and y1 <= y <= y2:
            return float(x), float(y)
    return float((x1 + x2) / 2), float((y1 + y2) / 2)


def _boxes(count: int) -> str:
    return f"{count} {'box' if count == 1 else 'boxes'}"
