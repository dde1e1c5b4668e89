"""Rasters and volumes from heights: slope, aspect, height above ground, what lies above a level."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import BandRef, Grid, RasterRef, ValueKind
from eoagent.contracts.tool import Services
from eoagent.geo.area import Bools, pixel_areas
from eoagent.geo.slope import Gradient, ground_steps, horn_gradient
from eoagent.geo.stats import RunningStats
from eoagent.geo.volume import VolumeSum
from eoagent.io.blockwise import open_reader, raster_strips
from eoagent.io.gridwriter import GridWriter
from eoagent.io.haloed import haloed_strips
from eoagent.io.moved import Moved, Resampling
from eoagent.io.zones import Zones, open_zones

__all__ = ["Heights", "Relief", "Volumes", "from_gradient", "minus_ground", "volumes"]

Strip = tuple[Window, NDArray[np.floating[Any]]]
_GEOTIFF: Final = "image/tiff; application=geotiff; profile=cloud-optimized"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heights:
    """A band of a raster that holds heights."""

    ref: RasterRef
    """The raster."""
    band: str
    """The band."""
    metres: float
    """Metres per unit of its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """A raster made from heights, with the statistics of its valid pixels."""

    artifact: Artifact
    """The raster."""
    stats: RunningStats
    """Of its values."""
    mean_angle: float | None
    """Mean direction of its values taken as angles, degrees; None where they point everywhere."""
    length: float
    """Length of the mean of the directions: 1 all alike, 0 none prevails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """What lies above and below a level."""

    above: VolumeSum
    """Above it."""
    below: VolumeSum
    """Below it."""
    zones: Zones | None
    """Where, or None for everywhere."""


def from_gradient(
    services: Services,
    heights: Heights,
    function: Callable[[Gradient], NDArray[np.float64]],
    *,
    name: str,
    method: str,
) -> Relief:
    """Return a raster of what a function makes of the gradient, NaN where a neighbour is missing.

    Raises:
        InputError: if no pixel has all its neighbours, or the grid has no size on the ground.
    """
    ref = heights.ref

    def made() -> Iterator[Strip]:
        for window, around in haloed_strips(services, ref, heights.band, halo=1, what=name):
            gradient = horn_gradient(around * heights.metres, ground_steps(ref.grid, window))
            yield window, function(gradient)

    return _written(services, [heights], made(), name=name, method=method, values="unknown")


def minus_ground(
    services: Services, surface: Heights, ground: Heights, *, resampling: Resampling, method: str
) -> Relief:
    """Return the surface minus the ground, metres, on the surface's grid.

    Raises:
        InputError: if they share no valid pixel, or one has no georeference.
    """

    def made() -> Iterator[Strip]:
        bands = {"z": surface.band}
        with open_reader(services, ground.ref) as reader:
            moved = Moved(
                reader=reader,
                names=(ground.band,),
                grid=surface.ref.grid,
                method=resampling,
                max_pixels=services.options.block_pixels,
            )
            for window, values, _ in raster_strips(services, surface.ref, bands=bands, what=method):
                below, _ = moved.read(window)
                yield window, values["z"] * surface.metres - below[0] * ground.metres

    return _written(
        services, [surface, ground], made(), name="height", method=method, values="height"
    )


def _written(
    services: Services,
    heights: list[Heights],
    strips: Iterable[Strip],
    *,
    name: str,
    method: str,
    values: ValueKind,
) -> Relief:
    first = heights[0].ref
    title = f"{name} of {first.title}"[:120]
    file = services.store.scratch(".tif")
    stats, turn = RunningStats(), 0j
    with GridWriter(file, first.grid, dtype="float32", nodata=float("nan")) as writer:
        for window, array in strips:
            made = np.asarray(array, dtype=np.float32)
            writer.add(window, made)
            known = made[np.isfinite(made)].astype(np.float64)
            stats.add(known)
            turn += complex(np.exp(1j * np.radians(known)).sum())
        if not stats.count:
            raise InputError(
                f"{title}: no pixel has a value, for want of valid pixels (around it)",
                hint="check the nodata value, and that the rasters are of one place",
            )
        writer.finish()
    length = abs(turn) / stats.count
    computed = RasterRef(
        grid=first.grid,
        bands=(BandRef(name=name, href="", index=1, dtype="float32", nodata=float("nan")),),
        values=values,
        time=first.time,
        item_id=first.item_id,
        title=title,
        sources=tuple(dict.fromkeys(source for h in heights for source in h.ref.sources)),
        path="",
        method=method[:600],
    )
    artifact = services.store.put(
        "raster",
        title=title,
        payload=computed.to_dict(),
        preview={"bands": [name], "size": [first.grid.width, first.grid.height]},
        file=file,
        media_type=_GEOTIFF,
    )
    angle = float(np.degrees(np.angle(turn))) % 360 if length > 1e-9 else None
    return Relief(artifact=artifact, stats=stats, mean_angle=angle, length=length)


def volumes(services: Services, heights: Heights, base_m: float, zones: str | None) -> Volumes:
    """Return the volumes above and below a level, inside zones or everywhere.

    A mask on another grid decides the grid: the heights are brought to it by nearest neighbour.

    Raises:
        InputError: if no valid pixel lies there, or the grid has no size on the ground.
    """
    ref = heights.ref
    with nullcontext() if zones is None else open_zones(services, zones) as where:
        own = where.grid if where is not None else None
        grid: Grid = own or ref.grid
        areas = pixel_areas(grid)
        above, below = VolumeSum(areas), VolumeSum(areas)
        inside_pixels = 0
        strips = raster_strips(services, ref, bands={"z": heights.band}, what="volume", grid=own)
        for window, values, valid in strips:
            depth = values["z"].astype(np.float64) * heights.metres - base_m
            there = valid & np.isfinite(depth)
            inside: Bools = there
            if where is not None:
                chosen, known = where.pick(grid, window)
                there = there & known
                inside = there & chosen
            inside_pixels += int(np.count_nonzero(inside))
            above.add(window, depth, inside & (depth > 0), there)
            below.add(window, -depth, inside & (depth < 0), there)
        if not inside_pixels:
            place = "" if where is None else f" inside {where.label}"
            raise InputError(
                f"{ref.title} has no valid pixel{place}: nodata, masked out, or not covered",
                hint="check the nodata value, or use another raster or zone",
            )
        return Volumes(above=above, below=below, zones=where)
