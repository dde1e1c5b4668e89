"""Pseudo-pictures: bands outside the visible as colour pictures, with words on how each was made.

A model that knows colour pictures only can so be asked about multi-spectral scenes (Source:
arXiv:2509.19087). Arrays are (height, width); nothing here reads.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.spectral.expression import parse
from eoagent.spectral.indices import match_bands

__all__ = ["PictureRule", "Ramp", "Recipe", "colour", "fitting", "recipes", "served"]

_STOP: Final = re.compile(r"(\w+) \((\d+), (\d+), (\d+)\)")
_TOP: Final = 255.0
_Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Colours from the lowest to the highest value, evenly spaced."""

    names: tuple[str, ...]
    """What each colour is called."""
    stops: tuple[tuple[int, int, int], ...]
    """Red, green and blue of each, 0 to 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRule:
    """How one picture is made: of three bands, or of one formula."""

    title: str
    """Its name (`NDVI`)."""
    shows: str
    """What its colours mean, in words."""
    bands: tuple[str, ...]
    """Common names of the bands that it needs; those of red, green and blue where it has no
    formula."""
    formula: str = ""
    """Expression over the bands; empty for a picture of three bands."""
    low: float | None = None
    """Value of the first colour; None stretches by the scene."""
    high: float | None = None
    """Value of the last colour; None stretches by the scene."""
    ramp: Ramp | None = None
    """Colours of a formula."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The pictures for a kind of sensor."""

    id: str
    """Its name."""
    sensors: tuple[str, ...]
    """Sensor presets that it is meant for; none means any raster."""
    pictures: tuple[PictureRule, ...]
    """The pictures, in the order in which they are shown."""


@cache
def recipes() -> Mapping[str, Recipe]:
    """Return the recipes of `pseudopictures.toml` by id, in the file's order."""
    text = (files("eoagent.spectral") / "pseudopictures.toml").read_text(encoding="utf-8")
    held = tomllib.loads(text)
    ramps = {name: _ramp(stops) for name, stops in held["ramps"].items()}
    made = (
        Recipe(
            id=row["id"],
            sensors=tuple(row["sensors"]),
            pictures=tuple(_rule(picture, ramps) for picture in row["picture"]),
        )
        for row in held["recipe"]
    )
    return MappingProxyType({recipe.id: recipe for recipe in made})


def fitting(sensor: str) -> Recipe:
    """Return the recipe for a sensor preset: its own, else the one for any raster."""
    every = recipes().values()
    own = next((recipe for recipe in every if sensor in recipe.sensors), None)
    return own or next(recipe for recipe in every if not recipe.sensors)


def served(
    recipe: Recipe, available: Iterable[str], *, sensor: str = ""
) -> tuple[tuple[tuple[PictureRule, dict[str, str]], ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return which pictures a raster's bands can make, and which not.

    Args:
        recipe: the pictures that are wanted.
        available: names of the raster's bands.
        sensor: preset id that reads names such as `band 4`; empty when not known.

    Returns:
        Each picture that can be made with the raster's band for each of its names; and for each
        that cannot, its title and the bands that are missing.
    """
    there = tuple(available)
    made: list[tuple[PictureRule, dict[str, str]]] = []
    lacking: list[tuple[str, tuple[str, ...]]] = []
    for rule in recipe.pictures:
        found, missing = match_bands(rule.bands, there, sensor=sensor)
        if missing:
            lacking.append((rule.title, missing))
        else:
            made.append((rule, found))
    return tuple(made), tuple(lacking)


def colour(
    rule: PictureRule,
    bands: Mapping[str, _Values],
    valid: NDArray[np.bool_],
    *,
    span: tuple[float, float],
) -> NDArray[np.uint8]:
    """Return a picture, (height, width, 3); black where not valid or where a formula has no value.

    Args:
        rule: how it is made.
        bands: values by the names that the rule uses, (height, width).
        valid: True = valid.
        span: values of the first and the last colour; values outside get the nearest.

    Raises:
        InputError: if a band is missing or shapes differ.
    """
    low, high = span
    if not rule.formula:
        stack = np.stack([np.asarray(bands[name], np.float64) for name in rule.bands], axis=-1)
        shares = np.clip((stack - low) / (high - low), 0.0, 1.0)
        is_shown = valid & np.isfinite(stack).all(axis=-1)
        return _bytes(shares * _TOP, is_shown)
    value = np.asarray(parse(rule.formula).evaluate(bands), np.float64)
    is_shown = valid & np.isfinite(value)
    share = np.clip((np.where(is_shown, value, low) - low) / (high - low), 0.0, 1.0)
    ramp = rule.ramp
    stops = np.array([[0, 0, 0], [255, 255, 255]] if ramp is None else ramp.stops, np.float64)
    at = np.linspace(0.0, 1.0, len(stops))
    channels = [np.interp(share, at, stops[:, channel]) for channel in range(3)]
    return _bytes(np.stack(channels, axis=-1), is_shown)


def _bytes(levels: _Values, is_shown: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(is_shown[..., np.newaxis], np.rint(np.nan_to_num(levels)), 0).astype(np.uint8)


def _rule(row: Mapping[str, Any], ramps: Mapping[str, Ramp]) -> PictureRule:
    formula = row.get("formula", "")
    return PictureRule(
        title=row["title"],
        shows=row["shows"],
        bands=tuple(parse(formula).names) if formula else tuple(row["bands"]),
        formula=formula,
        low=row.get("low"),
        high=row.get("high"),
        ramp=ramps[row["ramp"]] if formula else None,
    )


def _ramp(stops: Sequence[str]) -> Ramp:
    found = [_STOP.fullmatch(stop) for stop in stops]
    read = [match for match in found if match is not None]
    return Ramp(
        names=tuple(match[1] for match in read),
        stops=tuple((int(match[2]), int(match[3]), int(match[4])) for match in read),
    )
