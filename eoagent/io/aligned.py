"""Several rasters on one grid: stacked, laid side by side, or joined over dates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import TimeRange, Window
from eoagent.contracts.raster import BandRef, Grid, RasterRef, ValueKind
from eoagent.contracts.tool import Services
from eoagent.geo.grid import same_grid, strips
from eoagent.geo.union import Extent, extent_on
from eoagent.io.blockwise import open_reader
from eoagent.io.gridwriter import GridWriter
from eoagent.io.moved import Moved, Resampling
from eoagent.io.pixels import value_dtype
from eoagent.spectral.composite import greenest, median

__all__ = ["Joined", "Layout", "Operation", "Part", "join"]

Operation = Literal["stack", "mosaic", "median", "greenest"]
"""How the parts become one."""
Values = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
_GEOTIFF: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
_MOST_VALUES: Final = 4_000_000_000
_ALIGN: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the rasters, with the bands that are taken of it."""

    ref: RasterRef
    """The raster."""
    bands: tuple[str, ...]
    """Its bands, in the order of the output."""
    guides: tuple[str, ...] = ()
    """Red and near-infrared, where the greenest date is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What they are to become."""

    grid: Grid
    """Grid to write on."""
    operation: Operation
    """Stack, first valid pixel, median, or the date of the highest NDVI."""
    resampling: Resampling
    """How they come to the grid."""
    names: tuple[str, ...]
    """Bands of the output."""
    title: str
    """Name of the artifact."""
    method: str
    """How it is made, for the figures that rest on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What came of it."""

    artifact: Artifact
    """The raster."""
    valid_share: float
    """Share of its pixels that are valid, percent; of a stack, valid in any part."""
    mean_valid: float
    """Mean number of parts that are valid at a pixel, over the whole grid."""


def join(services: Services, parts: Sequence[Part], layout: Layout) -> Joined:
    """Write several rasters as one on a grid, strip by strip.

    Raises:
        InputError: if one has no pixel on the grid, none is valid there, or the result would be
            too large.
    """
    grid = layout.grid
    if grid.window.pixels * len(layout.names) > _MOST_VALUES:
        raise InputError(
            f"{layout.title} would have {len(layout.names)} bands of {grid.width:,} x "
            f"{grid.height:,} pixels, more than {_MOST_VALUES:,} values",
            hint="take fewer bands, images that lie nearer to each other, or a coarser onto",
        )
    extents = [_extent(part, grid) for part in parts]
    file = services.store.scratch(".tif")
    dtypes = [band.dtype for part in parts for band in part.ref.bands if band.name in part.bands]
    dtype = np.dtype(value_dtype(dtypes))
    seen = np.zeros(2, dtype=np.int64)
    with GridWriter(
        file,
        grid,
        dtype=dtype.name,
        count=len(layout.names),
        nodata=float("nan"),
        names=layout.names,
        cache_mb=services.options.gdal_cache_mb,
    ) as writer:
        for window, made, count in _strips(services, parts, layout, extents):
            writer.add(window, made.astype(dtype))
            seen += np.count_nonzero(count), count.sum(dtype=np.int64)
        if not seen[0]:
            raise InputError(
                f"{layout.title}: no pixel would be valid",
                hint="check the nodata values and quality masks of the images",
            )
        writer.finish()
    share, mean = (float(n) / grid.window.pixels for n in seen)
    kept = _kept(services, parts, layout, file=file, dtype=dtype.name)
    return Joined(artifact=kept, valid_share=100.0 * share, mean_valid=mean)


def _extent(part: Part, grid: Grid) -> Extent:
    """Return where a part lies on the grid."""
    if same_grid(part.ref.grid, grid):
        return Extent(top=0, left=0, bottom=grid.height, right=grid.width)
    extent = extent_on(part.ref.grid, grid)
    if extent.part_of(grid.window) is None:
        raise InputError(
            f"{part.ref.title} does not overlap the grid it was to be brought to",
            hint="give images of the same place, or use operation mosaic",
        )
    return extent


