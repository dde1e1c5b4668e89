"""Open a vector file as `features:`, or make features of a box of longitudes and latitudes."""

from __future__ import annotations

import shapely
from pydantic import Field

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.geometry import LonLatBox
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent.io.features import read_features
from eoagent.io.featureset import feature_set
from eoagent.io.stored_features import store_features

__all__ = ["TOOL", "OpenFeatures", "open_features"]


class OpenFeatures(Arguments):
    """Arguments of `open_features`."""

    href: str = ""
    """Path or URL of the file."""
    box: LonLatBox | None = None
    """Instead of a file: west, south, east, north in degrees, as the user said them; west above
    east crosses the antimeridian."""
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
        InputError: if neither or both of file and box are given, the box has no area, it is another
            kind of file, too large, or its CRS cannot be told.
        SourceError: if it is refused or damaged.
    """
    if bool(arguments.href) == (arguments.box is not None):
        raise InputError(
            "open_features takes either a file or a box",
            hint='give href="PATH" or box=[west, south, east, north]',
        )
    if arguments.box is not None:
        return _box(arguments.box, services)
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


def _box(sides: tuple[float, float, float, float], services: Services) -> ToolResult:
    west, south, east, north = sides
    if not south < north or west == east:
        raise InputError(
            f"the box {west:g}, {south:g}, {east:g}, {north:g} has no area",
            hint="write west, south, east, north",
        )
    ground = shapely.box(west, south, east if east > west else east + 360, north)
    label = f"box {west:g}, {south:g}, {east:g}, {north:g}"
    made = feature_set([split_at_antimeridian(ground)], {}, crs="EPSG:4326", label=label)
    artifact = store_features(services.store, made)
    said = f"{label} in degrees (west, south, east, north) is taken as it was said"
    return ToolResult(artifacts={"features": artifact}, assumptions=(said,))


TOOL = FunctionTool(
    card=ToolCard(
        name="open_features",
        summary="A vector file as features: GeoJSON, GeoPackage, GeoParquet, Shapefile, CSV with "
        "coordinates; all of it, or the features of one name; or a box in degrees as an area.",
        outputs=(
            Output(name="features", kind="features", about="the features"),
            Output(name="count", kind="figure", about="how many, count"),
        ),
        group="open",
        use="basic",
        cacheable=False,
    ),
    arguments=OpenFeatures,
    function=open_features,
)
