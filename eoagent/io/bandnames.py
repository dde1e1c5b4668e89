"""Names of bands: what the item, the user, the file, its sensor or its colours call them.

The first of these that speaks decides for the whole file: the bands that a STAC item lists, the
names that the user gave, the descriptions in the file, the preset of the sensor that the file's
name speaks of, an order of bands in the file's name (`rgbn`), colours, and last `b1`, `b2`, ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from eoagent.contracts.errors import InputError
from eoagent.io.scene_bands import BandHint
from eoagent.spectral.bandwords import by_wavelength
from eoagent.spectral.sensors import (
    band_from_name,
    base_name,
    common_name,
    find_sensor,
    quality_from_name,
    stack_names,
)

__all__ = ["BandFacts", "Naming", "distinct", "name_bands", "name_given", "slug"]

Origin = Literal["item", "user", "file", "sensor", "name", "colour", "position"]

_NAME_CHARS: Final = 40
_EMPTY_WORDS: Final = re.compile(r"(?:band|layer|channel|b)?[ _.-]*\d*", re.IGNORECASE)
_LETTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "rgb": ("red", "green", "blue"),
    "bgr": ("blue", "green", "red"),
    "rgbn": ("red", "green", "blue", "nir"),
    "rgbi": ("red", "green", "blue", "nir"),
    "rgbnir": ("red", "green", "blue", "nir"),
    "bgrn": ("blue", "green", "red", "nir"),
    "nrg": ("nir", "red", "green"),
    "nirrg": ("nir", "red", "green"),
}
_COLOURS: Final = ("red", "green", "blue")
_HEIGHT: Final = re.compile(
    r"(?:^|[_.\- ])(dem|dsm|dtm|dhm|chm|hag|ndsm|srtm|elevation|height)(?=$|[_.\- ])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandFacts:
    """What a file says of its bands."""

    href: str
    """Path or URL; only its name is looked at."""
    descriptions: tuple[str, ...]
    """Description per band, empty where there is none."""
    colours: tuple[str, ...]
    """Colour interpretation per band (`red`, `gray`, `alpha`, ...)."""
    sensor: str = ""
    """Sensor preset id, or empty."""

    @property
    def count(self) -> int:
        """Number of bands, an alpha band included."""
        return len(self.colours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The bands of a file by name."""

    names: tuple[str, ...]
    """Name per band; empty for one that is no band of the raster, such as an alpha band."""
    origin: Origin
    """Who named them."""
    notes: tuple[str, ...] = ()
    """Choices made, each a sentence."""


def name_bands(
    facts: BandFacts, *, listed: Sequence[BandHint] = (), given: Sequence[str] = ()
) -> Naming:
    """Return the names of the bands of one file.

    Args:
        facts: what the file says.
        listed: bands of this file that a STAC item offers; others are then left out.
        given: what the user calls them; as many as there are bands, or bands but alpha.

    Raises:
        InputError: if the user gave another number of names than there are bands, or a name twice.
    """
    indexed = {hint.index: hint for hint in listed if hint.index is not None}
    notes: tuple[str, ...] = ()
    if indexed and max(indexed) <= facts.count:
        names = [
            _listed_name(indexed[n], facts.sensor) if n in indexed else ""
            for n in range(1, facts.count + 1)
        ]
        return Naming(names=distinct(names), origin="item")
    if indexed:
        place = f"band {max(indexed)} of {base_name(facts.href)}, which has {facts.count}"
        notes = (f"the item lists {place}: the item's names are not used",)
    if given:
        spare = int(_has_alpha(facts))
        names_given = name_given(given, facts.count, spare=spare, sensor=facts.sensor)
        return Naming(names=_with_alpha(names_given, facts), origin="user", notes=notes)
    for proposal in (_by_descriptions, _by_preset, _by_letters, _by_colours):
        found = proposal(facts)
        if found is not None:
            return Naming(names=found.names, origin=found.origin, notes=notes + found.notes)
    plain = tuple(f"b{n}" for n in range(1, facts.count + 1 - _has_alpha(facts)))
    return Naming(names=_with_alpha(plain, facts), origin="position", notes=notes)


