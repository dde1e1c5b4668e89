"""Zooming: what was looked at in a scene larger than a model can take in, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.geometry import Window
from eoagent.contracts.reasoner import Reply, ReplyStatus

__all__ = ["Visit", "ZoomRules", "ZoomedBoxes", "ZoomedReply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoomRules:
    """How much may be looked at."""

    tiles: int = 8
    """Most parts in full detail, the model's own wishes among them."""
    tokens: int = 60_000
    """Most tokens that the model reads, as far as can be told beforehand."""
    picture_px: int = 802_816
    """Most pixels of one picture."""
    at_once: int = 3
    """Most parts that are shown beside the overview in one question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A part of the scene that was looked at."""

    window: Window
    """The part, pixels of the scene."""
    by: Literal["overview", "likeness", "model"]
    """Why: it is the whole, it looks like the question, or the model wished to see it."""
    score: float | None = None
    """Likeness, standard deviations above the scene as a whole, where it was chosen by that."""
    found: int | None = None
    """Boxes found in it; None where none were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoomedReply:
    """An answer about a scene."""

    reply: Reply
    """What the model said."""
    visits: tuple[Visit, ...]
    """What it was shown, in order."""
    notes: tuple[str, ...]
    """Choices that were made, each a sentence."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ZoomedBoxes:
    """Where in a scene something was found."""

    status: ReplyStatus
    """Found anywhere; else unread or broken off anywhere; else none everywhere."""
    boxes: NDArray[np.float64]
    """(n, 4) as x1, y1, x2, y2, pixels of the scene."""
    points: NDArray[np.float64]
    """A point in each, (n, 2) as x, y, pixels of the scene."""
    labels: tuple[str, ...]
    """What the model called each."""
    origins: tuple[int, ...]
    """Place in `visits` of the part that each was found in."""
    replies: tuple[Reply, ...]
    """What the model said about each visit."""
    visits: tuple[Visit, ...]
    """What was looked at, in order."""
    notes: tuple[str, ...]
    """Choices that were made, each a sentence."""
