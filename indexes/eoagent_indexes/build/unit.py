"""Work units: one scene with all that decides its tiles, known by one key."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from eoagent.contracts.card import ModelCard
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import QaRule, RasterRef
from eoagent.contracts.record import Record, digest
from eoagent.contracts.store import Origins
from eoagent.geo.grid import pixel_size_m
from eoagent.io.scene import Scene
from eoagent.io.stated import Reading
from eoagent_indexes.build.job import Job
from eoagent_indexes.build.recipe import UNNAMED, Recipe
from eoagent_indexes.build.subject import Picture, find_picture
from eoagent_indexes.build.tiling import Tiling, make_tiling

__all__ = ["Unit", "prepare"]

_KEY_DIGITS: Final = 32
_SQUARE: Final = 1.1
"""Sides of this ratio or less make a square: what the encoder cuts off then is a strip."""
_OWN_GSD: Final = 1.05
"""Ground sampling distances this near to the file's own are taken for it."""


class Unit(Record):
    """One scene that is ready to be read."""

    key: str
    """Known by the bytes of its files, its recipe, its tiling and the encoder."""
    collection: str
    """Collection id, or empty."""
    item_id: str
    """Item id."""
    item_href: str
    """Document that describes it."""
    href: str
    """File of the first band."""
    asset_key: str
    """Keys of the assets, joined by `+`."""
    asset_version: str
    """What changes with the bytes of the assets."""
    ref: RasterRef
    """The bands."""
    qa: QaRule | None
    """The band that tells clouds."""
    recipe: Recipe
    """How it is shown."""
    bands: tuple[str, ...]
    """The bands that the recipe takes."""
    gsd_m: float | None
    """Ground sampling distance that it is read at, metres; None where nobody knows."""
    shrink: float
    """Pixels of the file per pixel that is read."""
    start: datetime | None
    """First instant, UTC."""
    end: datetime | None
    """Last instant, UTC."""
    cloud_pct: float | None
    """Cloud of the scene as its item states it, percent."""
    notes: tuple[str, ...] = ()
    """Choices that were made."""

    def tiling(self, job: Job) -> Tiling:
        """Return how it is cut."""
        grid = self.ref.grid
        if _is_whole(self.ref, job):
            edge = max(grid.height, grid.width)
            return make_tiling((grid.height, grid.width), tile_px=edge, stride_px=edge)
        return make_tiling(
            (grid.height, grid.width),
            tile_px=job.tile_px,
            stride_px=job.stride_px,
            shrink=self.shrink,
        )


def prepare(scene: Scene, job: Job, origins: Origins, reading: Reading | None = None) -> Unit:
    """Return the unit of a scene; its files are opened and identified, no tile is read.

    Raises:
        InputError: if no recipe fits, or its ground sampling distance is of no use to the encoder.
        NotFound: if a local file does not exist.
        SourceError: if a file is refused, damaged or out of reach.
    """
    found = find_picture(scene, origins, recipe=job.request.recipe, reading=reading)
    own_m = _own_gsd(found)
    gsd_m, shrink, notes = _sampling(own_m, job)
    if _is_whole(found.ref, job):
        notes = (*notes, "square pictures less than two tiles wide are one tile each, as a whole")
    if found.bands == UNNAMED:
        notes = (*notes, "three bands that nothing names are taken for red, green and blue")
    version = _version(found)
    time = scene.time  # what the listing took from a name, it took with its neighbours in view
    return Unit(
        key=_key(scene, found, version, job),
        collection=scene.collection,
        item_id=scene.id,
        item_href=scene.href,
        href=found.ref.bands[found.ref.band_names.index(found.bands[0])].href,
        asset_key=found.asset_key,
        asset_version=version,
        ref=found.ref,
        qa=found.qa,
        recipe=found.recipe,
        bands=found.bands,
        gsd_m=gsd_m,
        shrink=shrink,
        start=None if time is None else time.start,
        end=None if time is None else time.end,
        cloud_pct=scene.cloud_pct,
        notes=notes,
    )


