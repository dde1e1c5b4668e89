"""How large the usual objects of overhead imagery are, and which pixels are too coarse for them.

The sizes are data (`objectsizes.toml`), each with its source. What is not listed is not judged.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from pydantic import Field, ValidationError

from eoagent.contracts.errors import InputError, InternalError
from eoagent.contracts.record import Record
from eoagent.vectors.nouns import same_noun

__all__ = ["LEAST_PIXELS", "ObjectSize", "check_visible", "object_size", "too_small"]

LEAST_PIXELS: Final = 2.0
"""An object that is less than so many pixels long leaves no shape in an image.

Source: sampling theorem; J. Johnson, Analysis of Image Forming Systems (1958), Table 1: one line
pair, which is two pixels, across an object to detect it.
"""


class ObjectSize(Record):
    """How long the usual objects of a class are."""

    words: tuple[str, ...] = Field(min_length=1)
    """Names of the class, in the singular."""
    size_m: float = Field(gt=0, allow_inf_nan=False)
    """Length of a usual one along its longer side, metres."""
    source: str = Field(min_length=1)
    """Where that is said."""


def object_size(name: str) -> ObjectSize | None:
    """Return the size of a class by any of its names, singular or plural; None if unknown."""
    return _sizes().get(same_noun(name))


def too_small(names: Iterable[str], gsd_m: float | None) -> dict[str, ObjectSize]:
    """Return the classes that are less than two pixels long, with their sizes.

    Args:
        names: the classes; those whose size is not known pass.
        gsd_m: metres per pixel; None where nobody knows, and everything passes.
    """
    if gsd_m is None:
        return {}
    found = {name: object_size(name) for name in names}
    return {
        name: size
        for name, size in found.items()
        if size is not None and size.size_m < LEAST_PIXELS * gsd_m
    }


def check_visible(names: Iterable[str], gsd_m: float | None) -> None:
    """Refuse classes of which an image can show no object, as its pixels are too coarse.

    Raises:
        InputError: if a class is less than two pixels long.
    """
    small = too_small(names, gsd_m)
    if not small:
        return
    said = "; ".join(
        f"'{name}' is about {size.size_m:g} m long ({size.source})" for name, size in small.items()
    )
    needed = min(size.size_m for size in small.values()) / LEAST_PIXELS
    raise InputError(
        f"pixels of {gsd_m:.3g} m cannot show what was asked for, which would be less than "
        f"{LEAST_PIXELS:g} pixels long: {said}",
        hint=f"take an image of {needed:.3g} m per pixel or finer, or ask for something larger",
    )


@cache
def _sizes() -> MappingProxyType[str, ObjectSize]:
    text = files("eoagent.vectors").joinpath("objectsizes.toml").read_text(encoding="utf-8")
    try:
        found = [ObjectSize.model_validate(one) for one in tomllib.loads(text)["object"]]
    except (tomllib.TOMLDecodeError, ValidationError, KeyError) as error:
        raise InternalError(f"objectsizes.toml does not hold: {error}") from error
    return MappingProxyType({same_noun(word): one for one in found for word in one.words})
