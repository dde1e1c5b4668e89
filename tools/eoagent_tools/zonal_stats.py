"""Statistics of a raster: everywhere, or inside or outside of features or a mask."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final, Literal

from numpy.typing import NDArray
from pydantic import Field

from eoagent.contracts.artifact import RasterHandle, handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.price import Price
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
from eoagent.io.readprice import reading_price
from eoagent.io.zones import Zones, open_zones, zone_values
from eoagent.spectral.backscatter import Domain, OtherMean
from eoagent.spectral.indices import match_bands

__all__ = ["TOOL", "ZonalStats", "zonal_stats"]

Statistic = Literal["mean", "std", "minimum", "maximum", "median", "sum", "count"]
_UNITS: Final[dict[ValueKind, str]] = {
    "height": "m",
    "backscatter_db": "dB",
    "temperature": "K",
}
_DOMAINS: Final[dict[ValueKind, Domain]] = {
    "backscatter_db": "decibels",
    "backscatter_power": "power",
}
_WORDS: Final[dict[Domain, str]] = {
    "decibels": "the decibel values",
    "power": "linear power",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What the statistics are of."""

    ref: RasterRef
    band: str
    unit: str
    zones: Zones | None
    mean: float | None


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
    mean_of: Domain | None = None
    """Of radar backscatter, what the mean is taken of: decibels or linear power; of what is stored
    if left out. It is given in the unit of what is stored."""
    unit: str | None = None
    """Unit of the values where the raster tells none: m for elevation."""


def zonal_stats(arguments: ZonalStats, services: Services) -> ToolResult:
    """Return statistics of the valid pixels whose centre lies on the side asked for.

    A mask on another grid decides the grid: the raster is brought to it by nearest neighbour. The
    median is exact up to five million pixels; of more it comes from a histogram, with its error.

    Raises:
        InputError: if a band is missing, the unit does not fit, or no valid pixel lies there.
    """
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    band = _band(arguments, ref)
    unit = _unit(arguments.unit, ref)
    _check_domain(arguments, ref)
    outside = arguments.side == "outside"
    with (
        nullcontext() if arguments.zones is None else open_zones(services, arguments.zones) as zones
    ):
        stats, other = RunningStats(), OtherMean(is_db=ref.values == "backscatter_db")
        for values in zone_values(services, ref, band, zones, outside=outside):
            stats.add(values)
            if ref.values in _DOMAINS:
                other.add(values)
        if stats.count == 0:
            where = "" if zones is None else f" {arguments.side} {zones.label}"
            raise InputError(
                f"{ref.title} has no valid pixel{where}: nodata, masked out, or not covered",
                hint="check the nodata value, or use another image or zone",
            )
        if "median" in arguments.statistics and stats.percentile_method == "histogram":
            stats = _with_range(stats, zone_values(services, ref, band, zones, outside=outside))
    assumptions = list(zones.notes) if zones else []
    if zones is not None and zones.differs(ref.grid):
        assumptions.append(
            f"{ref.title} was brought to the grid of the mask '{zones.label}' by nearest neighbour"
        )
    if arguments.unit is not None and ref.values not in _UNITS:
        assumptions.append(f"the values of {ref.title} are taken to be in {arguments.unit}")
    is_other = arguments.mean_of not in {None, _DOMAINS.get(ref.values)}
    subject = _Subject(
        ref=ref, band=band, unit=unit, zones=zones, mean=other.mean if is_other else stats.mean
    )
    assumptions += _said_of_mean(arguments, ref, stats.mean, other.mean)
    figures = _figures(arguments, subject, stats)
    return ToolResult(figures=figures, assumptions=tuple(assumptions))


def _check_domain(arguments: ZonalStats, ref: RasterRef) -> None:
    if arguments.mean_of is not None and ref.values not in _DOMAINS:
        raise InputError(
            f"{ref.title} holds {ref.values}, no radar backscatter", hint="leave mean_of out"
        )
    if "sum" in arguments.statistics and ref.values == "backscatter_db":
        raise InputError(
            "a sum of decibels has no meaning: it would multiply the powers",
            hint="ask for the mean, or open the linear power",
        )


