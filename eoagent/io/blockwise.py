"""Block-wise work on rasters and masks: strips in, strips out, memory bounded by the strip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import TimeRange, Window
from eoagent.contracts.raster import BandRef, Grid, MaskRef, RasterRef, ValueKind
from eoagent.contracts.tool import Services
from eoagent.geo.grid import strips
from eoagent.io.gridwriter import GridWriter
from eoagent.io.mask import MaskReader, MaskWriter
from eoagent.io.raster import RasterReader
from eoagent.io.store_files import StoreOrigins, place_in_store

__all__ = [
    "MaskDraft",
    "compute_mask",
    "compute_raster",
    "for_each_strip",
    "mask_strips",
    "open_mask",
    "open_reader",
    "raster_strips",
    "write_mask",
]

Values = dict[str, NDArray[Any]]
Bools = NDArray[np.bool_]
_GEOTIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
_STRIP_ALIGN = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskDraft:
    """What a mask will be called."""

    label: str
    """What it shows, in words."""
    rule: str
    """The rule that makes it, with its source."""
    title: str
    """Name of the artifact."""
    time: TimeRange | None = None
    item_id: str = ""
    sources: tuple[Source, ...] = ()


def open_reader(services: Services, ref: RasterRef) -> RasterReader:
    """Return a reader of a raster, whether its bands lie in files or in the store."""
    placed = place_in_store(ref, services.store)
    return RasterReader(placed, StoreOrigins(services.origins, placed, ref), services.options)


def raster_strips(
    services: Services,
    ref: RasterRef,
    *,
    bands: Mapping[str, str],
    what: str,
    grid: Grid | None = None,
    reader: RasterReader | None = None,
) -> Iterator[tuple[Window, Values, Bools]]:
    """Yield (window, values by role, valid) of a raster, from top to bottom.

    Args:
        services: store, guard, deadline and progress.
        ref: the raster.
        bands: role to band name; the roles are the keys of the values.
        what: what is being done, for the progress line.
        grid: another grid to read on, by nearest neighbour; its own if None.
        reader: an open reader of the raster, which a second pass finds its blocks in; else one is
            opened for this pass.
    """
    target = grid or ref.grid
    names = list(dict.fromkeys(bands.values()))
    budget = max(1, services.options.block_pixels // max(1, len(names)))
    with nullcontext(reader) if reader else open_reader(services, ref) as source:
        for window in strips(target, budget, align=_align(target)):
            services.deadline.check()
            services.progress(window.row / target.height, what)
            stack, valid = source.read(names, window, grid=grid)
            by_name = dict(zip(names, stack, strict=True))
            yield window, {role: by_name[band] for role, band in bands.items()}, valid


def for_each_strip(
    services: Services,
    ref: RasterRef,
    *,
    bands: Mapping[str, str],
    function: Callable[[Values, Bools], None],
    what: str,
    reader: RasterReader | None = None,
) -> None:
    """Call a function with (values, valid) of every strip."""
    for _, values, valid in raster_strips(services, ref, bands=bands, what=what, reader=reader):
        function(values, valid)


def compute_raster(
    services: Services,
    ref: RasterRef,
    *,
    bands: Mapping[str, str],
    function: Callable[[Values], NDArray[Any]],
    name: str,
    values: ValueKind,
    title: str,
    method: str,
) -> Artifact:
    """Compute a one-band raster from a raster's bands and keep it; invalid pixels are NaN.

    Args:
        services: store, guard, deadline and progress.
        ref: the raster.
        bands: role in the function to band name.
        function: arrays by role, each (height, width), to an array of that shape.
        name: name of the new band.
        values: what its numbers are.
        title: name of the artifact.
        method: how it was made, for the figures that rest on it.
    """
    file = services.store.scratch(".tif")
    with GridWriter(file, ref.grid, dtype="float32", count=1, nodata=float("nan")) as writer:
        for window, arrays, valid in raster_strips(services, ref, bands=bands, what=title):
            made = np.asarray(function(arrays), dtype=np.float32)
            writer.add(window, np.where(valid, made, np.float32("nan")))
        writer.finish()
    band = BandRef(name=name, href="", index=1, dtype="float32", nodata=float("nan"))
    computed = RasterRef(
        grid=ref.grid,
        bands=(band,),
        values=values,
        time=ref.time,
        sensor="",
        item_id=ref.item_id,
        title=title,
        sources=ref.sources,
        path="",
        method=method[:600],
    )
    preview = {"bands": [name], "size": [ref.grid.width, ref.grid.height], "values": values}
    return services.store.put(
        "raster",
        title=title,
        payload=computed.to_dict(),
        preview=preview,
        file=file,
        media_type=_GEOTIFF,
    )


def compute_mask(
    services: Services,
    ref: RasterRef,
    *,
    bands: Mapping[str, str],
    decide: Callable[[Values], tuple[Bools, Bools]],
    draft: MaskDraft,
    reader: RasterReader | None = None,
) -> Artifact:
    """Decide every pixel of a raster and keep the mask.

    Args:
        services: store, guard, deadline and progress.
        ref: the raster.
        bands: role in `decide` to band name.
        decide: arrays by role to (yes, defined), each (height, width).
        draft: what the mask is called; time, item and sources are the raster's.
        reader: an open reader of the raster, if there is one.
    """

    def decided() -> Iterator[tuple[Window, Bools, Bools]]:
        passing = raster_strips(services, ref, bands=bands, what=draft.title, reader=reader)
        for window, values, valid in passing:
            yes, defined = decide(values)
            yield window, yes, valid & defined

    method = f"{ref.method}; " if ref.method else ""
    named = MaskDraft(
        label=draft.label,
        rule=f"{method}{draft.rule}",
        title=draft.title,
        time=ref.time,
        item_id=ref.item_id,
        sources=ref.sources,
    )
    return write_mask(services, ref.grid, decided(), named)


def write_mask(
    services: Services,
    grid: Grid,
    parts: Iterable[tuple[Window, Bools, Bools]],
    draft: MaskDraft,
) -> Artifact:
    """Keep a mask that comes in strips of (window, yes, valid), from top to bottom."""
    file = services.store.scratch(".tif")
    with MaskWriter(file, grid) as writer:
        for window, yes, valid in parts:
            writer.add(window, yes, valid)
        writer.finish()
    ref = MaskRef(
        grid=grid,
        path="",
        label=draft.label,
        rule=draft.rule[:600],
        time=draft.time,
        item_id=draft.item_id,
        sources=draft.sources,
        title=draft.title,
    )
    preview = {"label": draft.label, "size": [grid.width, grid.height]}
    return services.store.put(
        "mask",
        title=draft.title,
        payload=ref.to_dict(),
        preview=preview,
        file=file,
        media_type=_GEOTIFF,
    )


def open_mask(services: Services, ref: MaskRef) -> MaskReader:
    """Open a stored mask.

    Raises:
        NotFound: if its file has gone.
        SourceError: if it is damaged.
    """
    return MaskReader(
        services.store.locate(ref.path), grid=ref.grid, cache_mb=services.options.gdal_cache_mb
    )


def mask_strips(
    services: Services, ref: MaskRef, *, what: str
) -> Iterator[tuple[Window, Bools, Bools]]:
    """Yield (window, yes, valid) of a stored mask, from top to bottom."""
    with open_mask(services, ref) as file:
        for window in strips(ref.grid, services.options.block_pixels, align=_align(ref.grid)):
            services.deadline.check()
            services.progress(window.row / ref.grid.height, what)
            yield (window, *file.read(window))


def _align(grid: Grid) -> int:
    return min(_STRIP_ALIGN, grid.height)
