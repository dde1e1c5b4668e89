"""What a question asks, as data: the result of reading it, before any file is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Condition", "Operator", "Reading", "Subject", "Want", "WantKind", "Zone"]

Operator = Literal["gt", "ge", "lt", "le", "between"]
WantKind = Literal["area", "share", "statistic", "extent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A quantity with a value at every pixel."""

    kind: Literal["index", "band", "height"]
    """An index of bands, a band as it stands, or the height of an elevation model."""
    id: str
    """Index id, common name of the band, or `height`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A rule said in the question: `NDWI above 0`, `VV below -15 dB`."""

    subject: Subject
    operator: Operator
    value: float
    upper: float | None = None
    """Upper bound, for `between`."""
    unit: str = ""
    """Unit said with the number, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Where the pixels are to lie."""

    noun: str = ""
    """Kind of feature (`glacier`), or empty."""
    name: str = ""
    """Name of one feature, or empty."""
    sides: tuple[Literal["inside", "outside"], ...] = ("inside",)
    """Sides asked for, in the question's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One number that is asked for."""

    kind: WantKind
    """What kind of number."""
    what: str = ""
    """Statistic (`mean`) or extent (`diagonal`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A question, read."""

    chinese: bool = False
    wants: tuple[Want, ...] = ()
    condition: Condition | None = None
    more_conditions: int = 0
    """Conditions beyond the first."""
    cover: str = ""
    greenness: bool = False
    subjects: tuple[Subject, ...] = ()
    """Quantities named outside a condition, each once."""
    zone: Zone | None = None
    bands: tuple[str, ...] = ()
    """Band names in the order of the file, when the question gives them."""
    sensor: str = ""
    gsd_m: float | None = None
    scale: float | None = None
    offset: float | None = None
    parameters: dict[str, float] = field(default_factory=dict)
    bit: int | None = None
    without_fill: bool = False
    area_unit: str = ""
    objects: tuple[str, ...] = ()
    """Kinds of object that it wants seen or counted."""
    topics: tuple[str, ...] = ()
    """Token types that belong to questions this planner does not answer."""
    mentions_quality: bool = False
    """Whether a quality band is named."""
    unread: tuple[str, ...] = ()
    """Words that mean nothing to the lexicon where they stand."""