def _said_of_mean(
    arguments: ZonalStats, ref: RasterRef, stored: float | None, other: float | None
) -> list[str]:
    """Return in words which mean of backscatter is given, and what the other one would be."""
    own = _DOMAINS.get(ref.values)
    if own is None or "mean" not in arguments.statistics or stored is None or other is None:
        return []
    unit = " dB" if own == "decibels" else ""
    chosen = arguments.mean_of or own
    rest: Domain = "power" if chosen == "decibels" else "decibels"
    unchosen = other if chosen == own else stored
    taken = f"the mean of {ref.title} is taken of {_WORDS[chosen]}"
    return [f"{taken}; of {_WORDS[rest]} it would be {unchosen:.4g}{unit}"]


def _with_range(first: RunningStats, values: Iterable[NDArray[Any]]) -> RunningStats:
    """Return statistics of a second pass, whose range the first one found, for percentiles."""
    assert first.minimum is not None
    assert first.maximum is not None
    stats = RunningStats((first.minimum, first.maximum))
    for block in values:
        stats.add(block)
    return stats


def _unit(stated: str | None, ref: RasterRef) -> str:
    known = _UNITS.get(ref.values)
    if stated is None or stated == known:
        return known or "1"
    if known is not None:
        raise InputError(
            f"the values of {ref.title} are in {known}, and unit says {stated}",
            hint="leave unit out; calculate converts",
        )
    if not is_unit(stated) or stated == "choice":
        raise InputError(f"'{stated}' is no unit of pixel values", hint="give m, dB, K, 1, ...")
    return stated


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
    arguments: ZonalStats, subject: _Subject, stats: RunningStats
) -> tuple[FigureDraft, ...]:
    ref, zones = subject.ref, subject.zones
    values = {
        "mean": subject.mean,
        "std": stats.std,
        "minimum": stats.minimum,
        "maximum": stats.maximum,
        "sum": stats.sum,
        "count": stats.count,
    }
    if "median" in arguments.statistics:
        values["median"] = stats.percentile(50.0)
    where = "" if zones is None else f" {arguments.side} {zones.label}"
    name = ref.title if len(ref.band_names) == 1 else f"{subject.band} of {ref.title}"
    figures = []
    for statistic in dict.fromkeys(arguments.statistics):
        value = values[statistic]
        assert value is not None
        method = f"{_METHODS[statistic]} ({stats.count} valid pixels whose centre lies there)"
        is_binned = statistic == "median" and stats.percentile_method == "histogram"
        domain = arguments.mean_of or _DOMAINS.get(ref.values)
        if statistic == "mean" and domain is not None:
            method = f"{method}, of {_WORDS[domain]}"
        if ref.method:
            method = f"{ref.method}; {method}"
        figures.append(
            FigureDraft(
                name=statistic,
                value=value,
                unit="count" if statistic == "count" else subject.unit,
                label=f"{statistic} of {name}{where}"[:200],
                method=method[:600],
                error=stats.percentile_error if is_binned else None,
                sources=(*ref.sources, *(zones.sources if zones else ())),
            )
        )
    return tuple(figures)


def _price(arguments: ZonalStats, services: Services) -> Price:
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    passes = 2 if "median" in arguments.statistics else 1  # of many pixels it takes the range first
    return reading_price(ref, (_band(arguments, ref),)).times(passes)


TOOL = FunctionTool(
    card=ToolCard(
        name="zonal_stats",
        summary="Statistics of a raster everywhere, or inside or outside of features or a mask.",
        outputs=tuple(
            Output(name=name, kind="figure", about=f"{about}, in the raster's unit")
            for name, about in _METHODS.items()
        ),
        group="measure",
        use="basic",
        version="2",
    ),
    arguments=ZonalStats,
    function=zonal_stats,
    price=_price,
)
