"""Sensor presets: which sensor a file name speaks of, which band, and the usual band order.

What a STAC item, a user or a file's own description says comes before any preset; that order is
kept by the callers. Nothing here opens a raster.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from eoagent.contracts.errors import NotFound
from eoagent.spectral.bandwords import by_words, undecorated

__all__ = [
    "BandPreset",
    "SensorPreset",
    "band_from_name",
    "band_from_token",
    "base_name",
    "common_name",
    "find_sensor",
    "presets",
    "quality_from_name",
    "sensor_from_name",
    "sensor_from_platform",
    "stack_names",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPreset:
    """One band of a sensor."""

    number: str
    """Number as the operator writes it, without zeros in front (`4`, `8a`, `vv`)."""
    name: str
    """Common name (`nir`)."""
    center_um: float | None
    """Centre wavelength in micrometres; None where it is not stated."""
    gsd_m: float | None
    """Ground sampling distance in metres; None where it differs from flight to flight."""
    tokens: tuple[str, ...]
    """How the band appears in file names, in upper case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorPreset:
    """One sensor: its bands and how its files are named."""

    id: str
    """Preset id (`landsat-8`)."""
    title: str
    """Name to show."""
    files: tuple[str, ...]
    """Patterns of file names, case folded."""
    platforms: tuple[str, ...]
    """Patterns of STAC `platform` values, case folded."""
    bands: tuple[BandPreset, ...]
    """The bands, in the operator's order."""
    quality: Mapping[str, str]
    """Kind of quality band per file name token."""
    stacks: tuple[tuple[str, ...], ...]
    """Band numbers, in order, of the usual files with that many bands."""


_BAND_NUMBER: Final = re.compile(r"^(?:b|第)?\s*0*(\d{1,2}a?)(?![\w.])")
_SEPARATOR: Final = r"[_.\-]"


@cache
def presets() -> Mapping[str, SensorPreset]:
    """Return the presets of `sensors.toml` by id."""
    text = (files("eoagent.spectral") / "sensors.toml").read_text(encoding="utf-8")
    rows = {row["id"]: row for row in tomllib.loads(text)["sensor"]}
    return MappingProxyType(
        {key: _preset({**rows.get(row.get("like", key), {}), **row}) for key, row in rows.items()}
    )


def _preset(row: Mapping[str, Any]) -> SensorPreset:
    fixed_m = row.get("pixel_m")
    bands = tuple(
        BandPreset(
            number=number,
            name=name,
            center_um=center or None,
            gsd_m=(fixed_m or gsd_m) or None,
            tokens=tuple(tokens),
        )
        for number, name, center, gsd_m, tokens in row["bands"]
    )
    return SensorPreset(
        id=row["id"],
        title=row["title"],
        files=tuple(row["files"]),
        platforms=tuple(row["platforms"]),
        bands=bands,
        quality=MappingProxyType(dict(row.get("quality", {}))),
        stacks=tuple(tuple(stack) for stack in row.get("stacks", [])),
    )


def find_sensor(sensor: str) -> SensorPreset:
    """Return a preset by its id.

    Raises:
        NotFound: if there is no such preset; the hint lists them.
    """
    preset = presets().get(sensor.casefold())
    if preset is None:
        msg = f"no sensor preset is called '{sensor[:60]}'"
        raise NotFound(msg, hint=f"known: {', '.join(presets())}")
    return preset


def base_name(filename: str) -> str:
    """Return the last part of a path or URL, without a query, in lower case."""
    return re.split(r"[\\/]", filename.partition("?")[0].rstrip("/\\"))[-1].casefold()


def sensor_from_name(filename: str) -> str | None:
    """Return the preset id that a file's name, or a product folder above it, speaks of, or None.

    Args:
        filename: Path, URL or bare name; folders count only when they end in `.SAFE`.
    """
    folders = re.split(r"[\\/]", filename.partition("?")[0].casefold())[:-1]
    names = [base_name(filename), *(part for part in folders if part.endswith(".safe"))]
    for name in names:
        for preset in presets().values():
            if any(re.search(pattern, name) for pattern in preset.files):
                return preset.id
    return None


def sensor_from_platform(platform: str) -> str | None:
    """Return the preset id of a STAC `platform` value (`sentinel-2a`, `LANDSAT_8`), or None."""
    folded = platform.casefold().strip()
    for preset in presets().values():
        if any(re.fullmatch(pattern, folded) for pattern in preset.platforms):
            return preset.id
    return None


def band_from_token(sensor: str, token: str) -> BandPreset | None:
    """Return the sensor's band of that file name token or number (`B04`, `SR_B4`, `4`), or None.

    Raises:
        NotFound: if there is no such sensor.
    """
    wanted = token.strip().upper()
    bands = find_sensor(sensor).bands
    for band in bands:
        if wanted in _tokens(band):
            return band
    number = _BAND_NUMBER.match(undecorated(token))
    key = number.group(1) if number else undecorated(token)
    return next((band for band in bands if band.number == key), None)


def _tokens(band: BandPreset) -> tuple[str, ...]:
    number = band.number.upper()
    return (*band.tokens, f"SR_BAND{number}", f"BAND{number}")


def band_from_name(sensor: str, filename: str) -> BandPreset | None:
    """Return the band that a single-band file's name speaks of, or None (none or several).

    Raises:
        NotFound: if there is no such sensor.
    """
    stem = base_name(filename).upper()
    found = [
        band
        for band in find_sensor(sensor).bands
        if any(_has_token(stem, token) for token in _tokens(band))
    ]
    return found[0] if len(found) == 1 else None


def _has_token(stem: str, token: str) -> bool:
    pattern = rf"(?:^|{_SEPARATOR}){re.escape(token)}(?=$|{_SEPARATOR})"
    return re.search(pattern, stem) is not None


def quality_from_name(filename: str) -> str | None:
    """Return the kind of quality band (`landsat_qa_pixel`, `sentinel2_scl`) a file holds, or None.

    The token must stand in the name of a known sensor's file (`..._QA_PIXEL.TIF`).
    """
    sensor = sensor_from_name(filename)
    if sensor is None:
        return None
    stem = base_name(filename).upper()
    kinds = find_sensor(sensor).quality.items()
    return next((kind for token, kind in kinds if _has_token(stem, token)), None)


def stack_names(sensor: str, count: int) -> tuple[str, ...] | None:
    """Return the common names, in order, of the sensor's usual file of that many bands, or None.

    The order is a convention, not something the file says: state it as an assumption.

    Raises:
        NotFound: if there is no such sensor.
    """
    preset = find_sensor(sensor)
    names = {band.number: band.name for band in preset.bands}
    stack = next((stack for stack in preset.stacks if len(stack) == count), None)
    return None if stack is None else tuple(names[number] for number in stack)


def common_name(text: str, *, sensor: str = "") -> str | None:
    """Return the common name that a band's name or description means, or None.

    Words are read in English and Chinese (`Near Infrared`, `SWIR1`, `近红外`). Band numbers and
    tokens (`B08`, `band 4 reflectance`) are read by the sensor's preset; without a sensor a token
    counts only when all presets that have it agree (`B8A` yes, `B5` no).

    Raises:
        NotFound: if a sensor is given and there is no such preset.
    """
    by_meaning = by_words(text)
    if by_meaning is not None:
        return by_meaning
    if sensor:
        band = band_from_token(sensor, text)
        return None if band is None else band.name
    token = text.strip().upper()
    names = {
        band.name for preset in presets().values() for band in preset.bands if token in band.tokens
    }
    return names.pop() if len(names) == 1 else None
