"""Draw artifacts on a map: a PNG picture and an HTML page, with scale bar and legend."""

from __future__ import annotations

from pydantic import Field

from eoagent.contracts.artifact import handle_of
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
from eoagent.io.atomic import disk_errors
from eoagent.io.map_page import map_html
from eoagent.io.previews import MapMaker, shown_bands
from eoagent.io.readprice import reading_price

__all__ = ["TOOL", "RenderMap", "render_map"]


class RenderMap(Arguments):
    """Arguments of `render_map`."""

    layers: tuple[handle_of("raster", "mask", "features", "boxes", "aoi"), ...] = Field(  # type: ignore[valid-type]
        min_length=1, max_length=12
    )
    """What to draw, from the bottom up; the first raster or mask gives the grid."""
    title: str = Field(default="", max_length=120)
    """Heading; the top layer's name if left out."""
    width_px: int = Field(default=900, ge=200, le=4000)
    """Width of the picture, pixels."""


def render_map(arguments: RenderMap, services: Services) -> ToolResult:
    """Return the map as a picture and as a page that opens without a network.

    Raises:
        InputError: if a layer cannot be drawn.
        SourceError: if pixels could not be had, or the picture could not be kept.
    """
    maker = MapMaker(services.store, services.origins, services.options)
    title = arguments.title or services.store.get(arguments.layers[-1]).title
    png = maker.draw(arguments.layers, title=title, width_px=arguments.width_px)
    picture_file = services.store.scratch(".png")
    page_file = services.store.scratch(".html")
    with disk_errors(picture_file):
        picture_file.write_bytes(png)
        page_file.write_text(map_html(png, title=title), encoding="utf-8")
    layers = {"layers": list(arguments.layers)}
    picture = services.store.put(
        "picture",
        title=title,
        payload=layers,
        preview=layers,
        file=picture_file,
        media_type="image/png",
    )
    page = services.store.put(
        "picture",
        title=f"{title} (page)",
        payload=layers,
        preview=layers,
        file=page_file,
        media_type="text/html",
    )
    return ToolResult(artifacts={"picture": picture, "page": page})


def _price(arguments: RenderMap, services: Services) -> Price:
    """Return what the picture takes: an overview with up to twice its pixels along a side."""
    layers = [services.store.get(handle) for handle in arguments.layers]
    refs = [RasterRef.model_validate(a.payload) for a in layers if a.kind == "raster"]
    side = 2 * arguments.width_px
    return Price.total(reading_price(ref, shown_bands(ref), side=side) for ref in refs)


TOOL = FunctionTool(
    card=ToolCard(
        name="render_map",
        summary="A PNG and HTML map of rasters, masks and features, with scale bar and legend.",
        outputs=(
            Output(name="picture", kind="picture", about="the map as PNG"),
            Output(name="page", kind="picture", about="the map as an HTML page"),
        ),
        group="present",
        use="special",
    ),
    arguments=RenderMap,
    function=render_map,
    price=_price,
)