def name_given(
    given: Sequence[str], count: int, *, spare: int = 0, sensor: str = ""
) -> tuple[str, ...]:
    """Return the names that a user gave, words turned into common names.

    Args:
        given: as written (`near infrared`, `B08`, `ndvi_old`).
        count: number of bands that are there.
        spare: how many of them, the alpha bands, may go without a name.
        sensor: preset id that numbers are read by, or empty.

    Raises:
        InputError: if the number does not fit or two names mean the same.
    """
    if len(given) not in (count, count - spare):
        found = f"{count} bands" if count != 1 else "1 band"
        raise InputError(
            f"{len(given)} band names were given ({', '.join(given)[:80]}) for {found}",
            hint=f"give {count} names in the order of the bands, for instance "
            + ",".join(f"b{n}" for n in range(1, min(count, 4) + 1)),
        )
    names = tuple(common_name(text, sensor=sensor) or slug(text) for text in given)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not all(names):
        trouble = f"'{twice[0]}' stands for two of them" if twice else "one of them is empty"
        raise InputError(
            f"the band names {', '.join(given)[:80]} cannot be used: {trouble}",
            hint="give each band a name of its own",
        )
    return names


def slug(text: str) -> str:
    """Return a text as a name that expressions can use: `[a-z_][a-z0-9_]*`, or empty."""
    name = re.sub(r"\W+", "_", text.casefold(), flags=re.ASCII).strip("_")[:_NAME_CHARS]
    return f"b{name}" if name[:1].isdigit() else name


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names with `_2`, `_3`, ... behind those that came before; empty ones stay."""
    seen: set[str] = set()
    out: list[str] = []
    for name in names:
        number, fresh = 2, name
        while fresh and (fresh in seen or (number > 2 and fresh in names)):
            fresh, number = f"{name}_{number}", number + 1
        seen.add(fresh)
        out.append(fresh)
    return tuple(out)


def _listed_name(hint: BandHint, sensor: str) -> str:
    """Return the item's name of a band: its common name, else what its own name stands for."""
    if hint.common_name:
        return common_name(hint.name) or slug(hint.name) or f"b{hint.index}"
    meant = common_name(hint.name, sensor=sensor)
    if meant is None and hint.wavelength_um is not None:
        meant = by_wavelength(hint.wavelength_um)
    return meant or slug(hint.name) or f"b{hint.index}"


def _by_descriptions(facts: BandFacts) -> Naming | None:
    meant = [common_name(d, sensor=facts.sensor) if d else None for d in facts.descriptions]
    own = [
        "" if _EMPTY_WORDS.fullmatch(description.strip()) else slug(description)
        for description in facts.descriptions
    ]
    if not any(meant) and not any(own):
        return None
    words = zip(meant, own, facts.colours, strict=True)
    names = [
        "" if colour == "alpha" and common is None else common or word or f"b{n}"
        for n, (common, word, colour) in enumerate(words, 1)
    ]
    return Naming(names=distinct(names), origin="file")


def _by_preset(facts: BandFacts) -> Naming | None:
    if not facts.sensor:
        return _by_height_word(facts)
    title = find_sensor(facts.sensor).title
    if facts.count == 1:
        quality = quality_from_name(facts.href)
        if quality is not None:
            name = "qa_pixel" if quality == "landsat_qa_pixel" else "scl"
            return Naming(names=(name,), origin="sensor")
        band = band_from_name(facts.sensor, facts.href)
        return None if band is None else Naming(names=(band.name,), origin="sensor")
    stack = stack_names(facts.sensor, facts.count)
    if stack is None:
        return None
    order = ", ".join(stack)
    note = f"the bands are taken in the usual order of {title} with {facts.count} bands: {order}"
    return Naming(names=stack, origin="sensor", notes=(note,))


def _by_height_word(facts: BandFacts) -> Naming | None:
    stem = PurePosixPath(base_name(facts.href)).stem
    if facts.count != 1 or not _HEIGHT.search(stem):
        return None
    return Naming(names=("elevation",), origin="name")


def _by_letters(facts: BandFacts) -> Naming | None:
    parts = re.split(r"[_.\- ]", PurePosixPath(base_name(facts.href)).stem)
    found = [_LETTERS[p] for p in parts if p in _LETTERS and len(_LETTERS[p]) == facts.count]
    if len(set(found)) != 1 or found[0] == facts.colours:
        return None
    note = f"the bands are taken in the order of the file's name: {', '.join(found[0])}"
    return Naming(names=found[0], origin="name", notes=(note,))


def _by_colours(facts: BandFacts) -> Naming | None:
    if not set(_COLOURS) <= set(facts.colours):
        return None
    names = [
        colour if colour in _COLOURS else "" if colour == "alpha" else f"b{n}"
        for n, colour in enumerate(facts.colours, 1)
    ]
    return Naming(names=distinct(names), origin="colour")


def _has_alpha(facts: BandFacts) -> bool:
    return facts.count > 1 and facts.colours[-1] == "alpha"


def _with_alpha(names: tuple[str, ...], facts: BandFacts) -> tuple[str, ...]:
    """Return names for all bands: the alpha band's stays empty where one name is missing."""
    return names if len(names) == facts.count else (*names, "")
