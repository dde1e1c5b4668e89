"""Measure any artifact: area, share, length, extent, centre, distance; geodesic, with its error."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from eoagent.contracts.artifact import Artifact, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.measured import MeasuredShape, measure_shape

__all__ = ["TOOL", "Measure", "measure"]

Quantity = Literal[
    "area",
    "share",
    "valid_area",
    "pixels",
    "perimeter",
    "length",
    "count",
    "width",
    "height",
    "diagonal",
    "centroid",
    "bounds",
    "distance",
    "bearing",
    "direction",
]
_ABOUT: Final = {
    "area": "m2; of the yes pixels of a mask, of all pixels of a raster, of polygons",
    "share": "percent of the valid pixels' area",
    "valid_area": "m2 of the valid pixels of a mask",
    "pixels": "count of yes pixels",
    "perimeter": "m, of polygons",
    "length": "m, of lines",
    "count": "count of features",
    "width": "m, of the raster or of a mask's image, along the middle row",
    "height": "m, likewise along the middle column",
    "diagonal": "m, likewise from the upper left to the lower right corner",
    "distance": "m: centre to centre for rasters and masks, nearest edges for features",
    "bearing": "deg from north, from the first centre to the second",
    "direction": "the bearing among the sixteen winds, choice",
}


class Measure(Arguments):
    """Arguments of `measure`."""

    target: handle_of("mask", "raster", "features", "boxes", "aoi")  # type: ignore[valid-type]
    """What to measure."""
    quantities: tuple[Quantity, ...] = Field(min_length=1, max_length=15)
    """What to measure, one or more. Masks: area, share (of the valid pixels), valid_area, pixels.
    Rasters and masks: width, height, diagonal. Polygons: area, perimeter. Lines: length. All:
    centroid, bounds; with `other`: distance, bearing, direction."""
    other: handle_of("mask", "raster", "features", "boxes", "aoi") | None = None  # type: ignore[valid-type]
    """The other end, for distance and bearing."""


def measure(arguments: Measure, services: Services) -> ToolResult:
    """Return figures on the WGS84 ellipsoid; pixels where there is no georeference.

    Areas of masks are the sum of the geodesic areas of their pixels; their error is that of an
    outline known to half a pixel. Centre and bounds of a mask are those of its yes pixels.

    Raises:
        InputError: if a quantity makes no sense for the target, or `other` is missing.
    """
    quantities = tuple(dict.fromkeys(arguments.quantities))
    needs_other = [q for q in quantities if q in {"distance", "bearing", "direction"}]
    if needs_other and arguments.other is None:
        raise InputError(f"{needs_other[0]} needs two ends", hint="give other")
    target: Artifact = services.store.get(arguments.target)
    other = services.store.get(arguments.other) if arguments.other is not None else None
    shape: MeasuredShape = measure_shape(services, target, other)
    figures: list[FigureDraft] = []
    for quantity in quantities:
        found = shape.figures(quantity)
        if not found:
            raise InputError(
                f"'{target.title}' ({target.kind}) has no {quantity}",
                hint=f"it has: {', '.join(shape.quantities())}",
            )
        figures += found
    return ToolResult(figures=tuple(figures), warnings=shape.warnings)


TOOL = FunctionTool(
    card=ToolCard(
        name="measure",
        summary="Geodesic area, share, length, perimeter, extent, centre, distance or bearing of "
        "any artifact, each with its error.",
        outputs=(
            *(Output(name=name, kind="figure", about=about) for name, about in _ABOUT.items()),
            Output(name="centroid_*", kind="figure", about="lon and lat of the centre, deg"),
            Output(name="bounds_*", kind="figure", about="west, south, east, north, deg"),
        ),
        group="measure",
        use="basic",
    ),
    arguments=Measure,
    function=measure,
)
