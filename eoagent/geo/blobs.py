"""Connected parts of a mask held in memory: their boxes, scores, turned boxes, and cuts.

Masks of whole scenes are labelled strip by strip by `eoagent.geo.components`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy  # loads its parts when they are first used
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.geo.boxes import Boxes, Scores
from eoagent.geo.oriented import rectangle_around

__all__ = ["Blobs", "Mask", "cut", "find_blobs", "turned_box"]

Mask = NDArray[np.bool_]
"""True where it belongs to the object, shape (height, width)."""

_EIGHT: Final = np.ones((3, 3), bool)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Blobs:
    """Parts of a mask whose pixels touch by sides or corners, in the order of their first pixel."""

    labels: NDArray[np.int32]
    """Number of the part that each pixel belongs to, from 1; 0 for none; (height, width)."""
    boxes: Boxes
    """Bounds of each part, (n, 4)."""
    pixels: NDArray[np.int64]
    """Pixels of each part, (n,)."""
    scores: Scores
    """Mean of the values under each part, (n,)."""

    def __len__(self) -> int:
        return len(self.boxes)

    def only(self, numbers: NDArray[np.int64]) -> Blobs:
        """Return some of the parts, by their places in the arrays, in the order given."""
        new = np.zeros(len(self) + 1, np.int32)
        new[numbers + 1] = np.arange(1, len(numbers) + 1)
        return Blobs(
            labels=new[self.labels],
            boxes=self.boxes[numbers],
            pixels=self.pixels[numbers],
            scores=self.scores[numbers],
        )


def find_blobs(mask: Mask, values: NDArray[np.floating]) -> Blobs:
    """Return the parts of a mask, each with the mean of `values` under it.

    All sums are made in one pass over the image, whatever the number of parts.

    Args:
        mask: shape (height, width).
        values: shape (height, width), such as probabilities.

    Raises:
        InputError: if the two are not of one shape.
    """
    if mask.ndim != 2 or mask.shape != values.shape:
        raise InputError(f"a mask of {mask.shape} does not go with values of {values.shape}")
    labels = np.empty(mask.shape, np.int32)
    count = int(scipy.ndimage.label(mask, structure=_EIGHT, output=labels))
    flat = labels.ravel()
    pixels = np.bincount(flat, minlength=count + 1)[1:]
    sums = np.bincount(flat, weights=values.ravel(), minlength=count + 1)[1:]
    slices = scipy.ndimage.find_objects(labels)
    boxes = np.array(
        [(cols.start, rows.start, cols.stop, rows.stop) for rows, cols in slices], np.int64
    ).reshape(count, 4)
    return Blobs(labels=labels, boxes=boxes, pixels=pixels, scores=sums / np.maximum(pixels, 1))


def cut(blobs: Blobs, contour: Mask, values: NDArray[np.floating], *, least_part: float) -> Blobs:
    """Return the parts that remain of each blob when a contour is taken out of it.

    Args:
        blobs: what is cut.
        contour: where to cut, (height, width).
        values: whose mean is the score of a part, (height, width).
        least_part: parts up to this share of the largest part of the same blob are dropped.

    Raises:
        InputError: if the shapes differ.
    """
    if contour.shape != blobs.labels.shape:
        raise InputError(
            f"a contour of {contour.shape} does not go with a mask of {blobs.labels.shape}"
        )
    parts = find_blobs((blobs.labels > 0) & ~contour, values)
    if not len(parts):
        return parts
    first = np.unique(parts.labels.ravel(), return_index=True)[1][-len(parts) :]
    owner = blobs.labels.ravel()[first] - 1
    largest = np.zeros(len(blobs), np.int64)
    np.maximum.at(largest, owner, parts.pixels)
    kept = np.flatnonzero(parts.pixels > least_part * largest[owner])
    return parts.only(kept[np.argsort(owner[kept], kind="stable")])


def turned_box(blobs: Blobs, number: int, *, of_centres: bool = False) -> NDArray[np.float64]:
    """Return the corners (4, 2) as x, y of the smallest turned rectangle around a blob.

    The corner lowest in the image (of two, the right one) comes first, the others follow
    clockwise as seen on the screen.

    Args:
        blobs: the parts.
        number: place of the one that is meant.
        of_centres: around the centres of its pixels, counted as whole numbers, instead of around
            the pixels.
    """
    x1, y1, x2, y2 = blobs.boxes[number]
    own = blobs.labels[y1:y2, x1:x2] == number + 1
    left = own.argmax(axis=1)
    right = own.shape[1] - 1 - own[:, ::-1].argmax(axis=1)
    rows = np.arange(len(own))
    more = 0 if of_centres else 1
    corners = [(left, rows), (right + more, rows), (left, rows + more), (right + more, rows + more)]
    points = np.concatenate([np.column_stack(pair) for pair in corners]).astype(np.float64)
    found: NDArray[np.float64] = np.add(rectangle_around(points), (x1, y1))
    return found
