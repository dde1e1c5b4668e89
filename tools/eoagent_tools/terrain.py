"""Slope, aspect, height above ground, and volume above or below a level, from heights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from eoagent.contracts.artifact import RasterHandle, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.volume import VolumeSum
from eoagent.io.moved import METHODS, Resampling, moved_note
from eoagent.io.relief import Heights, from_gradient, minus_ground, volumes

__all__ = ["TOOL", "Terrain", "terrain"]

_METRES: Final = {"m": 1.0, "cm": 0.01, "ft": 0.3048, "us_ft": 1200 / 3937}
"""Metres per unit; the foot is the international one. Source: NIST Handbook 44, appendix C."""
_NO_HEIGHTS: Final = frozenset(
    {"reflectance", "index", "backscatter_db", "backscatter_power", "temperature", "quality"}
)
_HORN: Final = (
    "from the eight neighbours of each pixel (Horn 1981, Proc. IEEE 69(1), 14-47), with distances "
    "on the WGS84 ellipsoid"
)
Draft = tuple[str, float, str, str, str, float | None]


class Terrain(Arguments):
    """Arguments of `terrain`."""

    raster: RasterHandle
    """Raster of heights: an elevation model, or the surface with roofs and trees."""
    operation: Literal["slope", "aspect", "height_above_ground", "volume"]
    """slope; aspect, the direction that a slope faces; height_above_ground, the raster minus
    `ground`; volume above and below `base_m`."""
    band: str | None = None
    """Which band; may be left out when the raster has one."""
    unit: Literal["degrees", "percent"] | None = None
    """Unit of a slope: degrees to the horizontal (if left out), or percent of rise per way."""
    ground: RasterHandle | None = None
    """Ground model without roofs and trees, for height_above_ground."""
    resampling: Resampling | None = None
    """How a ground model on another grid comes to the raster's; bilinear if left out."""
    base_m: float | None = Field(default=None, ge=-20_000, le=20_000)
    """Level for volume, metres, in the same height system."""
    zones: handle_of("features", "boxes", "aoi", "mask") | None = None  # type: ignore[valid-type]
    """Where a volume is taken: features, areas or a mask; everywhere if left out."""
    height_unit: Literal["m", "cm", "ft", "us_ft"] | None = None
    """Unit of the heights; metres if left out, which is stated."""
    height_error_m: float | None = Field(default=None, ge=0, le=1000)
    """By how much the heights may be off, the same everywhere; goes into a volume's error."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        kind = self.operation
        if (kind == "height_above_ground") != (self.ground is not None):
            raise ValueError("ground goes with height_above_ground, which needs it")
        if (kind == "volume") != (self.base_m is not None):
            raise ValueError("base_m goes with volume, which needs it")
        if kind != "volume" and (self.zones is not None or self.height_error_m is not None):
            raise ValueError("zones and height_error_m go with volume; zonal_stats sums up rasters")
        if kind != "slope" and self.unit is not None:
            raise ValueError("unit goes with slope")
        if kind != "height_above_ground" and self.resampling is not None:
            raise ValueError("resampling goes with height_above_ground")
        return self


def terrain(arguments: Terrain, services: Services) -> ToolResult:
    """Return a raster made from heights with its statistics, or volumes.

    Raises:
        InputError: if the raster holds no heights, has no size on the ground, or no valid pixel
            lies there.
    """
    heights, notes = _heights(arguments, arguments.raster, services)
    if arguments.operation == "slope":
        return _slope(arguments, heights, services, notes)
    if arguments.operation == "aspect":
        return _aspect(heights, services, notes)
    if arguments.operation == "volume":
        return _volume(arguments, heights, services, notes)
    return _above_ground(arguments, heights, services, notes)


def _heights(
    arguments: Terrain, handle: str, services: Services
) -> tuple[Heights, tuple[str, ...]]:
    ref = RasterRef.model_validate(services.store.get(handle).payload)
    names = ref.band_names
    band = arguments.band if arguments.band in names else None
    if band is None and len(names) == 1 and (arguments.band is None or handle == arguments.ground):
        band = names[0]
    if band is None:
        asked = f"no band '{arguments.band}'" if arguments.band else f"{len(names)} bands"
        raise InputError(f"{ref.title} has {asked}", hint=f"give band: {', '.join(names)}")
    if ref.values in _NO_HEIGHTS:
        raise InputError(
            f"{ref.title} holds {ref.values}, not heights", hint="give an elevation model"
        )
    unit = arguments.height_unit or "m"
    notes: list[str] = []
    if ref.values != "height":
        notes.append(f"the values of {ref.title} are taken as heights in {unit}")
    elif arguments.height_unit is None:
        notes.append(f"the heights of {ref.title} are taken to be in metres")
    return Heights(ref=ref, band=band, metres=_METRES[unit]), tuple(notes)


def _slope(
    arguments: Terrain, heights: Heights, services: Services, notes: tuple[str, ...]
) -> ToolResult:
    in_percent = arguments.unit == "percent"
    unit, words = ("percent", "percent") if in_percent else ("deg", "degrees")
    method = f"slope in {words} {_HORN}"
    made = from_gradient(
        services,
        heights,
        lambda gradient: 100 * gradient.rise if in_percent else gradient.slope_deg,
        name="slope",
        method=method,
    )
    stats, label = made.stats, f"slope of {heights.ref.title}"
    drafts = _statistics(stats.mean, stats.maximum, stats.std, name="slope", unit=unit)
    counted = f"{method}; {stats.count} pixels with all neighbours"
    return ToolResult(
        artifacts={"raster": made.artifact},
        figures=_figures(drafts, label, counted, heights.ref.sources),
        assumptions=notes,
    )


def _aspect(heights: Heights, services: Services, notes: tuple[str, ...]) -> ToolResult:
    if not heights.ref.grid.is_georeferenced:
        raise InputError(
            f"{heights.ref.title} has no georeference, so north is not known",
            hint="ask for the slope, or give a georeferenced file",
        )
    method = f"direction downhill, clockwise from true north, {_HORN}; flat pixels have none"
    made = from_gradient(services, heights, lambda g: g.aspect_deg, name="aspect", method=method)
    drafts: list[Draft] = []
    if made.mean_angle is not None:
        how = f"circular mean; the mean of the directions has length {made.length:.3f}"
        drafts.append(("mean_aspect", made.mean_angle, "deg", "mean direction", how, None))
    return ToolResult(
        artifacts={"raster": made.artifact},
        figures=_figures(drafts, f"aspect of {heights.ref.title}", method, heights.ref.sources),
        assumptions=notes,
    )


def _above_ground(
    arguments: Terrain, surface: Heights, services: Services, notes: tuple[str, ...]
) -> ToolResult:
    assert arguments.ground is not None
    ground, more = _heights(arguments, arguments.ground, services)
    if ground.ref.sources == surface.ref.sources and ground.band == surface.band:
        raise InputError(
            "surface and ground are the same raster", hint="give a ground model of its own"
        )
    how = arguments.resampling or "bilinear"
    moved = moved_note(ground.ref, surface.ref.grid, surface.ref.title, how)
    method = f"{surface.ref.title} minus {ground.ref.title}"
    if moved:
        method += f", brought to its grid by {METHODS[how]}"
    made = minus_ground(services, surface, ground, resampling=how, method=method)
    stats, label = made.stats, f"height above ground of {surface.ref.title}"
    drafts = _statistics(stats.mean, stats.maximum, stats.std, name="height", unit="m")
    sources = tuple(dict.fromkeys((*surface.ref.sources, *ground.ref.sources)))
    return ToolResult(
        artifacts={"raster": made.artifact},
        figures=_figures(drafts, label, f"{method}; {stats.count} pixels valid in both", sources),
        assumptions=(*notes, *more, *moved),
    )


def _volume(
    arguments: Terrain, heights: Heights, services: Services, notes: tuple[str, ...]
) -> ToolResult:
    assert arguments.base_m is not None
    base = arguments.base_m
    found = volumes(services, heights, base, arguments.zones)
    above, below, zones = found.above, found.below, found.zones
    off = arguments.height_error_m or 0.0
    errors = above.error_m3(off), below.error_m3(off)

    def draft(name: str, part: VolumeSum, word: str, error: float) -> Draft:
        return name, part.volume_m3, "m3", f"volume {word} {base:g} m", "", error

    net_error = float((errors[0] ** 2 + errors[1] ** 2) ** 0.5)
    net = above.volume_m3 - below.volume_m3
    drafts: list[Draft] = [
        draft("volume_above", above, "above", errors[0]),
        draft("volume_below", below, "below", errors[1]),
        ("net_volume", net, "m3", f"volume above minus below {base:g} m", "", net_error),
        ("area_above", above.area_m2, "m2", f"area above {base:g} m", "", None),
        ("area_below", below.area_m2, "m2", f"area below {base:g} m", "", None),
    ]
    where = "" if zones is None else f" inside {zones.label}"
    method = (
        f"height minus {base:g} m times the geodesic area of the pixel, summed over pixels whose "
        "centre lies there; error: half a pixel along the outline"
    )
    if off:
        method += f", and heights off by {off:g} m everywhere"
    else:
        notes = (*notes, "the error of a volume does not count errors of the heights themselves")
    sources = (*heights.ref.sources, *(zones.sources if zones is not None else ()))
    if zones is not None:
        notes = (*notes, *zones.notes)
        if zones.differs(heights.ref.grid):
            onto = f"the grid of the mask '{zones.label}'"
            notes = (*notes, f"{heights.ref.title} was brought to {onto} by nearest neighbour")
    label = f"{heights.ref.title}{where}"
    return ToolResult(figures=_figures(drafts, label, method, sources), assumptions=notes)


def _statistics(
    mean: float | None, top: float | None, std: float | None, *, name: str, unit: str
) -> list[Draft]:
    values = {"mean": mean, "maximum": top, "std": std}
    return [
        (f"{word}_{name}", value, unit, word, "", None)
        for word, value in values.items()
        if value is not None
    ]


def _figures(
    drafts: Sequence[Draft], label: str, method: str, sources: tuple[Source, ...]
) -> tuple[FigureDraft, ...]:
    return tuple(
        FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{words} of {label}"[:200],
            method=f"{method}; {how}"[:600] if how else method[:600],
            error=error,
            sources=tuple(dict.fromkeys(sources)),
        )
        for name, value, unit, words, how, error in drafts
    )


_ABOUT: Final = {
    "mean_slope": "mean slope, deg or percent",
    "maximum_slope": "steepest, deg or percent",
    "std_slope": "spread of the slope, deg or percent",
    "mean_aspect": "circular mean of the aspect, deg clockwise from north",
    "mean_height": "mean height above ground, m",
    "maximum_height": "greatest height above ground, m",
    "std_height": "spread of the height above ground, m",
    "volume_above": "volume above the level, m3",
    "volume_below": "volume below the level, m3",
    "net_volume": "above minus below, m3, signed",
    "area_above": "area where heights are above the level, m2",
    "area_below": "area where heights are below the level, m2",
}

TOOL = FunctionTool(
    card=ToolCard(
        name="terrain",
        use="special",
        summary="Slope, aspect or height above ground as a raster, or the volume above and below a "
        "level, from an elevation model.",
        outputs=(
            Output(name="raster", kind="raster", about="slope, aspect, or height above ground"),
            *(Output(name=name, kind="figure", about=about) for name, about in _ABOUT.items()),
        ),
    ),
    arguments=Terrain,
    function=terrain,
)
