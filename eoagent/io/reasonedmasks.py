"""From the boxes of a reasoner to the masks of its objects, some boxes at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import ModelError
from eoagent.contracts.geometry import Window
from eoagent.contracts.outliner import Outliner
from eoagent.contracts.progress import Deadline, Progress
from eoagent.contracts.reasoner import Grounding
from eoagent.io.reasonedview import SceneLook

__all__ = ["FoundMasks", "ObjectMask", "framed", "no_masks", "outline_boxes", "own_masks"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
_MOST_PIXELS: Final = 1 << 26
"""Pixels of masks that are held at a time, those of all objects together."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObjectMask:
    """Where one object is, cut down to its surroundings."""

    window: Window
    """Part of the picture with all its pixels."""
    yes: Bools
    """(height, width) of the window, True where it is."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FoundMasks:
    """Where the objects of a picture are; only valid pixels count."""

    look: SceneLook
    """The picture."""
    whole: Bools
    """(height, width) of the picture: where any of them is."""
    objects: tuple[ObjectMask | None, ...]
    """One for each box, in order; None where nothing was found in it."""


def framed(grounding: Grounding) -> Grounding:
    """Return a grounding with the box around its mask, where the model wrote a mask and no box."""
    if grounding.mask is None or len(grounding.boxes) or not grounding.mask.any():
        return grounding
    rows = np.flatnonzero(grounding.mask.any(axis=1))
    cols = np.flatnonzero(grounding.mask.any(axis=0))
    box = np.array([[cols[0], rows[0], cols[-1] + 1, rows[-1] + 1]], np.float64)
    middle = (box[:, :2] + box[:, 2:]) / 2
    return replace(grounding, boxes=box, points=middle, labels=("",), stated=())


def no_masks(look: SceneLook) -> FoundMasks:
    """Return the masks of a picture without objects."""
    return FoundMasks(look=look, whole=np.zeros(look.picture.valid.shape, bool), objects=())


def own_masks(look: SceneLook, grounding: Grounding) -> FoundMasks | None:
    """Return the masks that a model wrote itself, cut at its boxes; None where it wrote none.

    Raises:
        ModelError: if the mask does not fit the picture.
    """
    if grounding.mask is None:
        return None
    valid = look.picture.valid
    _check(grounding.mask, valid.shape, "the model that was asked")
    whole = grounding.mask & valid
    objects = []
    for x1, y1, x2, y2 in grounding.boxes:
        inside = np.zeros_like(whole)
        part = slice(int(y1), int(np.ceil(y2))), slice(int(x1), int(np.ceil(x2)))
        inside[part] = whole[part]
        objects.append(_cut(inside))
    return FoundMasks(look=look, whole=whole, objects=tuple(objects))


def outline_boxes(
    look: SceneLook,
    boxes: Floats,
    points: Floats,
    outliner: Outliner,
    *,
    work: tuple[Deadline, Progress],
) -> FoundMasks:
    """Return the masks of what boxes frame in a picture; memory is that of some of them.

    Args:
        look: the picture.
        boxes: (n, 4) as x1, y1, x2, y2 in pixels of the scene.
        points: (n, 2) as x, y, likewise.
        outliner: the model.
        work: time left, checked before each part of the boxes; and what is told how far it is.

    Raises:
        InputError: if the picture cannot be outlined.
        ModelError: if the model fails, or gives masks of another size.
        BudgetExceeded: if the time is over.
    """
    deadline, progress = work
    valid = look.picture.valid
    whole = np.zeros(valid.shape, bool)
    objects: list[ObjectMask | None] = []
    corners = look.view.from_scene(boxes.reshape(-1, 2)).reshape(-1, 4)
    inside = look.view.from_scene(points)
    count, few = len(boxes), max(1, _MOST_PIXELS // valid.size)
    for start in range(0, count, few):
        deadline.check()
        end = min(start + few, count)
        progress(start / count, f"outlining objects {start + 1} to {end}")
        masks = outliner.outline(look.picture.pixels, corners[start:end], inside[start:end])
        _check(masks, (end - start, *valid.shape), outliner.card.id)
        for mask in masks:
            seen = mask & valid
            whole |= seen
            objects.append(_cut(seen))
    return FoundMasks(look=look, whole=whole, objects=tuple(objects))


def _cut(yes: Bools) -> ObjectMask | None:
    """Return a mask cut down to its pixels and one more on each side; None where it has none."""
    rows, cols = np.flatnonzero(yes.any(axis=1)), np.flatnonzero(yes.any(axis=0))
    if not rows.size:
        return None
    top, left = max(0, int(rows[0]) - 1), max(0, int(cols[0]) - 1)
    bottom, right = min(yes.shape[0], int(rows[-1]) + 2), min(yes.shape[1], int(cols[-1]) + 2)
    window = Window(row=top, col=left, height=bottom - top, width=right - left)
    return ObjectMask(window=window, yes=yes[top:bottom, left:right].copy())


def _check(masks: Bools, shape: Sequence[int], name: str) -> None:
    if masks.shape != tuple(shape) or masks.dtype != np.bool_:
        wanted = " x ".join(str(size) for size in shape)
        raise ModelError(
            f"{name} gave masks of {masks.dtype} and shape {masks.shape}, and {wanted} of bool "
            "were due"
        )
