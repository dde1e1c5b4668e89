"""Objects from masks: boxes with scores, counts, and the place that a sentence means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.geo.blobs import Blobs, cut, find_blobs, turned_box
from eoagent.geo.boxes import inside, suppress, union
from eoagent.runners.remotesam.segmented import Segmented

__all__ = ["OURS", "PUBLISHED", "Detection", "DetectionRules", "count", "detect", "ground"]

_PUBLISHED_SLACK_PX: Final = 1
_ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRules:
    """How a mask is turned into boxes."""

    least_score: float = 0.01
    """Boxes of a lower score are dropped."""
    contour_above: float = 0.25
    """Where the probability of a contour is above it, masks are cut."""
    least_part: float = 0.2
    """Parts up to this share of the largest part of the same region are dropped after a cut."""
    most_overlap: float = 0.5
    """Of two boxes whose intersection over union is above it, the better one stays."""
    keeps_inner: bool = False
    """Boxes inside others stay."""
    is_as_published: bool = False
    """Repeat what the published code does: a box that sticks out by one pixel at the right or
    bottom counts as inside another, two that are so inside each other both go, and corners of
    turned boxes are centres of pixels, cut to whole numbers."""


OURS: Final = DetectionRules()
"""As published, but only what lies in another box wholly goes, of equal boxes one stays, and turned
boxes go around their pixels."""
PUBLISHED: Final = DetectionRules(is_as_published=True)
"""To the pixel what the published code gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One object."""

    box: tuple[int, int, int, int]
    """First column, first row, column after the last, row after the last."""
    score: float
    """Mean probability of its pixels, 0 to 1."""
    pixels: int
    """Pixels of the mask that it stands for."""
    corners: tuple[tuple[float, float], ...] = ()
    """Corners (x, y) of the smallest turned rectangle around it, clockwise; empty unless asked."""


def detect(
    found: Segmented,
    *,
    contour: NDArray[np.floating] | None = None,
    is_turned: bool = False,
    rules: DetectionRules = OURS,
) -> tuple[Detection, ...]:
    """Return the objects of a mask, best first, or in the order of the mask if inner ones stay.

    Args:
        found: the mask.
        contour: probability of a contour between objects, (height, width) of the picture; objects
            that touch are parted where it is high. None leaves them whole.
        is_turned: give the corners of turned rectangles too.
        rules: how.

    Raises:
        InputError: if the contour has another shape than the picture.
    """
    mask, probability = found.mask(), found.probability()
    blobs = find_blobs(mask, probability)
    if contour is not None:
        if contour.shape != mask.shape:
            raise InputError(
                f"the contour is {contour.shape} and the picture {mask.shape} pixels",
                hint="give the contour of the same picture",
            )
        above = contour > np.asarray(rules.contour_above, contour.dtype)
        blobs = cut(blobs, above, probability, least_part=rules.least_part)
    kept = np.flatnonzero(blobs.scores >= rules.least_score)
    if not rules.keeps_inner:
        kept = kept[~_inner(blobs, kept, rules)]
        kept = kept[suppress(blobs.boxes[kept], blobs.scores[kept], rules.most_overlap)]
    return tuple(_detection(blobs, int(number), is_turned, rules) for number in kept)


def count(
    found: Mapping[str, tuple[Detection, ...]], *, least_px: Mapping[str, float] | None = None
) -> dict[str, int]:
    """Return the number of objects of each class.

    Args:
        found: objects by class.
        least_px: area of the box, in pixels, that an object of a class must be above to count.
    """
    least = least_px or {}
    return {
        name: sum(_box_px(one) > least.get(name, 0) for one in objects)
        for name, objects in found.items()
    }


def ground(found: Segmented, *, rules: DetectionRules = OURS) -> tuple[int, int, int, int] | None:
    """Return the box around all that a sentence means, or None where the mask is empty."""
    blobs = find_blobs(found.mask(), found.probability())
    kept = np.flatnonzero(blobs.scores >= rules.least_score)
    around = union(blobs.boxes[kept[~_inner(blobs, kept, rules)]])
    return None if around is None else _four(around)


def _inner(blobs: Blobs, kept: NDArray[np.int64], rules: DetectionRules) -> NDArray[np.bool_]:
    boxes = blobs.boxes[kept]
    if rules.is_as_published:
        return inside(boxes, slack=_PUBLISHED_SLACK_PX)
    return inside(boxes, blobs.scores[kept])


def _detection(blobs: Blobs, number: int, is_turned: bool, rules: DetectionRules) -> Detection:
    corners: NDArray[np.float64] = np.empty((0, 2))
    if is_turned:
        corners = turned_box(blobs, number, of_centres=rules.is_as_published)
        if rules.is_as_published:
            corners = np.trunc(corners + np.copysign(_ROUNDING, corners))
    return Detection(
        box=_four(blobs.boxes[number]),
        score=float(blobs.scores[number]),
        pixels=int(blobs.pixels[number]),
        corners=tuple((float(x), float(y)) for x, y in corners),
    )


def _four(box: NDArray[np.int64]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = map(int, box)
    return x1, y1, x2, y2


def _box_px(one: Detection) -> int:
    x1, y1, x2, y2 = one.box
    return (x2 - x1) * (y2 - y1)
