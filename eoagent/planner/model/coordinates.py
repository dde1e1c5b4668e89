"""Coordinates in arguments must be the user's or measured: a model must not make places up."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from eoagent.contracts.planner import View
from eoagent.planner.rendering import numbers_in

__all__ = ["coordinates_of", "invented"]

_DEGREES: Final = re.compile(
    r"(\d{1,3})\s*[°d度]\s*(?:(\d{1,2}(?:\.\d+)?)\s*['′m分]\s*)?(?:(\d{1,2}(?:\.\d+)?)\s*[\"″s秒])?"
)
_SAME: Final = 6e-6
"""Degrees that two numbers may differ by and be the same: figures are shown with five decimals."""


def coordinates_of(view: View) -> frozenset[float]:
    """Return the numbers that a call may use as coordinates, signs dropped.

    They stand in what the user wrote or gave, now or earlier, as decimals or as degrees, minutes
    and seconds, or they were measured as longitudes and latitudes.
    """
    texts = [view.question, *(given.href for given in view.inputs if given.kind == "aoi")]
    for exchange in view.history:
        texts += [exchange.question, *exchange.inputs]
    texts += [text.replace(",", " ") for text in texts]  # of sides, or of thousands
    found = {number for text in texts for number in (*numbers_in(text), *_sexagesimal(text))}
    measured = (f.number for f in (*view.earlier, *view.figures) if f.unit == "deg")
    return frozenset(found | {abs(number) for number in measured})


def invented(
    arguments: Mapping[str, Any], fields: Collection[str], known: Collection[float]
) -> dict[str, str] | None:
    """Return what is wrong with coordinates that nobody gave and nothing measured, or None."""
    for name in fields:
        for number in _numbers(arguments.get(name)):
            if all(abs(abs(number) - one) > _SAME for one in known):
                return {
                    "message": f"`{name}` holds {number:g}, which neither the user wrote nor a "
                    "tool measured",
                    "hint": "coordinates are not made up: find the place by its name, find scenes "
                    "by words, or ask the user",
                }
    return None


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)


def _sexagesimal(text: str) -> Iterator[float]:
    """Yield what degrees, minutes and seconds in a text come to, as exact and as it is rounded."""
    for degrees, minutes, seconds in _DEGREES.findall(text):
        value = int(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
        yield from (value, *(round(value, digits) for digits in (2, 3, 4, 5)))
