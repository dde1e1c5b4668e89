"""Compute a spectral index (NDVI, NDWI, ...) of a raster."""

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
from eoagent.spectral.indices import (
    INDICES,
    IndexSpec,
    evaluate_index,
    find_index,
    formula_text,
    resolve_bands,
)

__all__ = ["TOOL", "SpectralIndex", "spectral_index"]


class SpectralIndex(Arguments):
    """Arguments of `spectral_index`."""

    raster: RasterHandle
    """Raster with the bands of the index."""
    index: str = Field(min_length=2, max_length=80, description=f"One of {', '.join(INDICES)}.")
    """Which index."""
    parameters: dict[str, float] | None = None
    """Values for the formula's parameters, such as {"L": 0.5} for SAVI."""


def spectral_index(arguments: SpectralIndex, services: Services) -> ToolResult:
    """Return the index as a raster, NaN where a band is invalid or the formula has no value.

    Raises:
        NotFound: if no index is called so, or the raster is gone.
        InputError: if a band is missing, or reflectance is needed and the values are counts.
    """
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    spec = find_index(arguments.index)
    bands = resolve_bands(spec, ref.band_names, sensor=ref.sensor)
    warnings = _check_values(spec, ref)
    formula = formula_text(spec, arguments.parameters)
    artifact = compute_raster(
        services,
        ref,
        bands=bands,
        function=lambda values: evaluate_index(spec, values, arguments.parameters),
        name=spec.id,
        values="index",
        title=f"{spec.id.upper()} of {ref.title}",
        method=f"{spec.id.upper()} = {formula} ({spec.source})",
    )
    named = ", ".join(f"{role} is band '{band}'" for role, band in bands.items() if role != band)
    return ToolResult(
        artifacts={"raster": artifact},
        assumptions=(f"{spec.id.upper()}: {named}",) if named else (),
        warnings=warnings,
    )


def _check_values(spec: IndexSpec, ref: RasterRef) -> tuple[str, ...]:
    name = spec.id.upper()
    if ref.values == "reflectance":
        return ()
    if spec.needs_reflectance and ref.values in {"counts", "picture"}:
        raise InputError(
            f"{name} has constants made for reflectance, and the values of {ref.title} are "
            f"{ref.values}",
            hint="give scale and offset to open_image, or use an index without constants",
        )
    if ref.values in {"counts", "picture"}:
        return (f"{name} of uncalibrated {ref.values}: its level differs from that of reflectance",)
    return ()


def _price(arguments: SpectralIndex, services: Services) -> Price:
    ref = RasterRef.model_validate(services.store.get(arguments.raster).payload)
    bands = resolve_bands(find_index(arguments.index), ref.band_names, sensor=ref.sensor)
    return reading_price(ref, bands.values())


TOOL = FunctionTool(
    card=ToolCard(
        name="spectral_index",
        use="basic",
        summary=f"A spectral index of a raster: {', '.join(i.upper() for i in INDICES)}."[:300],
        outputs=(Output(name="raster", kind="raster", about="the index, one band"),),
    ),
    arguments=SpectralIndex,
    function=spectral_index,
    price=_price,
)
