"""Zones that pick pixels: features by pixel centre, or a mask on its own grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray

from eoagent.contracts.artifact import FeaturesRef, handle_kind
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Source
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid, MaskRef, RasterRef
from eoagent.contracts.tool import Services
from eoagent.geo.grid import same_grid
from eoagent.geo.polygons import lonlat_to_mask
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.blockwise import open_mask, raster_strips
from eoagent.io.stored_features import load_stored

__all__ = ["Zones", "open_zones", "zone_values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """Where pixels must lie."""

    label: str
    """What they are, in words."""
    sources: tuple[Source, ...]
    """Files behind them."""
    grid: Grid | None
    """Grid of a mask, on which the pixels are looked at; None for features."""
    pick: Callable[[Grid, Window], tuple[NDArray[np.bool_], NDArray[np.bool_]]]
    """(inside, known) of a window of a grid, each (height, width)."""
    notes: tuple[str, ...] = ()
    """What was left out of them, each a sentence."""
    close: Callable[[], None] = lambda: None
    """Closes the file behind them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def differs(self, grid: Grid) -> bool:
        """Return whether the zones' own grid is another one."""
        return self.grid is not None and not same_grid(self.grid, grid)


def open_zones(services: Services, handle: str) -> Zones:
    """Return the zones behind a `features:`, `boxes:`, `aoi:` or `mask:` handle, to be closed.

    Raises:
        InputError: if features hold no polygons, or have no place on Earth.
    """
    artifact = services.store.get(handle)
    if handle_kind(handle) == "mask":
        return _mask_zones(services, MaskRef.model_validate(artifact.payload))
    ref = FeaturesRef.model_validate(artifact.payload)
    features = load_stored(services.store, ref)
    areas = [g for g in features.geometries if shapely.get_dimensions(g) == 2]
    if not areas:
        kinds = ", ".join(ref.geometry_types)
        raise InputError(
            f"{ref.label} holds {kinds or 'nothing'}, and zones are polygons",
            hint="give polygons, or combine with buffer to make areas of points and lines",
        )
    if not ref.crs:
        raise InputError(
            f"{ref.label} is in pixels and has no place on Earth", hint="use the mask it came from"
        )
    left_out = len(features) - len(areas)
    notes = (f"{left_out} points and lines of {ref.label} are no zones",) if left_out else ()
    placed = [to_lonlat(area, ref.crs) for area in areas]

    def pick(grid: Grid, window: Window) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        inside = lonlat_to_mask(placed, grid, window)
        return inside, np.ones(inside.shape, bool)

    return Zones(label=ref.label, sources=ref.sources, grid=None, pick=pick, notes=notes)


def _mask_zones(services: Services, ref: MaskRef) -> Zones:
    file = open_mask(services, ref)

    def pick(grid: Grid, window: Window) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        del grid
        return file.read(window)

    return Zones(label=ref.label, sources=ref.sources, grid=ref.grid, pick=pick, close=file.close)


def zone_values(
    services: Services, ref: RasterRef, band: str, zones: Zones | None, *, outside: bool
) -> Iterator[NDArray[Any]]:
    """Yield the finite, valid values of a band on one side of the zones, block by block, (n,).

    Without zones, all valid values. With a mask the raster is read on the mask's grid.
    """
    grid = zones.grid if zones is not None else None
    strips = raster_strips(services, ref, bands={"value": band}, grid=grid, what="statistics")
    for window, values, valid in strips:
        chosen = valid & np.isfinite(values["value"])
        if zones is not None:
            inside, known = zones.pick(grid or ref.grid, window)
            chosen &= known & (~inside if outside else inside)
        yield values["value"][chosen]
