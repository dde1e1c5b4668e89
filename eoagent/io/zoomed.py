"""Join what was found in a scene's overview and in parts of it to one list of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.geometry import Window
from eoagent.contracts.reasoner import Grounding, Reply, ReplyStatus
from eoagent.contracts.zoom import Visit, ZoomedBoxes
from eoagent.geo.boxes import inside, suppress
from eoagent.geo.sceneview import SceneView

__all__ = ["join_visits"]

_MOST_IOU: Final = 0.5
"""Boxes of two parts that share more are one object."""
_MOST_OF: Final = 0.5
"""Share of a box of the overview that lies in a part which can tell about all of it."""
_READ: Final = frozenset({"found", "none"})
_EDGE_PX: Final = 2.0
"""A box that ends this near the edge of its part may be cut off there."""


def join_visits(held: Sequence[tuple[SceneView, Visit, Grounding]]) -> ZoomedBoxes:
    """Return the boxes of all visits as one, in pixels of the scene.

    What the overview found where a part was looked at closer gives way to what was found there,
    unless it is larger than the part, or what was said about the part could not be read. Of boxes
    of two parts that are one object, a whole one stays rather than one that the edge of its part
    cuts.

    Args:
        held: each view with its visit and what was found; the overview first.
    """
    closer = [visit.window for _, visit, found in held[1:] if found.reply.status in _READ]
    boxes, points, labels, origins, wholes = [], [], [], [], []
    for number, (view, _, found) in enumerate(held):
        placed = view.boxes_to_scene(found.boxes)
        for n, box in enumerate(placed):
            if number == 0 and any(_holds(window, box) for window in closer):
                continue
            boxes.append(box)
            points.append(view.to_scene(_point(found, n)))
            labels.append(found.labels[n] if n < len(found.labels) else "")
            origins.append(number)
            wholes.append(_is_whole(view, found.boxes[n]))
    array = np.array(boxes, np.float64).reshape(-1, 4)
    kept = _one_each(array, np.array(wholes, np.float64))
    replies = tuple(found.reply for _, _, found in held)
    return ZoomedBoxes(
        status=_status(len(kept), replies),
        boxes=array[kept],
        points=np.array(points, np.float64).reshape(-1, 2)[kept],
        labels=tuple(labels[n] for n in kept),
        origins=tuple(origins[n] for n in kept),
        replies=replies,
        visits=tuple(visit for _, visit, _ in held),
        notes=_notes(held),
    )


def _point(found: Grounding, n: int) -> NDArray[np.float64]:
    """Return the point of a box, (1, 2); its middle where the model gave none."""
    if n < len(found.points):
        return found.points[n : n + 1]
    box = found.boxes[n : n + 1]
    middle: NDArray[np.float64] = (box[:, :2] + box[:, 2:]) / 2
    return middle


def _notes(held: Sequence[tuple[SceneView, Visit, Grounding]]) -> tuple[str, ...]:
    masks = sum(found.mask is not None for _, _, found in held)
    if not masks:
        return ()
    told = f"the model itself wrote masks of {masks} of {len(held)} pictures"
    return (f"{told}; the boxes around their patches were taken",)


def _one_each(boxes: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the places of the boxes that stay, in their order."""
    if not len(boxes):
        return np.zeros(0, np.int64)
    whole_px = np.rint(boxes).astype(np.int64)
    kept = np.sort(suppress(whole_px, wholes, _MOST_IOU))
    return kept[~inside(whole_px[kept], wholes[kept])]


def _holds(window: Window, box: NDArray[np.float64]) -> bool:
    """Return whether the middle of a box lies in a window, and most of the box does."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    right, bottom = window.col + window.width, window.row + window.height
    is_across = window.col <= x < right
    wide = min(box[2], right) - max(box[0], window.col)
    high = min(box[3], bottom) - max(box[1], window.row)
    is_most = wide * high >= _MOST_OF * (box[2] - box[0]) * (box[3] - box[1])
    return bool(is_across and window.row <= y < bottom and is_most)


def _is_whole(view: SceneView, box: NDArray[np.float64]) -> bool:
    """Return whether a box of a view ends before its edges, or at those of the scene."""
    x1, y1, x2, y2 = (float(v) for v in box)
    window, scene = view.window, view.scene
    return (
        (x1 >= _EDGE_PX or window.col == 0)
        and (y1 >= _EDGE_PX or window.row == 0)
        and (x2 <= view.width - _EDGE_PX or window.col + window.width == scene.width)
        and (y2 <= view.height - _EDGE_PX or window.row + window.height == scene.height)
    )


def _status(found: int, replies: Sequence[Reply]) -> ReplyStatus:
    if found:
        return "found"
    said = {reply.status for reply in replies}
    if "truncated" in said:
        return "truncated"
    return "unparseable" if "unparseable" in said else "none"
