"""Statistics of a raster: everywhere, or inside or outside of features or a mask."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from eoagent.contracts.artifact import RasterHandle, handle_kind, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.raster import RasterRef, ValueKind
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.contracts.units import is_unit
from eoagent.geo.stats import RunningStats
from eoagent.io.zones import Zones, open_zones, zone_values
from eoagent.spectral.indices import match_bands

__all__ = ["TOOL", "ZonalStats", "zonal_stats"]

Statistic = Literal["mean", "std", "minimum", "maximum", "median", "sum", "count"]
_UNITS: Final[dict[ValueKind, str]] = {
    "height": "m",
    "backscatter_db": "dB",
    "temperature": "K",
}
_METHODS: Final = {
    "mean": "mean of the pixels, equal weight each",
    "std": "population standard deviation of the pixels",
    "minimum": "lowest pixel",
    "maximum": "highest pixel",
    "median": "median of the pixels",
    "sum": "sum of the pixels",
    "count": "pixels counted",
}


class ZonalStats(Arguments):
    """Arguments of `zonal_stats`."""

    raster: RasterHandle
    """Raster whose values are summed up."""
    band: str | None = None
    """Which band; may be left out when the raster has one."""
    zones: handle_of("features", "boxes", "aoi", "mask") | None = None  # type: ignore[valid-type]
    """Where the pixels must lie: features, areas or a mask; everywhere if left out."""
    side: Literal["inside", "outside"] = "inside"
    """Inside the zones, or all valid pixels outside of them."""
    statistics: tuple[Statistic, ...] = Field(default=("mean",), min_length=1, max_length=7)
    """Which statistics."""
    unit: str | None = None
    """Unit of the values, where the raster does not tell (m for an elevation model)."""


def zonal_stats(arguments: ZonalStats, services: Services) -> ToolResult:
    """Return statistics of the valid pixels whose centre lies on the side asked for.

    A mask on another grid decides the grid: the raster is brought to it by nearest neighbour.

    Raises:
        InputError: if a band is missing, or no valid pixel lies there.
    """
    artifact = services.store.get(arguments.raster)
    ref = RasterRef.model_validate(artifact.payload)
    band = _band(arguments, ref)
    zones = None if arguments.zones is None else open_zones(services, arguments.zones)
    stats = RunningStats()
    for values in zone_values(services, ref, band, zones, outside=arguments.side == "outside"):
        stats.add(values)
    if stats.count == 0:
        where = "" if zones is None else f" {arguments.side} {zones.label}"
        raise InputError(
            f"{ref.title} has no valid pixel{where}: nodata, masked out, or not covered",
            hint="check the nodata value, or use another image or zone",
        )
    figures = _figures(arguments, ref, band, zones, stats)
    assumptions = []
    if (
        zones is not None
        and handle_kind(str(arguments.zones)) == "mask"
        and zones.differs(ref.grid)
    ):
        assumptions.append(
            f"{ref.title} was brought to the grid of the mask '{zones.label}' by nearest neighbour"
        )
    if arguments.unit is not None and ref.values == "unknown":
        assumptions.append(f"the values of {ref.title} are taken to be in {arguments.unit}")
    return ToolResult(figures=figures, assumptions=tuple(assumptions))


def _band(arguments: ZonalStats, ref: RasterRef) -> str:
    names = ref.band_names
    if arguments.band is None and len(names) == 1:
        return names[0]
    wanted = arguments.band or ""
    found, _ = match_bands((wanted,), names, sensor=ref.sensor)
    if wanted in found:
        return found[wanted]
    if len(names) == 1 and ref.values.startswith("backscatter"):
        return names[0]
    raise InputError(
        f"{ref.title} has no band '{wanted}'" if wanted else "no band was named",
        hint=f"its bands are {', '.join(names)}",
    )


def _figures(
    arguments: ZonalStats, ref: RasterRef, band: str, zones: Zones | None, stats: RunningStats
) -> tuple[FigureDraft, ...]:
    unit = arguments.unit if ref.values == "unknown" and arguments.unit else None
    unit = unit or _UNITS.get(ref.values, "1")
    if not is_unit(unit):
        raise InputError(f"'{unit}' is no unit", hint="give m, dB, K, 1, ...")
    values = {
        "mean": stats.mean,
        "std": stats.std,
        "minimum": stats.minimum,
        "maximum": stats.maximum,
        "sum": stats.sum,
        "count": stats.count,
    }
    if "median" in arguments.statistics:
        values["median"] = stats.percentile(50.0)
    where = "" if zones is None else f" {arguments.side} {zones.label}"
    name = ref.title if len(ref.band_names) == 1 else f"{band} of {ref.title}"
    figures = []
    for statistic in dict.fromkeys(arguments.statistics):
        value = values[statistic]
        assert value is not None
        method = f"{_METHODS[statistic]} ({stats.count} valid pixels whose centre lies there)"
        if ref.method:
            method = f"{ref.method}; {method}"
        figures.append(
            FigureDraft(
                name=statistic,
                value=value,
                unit="count" if statistic == "count" else unit,
                label=f"{statistic} of {name}{where}"[:200],
                method=method[:600],
                sources=(*ref.sources, *(zones.sources if zones else ())),
            )
        )
    return tuple(figures)


TOOL = FunctionTool(
    card=ToolCard(
        name="zonal_stats",
        summary="Statistics of a raster everywhere, or inside or outside of features or a mask.",
        outputs=tuple(
            Output(name=name, kind="figure", about=f"{about}, in the raster's unit")
            for name, about in _METHODS.items()
        ),
        group="measure",
    ),
    arguments=ZonalStats,
    function=zonal_stats,
)
