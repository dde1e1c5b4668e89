"""Spectral indices: find one by name, match its bands with a raster's, and compute it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eoagent.contracts.errors import InputError, NotFound
from eoagent.spectral.bandwords import band_words, plain
from eoagent.spectral.expression import parse
from eoagent.spectral.index_table import INDICES, IndexSpec
from eoagent.spectral.sensors import common_name

_UNNAMED = re.compile(r"b\d+")

__all__ = [
    "INDICES",
    "STAND_INS",
    "IndexSpec",
    "evaluate_index",
    "find_index",
    "formula_text",
    "match_bands",
    "resolve_bands",
]

STAND_INS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "nir": ("nir08",),
        "nir08": ("nir",),
        "rededge071": ("rededge",),
    },
)
"""Bands that may stand in for another of nearly the same wavelength, best first."""


def find_index(name: str) -> IndexSpec:
    """Return the index of that name: id, title or alias; case, blanks and hyphens do not matter.

    Raises:
        NotFound: if no index has that name; the hint lists near ones or all.
    """
    wanted = _squash(name)
    for spec in INDICES.values():
        if wanted and wanted in {_squash(text) for text in (spec.id, spec.title, *spec.aliases)}:
            return spec
    near = difflib.get_close_matches(wanted, list(INDICES), n=3)
    offer = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(INDICES)}"
    msg = f"no spectral index is called '{name[:60]}'"
    raise NotFound(msg, hint=f"{offer} Any other arithmetic over bands: band_math")


def _squash(text: str) -> str:
    return plain(text).replace("normalized", "normalised").replace("optimized", "optimised")


def match_bands(
    wanted: Sequence[str], available: Iterable[str], *, sensor: str = ""
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return which available band serves each wanted name, and what is missing.

    A band serves by its exact name, else by its name in any case, else by what the two names mean
    (`B08` of Sentinel-2, `Near Infrared`), else as a stand-in of `STAND_INS`.

    Args:
        wanted: Common names, or other names for them.
        available: Names of the raster's bands.
        sensor: Preset id that reads names such as `band 4`; empty when not known.
    """
    there = tuple(available)
    meaning: dict[str, str] = {}
    for band in there:
        known = common_name(band, sensor=sensor)
        if known is not None:
            meaning.setdefault(known, band)
    for band in there:  # a band of just that name wins over one that means the same
        meaning[plain(band)] = band
    found: dict[str, str] = {}
    missing: list[str] = []
    for name in wanted:
        meant = common_name(name, sensor=sensor) or plain(name)
        options = (name, plain(name), meant, *STAND_INS.get(meant, ()))
        serving = next((meaning[option] for option in options if option in meaning), None)
        if name in there:
            found[name] = name
        elif serving is None:
            missing.append(name)
        else:
            found[name] = serving
    return found, tuple(missing)


def resolve_bands(spec: IndexSpec, available: Iterable[str], *, sensor: str = "") -> dict[str, str]:
    """Return the available band for each band name of the index's formula.

    Raises:
        InputError: if a band is missing; the message names it in words and lists what is there.
    """
    there = tuple(available)
    found, missing = match_bands(spec.bands, there, sensor=sensor)
    if missing:
        lacking = " and ".join(band_words(name) for name in missing)
        msg = f"{spec.id.upper()} needs {lacking}, which this raster does not have"
        raise InputError(msg, hint=_repair(there))
    return found


def _repair(there: tuple[str, ...]) -> str:
    listed = f"its bands are {', '.join(there) or 'not named'}"
    if there and all(_UNNAMED.fullmatch(name) for name in there):
        return f"{listed}, which the file does not name: open it again with bands in their order"
    return listed


def formula_text(spec: IndexSpec, parameters: Mapping[str, float] | None = None) -> str:
    """Return the formula with its parameters, as a text to show.

    Raises:
        InputError: if a parameter is unknown or not finite.
    """
    values = _parameters(spec, parameters)
    if not values:
        return spec.formula
    return f"{spec.formula}, {', '.join(f'{name} = {value:g}' for name, value in values.items())}"


def evaluate_index(
    spec: IndexSpec,
    bands: Mapping[str, ArrayLike],
    parameters: Mapping[str, float] | None = None,
) -> NDArray[np.floating[Any]]:
    """Return the index, NaN where it is not defined (0/0, NaN in a band), never infinite.

    Values outside `spec.valid_range`, which negative reflectances can cause, are left as they are.

    Args:
        spec: The index.
        bands: Arrays of one shape by the formula's band names, any numeric type; reflectance
            (0 to 1) where `spec.needs_reflectance`.
        parameters: Values for some of `spec.parameters`; the usual ones serve for the rest.

    Raises:
        InputError: if a band is missing, shapes differ, or a parameter is unknown or not finite.
    """
    values = _parameters(spec, parameters)
    return parse(spec.formula).evaluate({**bands, **values})


def _parameters(spec: IndexSpec, given: Mapping[str, float] | None) -> dict[str, float]:
    values = {**spec.parameters, **(given or {})}
    unknown = [name for name in values if name not in spec.parameters]
    if unknown:
        known = ", ".join(spec.parameters) or "none"
        msg = f"{spec.id.upper()} has no parameter {', '.join(unknown)}"
        raise InputError(msg, hint=f"its parameters: {known}")
    wrong = [name for name, value in values.items() if not np.isfinite(value)]
    if wrong:
        msg = f"parameter {', '.join(wrong)} of {spec.id.upper()} is not a finite number"
        raise InputError(msg, hint="state a plain number")
    return values
