"""Sentences that say which objects a picture shows and where in it they lie."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, Literal

from eoagent.contracts.errors import InputError
from eoagent.runners.remotesam.detection import Detection
from eoagent.vectors.nouns import plural

__all__ = ["NOTHING", "describe", "describe_as_published"]

NOTHING: Final = "None of the classes that were asked for was found in the image."
"""Caption of a picture in which nothing was found."""

_FEW: Final = 4
_THIRDS: Final = (
    ("upper left", "upper center", "upper right"),
    ("middle left", "center", "middle right"),
    ("lower left", "lower center", "lower right"),
)
_HALVES: Final = (("upper left", "upper right"), ("lower left", "lower right"))

_OPENINGS: Final = (
    "This image contains {}.",
    "The image includes {}.",
    "There are {} in the image.",
    "This image features {}.",
    "This image shows {}.",
)
"""What the published code draws from, in its order; of those that the fixture does not show only
the verb is known."""
_PLACINGS: Final = (
    "The {place} region contains {things}.",
    "{things} {verb} distributed in the {place}.",
    "There {verb} {things} in the {place}.",
    "The {place} region has {things}.",
    "{things} {verb} observed in the {place}.",
    "In the {place}, {things} {verb} present.",
)
"""Likewise, for the sentences about places."""

_Found = Mapping[str, Sequence[Detection]]


def describe(found: _Found, *, height: int, width: int, cells: Literal[4, 9] = 4) -> str:
    """Return what a picture shows and where, always in the same words.

    Args:
        found: objects by class; classes without objects are left out.
        height: rows of the picture.
        width: columns of the picture.
        cells: number of places that it is divided into.

    Raises:
        InputError: if it is to be divided in another way.
    """
    places = _placed(found, height, width, cells)
    if not places:
        return NOTHING
    totals = [_counted(name, len(objects)) for name, objects in found.items() if objects]
    sentences = [f"The image shows {_joined(totals)}."]
    for place, counts in places.items():
        things = _joined([_counted(name, number) for name, number in counts.items()])
        spot = "center" if place == "center" else f"{place} part"
        sentences.append(f"The {spot} has {things}.")
    return " ".join(sentences)


def describe_as_published(
    found: _Found, chance: Random, *, height: int, width: int, cells: Literal[4, 9] = 4
) -> str:
    """Return the caption of the published code, which draws its sentences at random.

    Args:
        found: objects by class; classes without objects are left out.
        chance: what draws; a seeded one gives the same words again.
        height: rows of the picture.
        width: columns of the picture.
        cells: number of places that it is divided into.

    Raises:
        InputError: if it is to be divided in another way.
    """
    places = _placed(found, height, width, cells)
    totals = [_vague(name, len(objects)) for name, objects in found.items() if objects]
    opening = chance.choice(_OPENINGS).format(", ".join(totals))
    sentences = []
    for place, counts in places.items():
        things = ", ".join(f"{name}s" if n > 1 else name for name, n in counts.items())
        verb = "are" if sum(counts.values()) > 1 else "is"
        sentences.append(chance.choice(_PLACINGS).format(place=place, things=things, verb=verb))
    return f"{opening} {' '.join(sentences)}"


def _placed(found: _Found, height: int, width: int, cells: int) -> dict[str, dict[str, int]]:
    """Return how many objects of each class lie in each place, row by row; empty ones left out."""
    if cells not in {4, 9}:
        raise InputError(f"a picture is divided into 4 or 9 places, got {cells}")
    names = _HALVES if cells == 4 else _THIRDS
    side = math.isqrt(cells)
    counts: dict[str, dict[str, int]] = {place: {} for row in names for place in row}
    for name, objects in found.items():
        for one in objects:
            x1, y1, x2, y2 = one.box
            row = min(int((y1 + y2) / 2 // (height / side)), side - 1)
            col = min(int((x1 + x2) / 2 // (width / side)), side - 1)
            here = counts[names[row][col]]
            here[name] = here.get(name, 0) + 1
    return {place: here for place, here in counts.items() if here}


def _vague(name: str, number: int) -> str:
    if number == 1:
        return name
    return f"{number} {name}s" if number <= _FEW else f"many {name}s"


def _counted(name: str, number: int) -> str:
    return f"1 {name}" if number == 1 else f"{number} {plural(name)}"


def _joined(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