def _strips(
    services: Services, parts: Sequence[Part], layout: Layout, extents: Sequence[Extent]
) -> Iterator[tuple[Window, Values, NDArray[np.int64]]]:
    """Yield (window, bands, number of parts valid per pixel) from top to bottom."""
    grid, options = layout.grid, services.options
    held = sum(len(part.bands) + len(part.guides) + 1 for part in parts)
    budget = max(1, options.block_pixels // held)
    with ExitStack() as opened:
        moved = [
            Moved(
                reader=opened.enter_context(open_reader(services, part.ref)),
                names=(*part.bands, *part.guides),
                grid=grid,
                method=layout.resampling,
                max_pixels=options.block_pixels,
            )
            for part in parts
        ]
        for window in strips(grid, budget, align=min(_ALIGN, grid.height)):
            services.deadline.check()
            services.progress(window.row / grid.height, layout.title)
            blocks = (_read(*pair, window) for pair in zip(moved, extents, strict=True))
            yield window, *_made(blocks, layout)


def _read(moved: Moved, extent: Extent, window: Window) -> tuple[Values, Bools]:
    """Return bands and validity of a part in a window; only where it lies is it read."""
    part = extent.part_of(window)
    if part == window:
        return moved.read(window)
    valid = np.zeros((window.height, window.width), dtype=np.bool_)
    if part is None:
        return np.full((len(moved.names), *valid.shape), np.nan, dtype=np.float32), valid
    values, there = moved.read(part)
    rows = slice(part.row - window.row, part.row - window.row + part.height)
    cols = slice(part.col - window.col, part.col - window.col + part.width)
    out = np.full((len(values), *valid.shape), np.nan, dtype=values.dtype)
    out[:, rows, cols], valid[rows, cols] = values, there
    return out, valid


def _made(
    blocks: Iterator[tuple[Values, Bools]], layout: Layout
) -> tuple[Values, NDArray[np.int64]]:
    """Return the bands of the output in a window, and how many parts are valid per pixel."""
    if layout.operation == "mosaic":
        out, count = next(blocks)
        number = count.astype(np.int64)
        for values, valid in blocks:
            new = valid & (number == 0)
            out = np.where(new, values, out)
            number += valid
        return out, number
    read = list(blocks)
    valid = np.stack([there for _, there in read])
    number = valid.sum(axis=0, dtype=np.int64)
    if layout.operation == "stack":
        return np.concatenate([values for values, _ in read]), number
    stack = np.stack([values for values, _ in read])
    if layout.operation == "median":
        return median(stack, valid), number
    *_, red, nir = np.moveaxis(stack, 1, 0)
    out, known = greenest(stack[:, :-2], valid, red, nir)
    return out, np.where(known, number, 0)


def _kept(
    services: Services, parts: Sequence[Part], layout: Layout, *, file: Path, dtype: str
) -> Artifact:
    refs = [part.ref for part in parts]
    kinds: set[ValueKind] = {ref.values for ref in refs}
    items = {ref.item_id for ref in refs}
    sensors = {ref.sensor for ref in refs}
    computed = RasterRef(
        grid=layout.grid,
        bands=tuple(
            BandRef(name=name, href="", index=n, dtype=dtype, nodata=float("nan"))
            for n, name in enumerate(layout.names, 1)
        ),
        values=kinds.pop() if len(kinds) == 1 else "unknown",
        time=_time(refs),
        sensor=sensors.pop() if len(sensors) == 1 else "",
        item_id=items.pop() if len(items) == 1 else "",
        title=layout.title,
        sources=tuple(dict.fromkeys(source for ref in refs for source in ref.sources)),
        path="",
        method=layout.method[:600],
    )
    preview = {
        "bands": list(layout.names),
        "size": [layout.grid.width, layout.grid.height],
        "values": computed.values,
    }
    return services.store.put(
        "raster",
        title=layout.title,
        payload=computed.to_dict(),
        preview=preview,
        file=file,
        media_type=_GEOTIFF,
    )


def _time(refs: Sequence[RasterRef]) -> TimeRange | None:
    """Return the span from the first to the last date, or None where one is not known."""
    times = [ref.time for ref in refs]
    starts = [time.start for time in times if time is not None and time.start is not None]
    ends = [time.end for time in times if time is not None and time.end is not None]
    if len(starts) != len(refs) or len(ends) != len(refs):
        return None
    return TimeRange(start=min(starts), end=max(ends))
