"""What a question asks, as data: the result of reading it, before any file is opened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

__all__ = ["Condition", "Cover", "Operator", "Reading", "Subject", "Want", "WantKind", "Zone"]

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
class Cover:
    """A kind of ground that the question names, or all ground but that."""

    name: str
    """`water`, `vegetation`, ..."""
    negated: bool = False
    """Whether all but this cover is meant."""


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
    conditions: tuple[Condition, ...] = ()
    """Rules, each once, in the unit of their quantity where that is possible."""
    usual_threshold: bool = False
    """Whether the rule's threshold is the published one, for want of one in the question."""
    covers: tuple[Cover, ...] = ()
    """Covers, each once."""
    partitive: bool = False
    """Whether a share of the cover itself is spoken of (`share of the water with ...`)."""
    of_image: bool = False
    """Whether the area of the image itself can be meant: `area` and `image` are named."""
    in_image: bool = False
    """Whether it is said that something lies inside the image."""
    largest: bool = False
    """Whether the largest connected piece of the cover is meant."""
    connectivity: int | None = None
    """Whether pixels touch at corners (8) or not (4), when the question says so."""
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
    clouds: bool = False
    """Whether clouds are named."""
    valid: bool = False
    """Whether the pixels with a value are named."""
    no_cloud_mask: bool = False
    """Whether clouds are to count as ground."""
    quality: bool = False
    """Whether a quality band is named."""
    place: bool = False
    """Whether an area is spoken of that may be the image's or one that was given."""
    units: tuple[str, ...] = ()
    """Units in which results are asked for, each once."""
    objects: tuple[str, ...] = ()
    """Kinds of object that it wants seen or counted."""
    topics: tuple[str, ...] = ()
    """Token types that belong to questions this planner does not answer."""
    unread: tuple[str, ...] = ()
    """Words that mean nothing to the planner where they stand."""

    @property
    def condition(self) -> Condition | None:
        """The first rule, if there is one."""
        return self.conditions[0] if self.conditions else None

    @property
    def cover(self) -> str:
        """Name of the first cover, or empty."""
        return self.covers[0].name if self.covers else ""

    @property
    def negated(self) -> bool:
        """Whether all but the cover is meant."""
        return bool(self.covers) and self.covers[0].negated

    @property
    def has_rule(self) -> bool:
        """Whether pixels are chosen by a rule or a cover."""
        return bool(self.conditions or self.covers)

    def with_subject(self, subject: Subject) -> Reading:
        """Return the reading with a quantity in place of those named, its mean if none is asked."""
        has_statistic = any(want.kind == "statistic" for want in self.wants)
        wants = self.wants if has_statistic else (Want(kind="statistic", what="mean"), *self.wants)
        return replace(self, subjects=(subject,), wants=wants)

    def unit_for(self, kinds: frozenset[str]) -> str:
        """Return the unit asked for among some units, or an empty text."""
        return next((unit for unit in self.units if unit in kinds), "")
