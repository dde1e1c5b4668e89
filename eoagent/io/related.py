"""Relations between what lies on the ground: nearest, within a distance, inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.artifact import Artifact, FeaturesRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.raster import Grid
from eoagent.contracts.tool import Services, ToolResult
from eoagent.geo.grid import pixel_to_lonlat
from eoagent.geo.measure import bearing_deg, centroid_lonlat, compass
from eoagent.geo.nearest import geodesic_distance_between
from eoagent.geo.projection import WGS84
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.featureset import FeatureSet
from eoagent.io.named import name_columns
from eoagent.io.stored_features import load_stored, store_features

__all__ = ["count_inside", "count_within", "nearest_pair"]

_FIRST_LOOK: Final = 40
_EDGE_TO_EDGE: Final = "geodesic on the WGS84 ellipsoid, nearest edges"
_FROM_CENTRE: Final = "geodesic on the WGS84 ellipsoid, from the centre to the nearest edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """Something on the ground, in longitude and latitude."""

    label: str
    geometries: list[BaseGeometry]
    features: FeatureSet | None
    sources: tuple[Source, ...]


def nearest_pair(
    services: Services,
    first: Artifact,
    second: Artifact,
    *,
    from_centre: bool,
    leave_out_equal: bool,
) -> ToolResult:
    """Return which feature of the second is nearest to the first, how far, and where to."""
    a, b = _start(services, first, from_centre=from_centre), _ground(services, second)
    left = _candidates(a, b, leave_out_equal=leave_out_equal)
    whole = shapely.union_all(a.geometries)
    start = centroid_lonlat(whole)
    distances = {
        i: geodesic_distance_between(whole, b.geometries[i]) for i in _near(start, b, left)
    }
    best = min(distances, key=lambda i: distances[i])
    bound = distances[best]
    for i in left:  # whatever may still lie nearer than the best so far
        if i not in distances and _at_least(whole, b.geometries[i]) < bound:
            distances[i] = geodesic_distance_between(whole, b.geometries[i])
    best = min(distances, key=lambda i: distances[i])
    end = centroid_lonlat(b.geometries[best])
    name = _name(b, best)
    how = _FROM_CENTRE if from_centre or a.features is None else _EDGE_TO_EDGE
    bearing = bearing_deg(start, end)
    sources = (*a.sources, *b.sources)
    label = f"nearest of {b.label} to {a.label}"
    rows: list[tuple[str, float | str, str, str]] = [
        ("name", name, "choice", f"nearest of {len(left)} features, {how}"),
        ("distance", distances[best], "m", how),
        ("bearing", bearing, "deg", "forward azimuth between the centres"),
        ("direction", compass(bearing), "choice", "bearing among the sixteen winds"),
    ]
    figures = tuple(_figure(n, v, u, f"{n}, {label}", m, sources=sources) for n, v, u, m in rows)
    assert b.features is not None
    kept = store_features(services.store, b.features.take(np.array([best])))
    return ToolResult(artifacts={"features": kept}, figures=figures)


def count_within(
    services: Services,
    first: Artifact,
    second: Artifact,
    distance_m: float,
    *,
    from_centre: bool,
    leave_out_equal: bool,
) -> ToolResult:
    """Return how many features of the second lie within a distance of the first."""
    a = _start(services, first, from_centre=from_centre)
    b = _ground(services, second, may_be_empty=True)
    # none at all, as a model may have found, is a count of zero
    left = _candidates(a, b, leave_out_equal=leave_out_equal) if b.geometries else []
    whole = shapely.union_all(a.geometries)
    near = []
    for done, i in enumerate(left):
        services.deadline.check()
        services.progress(done / len(left), "measuring distances")
        close = _at_least(whole, b.geometries[i]) <= distance_m
        if close and geodesic_distance_between(whole, b.geometries[i]) <= distance_m:
            near.append(i)
    how = _FROM_CENTRE if from_centre or a.features is None else _EDGE_TO_EDGE
    label = f"features of {b.label} within {distance_m:g} m of {a.label}"
    method = f"counted at {distance_m:g} m or less, {how}"
    return _counted(services, a, b, near, label=label, method=method)


def count_inside(services: Services, first: Artifact, second: Artifact) -> ToolResult:
    """Return how many features of the second lie wholly inside the first."""
    a, b = _ground(services, first), _ground(services, second, may_be_empty=True)
    whole = shapely.union_all(a.geometries)
    inside = [i for i, geometry in enumerate(b.geometries) if shapely.covers(whole, geometry)]
    label = f"features of {b.label} inside {a.label}"
    return _counted(services, a, b, inside, label=label, method="counted where covered wholly")


def _counted(
    services: Services, a: _Ground, b: _Ground, found: list[int], *, label: str, method: str
) -> ToolResult:
    sources = (*a.sources, *b.sources)
    figure = _figure("count", len(found), "count", label, method, sources=sources)
    if not found or b.features is None:
        return ToolResult(figures=(figure,))
    kept = store_features(services.store, b.features.take(np.array(found)))
    return ToolResult(artifacts={"features": kept}, figures=(figure,))


def _figure(
    name: str,
    value: float | str,
    unit: str,
    label: str,
    method: str,
    *,
    sources: tuple[Source, ...],
) -> FigureDraft:
    return FigureDraft(
        name=name, value=value, unit=unit, label=label[:200], method=method[:600], sources=sources
    )


def _start(services: Services, artifact: Artifact, *, from_centre: bool) -> _Ground:
    ground = _ground(services, artifact)
    if not from_centre or ground.features is None:
        return ground
    lon, lat = centroid_lonlat(shapely.union_all(ground.geometries))
    return _Ground(
        label=f"the centre of {ground.label}",
        geometries=[shapely.Point(lon, lat)],
        features=ground.features,
        sources=ground.sources,
    )


def _ground(services: Services, artifact: Artifact, *, may_be_empty: bool = False) -> _Ground:
    if artifact.kind in {"raster", "mask"}:
        grid = Grid.model_validate(artifact.payload["grid"])
        if not grid.is_georeferenced:
            raise InputError(
                f"{artifact.title} has no georeference", hint="use a georeferenced image"
            )
        lon, lat = pixel_to_lonlat(grid, [grid.height / 2], [grid.width / 2])
        sources = tuple(Source.model_validate(s) for s in artifact.payload.get("sources", []))
        return _Ground(
            label=f"the centre of {artifact.title}",
            geometries=[shapely.Point(float(lon[0]), float(lat[0]))],
            features=None,
            sources=sources,
        )
    ref = FeaturesRef.model_validate(artifact.payload)
    features = load_stored(services.store, ref)
    if not len(features) and not may_be_empty:
        raise InputError(f"{ref.label}: there is none", hint="give features that are not empty")
    if not ref.crs:
        raise InputError(f"{ref.label} is in pixels and has no place on Earth", hint="use masks")
    return _Ground(
        label=ref.label,
        geometries=[to_lonlat(geometry, ref.crs) for geometry in features.geometries],
        features=features,
        sources=ref.sources,
    )


def _candidates(a: _Ground, b: _Ground, *, leave_out_equal: bool) -> list[int]:
    own = (
        [] if a.features is None else [to_lonlat(g, a.features.crs) for g in a.features.geometries]
    )
    left = [
        i
        for i, geometry in enumerate(b.geometries)
        if not (leave_out_equal and any(shapely.equals(geometry, mine) for mine in own))
    ]
    if not left:
        raise InputError(
            f"{b.label} holds nothing besides {a.label} itself", hint="give other features"
        )
    return left


def _near(start: tuple[float, float], b: _Ground, left: list[int]) -> list[int]:
    """Return the features whose centres lie nearest, as a first look."""
    centres = np.array([_middle(b.geometries[i]) for i in left])
    count = len(left)
    _, _, metres = WGS84.inv(
        np.full(count, start[0]), np.full(count, start[1]), centres[:, 0], centres[:, 1]
    )
    return [left[i] for i in np.argsort(metres)[:_FIRST_LOOK]]


def _middle(geometry: BaseGeometry) -> tuple[float, float]:
    west, south, east, north = geometry.bounds
    return (west + east) / 2, (south + north) / 2


def _at_least(a: BaseGeometry, b: BaseGeometry) -> float:
    """Return a lower bound of the distance in metres: between centres, less both radii."""
    first, second = _middle(a), _middle(b)
    _, _, apart = WGS84.inv(*first, *second)
    return float(apart) - _radius(a, first) - _radius(b, second)


def _radius(geometry: BaseGeometry, middle: tuple[float, float]) -> float:
    points: NDArray[np.float64] = shapely.get_coordinates(geometry)
    count = len(points)
    _, _, metres = WGS84.inv(
        np.full(count, middle[0]), np.full(count, middle[1]), points[:, 0], points[:, 1]
    )
    return float(np.max(metres)) * 1.01


def _name(ground: _Ground, index: int) -> str:
    assert ground.features is not None
    for column in name_columns(ground.features):
        value = ground.features.values(column)[index]
        if value not in (None, ""):
            return str(value)
    return f"feature {index + 1}"
