"""Open a raster, a picture or the files of one scene as a `raster:`, reading headers only."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from eoagent.contracts.artifact import ScenesHandle, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.grid import pixel_size_m
from eoagent.io.cloudshare import masked_share
from eoagent.io.opening import open_described
from eoagent.io.stated import Reading, Stated
from eoagent.io.tilecopy import copy_part
from eoagent.io.tilepart import open_tile, part_of
from eoagent.io.tileset import find_tile, stored_tiles

__all__ = ["TOOL", "OpenImage", "open_image"]


class OpenImage(Arguments):
    """Arguments of `open_image`."""

    hrefs: tuple[str, ...] = Field(default=(), max_length=64)
    """Path or URL of a raster, a picture or a STAC item; `$item` over scenes; several are
    single-band files of one scene, stacked in this order."""
    scenes: ScenesHandle | None = None
    """Scenes that were found, instead of hrefs; one of them is opened."""
    tiles: handle_of("tiles") | None = None  # type: ignore[valid-type]
    """Tiles that were found, instead of hrefs; the ground of one of them is opened."""
    item: str = Field(default="", max_length=200)
    """Which one is opened: id of the one of `scenes`; rank (1 is the best) or id of the one of
    `tiles`; may be left out if there is one."""
    bands: tuple[str, ...] | None = Field(default=None, max_length=64)
    """Band names in the file's order (red, green, blue, nir, ...), when it does not say them or
    says them wrong."""
    sensor: str | None = None
    """Sensor by whose numbering `bands` such as B4 are read: sentinel-2, landsat-7, naip, ..."""
    scale: float | None = None
    """value = stored * scale + offset, instead of what the file says."""
    offset: float | None = None
    """value = stored * scale + offset, instead of what the file says."""
    gsd_m: float | None = Field(default=None, gt=0, le=100_000)
    """Metres per pixel, for a picture without georeference."""
    mask_classes: tuple[str, ...] | None = Field(default=None, max_length=12)
    """Classes of the quality band that are left out: cloud, cloud_shadow, cirrus, snow, ...; if
    left out, those of clouds, their shadows and defects; [] leaves out none."""


def open_image(arguments: OpenImage, services: Services) -> ToolResult:
    """Return the raster behind some hrefs, with bands named, scaled and masked.

    Raises:
        NotFound: if a file does not exist, or the scenes are gone.
        SourceError: if a file is refused, damaged or of no allowed kind.
        InputError: if no scene of several is named, or bands, scale or sizes do not fit the files.
    """
    stated = Stated(
        bands=arguments.bands or (),
        scale=arguments.scale,
        offset=arguments.offset,
        gsd_m=arguments.gsd_m,
        sensor=arguments.sensor or "",
        qa=arguments.mask_classes,
    )
    reading = Reading(
        cache_mb=services.options.gdal_cache_mb, timeout_s=services.options.request_timeout_s
    )
    if arguments.tiles is not None:
        return _tile(arguments, services, stated, reading)
    hrefs = _hrefs(arguments, services)
    described = open_described(hrefs, services.origins, stated=stated, reading=reading)
    return _opened(described.ref, described.assumptions, services)


def _opened(ref: RasterRef, notes: tuple[str, ...], services: Services) -> ToolResult:
    artifact = services.store.put(
        "raster", title=ref.title, payload=ref.to_dict(), preview=_preview(ref)
    )
    return ToolResult(artifacts={"raster": artifact}, assumptions=(*notes, *_masked(ref, services)))


def _tile(arguments: OpenImage, services: Services, stated: Stated, reading: Reading) -> ToolResult:
    """Return the raster of one tile: a part of its scene, or else a copy of its pixels."""
    if arguments.hrefs or arguments.scenes is not None:
        raise InputError(
            "open_image takes either hrefs, scenes or tiles", hint='give tiles="$1" alone'
        )
    hits = stored_tiles(services.store.get(str(arguments.tiles)))
    hit = find_tile(hits, arguments.item or (hits[0].tile_id if len(hits) == 1 else ""))
    part = open_tile(hit, services.origins, stated=stated, reading=reading)
    where = f"tile {hit.rank} of {hit.item_id or 'its file'}, window {list(hit.window)}, is opened"
    if part.is_whole or part.ref.grid.is_georeferenced:
        return _opened(part_of(part.ref, part.window), (*part.assumptions, where), services)
    said = f"{where} as a copy, since its file has no georeference"
    return ToolResult(
        artifacts={"raster": copy_part(part, services)}, assumptions=(*part.assumptions, said)
    )


def _hrefs(arguments: OpenImage, services: Services) -> tuple[str, ...]:
    """Return what to open: the hrefs, or the one of a scene that was found."""
    if bool(arguments.hrefs) == (arguments.scenes is not None):
        raise InputError(
            "open_image takes either hrefs or scenes, or else tiles",
            hint='give hrefs=["PATH"], scenes="$1" or tiles="$1"',
        )
    if arguments.scenes is None:
        return arguments.hrefs
    listed = {
        str(i["id"]): str(i["href"]) for i in services.store.get(arguments.scenes).payload["items"]
    }
    if arguments.item in listed:
        return (listed[arguments.item],)
    if arguments.item in listed.values():  # what `$item` stands for over scenes
        return (arguments.item,)
    if arguments.item or len(listed) > 1:
        what = f"'{arguments.item}' is not among" if arguments.item else "no item was named of"
        raise InputError(
            f"{what} the {len(listed)} scenes of {arguments.scenes}",
            hint=f"item is one of: {', '.join(list(listed)[:20])}; or run it for each of them",
        )
    return tuple(listed.values())


def _masked(ref: RasterRef, services: Services) -> tuple[str, ...]:
    """Return in words how much the quality band leaves out, where that is cheap to see."""
    found = masked_share(ref, services.origins, services.options)
    if found is None:
        return ()
    share, is_exact = found
    about = "" if is_exact else "about "
    return (f"the quality band leaves out {about}{share:.1f} % of the filled pixels",)


def _preview(ref: RasterRef) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "bands": list(ref.band_names),
        "size": [ref.grid.width, ref.grid.height],
        "crs": ref.grid.crs[:40] or None,
        "gsd_m": _gsd(ref),
        "values": ref.values,
    }
    if ref.time is not None:
        facts["time"] = ref.time.label
    if ref.sensor:
        facts["sensor"] = ref.sensor
    if ref.item_id:
        facts["item"] = ref.item_id
    return facts


def _gsd(ref: RasterRef) -> list[float] | None:
    try:
        return [float(f"{size:.4g}") for size in pixel_size_m(ref.grid)]
    except InputError:
        return None


TOOL = FunctionTool(
    card=ToolCard(
        name="open_image",
        summary="A file, URL, STAC item, found scene or found tile as a raster: bands by name, "
        "scale, offset, and clouds masked by its quality band.",
        outputs=(Output(name="raster", kind="raster", about="the opened raster"),),
        group="open",
        use="basic",
        cacheable=False,
    ),
    arguments=OpenImage,
    function=open_image,
)
