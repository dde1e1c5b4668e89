"""Show a multi-spectral raster as several colour pictures, and say how each was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import RasterRef
from eoagent.io.raster import RasterReader
from eoagent.io.scenepictures import scene_colours
from eoagent.spectral.bandwords import band_words
from eoagent.spectral.expression import parse
from eoagent.spectral.pseudopictures import PictureRule, colour, fitting, served
from eoagent.spectral.sensors import presets

__all__ = ["PseudoPictures", "pseudo_pictures"]

_LOW_PCT, _HIGH_PCT = 2.0, 98.0
_Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PseudoPictures:
    """Pictures of one scene, of one size."""

    titles: tuple[str, ...]
    """What each shows in a word (`NDVI`)."""
    pictures: tuple[NDArray[np.uint8], ...]
    """(height, width, 3) each."""
    valid: NDArray[np.bool_]
    """(height, width), True = every band that any of them needs is valid."""
    description: str
    """For a model: the bands, and how each picture was made and is to be read."""
    spans: tuple[tuple[float, float], ...]
    """Values of the first and the last colour of each."""
    notes: tuple[str, ...]
    """Choices that were made, each a sentence."""


def pseudo_pictures(
    reader: RasterReader, window: Window | None = None, *, max_px: int = 896
) -> PseudoPictures:
    """Return the pictures of a raster's recipe that its bands can make.

    Args:
        reader: the raster, open.
        window: part of it; None is the whole.
        max_px: longest side of the pictures; smaller windows keep their pixels.

    Raises:
        InputError: if its bands make fewer than two pictures, or no pixel is valid.
        SourceError: if pixels could not be had.
    """
    ref = reader.ref
    recipe = fitting(ref.sensor)
    made, lacking = served(recipe, ref.band_names, sensor=ref.sensor)
    if len(made) < 2:
        missing = sorted({name for _, names in lacking for name in names})
        raise InputError(
            f"the bands of '{ref.title}' ({', '.join(ref.band_names)}) make no more than one "
            "picture",
            hint=f"name its bands when it is opened; of use are {', '.join(missing)}",
        )
    needed = tuple(dict.fromkeys(band for _, found in made for band in found.values()))
    part = window or ref.grid.window
    share = min(1.0, max_px / max(part.height, part.width))
    shape = max(1, round(part.height * share)), max(1, round(part.width * share))
    read, valid = reader.read(needed, part, out_shape=shape, resampling="average")
    if not valid.any():
        raise InputError(
            f"the part of '{ref.title}' that is to be shown has no valid pixel",
            hint="choose another part, or another image",
        )
    values = dict(zip(needed, read.astype(np.float64), strict=True))
    pictures, spans, lines = [], [], []
    for number, (rule, found) in enumerate(made, start=1):
        bands = {name: values[band] for name, band in found.items()}
        span, how = _span(rule, found, values, valid, reader)
        pictures.append(colour(rule, bands, valid, span=span))
        spans.append(span)
        lines.append(f"Picture {number}: {_line(rule, span, how)}{_stand_ins(found)}")
    return PseudoPictures(
        titles=tuple(rule.title for rule, _ in made),
        pictures=tuple(pictures),
        valid=valid,
        description="\n".join([_head(ref, needed, len(made)), *lines]),
        spans=tuple(spans),
        notes=_notes(recipe.id, ref, lines, lacking),
    )


def _span(
    rule: PictureRule,
    found: dict[str, str],
    values: dict[str, _Values],
    valid: NDArray[np.bool_],
    reader: RasterReader,
) -> tuple[tuple[float, float], str]:
    """Return the values of the first and last colour, and where they come from."""
    if rule.low is not None and rule.high is not None:
        return (rule.low, rule.high), ""
    if not rule.formula:
        low, high, how = scene_colours(reader, tuple(found.values()))
        return (low, high), how
    shown = parse(rule.formula).evaluate({name: values[band] for name, band in found.items()})
    held = np.asarray(shown, np.float64)[valid]
    low, high = (float(v) for v in np.nanpercentile(held, [_LOW_PCT, _HIGH_PCT]))
    kind = reader.ref.values.replace("_", " ")
    return (low, high if high > low else low + 1.0), f"{kind}, its 2nd to 98th percentile"


def _head(ref: RasterRef, needed: tuple[str, ...], count: int) -> str:
    preset = presets().get(ref.sensor)
    known = {} if preset is None else {band.name: band for band in preset.bands}
    rows = []
    for name in needed:
        band = known.get(name)
        facts = [band_words(name)]
        if band is not None and band.center_um:
            facts.append(f"centre {band.center_um:g} um")
        if band is not None and band.gsd_m:
            facts.append(f"{band.gsd_m:g} m per pixel")
        rows.append(", ".join(facts))
    sensor = "a satellite or aerial sensor" if preset is None else preset.title
    return (
        f"The {count} pictures show one scene, pixel for pixel the same place, made from bands of "
        f"{sensor}: {'; '.join(rows)}. Black is without data."
    )


def _line(rule: PictureRule, span: tuple[float, float], how: str) -> str:
    low, high = span
    if not rule.formula:
        made = f"{', '.join(rule.bands)} as red, green and blue"
        return f"{rule.title}: {made}, {how}; {rule.shows}."
    names = ("black", "white") if rule.ramp is None else rule.ramp.names
    at = np.linspace(low, high, len(names))
    steps = ", ".join(f"{value:.3g} {name}" for value, name in zip(at, names, strict=True))
    given = f" ({how})" if how else ""
    return (
        f"{rule.title}: {rule.formula}{given}, shown as {steps}, values outside as the nearest of "
        f"these; {rule.shows}."
    )


def _stand_ins(found: dict[str, str]) -> str:
    """Return which bands stand in for the ones of the rule, as a sentence; empty if none do."""
    others = [f"band {band} serves as {name}" for name, band in found.items() if band != name]
    return f" Here {', '.join(others)}." if others else ""


def _notes(
    recipe: str,
    ref: RasterRef,
    lines: list[str],
    lacking: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[str, ...]:
    said = [f"pseudo-pictures of recipe '{recipe}': {' '.join(lines)}"]
    if lacking:
        gone = ", ".join(f"{title} (no {', '.join(names)})" for title, names in lacking)
        said.append(f"left out of them: {gone}")
    if ref.values in {"counts", "picture", "unknown"}:
        said.append(
            f"indices of uncalibrated {ref.values}: their level differs from that of reflectance"
        )
    return tuple(said)
