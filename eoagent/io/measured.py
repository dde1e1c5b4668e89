"""Measure stored artifacts: masks strip by strip, rasters by their grid, features on the Earth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import shapely

from eoagent.contracts.artifact import Artifact, FeaturesRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.raster import MaskRef, RasterRef
from eoagent.contracts.tool import Services
from eoagent.geo import measure
from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent.geo.nearest import geodesic_distance_between
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.footprint import box_around
from eoagent.io.gridded import grid_shape, grid_warnings, mask_shape
from eoagent.io.stored_features import load_stored
from eoagent.io.subject import Makers, Subject

__all__ = ["MeasuredShape", "measure_shape"]

_ON_ELLIPSOID: Final = "on the WGS84 ellipsoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredShape:
    """What can be measured of an artifact; each quantity is computed when it is asked for."""

    makers: Makers
    """Quantity to what makes its figures."""
    warnings: tuple[str, ...] = ()
    """What the reader should know."""

    def quantities(self) -> tuple[str, ...]:
        """Return what can be asked for."""
        return tuple(self.makers)

    def figures(self, quantity: str) -> list[FigureDraft]:
        """Return the figures of a quantity; none if the artifact has no such thing."""
        maker = self.makers.get(quantity)
        return maker() if maker else []


def measure_shape(
    services: Services, target: Artifact, other: Artifact | None = None
) -> MeasuredShape:
    """Return what can be measured of a mask, raster or feature set.

    Raises:
        InputError: if an artifact is of a kind that has no size.
    """
    subject, makers, warnings = _shape_of(services, target)
    if other is not None:
        makers |= _between(subject, _shape_of(services, other)[0])
    return MeasuredShape(makers=makers, warnings=warnings)


def _shape_of(services: Services, artifact: Artifact) -> tuple[Subject, Makers, tuple[str, ...]]:
    if artifact.kind == "mask":
        mask = MaskRef.model_validate(artifact.payload)
        return *mask_shape(services, mask), grid_warnings(mask.grid)
    if artifact.kind == "raster":
        raster = RasterRef.model_validate(artifact.payload)
        shape = grid_shape(raster.grid, raster.title, raster.sources)
        return *shape, grid_warnings(raster.grid)
    if artifact.kind in {"features", "boxes", "aoi"}:
        return *_features(services, FeaturesRef.model_validate(artifact.payload)), ()
    raise InputError(f"a {artifact.kind} has no size", hint="give a mask, raster or features")


def _features(services: Services, ref: FeaturesRef) -> tuple[Subject, Makers]:
    features = load_stored(services.store, ref)
    if not ref.crs:
        raise InputError(
            f"{ref.label} is in pixels and has no place on Earth",
            hint="measure the mask it came from",
        )
    whole = to_lonlat(shapely.union_all(features.geometries), ref.crs)
    subject = Subject(
        label=ref.label,
        sources=ref.sources,
        centre=lambda: measure.centroid_lonlat(whole),
        geometry=lambda: whole,
    )
    half_pixel = None if ref.pixel_edge_m is None else ref.pixel_edge_m / 2
    method = f"geodesic {_ON_ELLIPSOID}; overlapping parts counted once"

    def area() -> list[FigureDraft]:
        error = None if half_pixel is None else half_pixel * measure.perimeter_m(whole)
        value = measure.area_m2(whole)
        return [subject.figure("area", value, "m2", method=method, error=error)]

    def bounds() -> list[FigureDraft]:
        if whole.is_empty:
            raise InputError(
                f"'{ref.label}' holds no feature, so it has no extent", hint="look at its count"
            )
        box = box_around(split_at_antimeridian(whole))
        return subject.bounds(box, method="narrowest box around them on WGS84")

    return subject, {
        "area": area,
        "perimeter": lambda: [
            subject.figure("perimeter", measure.perimeter_m(whole), "m", method=method)
        ],
        "length": lambda: [subject.figure("length", measure.length_m(whole), "m", method=method)],
        "count": lambda: [subject.figure("count", ref.count, "count", method="features counted")],
        "centroid": lambda: subject.centroid(method=f"centroid of them all {_ON_ELLIPSOID}"),
        "bounds": bounds,
    }


def _between(a: Subject, b: Subject) -> Makers:
    both = Subject(
        label=f"{a.label} and {b.label}",
        sources=tuple(dict.fromkeys((*a.sources, *b.sources))),
        centre=a.centre,
    )

    def distance() -> list[FigureDraft]:
        if a.geometry is not None and b.geometry is not None:
            value = geodesic_distance_between(a.geometry(), b.geometry())
            how = f"geodesic between nearest edges {_ON_ELLIPSOID}"
        else:
            value = measure.distance_m(a.centre(), b.centre())
            how = f"geodesic between centres {_ON_ELLIPSOID}"
        return [both.figure("distance", value, "m", method=how)]

    def bearing() -> list[FigureDraft]:
        value = measure.bearing_deg(a.centre(), b.centre())
        how = f"forward azimuth from the first centre {_ON_ELLIPSOID}"
        return [both.figure("bearing", value, "deg", method=how)]

    def direction() -> list[FigureDraft]:
        word = measure.compass(measure.bearing_deg(a.centre(), b.centre()))
        how = f"bearing between the centres, among the sixteen winds {_ON_ELLIPSOID}"
        return [both.figure("direction", word, "choice", method=how)]

    return {"distance": distance, "bearing": bearing, "direction": direction}
