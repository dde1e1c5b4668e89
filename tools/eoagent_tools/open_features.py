"""Open a vector file as `features:`: GeoJSON, GeoPackage, GeoParquet, Shapefile, CSV."""

from __future__ import annotations

from pydantic import Field

from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.features import read_features
from eoagent.io.stored_features import store_features

__all__ = ["TOOL", "OpenFeatures", "open_features"]


class OpenFeatures(Arguments):
    """Arguments of `open_features`."""

    href: str
    """Path or URL of the file."""
    named: str | None = Field(default=None, min_length=1, max_length=120)
    """Keep only the features with this name, in whatever name column has it."""
    layer: str | None = Field(default=None, max_length=120)
    """Layer of a GeoPackage; the first with geometries if left out."""
    crs: str = Field(default="", max_length=4000)
    """CRS of the coordinates, where the file does not state one: EPSG:n or WKT."""


def open_features(arguments: OpenFeatures, services: Services) -> ToolResult:
    """Return the features of a file, repaired where need be and with every choice stated.

    Raises:
        NotFound: if the file, or a feature of that name, does not exist; the hint has near names.
        InputError: if it is another kind of file, too large, or its CRS cannot be told.
        SourceError: if it is refused or damaged.
    """
    admitted = services.origins.admit(arguments.href)
    features = read_features(
        admitted,
        services.origins,
        named=arguments.named,
        layer=arguments.layer,
        crs=arguments.crs,
    )
    artifact = store_features(services.store, features)
    count = FigureDraft(
        name="count",
        value=len(features),
        unit="count",
        label=f"features in {features.label or admitted.href}"[:200],
        method="counted after empty geometries were dropped",
        sources=features.sources,
    )
    return ToolResult(
        artifacts={"features": artifact}, figures=(count,), assumptions=features.assumptions
    )


TOOL = FunctionTool(
    card=ToolCard(
        name="open_features",
        summary="A vector file as features: GeoJSON, GeoPackage, GeoParquet, Shapefile, CSV with "
        "coordinates; all of it, or the features of one name.",
        outputs=(
            Output(name="features", kind="features", about="the features"),
            Output(name="count", kind="figure", about="how many, count"),
        ),
        group="open",
        cacheable=False,
    ),
    arguments=OpenFeatures,
    function=open_features,
)
