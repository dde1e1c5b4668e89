"""Compute a safe arithmetic expression over the bands of a raster."""

from __future__ import annotations

from pydantic import Field

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
from eoagent.io.blockwise import compute_raster
from eoagent.io.readprice import reading_price
from eoagent.spectral.expression import parse
from eoagent.spectral.indices import match_bands

__all__ = ["TOOL", "BandMath", "band_math"]


class BandMath(Arguments):
    """Arguments of `band_math`."""

    raster: RasterHandle
    """Raster with the bands."""
    expression: str = Field(min_length=1, max_length=500)
    """Arithmetic over band names: + - * / **, abs, sqrt, log10, min, max; 2*green - red - blue."""
    label: str = Field(default="", max_length=80)
    """What it is, in words; the expression itself if left out."""


def band_math(arguments: BandMath, services: Services) -> ToolResult:
    """Return the value of the expression as a raster, computed in floating point.

    NaN stands where a band is invalid or the expression has no finite value.

    Raises:
        InputError: if the expression is not allowed or names a band that is not there.
    """
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    expression = parse(arguments.expression)
    bands, missing = match_bands(tuple(expression.names), ref.band_names, sensor=ref.sensor)
    if missing:
        raise InputError(
            f"'{arguments.expression}' names {', '.join(missing)}, which {ref.title} does not have",
            hint=f"its bands are {', '.join(ref.band_names)}",
        )
    label = arguments.label or arguments.expression
    artifact = compute_raster(
        services,
        ref,
        bands=bands,
        function=expression.evaluate,
        name="value",
        values="unknown",
        title=f"{label} of {ref.title}",
        method=f"{label} = {arguments.expression} in floating point",
    )
    on_decibels = (
        f"{label} is computed on decibels: their difference is a ratio of powers, and their sum or "
        "mean is not that of the powers"
    )
    is_mixed = ref.values == "backscatter_db" and len(bands) > 1
    return ToolResult(
        artifacts={"raster": artifact}, assumptions=(on_decibels,) if is_mixed else ()
    )


def _price(arguments: BandMath, services: Services) -> Price:
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    names = tuple(parse(arguments.expression).names)
    bands, _missing = match_bands(names, ref.band_names, sensor=ref.sensor)
    return reading_price(ref, bands.values())


TOOL = FunctionTool(
    card=ToolCard(
        name="band_math",
        use="special",
        summary="A safe arithmetic expression over bands, such as 2*green - red - blue.",
        outputs=(Output(name="raster", kind="raster", about="its value, one band"),),
        version="2",
    ),
    arguments=BandMath,
    function=band_math,
    price=_price,
)
