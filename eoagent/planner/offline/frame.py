"""The frame of a question: over which dates or scenes its core is asked, and how they compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eoagent.planner.offline.reading import Subject

__all__ = ["ChangeWord", "Delta", "Frame", "Order", "Relation"]

Order = Literal["highest", "lowest"]
ChangeWord = Literal[
    "lost",
    "gained",
    "net",
    "changed",
    "fell",
    "rose",
    "direction",
    "moved",
    "amount",
    "less",
    "more",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A rule on a difference: `near-infrared fell by more than 0.05`."""

    subject: Subject
    is_fall: bool
    value: float
    """Smallest fall or rise, above 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """How things on the ground lie to each other."""

    kind: Literal["nearest", "apart", "within", "best"]
    """The nearest of some features; two centres; how many lie within a distance; which is tallest.
    """
    noun: str = ""
    """Kind of the features, or empty."""
    radius_m: float | None = None
    """Distance for `within`, metres."""
    has_distance: bool = False
    """Whether the distance is asked for."""
    has_direction: bool = False
    """Whether the direction is asked for."""
    has_place: bool = False
    """Whether it is asked where the best one is."""
    is_swapped: bool = False
    """Whether the direction of the first from the second is asked for."""
    others: bool = False
    """Whether others than the one that is measured from are counted."""
    order: Order | None = None
    """Which end of the order the feature that is measured from, or asked for, is at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a question says besides its core: dates, scenes, places, and how to compare them."""

    changes: tuple[ChangeWord, ...] = ()
    """Words of change, in order, each once."""
    is_sum: bool = False
    """Whether gained and lost are added up."""
    delta: Delta | None = None
    is_pair: bool = False
    """Whether two images, a first and a second or a before and an after, are spoken of."""
    is_reversed: bool = False
    """Whether the change is asked from the second to the first."""
    is_each: bool = False
    """Whether a number for each image is asked for."""
    is_trend: bool = False
    is_consecutive: bool = False
    order: Order | None = None
    """Which end of an order is asked for."""
    by_date: bool = False
    """Whether a date is asked for (`which year`)."""
    by_scene: bool = False
    """Whether a scene is asked for (`which scene`)."""
    is_greener: bool = False
    """Whether scenes are ordered by how green they are."""
    is_count: bool = False
    """Whether scenes are counted."""
    is_only: bool = False
    """Whether one scene is spoken of that meets the conditions."""
    is_cloud: bool = False
    """Whether stated cloud cover is asked for."""
    said: int | None = None
    """How many images or dates the question speaks of."""
    times: tuple[str, ...] = ()
    """Dates and spans, ISO 8601."""
    names: tuple[str, ...] = ()
    """Names that are no words of the planner: places, or part of a scene's title."""
    sensors: tuple[str, ...] = ()
    """Sensors, as the question writes them."""
    point: tuple[float, float] | None = None
    """Longitude and latitude, degrees."""
    no_black: bool = False
    """Whether black pixels are left out."""
    relation: Relation | None = None

    @property
    def is_change(self) -> bool:
        """Whether two images are compared."""
        return bool(self.changes or self.delta is not None or self.is_pair)

    @property
    def is_series(self) -> bool:
        """Whether several dates are compared."""
        return self.is_each or self.is_trend or self.is_consecutive or self.by_date

    @property
    def is_search(self) -> bool:
        """Whether scenes are looked for among many."""
        return self.by_scene or self.is_count or self.is_only or self.is_cloud or self.is_greener

    @property
    def has_filter(self) -> bool:
        """Whether scenes are told by place, time or sensor."""
        return bool(self.times or self.names or self.sensors or self.point)
