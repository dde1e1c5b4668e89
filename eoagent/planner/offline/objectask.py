"""What a question asks about things that a model finds in pictures, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eoagent.planner.offline.frame import Order
from eoagent.planner.offline.objectwords import Noun

__all__ = ["AskKind", "Bound", "ObjectAsk"]

AskKind = Literal[
    "count",
    "most",
    "bound",
    "shows",
    "more",
    "present",
    "measure",
    "map",
    "within",
    "nearest",
    "new",
    "describe",
]
"""How many; which image has most; which has more than a number; which shows one; of which of two
there are more; whether there is one; area and share; where; how many near something; the nearest;
what was not there before; a description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A number that a count is compared with."""

    operator: Literal["gt", "ge", "lt", "le"]
    value: float

    def is_met(self, value: float) -> bool:
        """Return whether a count meets it."""
        return {
            "gt": value > self.value,
            "ge": value >= self.value,
            "lt": value < self.value,
            "le": value <= self.value,
        }[self.operator]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAsk:
    """A question about things in pictures, read."""

    kind: AskKind
    """What is asked."""
    nouns: tuple[Noun, ...] = ()
    """What is looked for; one unless several are counted."""
    anchor: Noun | None = None
    """What distances are measured from."""
    is_outlined: bool = False
    """Whether the outlines of it are spoken of, as a file holds them."""
    radius_m: float | None = None
    """Distance for `within`, metres."""
    wants: tuple[Literal["area", "share", "count"], ...] = ()
    """What is asked of it, in the question's order."""
    unit: str = ""
    """Unit of areas or distances that is asked for, or empty."""
    order: Order | None = None
    """Which end of an order is asked for."""
    bound: Bound | None = None
    has_direction: bool = False
    """Whether the direction of the nearest is asked for."""
    has_place: bool = False
    """Whether it is asked which one the nearest is: boxes have no names, so its place tells."""
    is_lost: bool = False
    """Whether what is gone is asked for in place of what is new."""
    said: int | None = None
    """How many images the question speaks of."""
    is_pair: bool = False
    """Whether two images are spoken of."""
