"""Measure what lies on a grid: whole rasters by their lattice, masks strip by strip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.raster import Grid, MaskRef
from eoagent.contracts.tool import Services
from eoagent.geo import measure
from eoagent.geo.area import MaskArea, pixel_areas
from eoagent.geo.grid import bounds, pixel_to_lonlat, strips
from eoagent.io.blockwise import mask_strips
from eoagent.io.marked import Marked
from eoagent.io.subject import Makers, Subject

__all__ = ["grid_shape", "grid_warnings", "mask_shape"]

_ON_ELLIPSOID: Final = "on the WGS84 ellipsoid"
_GRID_OUTLINE: Final = "outline of the grid on WGS84"


def grid_warnings(grid: Grid) -> tuple[str, ...]:
    """Return what is to be known of sizes on a grid without georeference; nothing on others."""
    if grid.is_georeferenced:
        return ()
    if grid.gsd_m is None:
        return ("the image has no georeference: sizes are in pixels (state --gsd for metres)",)
    return (f"the image has no georeference: sizes rest on the stated {grid.gsd_m:g} m per pixel",)


def grid_shape(grid: Grid, label: str, sources: tuple[Source, ...]) -> tuple[Subject, Makers]:
    """Return a whole raster as a subject, and what makes its figures."""

    def centre() -> tuple[float, float]:
        lon, lat = pixel_to_lonlat(grid, [grid.height / 2], [grid.width / 2])
        return float(lon[0]), float(lat[0])

    subject = Subject(label=label, sources=sources, centre=centre)
    makers: Makers = {"area": lambda: [_whole_area(grid, subject)], **_side_makers(grid, subject)}
    if grid.is_georeferenced:
        makers["centroid"] = lambda: subject.centroid(method="centre of the grid on WGS84")
        makers["bounds"] = lambda: subject.bounds(bounds(grid), method=_GRID_OUTLINE)
    return subject, makers


def mask_shape(services: Services, ref: MaskRef) -> tuple[Subject, Makers]:
    """Return a mask as a subject, and what makes its figures.

    Area, share, pixels, centre and bounds are those of the yes pixels; width, height and diagonal
    those of the grid they lie on.

    Raises:
        InputError: if no pixel is valid.
    """
    grid, marked = ref.grid, Marked()
    has_area = grid.is_georeferenced or grid.gsd_m is not None
    total = MaskArea(pixel_areas(grid) if has_area else None)
    for window, yes, valid in mask_strips(services, ref, what="measuring"):
        total.add(window, yes, valid)
        marked.add(window, yes & valid)
    if not total.valid_pixels:
        raise InputError(
            f"'{ref.label}' has no valid pixel: all of it is nodata or masked out",
            hint="check the file's nodata value, or use another image",
        )
    subject = Subject(
        label=ref.label, sources=ref.sources, centre=lambda: marked.centroid(grid, ref.label)
    )
    makers = _amount_makers(ref, subject, total)
    whole = Subject(label=f"the image of {ref.label}", sources=ref.sources, centre=subject.centre)
    makers |= _side_makers(grid, whole)
    if grid.is_georeferenced:
        makers["centroid"] = lambda: subject.centroid(
            method="mean position of the yes pixels on WGS84"
        )
        makers["bounds"] = lambda: subject.bounds(
            marked.box(grid, ref.label), method="rectangle of pixels with all yes pixels, on WGS84"
        )
    return subject, makers


def _amount_makers(ref: MaskRef, subject: Subject, total: MaskArea) -> Makers:
    area, whole, error, unit = total.area_m2, total.valid_area_m2, total.error_m2, "m2"
    if area is None or whole is None or error is None:
        area, whole = float(total.yes_pixels), float(total.valid_pixels)
        error, unit = total.error_pixels, "px2"
    how = _area_method(ref.grid)
    rule = ref.rule or ref.label
    method = f"{rule}; {how}; error: half a pixel along the outline"
    of_valid = f"{rule}; share of the area of {total.valid_pixels} valid pixels"
    share, share_error = 100.0 * area / whole, 100.0 * error / whole
    amount, edge, valid = area, error, whole
    return {
        "area": lambda: [subject.figure("area", amount, unit, method=method, error=edge)],
        "share": lambda: [
            subject.figure("share", share, "percent", method=of_valid, error=share_error)
        ],
        "valid_area": lambda: [subject.figure("valid_area", valid, unit, method=how)],
        "pixels": lambda: [
            subject.figure("pixels", total.yes_pixels, "count", method=f"{rule}; counted")
        ],
    }


def _area_method(grid: Grid) -> str:
    if not grid.is_georeferenced:
        return "pixels counted" if grid.gsd_m is None else f"pixels of {grid.gsd_m:g} m squared"
    return f"geodesic area of the pixels {_ON_ELLIPSOID}, summed"


def _whole_area(grid: Grid, subject: Subject) -> FigureDraft:
    if not grid.is_georeferenced and grid.gsd_m is None:
        count = grid.width * grid.height
        return subject.figure("area", count, "px2", method="pixels counted")
    areas = pixel_areas(grid)
    total = 0.0
    for window in strips(grid):
        block = areas.block(window)
        total += float(block.sum()) * window.pixels / block.size
    return subject.figure("area", total, "m2", method=_area_method(grid))


def _side_makers(grid: Grid, subject: Subject) -> Makers:
    middle, centre = grid.height / 2, grid.width / 2
    ends = {
        "width": ((middle, 0.0), (middle, float(grid.width))),
        "height": ((0.0, centre), (float(grid.height), centre)),
        "diagonal": ((0.0, 0.0), (float(grid.height), float(grid.width))),
    }
    return {name: _line_maker(grid, subject, name, pair) for name, pair in ends.items()}


def _line_maker(
    grid: Grid, subject: Subject, name: str, ends: tuple[tuple[float, float], tuple[float, float]]
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
