"""Render recipes: how the numbers of an image become the 8-bit colours that an encoder sees.

Every stretch is fixed. One that followed the contents of a tile would give one field another look
in every tile, and its vectors with it.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from eoagent.contracts.errors import NotFound
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.record import Record, digest

__all__ = [
    "AUTO",
    "UNNAMED",
    "Fits",
    "Recipe",
    "Subject",
    "choose",
    "find_recipe",
    "recipes",
    "render",
]

AUTO: Final = "auto"
"""Stands for the recipe of the sensor."""
UNNAMED: Final = ("b1", "b2", "b3")
"""Names of three bands that nothing names."""
_ONLY: Final = "*"
_FOLDER: Final = "eoagent_indexes.build.recipes"
_SUFFIX: Final = ".toml"


class Fits(Record):
    """What an image must be for a recipe; what is not stated does not matter."""

    asset: Literal["shown", "data", "any"] = "any"
    """Whether it takes the picture that the product itself offers, or its data."""
    sensors: tuple[str, ...] = ()
    """Patterns of sensor preset ids; asked only where no one named the recipe."""
    dtypes: tuple[str, ...] = ()
    """Stored data types, without a scale."""
    values: tuple[str, ...] = ()
    """What the numbers are, after scale and offset."""


class Recipe(Record):
    """How an image is shown."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,40}$")
    """Name that requests use."""
    title: str
    """What it is, in words."""
    rank: int
    """Of several that fit, the one with the lowest rank is taken."""
    bands: tuple[str, ...] = Field(min_length=1, max_length=3)
    """Bands for red, green and blue by common name; `*` alone is the only band there is."""
    low: tuple[float, ...]
    """Value per band that becomes 0."""
    high: tuple[float, ...]
    """Value per band that becomes 255."""
    nodata: float | None = None
    """Value that means no data where it stands in all bands and the file does not say so."""
    takes_unnamed: bool = False
    """Whether three bands that nothing names are taken for red, green and blue."""
    said: str
    """The stretch in words, which is stated with an index."""
    fits: Fits
    """What it takes."""

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not len(self.bands) == len(self.low) == len(self.high):
            raise ValueError(f"recipe {self.name} has not one stretch for each band")
        if any(low >= high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError(f"recipe {self.name} has a stretch that ends before it starts")
        return self

    @property
    def key(self) -> str:
        """Name and a mark of what decides the colours: another stretch is another recipe."""
        decides = {
            "bands": list(self.bands),
            "low": list(self.low),
            "high": list(self.high),
            "nodata": self.nodata,
        }
        return f"{self.name}-{digest(decides)[:8]}"

    @property
    def is_plain(self) -> bool:
        """Whether 8-bit colours pass as they are."""
        return set(self.low) == {0.0} and set(self.high) == {255.0}

    def pick(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the bands that it takes of those there are; none where one is missing."""
        if self.bands == (_ONLY,):
            return tuple(names) if len(names) == 1 else ()
        if self.takes_unnamed and tuple(names) == UNNAMED:
            return UNNAMED
        return self.bands if set(self.bands) <= set(names) else ()

    def misfit(self, subject: Subject) -> str:
        """Return why an image cannot be shown so; empty where it can."""
        ref = subject.ref
        taken = self.pick(ref.band_names)
        listed = ", ".join(ref.band_names[:12])
        if not taken:
            if self.bands == (_ONLY,):
                return f"it takes one band, and there are {len(ref.band_names)} ({listed})"
            missing = ", ".join(name for name in self.bands if name not in ref.band_names)
            return f"there is no band {missing} (bands: {listed})"
        if self.fits.asset != "any" and (self.fits.asset == "shown") != subject.is_shown:
            return (
                "it takes the picture that the product offers, and the item lists none"
                if self.fits.asset == "shown"
                else "it takes data, and the item lists only a picture"
            )
        bands = [band for band in ref.bands if band.name in taken]
        if self.fits.values and ref.values not in self.fits.values:
            return f"it takes {' or '.join(self.fits.values)}, and the values are {ref.values}"
        dtypes = sorted({band.dtype for band in bands})
        if self.fits.dtypes and not set(dtypes) <= set(self.fits.dtypes):
            return f"it takes {' or '.join(self.fits.dtypes)}, and the file holds {dtypes[0]}"
        if self.fits.dtypes and any((band.scale, band.offset) != (1.0, 0.0) for band in bands):
            return "it takes stored numbers as they are, and these have a scale"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An image that is to be shown."""

    ref: RasterRef
    """The image."""
    is_shown: bool
    """Whether it is a picture that the product offers beside its data."""


@cache
def recipes() -> Mapping[str, Recipe]:
    """Return all recipes by name, in the order in which they are tried."""
    found = [
        Recipe(name=entry.name.removesuffix(_SUFFIX), **tomllib.loads(entry.read_text("utf-8")))
        for entry in files(_FOLDER).iterdir()
        if entry.name.endswith(_SUFFIX)
    ]
    return MappingProxyType({one.name: one for one in sorted(found, key=lambda one: one.rank)})


def find_recipe(name: str) -> Recipe:
    """Return a recipe by its name.

    Raises:
        NotFound: if there is no such recipe; the hint lists them.
    """
    found = recipes().get(name)
    if found is None:
        raise NotFound(
            f"no render recipe is called '{name[:60]}'",
            hint=f"known: {AUTO}, {', '.join(recipes())}",
        )
    return found


def choose(subject: Subject, name: str = AUTO) -> tuple[Recipe | None, str]:
    """Return the recipe for an image, and why none fits where there is none.

    Args:
        subject: the image.
        name: the recipe that was asked for; `auto` takes the first that fits image and sensor.

    Raises:
        NotFound: if there is no recipe of that name.
    """
    if name != AUTO:
        wanted = find_recipe(name)
        why = wanted.misfit(subject)
        return (None, f"recipe {name} does not fit: {why}") if why else (wanted, "")
    sensor = subject.ref.sensor
    for one in recipes().values():
        is_meant = not one.fits.sensors or any(
            fnmatch.fnmatchcase(sensor, pattern) for pattern in one.fits.sensors
        )
        if is_meant and not one.misfit(subject):
            return one, ""
    return None, f"no render recipe fits: {_why_none(subject)}"


def _why_none(subject: Subject) -> str:
    """Return what the image lacks for the recipe that comes nearest."""
    names = subject.ref.band_names
    colours = ("red", "green", "blue")
    if not set(colours) <= set(names) and names != UNNAMED:
        return recipes()["rgb8"].misfit(subject)
    dtypes = sorted({band.dtype for band in subject.ref.bands})
    return (
        f"its red, green and blue are {subject.ref.values} values of type {', '.join(dtypes)}; "
        f"known are 8-bit colours, reflectance, and 16-bit counts"
    )


def render(
    recipe: Recipe, values: NDArray[Any], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return 8-bit colours (height, width, 3), and which pixels hold data.

    Pixels without data are black.

    Args:
        recipe: how.
        values: (bands, height, width), the bands of the recipe in order.
        valid: (height, width).
    """
    if recipe.nodata is not None:
        valid = valid & ~(values == recipe.nodata).all(axis=0)
    is_whole = bool(valid.all())
    picture = np.empty((*valid.shape, 3), dtype=np.uint8)
    for band, (low, high) in enumerate(zip(recipe.low, recipe.high, strict=True)):
        part = values[band] if is_whole else np.where(valid, values[band], np.float32(low))
        if not recipe.is_plain:  # 8-bit colours are whole numbers already
            part = (part - np.float32(low)) * np.float32(255.0 / (high - low))
            np.clip(part, 0.0, 255.0, out=part)
            part += np.float32(0.5)
        if len(recipe.bands) == 1:
            picture[...] = part[..., None]
        else:
            picture[..., band] = part
    return picture, valid
