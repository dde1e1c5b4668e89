"""Say which bands a scene offers and where, so that a raster can be made of them.

An item lists files of many kinds; here the thumbnails, metadata and quality files fall away, one of
several resolutions of a band stays, and each band gets a name of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Final, Literal

from pydantic import Field

from eoagent.contracts.record import Record
from eoagent.io.scene import Scene, SceneAsset, SceneBand
from eoagent.spectral.bandwords import by_wavelength
from eoagent.spectral.sensors import quality_from_name

__all__ = ["BandHint", "QaHint", "SceneHints", "scene_band_hints"]

_RASTER_TYPES: Final = ("tiff", "geotiff", "jp2", "png", "jpeg")
_RASTER_ENDINGS: Final = (".tif", ".tiff", ".jp2", ".png", ".jpg", ".jpeg")
_SHOWN: Final = frozenset({"thumbnail", "overview", "visual", "tiles", "browse"})
_NO_DATA: Final = frozenset({"metadata", "data-mask", "saturation", "water-mask", "cloud"})
_SHOWN_KEYS: Final = ("visual", "thumbnail", "preview", "rendered_preview", "tki", "overview")
_QA_KEYS: Final = {"scl": "sentinel2_scl", "qa_pixel": "landsat_qa_pixel"}
_RESOLUTION: Final = re.compile(r"_\d{1,4}m$")
_GSD_IN_NAME: Final = re.compile(r"(?<![0-9])(\d{1,4})m(?![a-z0-9])", re.IGNORECASE)


class BandHint(Record):
    """One band that a raster can be made of; None where the item says nothing."""

    key: str
    """Key of the asset."""
    href: str
    """File, not yet admitted by the guard."""
    index: int | None = Field(default=None, ge=1)
    """Band number in the file; None stands for all bands of a file whose bands are not listed."""
    name: str
    """Name inside the raster, unique within the scene: the common name where there is one."""
    common_name: str = ""
    """Common name as the item says it, or empty."""
    description: str = ""
    """What the item says of the band."""
    scale: float | None = None
    """value = stored * scale + offset."""
    offset: float | None = None
    """value = stored * scale + offset."""
    nodata: float | None = None
    """Stored value that means no data."""
    dtype: str = ""
    """Stored data type."""
    wavelength_um: float | None = None
    """Centre wavelength, micrometres."""
    gsd_m: float | None = None
    """Ground sampling distance, metres."""


class QaHint(Record):
    """The quality band of a scene."""

    key: str
    """Key of the asset."""
    href: str
    """File, not yet admitted by the guard."""
    index: int = Field(default=1, ge=1)
    """Band number in the file."""
    kind: Literal["landsat_qa_pixel", "sentinel2_scl"]
    """How the codes are read."""


class SceneHints(Record):
    """The bands of a scene, those with a common name first."""

    base: str
    """Document that names the files; the guard wants it."""
    bands: tuple[BandHint, ...]
    """Bands, each with a name of its own."""
    qa: QaHint | None = None
    """Quality band, if there is one whose codes are known."""
    notes: tuple[str, ...] = ()
    """Choices made."""


def scene_band_hints(scene: Scene) -> SceneHints:
    """Return the bands and the quality band of a scene.

    Of several resolutions of one band the finest is taken. Where an item says that the radiometric
    offset is already in the pixels, the offset that it also lists is not applied again.
    """
    notes: list[str] = []
    rasters = [asset for asset in scene.assets if _is_raster(asset)]
    quality = {asset.key: kind for asset in rasters if (kind := _quality_kind(asset))}
    data = [asset for asset in rasters if asset.key not in quality and _is_data(asset)]
    shown = [asset for asset in data if _is_shown(asset)]
    chosen = [asset for asset in data if asset not in shown] or shown
    hints = _finest([hint for asset in chosen for hint in _hints(asset)], notes)
    if scene.is_offset_applied and any(hint.offset for hint in hints):
        notes.append("the item says that its offset is already in the pixels; it is taken as 0")
        hints = [h.model_copy(update={"offset": 0.0}) if h.offset else h for h in hints]
    ordered = sorted(_unique(hints), key=lambda hint: not hint.common_name)
    masks = sorted(
        (asset for asset in rasters if asset.key in quality), key=lambda a: _gsd(a, None) or 0.0
    )
    qa = None
    if masks:
        kind = quality[masks[0].key]
        qa = QaHint(key=masks[0].key, href=masks[0].href, kind=kind)
    return SceneHints(base=scene.href, bands=tuple(ordered), qa=qa, notes=tuple(notes))


def _is_raster(asset: SceneAsset) -> bool:
    if asset.media_type:
        return any(kind in asset.media_type.casefold() for kind in _RASTER_TYPES)
    return _path(asset).suffix.casefold() in _RASTER_ENDINGS


def _path(asset: SceneAsset) -> PurePosixPath:
    return PurePosixPath(re.split(r"[?#]", asset.href, maxsplit=1)[0])


def _quality_kind(asset: SceneAsset) -> Literal["landsat_qa_pixel", "sentinel2_scl"] | None:
    plain = _RESOLUTION.sub("", asset.key.casefold()).removesuffix(".tif")
    found = _QA_KEYS.get(plain) or quality_from_name(_path(asset).name)
    if found == "landsat_qa_pixel":
        return "landsat_qa_pixel"
    return "sentinel2_scl" if found == "sentinel2_scl" else None


def _is_data(asset: SceneAsset) -> bool:
    roles = {role.casefold() for role in asset.roles}
    return "data" in roles or not roles & _NO_DATA


def _is_shown(asset: SceneAsset) -> bool:
    roles = {role.casefold() for role in asset.roles}
    is_shown_key = asset.key.casefold().startswith(_SHOWN_KEYS)
    return bool(roles & _SHOWN) or is_shown_key


def _hints(asset: SceneAsset) -> list[BandHint]:
    bands: tuple[SceneBand | None, ...] = asset.bands or (None,)
    return [_hint(asset, band, is_only=len(bands) == 1) for band in bands]


def _hint(asset: SceneAsset, band: SceneBand | None, *, is_only: bool) -> BandHint:
    if band is None:
        return BandHint(key=asset.key, href=asset.href, name=asset.key, gsd_m=_gsd(asset, None))
    common = band.common_name
    if common == "rededge" and band.wavelength_um is not None:
        common = by_wavelength(band.wavelength_um) or common
    key = _RESOLUTION.sub("", asset.key)
    own = band.name or (key if is_only else f"{key}_{band.index}")
    return BandHint(
        key=asset.key,
        href=asset.href,
        index=band.index,
        name=own,
        common_name=common,
        description=band.description or asset.title,
        scale=band.scale,
        offset=band.offset,
        nodata=band.nodata,
        dtype=band.dtype,
        wavelength_um=band.wavelength_um,
        gsd_m=_gsd(asset, band),
    )


def _gsd(asset: SceneAsset, band: SceneBand | None) -> float | None:
    if band is not None and band.gsd_m is not None:
        return band.gsd_m
    if asset.gsd_m is not None:
        return asset.gsd_m
    match = _GSD_IN_NAME.search(asset.key) or _GSD_IN_NAME.search(_path(asset).name)
    return float(match.group(1)) if match else None


def _finest(hints: list[BandHint], notes: list[str]) -> list[BandHint]:
    """Return one hint per band: of several files of a band, the one with the smallest pixels."""
    best: dict[tuple[str, str], BandHint] = {}
    repeated: dict[str, None] = {}
    for hint in hints:
        band = (hint.common_name, hint.name)
        known = best.get(band)
        if known is None:
            best[band] = hint
            continue
        repeated[hint.common_name or hint.name] = None
        if (hint.gsd_m or float("inf")) < (known.gsd_m or float("inf")):
            best[band] = hint
    if repeated:
        notes.append(f"the finest of several files is taken for {', '.join(repeated)}"[:300])
    return list(best.values())


def _unique(hints: list[BandHint]) -> list[BandHint]:
    """Return hints with names of their own: the common name goes to the first that has it."""
    taken: Counter[str] = Counter()
    named = []
    for hint in sorted(hints, key=lambda h: not h.common_name):
        wishes = [hint.common_name, hint.name, f"{hint.key}_{hint.name}", hint.key]
        free = (wish for wish in wishes if wish and not taken[wish])
        name = next(free, f"{hint.name}_{taken[hint.name] + 1}")
        taken[name] += 1
        named.append(hint.model_copy(update={"name": name}))
    return named
