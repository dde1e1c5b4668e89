"""Draw a map from arrays and shapes: layers, title, scale bar, north arrow, legend, attribution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Grid
from eoagent.io.mapcolour import color_scalar, stretch_rgb
from eoagent.io.mapframe import (
    PAPER,
    LegendEntry,
    draw_north_arrow,
    draw_scale_bar,
    ground_size_m,
    legend_rows,
    paint_legend,
    scale_bar,
    up_bearing_deg,
)
from eoagent.io.maplayers import (
    NO_DATA,
    Layer,
    MaskLayer,
    OutlineLayer,
    RgbLayer,
    ScalarLayer,
    legend_of,
)
from eoagent.io.maptext import font, plain_text, wrap_text

__all__ = [
    "Layer",
    "MaskLayer",
    "OutlineLayer",
    "RgbLayer",
    "ScalarLayer",
    "legend_of",
    "render",
]

_Bools = NDArray[np.bool_]
_Size = tuple[int, int]

_MARGIN = 14
_SHORTEST, _TALLEST = 24, 1.5
_MASK_ALPHA = 0.55
_SMOOTHING = 2
_WIDTHS = (200, 4000)


def render(
    layers: Sequence[Layer], *, grid: Grid, title: str, attribution: str, width_px: int = 900
) -> Image.Image:
    """Return the map as a picture.

    Ground that is longer one way than the other is drawn so, also where pixels are not square.
    The north arrow points to true north at the centre; it and a scale bar in metres are drawn
    only where the grid knows its place or size, else the bar counts raster pixels.

    Args:
        layers: from the bottom up; arrays may be smaller or larger than the grid but cover it.
        grid: size and place of what is drawn.
        title: heading; characters that the font lacks are transliterated.
        attribution: where the data come from, in one line.
        width_px: width of the picture, 200 to 4000.

    Raises:
        InputError: if there is no layer, a layer's arrays do not fit, or the width is out of range.
    """
    if not layers:
        raise InputError("a map of no layers was asked for", hint="give at least one layer")
    if not _WIDTHS[0] <= width_px <= _WIDTHS[1]:
        msg = f"a map {width_px} pixels wide was asked for"
        raise InputError(msg, hint=f"give a width from {_WIDTHS[0]} to {_WIDTHS[1]} pixels")
    for number, layer in enumerate(layers, start=1):
        _check(layer, number)
    ground = ground_size_m(grid)
    size = _map_size(grid, ground, width_px - 2 * _MARGIN)
    image = _paint(layers, grid, size)
    _furnish(image, grid, ground)
    return _frame(image, legend_of(layers), title, attribution, width_px=width_px)


def _check(layer: Layer, number: int) -> None:
    if isinstance(layer, OutlineLayer):
        return
    shape = layer.yes.shape if isinstance(layer, MaskLayer) else layer.values.shape
    wanted = (3, *layer.valid.shape) if isinstance(layer, RgbLayer) else layer.valid.shape
    if shape != wanted or layer.valid.ndim != 2 or layer.valid.size == 0:
        msg = f"layer {number} ({type(layer).__name__}) has values {shape}, valid of {wanted[-2:]}"
        raise InputError(msg, hint="give values (h, w), or (3, h, w) for colour, and valid (h, w)")


def _map_size(grid: Grid, ground: tuple[float, float] | None, room_px: int) -> _Size:
    wide, high = ground or (1.0, 1.0)
    aspect = (grid.height * high) / (grid.width * wide)
    width = room_px if room_px * aspect <= room_px * _TALLEST else room_px * _TALLEST / aspect
    return max(_SHORTEST, round(width)), max(_SHORTEST, round(width * aspect))


def _paint(layers: Sequence[Layer], grid: Grid, size: _Size) -> Image.Image:
    image = Image.new("RGB", size, NO_DATA)
    for layer in layers:
        if isinstance(layer, OutlineLayer):
            _draw_outlines(image, layer, grid)
        elif isinstance(layer, MaskLayer):
            share, valid = _fit((layer.yes & layer.valid).astype(np.float32), layer.valid, size)
            if layer is layers[0]:
                ground = Image.fromarray(np.where(valid, np.uint8(255), np.uint8(0)))
                image.paste(Image.new("RGB", size, PAPER), (0, 0), ground)
            # The root keeps small objects in sight where many pixels share one of the picture.
            alpha = np.where(valid, np.sqrt(share) * _MASK_ALPHA * 255, 0.0)
            stencil = Image.fromarray(np.rint(alpha).astype(np.uint8))
            image.paste(Image.new("RGB", size, layer.color), (0, 0), stencil)
        else:
            colors, valid = _colors(layer, size)
            stencil = Image.fromarray(np.where(valid, np.uint8(255), np.uint8(0)))
            image.paste(Image.fromarray(colors), (0, 0), stencil)
    return image


def _colors(layer: RgbLayer | ScalarLayer, size: _Size) -> tuple[NDArray[np.uint8], _Bools]:
    values = np.asarray(layer.values, dtype=np.float32)
    if isinstance(layer, ScalarLayer):
        fitted, valid = _fit(values, layer.valid & np.isfinite(values), size)
        limits = layer.limits
        if limits is None:
            return np.zeros((size[1], size[0], 3), dtype=np.uint8), np.zeros_like(valid)
        return color_scalar(fitted, limits, layer.ramp), valid
    usable = layer.valid & np.isfinite(values).all(axis=0)
    bands = [_fit(band, usable, size) for band in values]
    stacked, valid = np.stack([band for band, _ in bands]), bands[0][1]
    if not usable.any():
        return np.zeros((size[1], size[0], 3), dtype=np.uint8), np.zeros_like(valid)
    if layer.is_stretched:
        return stretch_rgb(stacked, valid, sample=values[:, usable]), valid
    return np.rint(np.clip(np.moveaxis(stacked, 0, -1), 0, 255)).astype(np.uint8), valid


def _fit(
    values: NDArray[np.float32], valid: _Bools, size: _Size
) -> tuple[NDArray[np.float32], _Bools]:
    """Bring (h, w) to a picture's size: means of valid pixels when smaller, nearest when larger."""
    weight = valid.astype(np.float32)
    held = np.where(valid, values, np.float32(0))
    box = Image.Resampling.BOX
    total = np.asarray(Image.fromarray(held).resize(size, box))
    share = np.asarray(Image.fromarray(weight).resize(size, box))
    fitted = np.divide(total, share, out=np.zeros_like(total), where=share > 0)
    return fitted, share >= 0.5


