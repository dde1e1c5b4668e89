"""Measure stored artifacts: masks strip by strip, rasters by their grid, features on the Earth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.artifact import Artifact, FeaturesRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.raster import Grid, MaskRef, RasterRef
from eoagent.contracts.tool import Services
from eoagent.geo import measure
from eoagent.geo.area import MaskArea, pixel_areas
from eoagent.geo.grid import bounds, pixel_to_lonlat, strips
from eoagent.geo.nearest import geodesic_distance_between
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.blockwise import mask_strips
from eoagent.io.stored_features import load_stored

__all__ = ["MeasuredShape", "measure_shape"]

_ON_ELLIPSOID: Final = "on the WGS84 ellipsoid"
_CORNERS: Final = ("west", "south", "east", "north")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredShape:
    """What can be measured of an artifact; each quantity is computed when it is asked for."""

    makers: dict[str, Callable[[], list[FigureDraft]]]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """An artifact as something on the ground."""

    label: str
    sources: tuple[Source, ...]
    centre: Callable[[], tuple[float, float]]
    geometry: Callable[[], BaseGeometry] | None
    """In longitude and latitude; None where only the centre counts."""

    def figure(
        self, name: str, value: float, unit: str, *, method: str, error: float | None = None
    ) -> FigureDraft:
        words = name.replace("_", " ")
        return FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{words} of {self.label}"[:200],
            method=method[:600],
            error=error,
            sources=self.sources,
        )


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


def _shape_of(
    services: Services, artifact: Artifact
) -> tuple[_Subject, dict[str, Callable[[], list[FigureDraft]]], tuple[str, ...]]:
    if artifact.kind == "mask":
        return _mask(services, MaskRef.model_validate(artifact.payload))
    if artifact.kind == "raster":
        ref = RasterRef.model_validate(artifact.payload)
        subject = _gridded(ref.grid, ref.title, ref.sources)
        return subject, _grid_makers(ref.grid, subject, with_area=True), _plain_pixels(ref.grid)
    if artifact.kind in {"features", "boxes", "aoi"}:
        return _features(services, artifact)
    raise InputError(f"a {artifact.kind} has no size", hint="give a mask, raster or features")


def _plain_pixels(grid: Grid) -> tuple[str, ...]:
    if grid.is_georeferenced:
        return ()
    if grid.gsd_m is None:
        return ("the image has no georeference: sizes are in pixels (state --gsd for metres)",)
    return (f"the image has no georeference: sizes rest on the stated {grid.gsd_m:g} m per pixel",)


def _gridded(grid: Grid, label: str, sources: tuple[Source, ...]) -> _Subject:
    def centre() -> tuple[float, float]:
        lon, lat = pixel_to_lonlat(grid, [grid.height / 2], [grid.width / 2])
        return float(lon[0]), float(lat[0])

    return _Subject(label=label, sources=sources, centre=centre, geometry=None)


def _mask(
    services: Services, ref: MaskRef
) -> tuple[_Subject, dict[str, Callable[[], list[FigureDraft]]], tuple[str, ...]]:
    grid = ref.grid
    has_area = grid.is_georeferenced or grid.gsd_m is not None
    total = MaskArea(pixel_areas(grid) if has_area else None)
    for window, yes, valid in mask_strips(services, ref, what="measuring"):
        total.add(window, yes, valid)
    if not total.valid_pixels:
        raise InputError(
            f"'{ref.label}' has no valid pixel: all of it is nodata or masked out",
            hint="check the file's nodata value, or use another image",
        )
    subject = _gridded(grid, ref.label, ref.sources)
    area = total.area_m2 if has_area else float(total.yes_pixels)
    whole = total.valid_area_m2 if has_area else float(total.valid_pixels)
    error = total.error_m2 if has_area else total.error_pixels
    assert area is not None
    assert whole is not None
    assert error is not None
    unit = "m2" if has_area else "px2"
    how = _area_method(grid)
    method = f"{ref.rule}; {how}; error: half a pixel along the outline"
    share_method = f"{ref.rule}; share of the area of {total.valid_pixels} valid pixels"

    def share() -> list[FigureDraft]:
        of_valid = 100.0 / whole
        return [
            subject.figure(
                "share", area * of_valid, "percent", method=share_method, error=error * of_valid
            )
        ]

    makers: dict[str, Callable[[], list[FigureDraft]]] = {
        "area": lambda: [subject.figure("area", area, unit, method=method, error=error)],
        "share": share,
        "valid_area": lambda: [subject.figure("valid_area", whole, unit, method=how)],
        "pixels": lambda: [
            subject.figure("pixels", total.yes_pixels, "count", method=f"{ref.rule}; counted")
        ],
        **_grid_makers(grid, subject, with_area=False),
    }
    return subject, makers, _plain_pixels(grid)


def _area_method(grid: Grid) -> str:
    if not grid.is_georeferenced:
        return "pixels counted" if grid.gsd_m is None else f"pixels of {grid.gsd_m:g} m squared"
    return f"geodesic area of the pixels {_ON_ELLIPSOID}, summed"


def _grid_makers(
    grid: Grid, subject: _Subject, *, with_area: bool
) -> dict[str, Callable[[], list[FigureDraft]]]:
    makers: dict[str, Callable[[], list[FigureDraft]]] = {}
    if with_area:
        makers["area"] = lambda: [_whole_area(grid, subject)]
    middle, centre = grid.height / 2, grid.width / 2
    for name, ends in (
        ("width", ((middle, 0.0), (middle, float(grid.width)))),
        ("height", ((0.0, centre), (float(grid.height), centre))),
        ("diagonal", ((0.0, 0.0), (float(grid.height), float(grid.width)))),
    ):
        makers[name] = _line_maker(grid, subject, name, ends)
    if grid.is_georeferenced:
        makers["centroid"] = lambda: _place_figures(subject, subject.centre())
        makers["bounds"] = lambda: _bounds_figures(grid, subject)
    return makers


def _whole_area(grid: Grid, subject: _Subject) -> FigureDraft:
    if not grid.is_georeferenced and grid.gsd_m is None:
        count = grid.width * grid.height
        return subject.figure("area", count, "px2", method="pixels counted")
    areas = pixel_areas(grid)
    total = 0.0
    for window in strips(grid):
        block = areas.block(window)
        total += float(block.sum()) * window.pixels / block.size
    return subject.figure("area", total, "m2", method=_area_method(grid))


def _line_maker(
    grid: Grid,
    subject: _Subject,
    name: str,
    ends: tuple[tuple[float, float], tuple[float, float]],
) -> Callable[[], list[FigureDraft]]:
    def make() -> list[FigureDraft]:
        (row_a, col_a), (row_b, col_b) = ends
        if not grid.is_georeferenced:
            pixels = ((row_a - row_b) ** 2 + (col_a - col_b) ** 2) ** 0.5
            scale, unit = (grid.gsd_m, "m") if grid.gsd_m else (1.0, "px")
            return [subject.figure(name, pixels * scale, unit, method="pixels along it")]
        lon, lat = pixel_to_lonlat(grid, [row_a, row_b], [col_a, col_b])
        first, second = (float(lon[0]), float(lat[0])), (float(lon[1]), float(lat[1]))
        length = measure.distance_m(first, second)
        return [subject.figure(name, length, "m", method=f"geodesic {_ON_ELLIPSOID}")]

    return make


def _place_figures(subject: _Subject, place: tuple[float, float]) -> list[FigureDraft]:
    method = "centre on WGS84"
    return [
        subject.figure("centroid_lon", place[0], "deg", method=method),
        subject.figure("centroid_lat", place[1], "deg", method=method),
    ]


def _bounds_figures(grid: Grid, subject: _Subject) -> list[FigureDraft]:
    box = bounds(grid)
    values = (box.west, box.south, box.east, box.north)
    return [
        subject.figure(f"bounds_{side}", value, "deg", method="outline of the grid on WGS84")
        for side, value in zip(_CORNERS, values, strict=True)
    ]


def _features(
    services: Services, artifact: Artifact
) -> tuple[_Subject, dict[str, Callable[[], list[FigureDraft]]], tuple[str, ...]]:
    ref = FeaturesRef.model_validate(artifact.payload)
    features = load_stored(services.store, ref)
    if not ref.crs:
        raise InputError(
            f"{ref.label} is in pixels and has no place on Earth",
            hint="measure the mask it came from",
        )
    whole = to_lonlat(shapely.union_all(features.geometries), ref.crs)
    subject = _Subject(
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

    makers: dict[str, Callable[[], list[FigureDraft]]] = {
        "area": area,
        "perimeter": lambda: [
            subject.figure("perimeter", measure.perimeter_m(whole), "m", method=method)
        ],
        "length": lambda: [subject.figure("length", measure.length_m(whole), "m", method=method)],
        "count": lambda: [subject.figure("count", ref.count, "count", method="features counted")],
        "centroid": lambda: _place_figures(subject, subject.centre()),
    }
    return subject, makers, ()


def _between(a: _Subject, b: _Subject) -> dict[str, Callable[[], list[FigureDraft]]]:
    label = f"{a.label} and {b.label}"
    both = _Subject(
        label=label, sources=(*a.sources, *b.sources), centre=a.centre, geometry=a.geometry
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

    return {"distance": distance, "bearing": bearing}
