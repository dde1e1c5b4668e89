"""Prices: what a call would take, said before it is made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, Self

from pydantic import Field

from eoagent.contracts.record import Record

__all__ = ["Price"]

_SIZES: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_MOST_TEXTS: Final = 3


class Price(Record):
    """What a call takes of the network, of time and of a model, and what it does outside."""

    scenes: int = Field(default=0, ge=0)
    """Images to be opened over the network."""
    bytes: int = Field(default=0, ge=0)
    """Bytes to be read over the network; files of this machine cost none."""
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Time that the tool itself states, seconds."""
    tokens: int = Field(default=0, ge=0)
    """Tokens of a language model that the tool asks."""
    outward: tuple[str, ...] = ()
    """What is written outside the store or sent out, each a text such as `export writes a.tif`."""
    is_upper_bound: bool = False
    """Whether `bytes` is the most that may be read, where less may do."""

    def __add__(self, other: Price) -> Price:
        """Return what two calls take together; the same outward text is kept once."""
        return Price(
            scenes=self.scenes + other.scenes,
            bytes=self.bytes + other.bytes,
            seconds=self.seconds + other.seconds,
            tokens=self.tokens + other.tokens,
            outward=tuple(dict.fromkeys((*self.outward, *other.outward))),
            is_upper_bound=self.is_upper_bound or other.is_upper_bound,
        )

    def times(self, count: int) -> Price:
        """Return what so many equal calls take; none of them takes nothing."""
        if count == 0:
            return Price()
        return Price(
            scenes=self.scenes * count,
            bytes=self.bytes * count,
            seconds=self.seconds * count,
            tokens=self.tokens * count,
            outward=self.outward,
            is_upper_bound=self.is_upper_bound,
        )

    @classmethod
    def total(cls, prices: Iterable[Price]) -> Self:
        """Return what several calls take together, in linear time."""
        listed = list(prices)
        return cls(
            scenes=sum(p.scenes for p in listed),
            bytes=sum(p.bytes for p in listed),
            seconds=math.fsum(p.seconds for p in listed),
            tokens=sum(p.tokens for p in listed),
            outward=tuple(dict.fromkeys(text for p in listed for text in p.outward)),
            is_upper_bound=any(p.is_upper_bound for p in listed),
        )

    @property
    def text(self) -> str:
        """The price as a person reads it: `24 scenes, at most 1.3 GB to read, about 40 s`.

        An upper bound is rounded up. `nothing` where no part of it is above zero.
        """
        parts = []
        if self.scenes:
            parts.append(f"{self.scenes:,} scene{'s' if self.scenes > 1 else ''}")
        if self.bytes:
            most = "at most " if self.is_upper_bound else ""
            parts.append(f"{most}{_size(self.bytes)} to read")
        if self.seconds:
            parts.append(f"about {_span(self.seconds)}")
        if self.tokens:
            parts.append(f"about {self.tokens:,} token{'s' if self.tokens > 1 else ''}")
        parts += self.outward[:_MOST_TEXTS]
        if len(self.outward) > _MOST_TEXTS:
            parts.append(f"and {len(self.outward) - _MOST_TEXTS} more of this kind")
        return ", ".join(parts) or "nothing"


def _size(count: int) -> str:
    """Return a number of bytes in decimal units, two digits, rounded up."""
    value = float(count)
    for unit in _SIZES:
        shown = math.ceil(value * 10) / 10 if value < 9.95 else math.ceil(value)
        if shown < 1000 or unit == _SIZES[-1]:
            return f"{shown:g} {unit}"
        value /= 1000
    raise AssertionError


def _span(seconds: float) -> str:
    if seconds < 1:
        return "1 s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