def _draw_outlines(image: Image.Image, layer: OutlineLayer, grid: Grid) -> None:
    """Draw shapes with a pale rim, smoothed by drawing them larger."""
    across = _SMOOTHING * image.width / grid.width
    down = _SMOOTHING * image.height / grid.height
    sheet = Image.new("RGBA", (image.width * _SMOOTHING, image.height * _SMOOTHING), (0, 0, 0, 0))
    draw = ImageDraw.Draw(sheet)
    # A margin beyond the edge keeps cut ends out of sight.
    edge = 0.02 * max(grid.width, grid.height) + 1
    view = shapely.box(-edge, -edge, grid.width + edge, grid.height + edge)
    paths = [path for shape in layer.geometries for path in _paths(shape, view)]
    for color, width in (((255, 255, 255, 190), 4), ((*layer.color, 255), 2)):
        for path in paths:
            points = [(x * across, y * down) for x, y in path]
            if len(points) == 1:
                x, y = points[0]
                reach = 6 * _SMOOTHING
                ring = (x - reach, y - reach, x + reach, y + reach)
                draw.ellipse(ring, outline=color, width=width * _SMOOTHING)
            else:
                draw.line(points, fill=color, width=width * _SMOOTHING, joint="curve")
    small = sheet.resize(image.size, Image.Resampling.BOX)
    image.paste(small.convert("RGB"), (0, 0), small.getchannel("A"))


def _paths(shape: BaseGeometry, view: BaseGeometry) -> Iterator[list[tuple[float, float]]]:
    """Yield the lines (two points or more) and points (one) of a shape inside a view."""
    if shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return
    if hasattr(shape, "geoms"):
        for part in shape.geoms:
            yield from _paths(part, view)
        return
    lines = shape.boundary if shape.geom_type == "Polygon" else shape
    for path in shapely.get_parts(lines.intersection(view)):
        if not path.is_empty:
            yield [(x, y) for x, y, *_ in path.coords]


def _furnish(image: Image.Image, grid: Grid, ground: tuple[float, float] | None) -> None:
    per_px = grid.width * (ground[0] if ground else 1.0) / image.width
    bar = scale_bar(per_px, room_px=image.width * 0.3, in_metres=ground is not None)
    if image.height >= 48:
        draw_scale_bar(image, bar, (8, image.height - 8))
    bearing = up_bearing_deg(grid)
    if bearing is not None and image.height >= 110:
        draw_north_arrow(image, (image.width - 8, 8), bearing)


def _frame(
    image: Image.Image,
    legend: Sequence[LegendEntry],
    title: str,
    attribution: str,
    *,
    width_px: int,
) -> Image.Image:
    room = width_px - 2 * _MARGIN
    heading = wrap_text(plain_text(title), font(20), room)
    credit = wrap_text(plain_text(attribution), font(12), room)
    rows = legend_rows(legend, room)
    key = paint_legend(rows, room)
    top = _MARGIN + 26 * len(heading) + (4 if heading else 0)
    below = top + image.height + 8
    height = below + (key.height + 4 if rows else 0) + 17 * len(credit) + _MARGIN - 4
    page = Image.new("RGB", (width_px, height), (255, 255, 255))
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(heading):
        draw.text((_MARGIN, _MARGIN - 2 + 26 * number), line, fill=(20, 20, 20), font=font(20))
    left = (width_px - image.width) // 2
    page.paste(image, (left, top))
    box = (left - 1, top - 1, left + image.width, top + image.height)
    draw.rectangle(box, outline=(110, 110, 110))
    if rows:
        page.paste(key, (_MARGIN, below))
    y = below + (key.height + 4 if rows else 0)
    for number, line in enumerate(credit):
        draw.text((_MARGIN, y + 17 * number), line, fill=(110, 110, 110), font=font(12))
    return page
