"""Read what a STAC asset says of its bands, in the forms of STAC 0.7 to 1.1.

STAC 1.1 has one list, `bands`, whose fields an asset or the item may give once for all; STAC 1.0
has two, `eo:bands` and `raster:bands`, matched by position; before 0.9 `eo:bands` held positions in
a list of the item.

Source: https://github.com/radiantearth/stac-spec/blob/v1.1.0/commons/common-metadata.md#bands and
the eo (1.x, 2.x) and raster (1.x, 2.x) extensions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from eoagent.io.scene import TEXT_CHARS, SceneBand

__all__ = ["clean_text", "number", "read_bands"]

_MAX_BANDS: Final = 2_000
_NAME_CHARS: Final = 80
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "common_name": ("eo:common_name", "common_name"),
    "wavelength_um": ("eo:center_wavelength", "center_wavelength"),
    "scale": ("raster:scale", "scale"),
    "offset": ("raster:offset", "offset"),
    "nodata": ("nodata",),
    "dtype": ("data_type",),
    "gsd_m": ("gsd", "raster:spatial_resolution", "spatial_resolution"),
}
_ONE_BAND: Final = ("eo:common_name", "eo:center_wavelength")
"""Fields that an asset without a list of bands has only where its file holds one band."""
_SHARED: Final = ("nodata", "dtype", "scale", "offset")
"""Fields that an asset may give once for all its bands."""


def read_bands(asset: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[SceneBand, ...]:
    """Return the bands of an asset in the order of its file; nothing where it lists none.

    What is not of the right type is taken as not said.
    """
    lists = [_dicts(asset.get(key), properties) for key in ("bands", "eo:bands", "raster:bands")]
    count = min(max(len(entries) for entries in lists), _MAX_BANDS)
    named = {b["name"]: b for b in _dicts(properties.get("bands"), {}) if _is_text(b.get("name"))}
    if not count and any(asset.get(key) is not None for key in _ONE_BAND):
        return (_band(1, asset, {}, asset),)
    bands = []
    for index in range(count):
        merged: dict[str, Any] = {}
        for entries in lists:
            if index < len(entries):
                merged |= {k: v for k, v in entries[index].items() if k not in merged}
        name = merged.get("name")
        shared = named.get(name, {}) if _is_text(name) else {}
        bands.append(_band(index + 1, merged, shared, asset))
    return tuple(bands)


def clean_text(value: Any, limit: int = TEXT_CHARS) -> str:
    """Return a text in one printable line, cut to a length; empty for anything else."""
    if not isinstance(value, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in value[: 4 * limit])
    text = " ".join(printable.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _band(
    index: int,
    band: Mapping[str, Any],
    shared: Mapping[str, Any],
    asset: Mapping[str, Any],
) -> SceneBand:
    def first(field: str) -> Any:
        places = (band, shared, asset) if field in _SHARED else (band, shared)
        found = (place.get(key) for place in places for key in _FIELDS[field])
        return next((value for value in found if value is not None), None)

    return SceneBand(
        index=index,
        name=clean_text(band.get("name"), _NAME_CHARS),
        common_name=clean_text(first("common_name"), _NAME_CHARS).casefold(),
        description=clean_text(band.get("description") or shared.get("description")),
        scale=number(first("scale")),
        offset=number(first("offset")),
        nodata=_nodata(first("nodata")),
        dtype=clean_text(first("dtype"), _NAME_CHARS),
        wavelength_um=number(first("wavelength_um")),
        gsd_m=_positive(first("gsd_m")),
    )


def _dicts(entries: Any, properties: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a list of bands; a position in the item's own list stands for the band there."""
    if not isinstance(entries, list):
        return []
    own = properties.get("eo:bands")
    known = own if isinstance(own, list) else []
    found: list[Mapping[str, Any]] = []
    for entry in entries[:_MAX_BANDS]:
        is_position = isinstance(entry, int) and not isinstance(entry, bool)
        target = known[entry] if is_position and 0 <= entry < len(known) else entry
        found.append(target if isinstance(target, dict) else {})
    return found


def _nodata(value: Any) -> float | None:
    if isinstance(value, str):
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}.get(value.casefold())
    if isinstance(value, float):
        return value
    return number(value)


def _positive(value: Any) -> float | None:
    found = number(value)
    return found if found is not None and found > 0 else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
