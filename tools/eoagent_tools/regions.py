"""Connected regions of a mask as features, with their areas, centres and bounds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from eoagent.contracts.artifact import MaskHandle
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.raster import MaskRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.regiontrace import FoundRegions, find_regions, trace_regions
from eoagent.io.stored_features import store_features

__all__ = ["TOOL", "Regions", "regions"]


class Regions(Arguments):
    """Arguments of `regions`."""

    mask: MaskHandle
    """Mask whose yes pixels are grouped."""
    connectivity: Literal[4, 8] = 8
    """Whether pixels that touch at a corner belong together (8) or not (4)."""
    min_area_m2: float = Field(default=0.0, ge=0)
    """Regions smaller than this, in square metres, are left out."""
    keep: int | None = Field(default=None, ge=1, le=100_000)
    """Keep only this many, the largest; 1 gives the largest alone."""


_CUT = "the largest region of {label} reaches the edge of the image and may go on beyond it"


def regions(arguments: Regions, services: Services) -> ToolResult:
    """Return the regions as polygons along pixel edges, largest first, and figures about them.

    Masks with more outline than `max_vertices` are traced at a coarser step, which is stated;
    areas are those of the pixels in any case.

    Raises:
        InputError: if the mask has no yes pixel, no region is large enough, or a least area was
            given and pixels have none.
    """
    ref = MaskRef.model_validate(services.store.get(arguments.mask).payload)
    if arguments.min_area_m2 and not (ref.grid.is_georeferenced or ref.grid.gsd_m):
        raise InputError(
            f"regions of '{ref.label}' of {arguments.min_area_m2:g} m2 or more were asked for, but "
            "the image has no georeference",
            hint="state --gsd (metres per pixel), or keep the largest few with keep",
        )
    found = find_regions(services, ref, arguments.connectivity)
    if found.count == 0:
        raise InputError(f"'{ref.label}' marks no pixel", hint="loosen the rule, or check the mask")
    chosen = found.choose(min_area_m2=arguments.min_area_m2, keep=arguments.keep)
    if not chosen.size:
        raise InputError(
            f"none of the {found.count} regions of '{ref.label}' has "
            f"{arguments.min_area_m2:g} m2 or more",
            hint="lower min_area_m2",
        )
    traced = trace_regions(services, ref, found, chosen)
    artifact = store_features(services.store, traced.features, pixel_edge_m=traced.pixel_edge_m)
    method = f"{ref.rule}; {arguments.connectivity}-connected pixels"
    return ToolResult(
        artifacts={"features": artifact},
        figures=_figures(ref, found, int(chosen.size), int(chosen[0]), method),
        assumptions=traced.assumptions,
        warnings=(_CUT.format(label=ref.label),) if found.reaches_edge(int(chosen[0])) else (),
    )


def _figures(
    ref: MaskRef, found: FoundRegions, count: int, largest: int, method: str
) -> tuple[FigureDraft, ...]:
    area, error, unit = found.size(largest)
    lon, lat = found.centre(largest)

    def figure(name: str, value: float, unit: str, label: str) -> FigureDraft:
        return FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{label} of {ref.label}"[:200],
            method=method[:600],
            sources=ref.sources,
            error=error if name == "largest" else None,
        )

    figures = [
        figure("count", count, "count", "regions"),
        figure("largest", area, unit, "area of the largest region"),
    ]
    if lon is not None and lat is not None:
        figures += [
            figure("largest_lon", lon, "deg", "longitude of the centre of the largest region"),
            figure("largest_lat", lat, "deg", "latitude of the centre of the largest region"),
        ]
    return tuple(figures)


TOOL = FunctionTool(
    card=ToolCard(
        name="regions",
        summary="Connected regions of a mask as features with area, centre and bounds, largest "
        "first.",
        outputs=(
            Output(name="features", kind="features", about="one polygon per region"),
            Output(name="count", kind="figure", about="how many, count"),
            Output(
                name="largest",
                kind="figure",
                about="area of the largest, m2 (px2 without georeference)",
            ),
            Output(name="largest_lon", kind="figure", about="its centre, deg"),
            Output(name="largest_lat", kind="figure", about="its centre, deg"),
        ),
        group="measure",
        use="basic",
    ),
    arguments=Regions,
    function=regions,
)
