"""Combinations of stored masks and features, kept as new artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.artifact import FeaturesRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import MaskRef
from eoagent.contracts.tool import Services, ToolResult
from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent.geo.grid import same_grid
from eoagent.geo.measure import centroid_lonlat
from eoagent.geo.projection import from_wgs84
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.blockwise import MaskDraft, mask_strips, open_mask, raster_strips, write_mask
from eoagent.io.featureset import feature_set
from eoagent.io.store_files import mask_as_raster
from eoagent.io.stored_features import load_stored, store_features
from eoagent.io.zones import Zones, open_zones

__all__ = [
    "buffer_features",
    "clip_mask",
    "combine_features",
    "combine_masks",
    "mask_on_grid",
]

Bools = NDArray[np.bool_]
MaskOperation = Literal["and", "or", "minus", "not", "clip"]
_MAX_PIECE_KM: Final = 500.0
_QUARTER_SEGMENTS: Final = 32


def combine_masks(
    services: Services, first: str, second: str | None, operation: MaskOperation
) -> ToolResult:
    """Return and, or, minus of two masks, or not of one.

    `clip` keeps the first as it is where the second says yes; elsewhere it is not valid.
    """
    a = MaskRef.model_validate(services.store.get(first).payload)
    b = None if second is None else MaskRef.model_validate(services.store.get(second).payload)
    label = f"not {a.label}" if b is None else f"({a.label}) {operation} ({b.label})"
    sources = a.sources if b is None else tuple(dict.fromkeys((*a.sources, *b.sources)))
    rule = a.rule if b is None else f"{a.rule}; {operation}; {b.rule}"
    draft = MaskDraft(
        label=label[:200],
        rule=f"not: {rule}" if b is None else rule,
        title=label[:120],
        time=a.time,
        item_id=a.item_id,
        sources=sources,
    )
    moved = b is not None and not same_grid(a.grid, b.grid)
    parts = _negated(services, a) if b is None else _paired(services, a, b, operation)
    artifact = write_mask(services, a.grid, parts, draft)
    assumptions: tuple[str, ...] = ()
    if moved and b is not None:
        assumptions = (f"'{b.label}' was brought to the grid of '{a.label}' by nearest neighbour",)
    return ToolResult(artifacts={"mask": artifact}, assumptions=assumptions)


def _negated(services: Services, ref: MaskRef) -> Iterator[tuple[Window, Bools, Bools]]:
    for window, yes, valid in mask_strips(services, ref, what="not"):
        yield window, ~yes, valid


def _paired(
    services: Services, a: MaskRef, b: MaskRef, operation: MaskOperation
) -> Iterator[tuple[Window, Bools, Bools]]:
    others = mask_on_grid(services, b, a)
    for (window, yes, valid), (other, known) in zip(
        mask_strips(services, a, what=operation), others, strict=True
    ):
        made = {"or": yes | other, "minus": yes & ~other}.get(operation, yes & other)
        kept = known & other if operation == "clip" else known
        yield window, made, valid & kept


def mask_on_grid(services: Services, ref: MaskRef, like: MaskRef) -> Iterator[tuple[Bools, Bools]]:
    """Yield (yes, valid) of a mask on another mask's grid, in that mask's strips."""
    if same_grid(ref.grid, like.grid):
        with open_mask(services, ref) as file:
            for window, _, _ in mask_strips(services, like, what="reading"):
                yield file.read(window)
        return
    strips = raster_strips(
        services,
        mask_as_raster(ref),
        bands={"mask": "mask"},
        what="bringing to one grid",
        grid=like.grid,
    )
    for _, values, valid in strips:
        yield np.nan_to_num(values["mask"]) == 1, valid


def clip_mask(services: Services, mask: str, features: str) -> ToolResult:
    """Return a mask whose pixels are valid only where their centre lies in the features."""
    ref = MaskRef.model_validate(services.store.get(mask).payload)
    with open_zones(services, features) as zones:
        return _clipped(services, ref, zones)


def _clipped(services: Services, ref: MaskRef, zones: Zones) -> ToolResult:
    def parts() -> Iterator[tuple[Window, Bools, Bools]]:
        for window, yes, valid in mask_strips(services, ref, what="clipping"):
            inside, _ = zones.pick(ref.grid, window)
            yield window, yes & inside, valid & inside

    draft = MaskDraft(
        label=f"{ref.label} inside {zones.label}"[:200],
        rule=f"{ref.rule}; inside {zones.label}, by pixel centre",
        title=f"{ref.label} inside {zones.label}"[:120],
        time=ref.time,
        item_id=ref.item_id,
        sources=tuple(dict.fromkeys((*ref.sources, *zones.sources))),
    )
    artifact = write_mask(services, ref.grid, parts(), draft)
    return ToolResult(artifacts={"mask": artifact}, assumptions=zones.notes)


def combine_features(
    services: Services, first: str, second: str, operation: Literal["and", "or", "minus", "not"]
) -> ToolResult:
    """Return and, or, minus of the ground that two feature sets cover, in longitude, latitude.

    Where two areas only touch, their common line or point is not kept.

    Raises:
        InputError: if nothing is left, or one of them has no place on Earth.
    """
    a, b = _ground(services, first), _ground(services, second)
    made = {
        "and": shapely.intersection,
        "or": shapely.union,
        "minus": shapely.difference,
    }[operation](a[0], b[0])
    dimensions = [int(shapely.get_dimensions(ground)) for ground, _ in (a, b)]
    wanted = {"and": min(dimensions), "or": max(dimensions), "minus": dimensions[0]}[operation]
    parts = shapely.get_parts(made)
    parts = parts[shapely.get_dimensions(parts) == wanted]
    label = f"({a[1].label}) {operation} ({b[1].label})"[:200]
    if not len(parts):
        raise InputError(f"{label} is empty: they do not meet that way", hint="check the order")
    features = feature_set(
        [shapely.union_all(parts)],
        {"label": [label]},
        crs="EPSG:4326",
        label=label,
        sources=tuple(dict.fromkeys((*a[1].sources, *b[1].sources))),
    )
    return ToolResult(artifacts={"features": store_features(services.store, features)})


def _ground(services: Services, handle: str) -> tuple[BaseGeometry, FeaturesRef]:
    ref = FeaturesRef.model_validate(services.store.get(handle).payload)
    if not ref.crs:
        raise InputError(f"{ref.label} is in pixels and has no place on Earth", hint="use masks")
    features = load_stored(services.store, ref)
    whole = to_lonlat(shapely.union_all(features.geometries), ref.crs)
    return split_at_antimeridian(whole), ref


def buffer_features(services: Services, handle: str, distance_m: float) -> ToolResult:
    """Return the ground within a distance of each feature.

    Each feature is buffered in an azimuthal equidistant projection about its own centre.

    Raises:
        InputError: if a feature is too large for that projection to keep distances.
    """
    ref = FeaturesRef.model_validate(services.store.get(handle).payload)
    if not ref.crs:
        raise InputError(f"{ref.label} is in pixels and has no place on Earth", hint="use masks")
    features = load_stored(services.store, ref)
    grown = [_buffered(to_lonlat(g, ref.crs), distance_m, ref.label) for g in features.geometries]
    label = f"within {distance_m:g} m of {ref.label}"[:200]
    made = feature_set(
        grown,
        {name: features.values(name) for name in features.column_names},
        crs="EPSG:4326",
        label=label,
        sources=ref.sources,
    )
    said = f"'{label}': each feature buffered in an azimuthal equidistant projection about it"
    artifact = store_features(services.store, made)
    return ToolResult(artifacts={"features": artifact}, assumptions=(said,))


def _buffered(geometry: BaseGeometry, distance_m: float, label: str) -> BaseGeometry:
    lon, lat = centroid_lonlat(geometry)
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84").to_wkt()
    flat = shapely.transform(
        geometry, lambda xy: np.column_stack(from_wgs84(local, xy[:, 0], xy[:, 1]))
    )
    reach = float(np.abs(shapely.bounds(flat)).max()) / 1000.0
    if not reach <= _MAX_PIECE_KM:
        raise InputError(
            f"a feature of {label} reaches {reach:,.0f} km from its centre; a buffer is true to "
            f"{_MAX_PIECE_KM:g} km",
            hint="cut it into smaller features first",
        )
    grown = shapely.buffer(flat, distance_m, quad_segs=_QUARTER_SEGMENTS)
    return split_at_antimeridian(to_lonlat(grown, local))
