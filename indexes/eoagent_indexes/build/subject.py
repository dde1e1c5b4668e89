"""Find the picture in a scene: which of its files are opened, and by which recipe it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rasterio.enums import ColorInterp

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import QaRule, RasterRef
from eoagent.contracts.store import Origins
from eoagent.io.dataset import open_dataset
from eoagent.io.opening import open_scene
from eoagent.io.scene import Scene, SceneAsset
from eoagent.io.scene_bands import BandHint, scene_band_hints
from eoagent.io.stated import Reading
from eoagent.spectral.sensors import common_name, sensor_from_name
from eoagent_indexes.build.recipe import AUTO, Recipe, Subject, choose, find_recipe

__all__ = ["Picture", "find_picture"]

_COLOURS: Final = ("red", "green", "blue")
_SHOWN_KEYS: Final = ("visual", "tci", "true-color", "true_color")
_SMALL: Final = frozenset({"thumbnail", "overview", "browse"})
_MOST_UNLISTED: Final = 4
_S2_SCALE: Final = 0.0001
_S2_OFFSET: Final = -0.1
_S2_OFFSET_SINCE: Final = "04.00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The picture of a scene."""

    ref: RasterRef
    """Its bands on one grid, no quality rule applied."""
    qa: QaRule | None
    """The quality band that tells clouds, or None."""
    recipe: Recipe
    """How it is shown."""
    bands: tuple[str, ...]
    """The bands that the recipe takes, in order."""
    asset_key: str
    """Keys of the assets that hold them, joined by `+`."""


def find_picture(
    scene: Scene, origins: Origins, *, recipe: str = AUTO, reading: Reading | None = None
) -> Picture:
    """Return the picture of a scene; only the files that it is made of are opened.

    Args:
        scene: the scene.
        origins: the guard.
        recipe: name of the render recipe; `auto` takes the one of the sensor.
        reading: how files are read.

    Raises:
        InputError: if no recipe fits, with what is missing.
        NotFound: if a local file does not exist, or there is no such recipe.
        SourceError: if a file is refused, damaged or out of reach.
    """
    why = "it lists no raster"
    for part, is_shown in _candidates(scene, recipe):
        ref = open_scene(part, origins, reading=reading).ref
        subject = Subject(ref=ref.model_copy(update={"qa": None}), is_shown=is_shown)
        found, why = choose(subject, recipe)
        if found is None:
            continue
        bands = found.pick(ref.band_names)
        if len(bands) == 1:
            _refuse_palette(ref, origins)
        return Picture(
            ref=subject.ref,
            qa=ref.qa,
            recipe=found,
            bands=bands,
            asset_key=_keys(part, ref, bands, origins),
        )
    raise InputError(
        why,
        hint="name a --recipe that takes what there is, or index other collections",
    )


def _candidates(scene: Scene, recipe: str) -> Iterator[tuple[Scene, bool]]:
    """Yield what may be opened of a scene, each as a scene of those files alone."""
    takes = "any" if recipe == AUTO else find_recipe(recipe).fits.asset
    shown = _shown(scene)
    is_s2 = "sentinel-2" in {scene.sensor, *(sensor_from_name(a.href) for a in scene.assets)}
    if shown is not None and (takes == "shown" or (recipe == AUTO and is_s2)):
        yield shown, True
    if takes == "shown":
        return
    data = _data(scene)
    if data is not None:
        yield data, False
    elif shown is not None and takes == "any":
        yield shown, True


def _shown(scene: Scene) -> Scene | None:
    """Return the scene with the picture of full size that the product offers, or None."""
    for asset in scene.assets:
        roles = {role.casefold() for role in asset.roles}
        key = asset.key.casefold()
        is_named = key.startswith(_SHOWN_KEYS) or "visual" in roles
        if is_named and not roles & _SMALL and "preview" not in key:
            return _with(scene, {asset.key})
    return None


def _data(scene: Scene) -> Scene | None:
    """Return the scene with the files that hold red, green and blue; None if it has no data.

    Raises:
        InputError: if the bands that it lists are no red, green and blue.
    """
    hints = scene_band_hints(scene).bands
    named = {name: hint for hint in reversed(hints) if (name := _name(hint, scene.sensor))}
    shown = _shown(scene)
    if not hints or (shown is not None and {hint.key for hint in hints} == _asset_keys(shown)):
        return None
    if set(_COLOURS) <= set(named):
        return _quantified(_with(scene, {named[colour].key for colour in _COLOURS}))
    unlisted = [hint.key for hint in hints if hint.index is None][:_MOST_UNLISTED]
    keys = {*unlisted, *(named[c].key for c in _COLOURS if c in named and unlisted)}
    every = {hint.key for hint in hints}
    if not keys and len(every) == 1:
        keys = every
    if not keys:
        missing = ", ".join(colour for colour in _COLOURS if colour not in named)
        listed = ", ".join(list(named)[:12])
        raise InputError(
            f"no render recipe fits: there is no band {missing} (bands: {listed})",
            hint="index collections of optical images",
        )
    return _with(scene, keys)


def _name(hint: BandHint, sensor: str) -> str:
    if hint.index is None:
        return ""
    return hint.common_name or common_name(hint.name, sensor=sensor) or hint.name


def _asset_keys(scene: Scene) -> set[str]:
    return {asset.key for asset in scene.assets}


def _with(scene: Scene, keys: set[str]) -> Scene:
    """Return the scene with some of its data files and its quality band."""
    qa = scene_band_hints(scene).qa
    kept = {*keys, qa.key} if qa is not None else keys
    assets = tuple(asset for asset in scene.assets if asset.key in kept)
    return scene.model_copy(update={"assets": assets})


def _quantified(scene: Scene) -> Scene:
    """Return a Sentinel-2 scene with scale and offset where its item states the baseline alone.

    Source: ESA, Sentinel-2 processing baseline 04.00 of 25 January 2022: quantification 10000,
    and from then on a radiometric offset of -1000.
    """
    baseline = scene.processing_baseline
    if scene.sensor != "sentinel-2" or not baseline or scene.is_offset_applied:
        return scene
    scaled = {"scale": _S2_SCALE, "offset": _S2_OFFSET if baseline >= _S2_OFFSET_SINCE else 0.0}

    def said(asset: SceneAsset) -> SceneAsset:
        bands = tuple(
            band.model_copy(update=scaled)
            if band.common_name in _COLOURS
            and band.scale is None
            and band.offset is None
            and band.dtype in {"", "uint16"}
            else band
            for band in asset.bands
        )
        return asset.model_copy(update={"bands": bands})

    return scene.model_copy(update={"assets": tuple(said(asset) for asset in scene.assets)})


def _keys(part: Scene, ref: RasterRef, bands: tuple[str, ...], origins: Origins) -> str:
    """Return the keys of the assets that some bands come from, in their order."""
    places = {
        origins.admit(asset.href, base=part.href).href: asset.key for asset in reversed(part.assets)
    }
    held = {band.name: places.get(band.href, "") for band in ref.bands}
    return "+".join(dict.fromkeys(held[name] for name in bands))


def _refuse_palette(ref: RasterRef, origins: Origins) -> None:
    """Refuse a picture whose numbers are places in a table of colours.

    Raises:
        InputError: if it is one.
        SourceError: if it cannot be opened.
    """
    with open_dataset(origins.admit(ref.bands[0].href), origins=origins) as file:
        is_palette = ColorInterp.palette in file.raw.colorinterp
    if is_palette:
        raise InputError(
            f"{ref.title}: its numbers are places in a table of colours, not colours",
            hint="convert it to red, green and blue (gdal_translate -expand rgb)",
        )