def _is_whole(ref: RasterRef, job: Job) -> bool:
    """Return whether a picture is one tile: it has no place, is about square and hardly larger.

    Tiles of a picture of 256 pixels, for an encoder of 224, would all show nearly the same.
    """
    grid = ref.grid
    short, long = sorted((grid.height, grid.width))
    is_square = long <= _SQUARE * short
    is_larger = job.tile_px < long < 2 * job.tile_px
    return not grid.is_georeferenced and not job.request.tile_px and is_larger and is_square


def _own_gsd(picture: Picture) -> float | None:
    """Return the metres per pixel of a picture, the mean of both directions; None if unknown."""
    if not picture.ref.grid.is_georeferenced and picture.ref.grid.gsd_m is None:
        return None
    width_m, height_m = pixel_size_m(picture.ref.grid)
    return float((width_m * height_m) ** 0.5)


def _sampling(own_m: float | None, job: Job) -> tuple[float | None, float, tuple[str, ...]]:
    """Return the ground sampling distance that is read at, pixels of the file per pixel, and notes.

    Raises:
        InputError: if it is finer than the file, or of no use to the encoder.
    """
    wanted = job.request.gsd_m
    if own_m is None:
        note = "the ground sampling distance of pictures without georeference is not known: they "
        return None, 1.0, (note + "are cut in their own pixels",)
    shrink = 1.0 if wanted is None else wanted / own_m
    if shrink < 1 / _OWN_GSD:
        raise InputError(
            f"its pixels are {own_m:.3g} m and tiles of {wanted:g} m were asked "
            "for; nothing finer than the file is made up",
            hint=f"ask for --gsd {own_m:.3g} or coarser",
        )
    gsd_m, notes = own_m, tuple[str, ...]()
    if shrink > _OWN_GSD and wanted is not None:
        gsd_m = wanted
        notes = (f"tiles are read at {wanted:g} m per pixel, averaged from finer pixels",)
    else:
        shrink = 1.0
    why = job.encoder.card.refusal(_nominal(gsd_m, job.encoder.card))
    if why:
        finest, coarsest = job.encoder.card.gsd_min_m, job.encoder.card.gsd_max_m
        raise InputError(
            why,
            hint="take another --encoder"
            + (f", or read at --gsd {finest:g} to {coarsest:g}" if gsd_m < finest else ""),
        )
    return gsd_m, shrink, notes


def _nominal(gsd_m: float, card: ModelCard) -> float:
    """Return a limit of the card where the true pixel of a map projection strays a hair over it."""
    for limit in (card.gsd_min_m, card.gsd_max_m):
        if limit / _OWN_GSD < gsd_m < limit * _OWN_GSD:
            return limit
    return gsd_m


def _version(picture: Picture) -> str:
    """Return what changes with the bytes of the files that a picture is made of."""
    marks = sorted(
        f"{source.fingerprint.kind}:{source.fingerprint.value}" for source in picture.ref.sources
    )
    return marks[0] if len(marks) == 1 else digest(marks)


def _key(scene: Scene, picture: Picture, version: str, job: Job) -> str:
    request, fingerprint = job.request, job.fingerprint
    return unit_key(
        names=(scene.collection, scene.id, picture.asset_key, version, picture.recipe.key),
        sizes=(job.tile_px, job.stride_px),
        limits=(request.gsd_m, request.max_tile_cloud_pct, request.max_nodata_pct),
        encoder=fingerprint,
    )


def unit_key(
    *,
    names: tuple[str, ...],
    sizes: tuple[int, ...],
    limits: tuple[float | None, ...],
    encoder: EncoderFingerprint,
) -> str:
    """Return the key of a unit, 32 hex digits."""
    whole = {
        "names": list(names),
        "sizes": list(sizes),
        "limits": list(limits),
        "encoder": encoder.to_dict(),
    }
    return digest(whole)[:_KEY_DIGITS]
