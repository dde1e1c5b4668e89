"""Which pixels a reasoner's boxes count: those of the picture, or of what it was shown of it.

Both readings of the numbers that it wrote are compared with the truth, on pictures large enough for
the two to differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.app.evaluation.measures.boxtally import tally_boxes
from eoagent.dialogue.frames import Frame, shown_size, within
from eoagent.dialogue.profiles import CoordinateFrame

__all__ = ["FrameChoice", "Reading", "choose_frame", "read_both"]

_LEAST_PX: Final = 3136
_SURE: Final = 0.02
"""Mean overlaps that differ by less say nothing."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Overlap of the boxes of one picture, by what their numbers count."""

    model_input: float
    """As pixels of the picture that the model was shown."""
    original: float
    """As pixels of the picture that was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChoice:
    """Which reading is better."""

    pictures: int
    """Large pictures with boxes."""
    model_input: float
    """Mean overlap; 0 where there is no such picture."""
    original: float
    """Likewise."""
    better: str
    """`model_input`, `original`, or `unknown` where they do not differ enough."""


def read_both(
    stated: Sequence[tuple[float, ...]], truth: Floats, height: int, width: int, *, cap_px: int
) -> Reading | None:
    """Return the overlap with both readings, or None where a picture is too small to tell.

    Args:
        stated: numbers of each box as the model wrote them.
        truth: true boxes, (n, 4) as x1, y1, x2, y2, pixels of the picture.
        height: of the picture, pixels.
        width: of the picture, pixels.
        cap_px: most pixels that the model is shown.
    """
    boxes = np.array([own for own in stated if len(own) == 4], np.float64).reshape(-1, 4)
    if height * width <= cap_px or not len(boxes):
        return None
    shown = shown_size(height, width, max_pixels=cap_px, min_pixels=_LEAST_PX)
    overlaps = []
    kinds: tuple[CoordinateFrame, ...] = ("model_input", "original")
    for kind in kinds:
        frame = Frame(kind=kind, given=(height, width), shown=shown)
        placed, is_in = within(frame.to_picture(boxes), (height, width))
        overlaps.append(tally_boxes(placed[is_in], truth).iou)
    return Reading(model_input=overlaps[0], original=overlaps[1])


def choose_frame(readings: Sequence[Reading]) -> FrameChoice:
    """Return which reading fits better over all pictures."""
    if not readings:
        return FrameChoice(pictures=0, model_input=0.0, original=0.0, better="unknown")
    shown = float(np.mean([own.model_input for own in readings]))
    given = float(np.mean([own.original for own in readings]))
    better = "model_input" if shown > given else "original"
    return FrameChoice(
        pictures=len(readings),
        model_input=shown,
        original=given,
        better=better if abs(shown - given) >= _SURE else "unknown",
    )
