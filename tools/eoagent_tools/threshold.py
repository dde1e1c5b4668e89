"""Make a mask: where a raster compares to a value, has a bit set, or meets a named rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from eoagent.contracts.artifact import RasterHandle
from eoagent.contracts.errors import InputError
from eoagent.contracts.price import Price
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.blockwise import MaskDraft, compute_mask, for_each_strip, open_reader
from eoagent.io.despeckled import despeckle
from eoagent.io.raster import RasterReader
from eoagent.io.readprice import reading_price
from eoagent.io.twodates import mask_between
from eoagent.spectral.cover import CoverRule, choose_rule, settle
from eoagent.spectral.indices import match_bands
from eoagent.spectral.otsu import Histogram
from eoagent.spectral.qa import bit_set

__all__ = ["TOOL", "Threshold", "threshold"]

Decide = Callable[[dict[str, NDArray[Any]]], tuple[NDArray[np.bool_], NDArray[np.bool_]]]
_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_COMPARE = {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal}


class Threshold(Arguments):
    """Arguments of `threshold`: an operator with a value, or a bit, or a rule."""

    raster: RasterHandle
    """Raster to look at: an index or band for a value, the scene itself for a rule."""
    band: str | None = None
    """Band to compare; may be left out when the raster has one band."""
    operator: Literal["gt", "ge", "lt", "le", "between"] | None = None
    """How a pixel compares to `value`; `between` includes both ends."""
    value: float | None = None
    """The value, in the raster's own unit after scale and offset."""
    upper: float | None = None
    """Upper end, for `between`."""
    bit: int | None = Field(default=None, ge=0, le=31)
    """Bit of a quality band that must be set, counted from 0."""
    exclude_bits: tuple[int, ...] | None = Field(default=None, max_length=32)
    """Pixels with any of these bits set are not valid (0 is fill in Landsat QA_PIXEL)."""
    rule: str | None = Field(default=None, max_length=40)
    """A cover by its published rule: water, vegetation, built_up, bare, snow, burned."""
    after: RasterHandle | None = None
    """Later image, for a rule that tells what changed since `raster` (burned)."""
    lee_window: int | None = Field(default=None, ge=3, le=31)
    """Of radar backscatter: smooth its speckle first with the Lee filter in a window of so many
    pixels, odd (7 is usual); left as it is if left out."""
    looks: float | None = Field(default=None, gt=0, le=1000)
    """Equivalent number of looks for that filter; estimated from the image if left out."""
    label: str = Field(default="", max_length=120)
    """What the mask shows; its date and scene are added by themselves."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.operator is not None, self.bit is not None, self.rule is not None]
        if sum(ways) != 1:
            raise ValueError("give exactly one of: operator with value, bit, rule")
        if (self.operator is None) != (self.value is None):
            raise ValueError("operator and value go together")
        if self.rule is not None and self.band is not None:
            raise ValueError("a rule picks its bands itself: leave band out")
        if self.after is not None and self.rule is None:
            raise ValueError("after goes with a rule; compare gives the difference of two rasters")
        is_range = self.value is not None and self.upper is not None and self.value <= self.upper
        if (self.operator == "between") != is_range:
            raise ValueError(
                "between needs value and upper, in this order; others take value alone"
            )
        if self.lee_window is not None and (self.bit is not None or self.after is not None):
            raise ValueError("lee_window goes with the backscatter of one image")
        if self.looks is not None and self.lee_window is None:
            raise ValueError("looks goes with lee_window")
        if self.exclude_bits is not None and self.bit is None:
            raise ValueError("exclude_bits goes with bit")
        return self


def threshold(arguments: Threshold, services: Services) -> ToolResult:
    """Return the mask of a comparison, a bit or a named rule, with the rule stated.

    Raises:
        InputError: if the bands do not allow it; the message names what is missing.
        NotFound: if no rule is known for that word.
    """
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    if arguments.rule is not None and arguments.after is not None:
        later = RasterRef.model_validate(services.store.get(arguments.after).payload)
        return mask_between(services, ref, later, arguments.rule, label=arguments.label)
    if arguments.lee_window is not None:
        return _smoothed(arguments, ref, services, arguments.lee_window)
    return _masked(arguments, ref, services)


def _smoothed(arguments: Threshold, ref: RasterRef, services: Services, size: int) -> ToolResult:
    """Return the mask over backscatter whose speckle has been smoothed."""
    if arguments.rule is not None:
        rule = choose_rule(arguments.rule, ref.band_names, ref.values, sensor=ref.sensor)
        band = next(iter(rule.bands.values()))
    else:
        band = _band(arguments, ref)
    filtered, how = despeckle(services, ref, band, size=size, looks=arguments.looks)
    result = _masked(arguments, RasterRef.model_validate(filtered.payload), services)
    return result.model_copy(
        update={
            "artifacts": {**result.artifacts, "filtered": filtered},
            "assumptions": (how, *result.assumptions),
        }
    )


def _masked(arguments: Threshold, ref: RasterRef, services: Services) -> ToolResult:
    if arguments.rule is not None:
        return _by_rule(arguments, ref, services)
    band = _band(arguments, ref)
    decide, label = _comparison(arguments, ref)
    label = arguments.label or label.replace("$", band)
    draft = MaskDraft(label=label, rule=f"{label} in {ref.title}", title=f"{label} in {ref.title}")
    artifact = compute_mask(services, ref, bands={"value": band}, decide=decide, draft=draft)
    return ToolResult(artifacts={"mask": artifact})


def _band(arguments: Threshold, ref: RasterRef) -> str:
    names = ref.band_names
    if arguments.band is None:
        if len(names) != 1:
            raise InputError(
                f"{ref.title} has {len(names)} bands and none was named",
                hint=f"give band: {', '.join(names)}",
            )
        return names[0]
    found, missing = match_bands((arguments.band,), names, sensor=ref.sensor)
    if missing and len(names) == 1 and ref.values.startswith("backscatter"):
        return names[0]
    if missing:
        raise InputError(
            f"{ref.title} has no band '{arguments.band}'", hint=f"its bands are {', '.join(names)}"
        )
    return found[arguments.band]


def _comparison(arguments: Threshold, ref: RasterRef) -> tuple[Decide, str]:
    """Return what decides, and the rule in words with $ for the band."""
    if arguments.bit is not None:
        bit, excluded = arguments.bit, arguments.exclude_bits or ()

        def flagged(values: dict[str, NDArray[Any]]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
            codes = np.nan_to_num(values["value"], nan=0.0)
            bad = ~np.isfinite(values["value"])
            for number in excluded:
                bad |= bit_set(codes, number)
            return bit_set(codes, bit), ~bad

        without = f", pixels with bit {', '.join(map(str, excluded))} left out" if excluded else ""
        return flagged, f"bit {bit} of $ is set{without}"
    low, high, operator = arguments.value, arguments.upper, arguments.operator
    assert low is not None
    unit = " dB" if ref.values == "backscatter_db" else ""
    if operator == "between":
        assert high is not None

        def inside(values: dict[str, NDArray[Any]]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
            value = values["value"]
            return (value >= low) & (value <= high), np.isfinite(value)

        return inside, f"{low:g} <= $ <= {high:g}{unit}"
    assert operator is not None
    compare = _COMPARE[operator]

    def beyond(values: dict[str, NDArray[Any]]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        value = values["value"]
        return compare(value, value.dtype.type(low)), np.isfinite(value)

    return beyond, f"$ {_SIGNS[operator]} {low:g}{unit}"


def _by_rule(arguments: Threshold, ref: RasterRef, services: Services) -> ToolResult:
    assert arguments.rule is not None
    rule = choose_rule(arguments.rule, ref.band_names, ref.values, sensor=ref.sensor)
    bands = dict(rule.bands)
    with open_reader(services, ref) as reader:
        if not rule.is_settled:
            rule = _settled(rule, ref, services, reader)
        draft = MaskDraft(
            label=arguments.label or rule.title,
            rule=f"{rule.statement} ({rule.source})",
            title=f"{rule.title} in {ref.title}",
        )
        artifact = compute_mask(
            services, ref, bands=bands, decide=rule.decide, draft=draft, reader=reader
        )
    stated = f"{rule.cover} is taken by the rule {rule.statement} ({rule.source})"
    return ToolResult(artifacts={"mask": artifact}, assumptions=(stated, *rule.assumptions))


def _settled(
    rule: CoverRule, ref: RasterRef, services: Services, reader: RasterReader
) -> CoverRule:
    assert rule.histogram is not None
    histogram = Histogram(*rule.histogram)

    def count(values: dict[str, NDArray[Any]], valid: NDArray[np.bool_]) -> None:
        histogram.add(rule.values(values), valid)

    bands = dict(rule.bands)
    for_each_strip(services, ref, bands=bands, function=count, what="histogram", reader=reader)
    return settle(rule, histogram)


def _price(arguments: Threshold, services: Services) -> Price:
    """Return what is read: once, or twice where a threshold or the looks are estimated first."""
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    estimates_looks = arguments.lee_window is not None and arguments.looks is None
    if arguments.rule is None:
        return reading_price(ref, (_band(arguments, ref),)).times(2 if estimates_looks else 1)
    after = arguments.after
    images = [ref]
    if after is not None:
        images.append(RasterRef.model_validate(services.store.get(after).payload))
    shared = [name for name in ref.band_names if all(name in i.band_names for i in images)]
    dates: Literal[1, 2] = 1 if after is None else 2
    rule = choose_rule(arguments.rule, shared, ref.values, sensor=ref.sensor, dates=dates)
    is_smoothed = arguments.lee_window is not None  # then the rule reads what was smoothed
    twice = estimates_looks if is_smoothed else not rule.is_settled
    once = Price.total(reading_price(image, rule.bands.values()) for image in images)
    return once.times(2 if twice else 1)


TOOL = FunctionTool(
    card=ToolCard(
        name="threshold",
        use="basic",
        summary="A mask where a raster compares to a value, has a bit set, or meets a named "
        "cover rule (water, vegetation, built_up, bare, snow, burned).",
        outputs=(
            Output(name="mask", kind="mask", about="yes, no and not valid per pixel"),
            Output(name="filtered", kind="raster", about="backscatter without speckle"),
        ),
    ),
    arguments=Threshold,
    function=threshold,
    price=_price,
)
