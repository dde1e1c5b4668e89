"""What is known of the pictures of a benchmark: objects, masks, sentences, captions, questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AskedPicture",
    "Benchmark",
    "CaptionedPicture",
    "GroundedPicture",
    "MaskTruth",
    "MaskedPicture",
    "ObjectPicture",
    "ReasonedPicture",
]

MaskTruth = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""Where the object is, and which pixels count; both (height, width)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Benchmark:
    """Where the truth comes from, and how it was read."""

    listing: Path
    """File or folder that lists the pictures."""
    classes: tuple[str, ...] = ()
    """Classes as the benchmark writes them; empty where it has none."""
    notes: tuple[str, ...] = ()
    """How the files were read, each a sentence."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObjectPicture:
    """A picture whose objects are known."""

    name: str
    """What the benchmark calls it."""
    file: Path
    """The picture; it may be missing on the disk."""
    counts: Mapping[str, int]
    """Objects of each class that has any, groups that nobody counted left out."""
    boxes: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))
    """Boxes in pixels, (n, 4) as x1, y1, x2, y2; none where only counts are known."""
    labels: tuple[str, ...] = ()
    """Class of each box."""
    areas_px: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Area of each object, pixels, (n,)."""
    groups: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """Which boxes frame a group that nobody counted, (n,)."""
    mask: Callable[[str, int, int], MaskTruth] | None = None
    """Draws the mask of a class for a height and a width; None where only boxes are known."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MaskedPicture:
    """A picture with the mask of what a phrase means in it."""

    name: str
    """What the benchmark calls it."""
    file: Path
    """The picture."""
    label: str
    """Class, or the phrase itself."""
    is_class: bool
    """Whether the label names a class and is put into a sentence; else it is asked as it stands."""
    mask: Callable[[int, int], MaskTruth]
    """Gives the mask for the height and width of the picture.

    It raises InputError where the mask has another size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundedPicture:
    """A picture with a sentence and the box that it means."""

    name: str
    """Id in the benchmark."""
    file: Path
    """The picture."""
    sentence: str
    """What is asked."""
    box: tuple[float, float, float, float]
    """Box in pixels as x1, y1, x2, y2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionedPicture:
    """A picture and what people wrote about it."""

    name: str
    """What the benchmark calls it."""
    file: Path
    """The picture."""
    captions: tuple[str, ...]
    """One or more."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReasonedPicture:
    """A picture with an implicit question whose answer is a mask."""

    name: str
    """What the benchmark calls it."""
    file: Path
    """The picture."""
    question: str
    """What is asked."""
    mask: Callable[[int, int], MaskTruth]
    """As for `MaskedPicture`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPicture:
    """A picture with a question whose answer is in words."""

    name: str
    """Id of the question."""
    file: Path
    """The picture."""
    question: str
    """What is asked, as the benchmark frames it."""
    answer: str
    """The right answer, as the benchmark writes it."""
    kind: str
    """Type of the question."""
    options: tuple[str, ...] = ()
    """Options of a multiple choice, in order of their letters."""
