"""Draw what stands around a map: scale bar, north arrow, legend; and choose the bar's length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pyproj
from PIL import Image, ImageDraw

from eoagent.contracts.raster import Grid
from eoagent.geo.grid import pixel_size_m, pixel_to_lonlat
from eoagent.io.mapcolour import Color, Limits, RampName, ramp_color
from eoagent.io.maptext import cut_text, font, plain_text, text_width

__all__ = [
    "LegendEntry",
    "ScaleBar",
    "draw_north_arrow",
    "draw_scale_bar",
    "ground_size_m",
    "legend_rows",
    "number_text",
    "paint_legend",
    "ramp_numbers",
    "scale_bar",
    "up_bearing_deg",
]

INK: Final[Color] = (34, 34, 34)
PAPER: Final[Color] = (255, 255, 255)
_ROW_PX = 26
_BAR_PX = 150
_GAP_PX = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleBar:
    """A scale bar of a round length."""

    length: float
    """Length on the ground in metres, or in pixels where no ground is known."""
    length_px: float
    """Length in the picture, pixels."""
    text: str
    """Length in words: `200 m`, `5 km`, `20 px`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """A line of the legend."""

    label: str
    """What is shown."""
    kind: Literal["fill", "line", "ramp", "text"]
    """A coloured box, a line, a colour ramp with numbers, or words alone."""
    color: Color = (0, 0, 0)
    """Colour of a box or line."""
    ramp: RampName = "sequential"
    """Ramp of a ramp."""
    limits: Limits | None = None
    """Numbers at the ends of a ramp; None when nothing is valid."""


def ground_size_m(grid: Grid) -> tuple[float, float] | None:
    """Return the (width, height) of a pixel in metres at the centre, or None if not known."""
    if not grid.is_georeferenced and grid.gsd_m is None:
        return None
    return pixel_size_m(grid)


def scale_bar(per_px: float, *, room_px: float, in_metres: bool = True) -> ScaleBar:
    """Return the longest bar of 1, 2 or 5 times a power of ten that fits.

    Args:
        per_px: ground metres, or raster pixels, per pixel of the picture; above 0.
        room_px: greatest length in the picture.
        in_metres: whether the unit is metres; else raster pixels.
    """
    most = per_px * room_px
    power = 10.0 ** math.floor(math.log10(most))
    length = max(step * power for step in (1.0, 2.0, 5.0) if step * power <= most * (1 + 1e-12))
    if not in_metres:
        text = f"{length:g} px"
    elif length >= 1000:
        text = f"{length / 1000:g} km"
    elif length >= 1:
        text = f"{length:g} m"
    else:
        text = f"{length * 100:g} cm"
    return ScaleBar(length=length, length_px=length / per_px, text=text)


def up_bearing_deg(grid: Grid) -> float | None:
    """Return the azimuth of the picture's upward direction at its centre, or None if not known."""
    if not grid.is_georeferenced:
        return None
    rows = np.array([grid.height / 2, grid.height / 2 - 1.0])
    cols = np.array([grid.width / 2, grid.width / 2])
    lon, lat = pixel_to_lonlat(grid, rows, cols)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    azimuth, _, length = pyproj.Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])
    return float(azimuth) % 360.0 if length > 0 else None


def draw_scale_bar(canvas: Image.Image, bar: ScaleBar, corner: tuple[int, int]) -> None:
    """Draw a bar above its lower left corner, on a pale plate."""
    face = font(13)
    x, y = corner[0] + 8, corner[1] - 8
    end = x + max(1, round(bar.length_px))
    width = max(end - x, text_width(bar.text, face))
    plate = (corner[0], corner[1] - 36, x + width + 10, corner[1])
    _pale_plate(canvas, plate)
    draw = ImageDraw.Draw(canvas)
    # The bar's outer edges are exactly its length apart; the two halves alternate.
    draw.rectangle((x, y - 6, end - 1, y), fill=INK)
    draw.rectangle((x + (end - x) // 2, y - 5, max(x, end - 2), y - 1), fill=PAPER)
    draw.text((x, y - 24), bar.text, fill=INK, font=face)


def draw_north_arrow(canvas: Image.Image, corner: tuple[int, int], bearing_deg: float) -> None:
    """Draw an arrow toward true north below its upper right corner, on a pale plate.

    Args:
        canvas: picture to draw on.
        corner: upper right corner of the plate.
        bearing_deg: azimuth of the picture's upward direction; north points at minus this.
    """
    _pale_plate(canvas, (corner[0] - 34, corner[1], corner[0], corner[1] + 48))
    draw = ImageDraw.Draw(canvas)
    centre = (corner[0] - 17, corner[1] + 29)
    turn = math.radians(-bearing_deg)

    def turned(x: float, y: float) -> tuple[float, float]:
        across = x * math.cos(turn) - y * math.sin(turn)
        down = x * math.sin(turn) + y * math.cos(turn)
        return centre[0] + across, centre[1] + down

    tip, tail = turned(0, -14), turned(0, 7)
    draw.polygon([tip, turned(-8, 13), tail], fill=INK)
    draw.polygon([tip, turned(8, 13), tail], fill=PAPER, outline=INK)
    face = font(12)
    draw.text((centre[0] - text_width("N", face) / 2, corner[1] + 1), "N", fill=INK, font=face)


def _pale_plate(canvas: Image.Image, box: tuple[int, int, int, int]) -> None:
    plate = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), PAPER)
    canvas.paste(plate, box[:2], Image.new("L", plate.size, 205))


def number_text(value: float) -> str:
    """Return a number with three significant digits, as short as that allows."""
    return f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-")


def ramp_numbers(limits: Limits) -> list[str]:
    """Return the numbers at the start, middle and end of a ramp; one if all are the same."""
    if limits.high == limits.low:
        return [number_text(limits.low)]
    low, high = number_text(limits.low), number_text(limits.high)
    return [
        f"<= {low}" if limits.is_cut_low else low,
        number_text((limits.low + limits.high) / 2),
        f">= {high}" if limits.is_cut_high else high,
    ]


def legend_rows(entries: Sequence[LegendEntry], width_px: int) -> list[list[LegendEntry]]:
    """Return the entries in rows that fit a width."""
    rows: list[list[LegendEntry]] = []
    used = width_px
    for entry in entries:
        need = _entry_width(entry, width_px) + _GAP_PX
        if not rows or used + need > width_px + _GAP_PX:
            rows.append([])
            used = 0
        rows[-1].append(entry)
        used += need
    return rows


def _entry_width(entry: LegendEntry, width_px: int) -> int:
    label = text_width(_label(entry, width_px), font(13))
    return min(label + _mark_width(entry), width_px)


def _mark_width(entry: LegendEntry) -> int:
    """Return the room of what stands beside an entry's words."""
    if entry.kind != "ramp":
        return 0 if entry.kind == "text" else 30
    if entry.limits is None:
        return 0
    ends = ramp_numbers(entry.limits)
    return _BAR_PX + 22 + sum(text_width(end, font(12)) + 6 for end in (ends[0], ends[-1]))


def _label(entry: LegendEntry, width_px: int) -> str:
    """Return an entry's words, cut so that they and the mark fit a row."""
    room = max(60, width_px - _mark_width(entry))
    return cut_text(plain_text(entry.label) or " ", font(13), room)


def paint_legend(rows: Sequence[Sequence[LegendEntry]], width_px: int) -> Image.Image:
    """Return the legend as a picture of a width; no rows give a picture one pixel high."""
    tall = [42 if any(entry.kind == "ramp" for entry in row) else _ROW_PX for row in rows]
    canvas = Image.new("RGB", (width_px, max(1, sum(tall))), PAPER)
    y = 0
    for row, height in zip(rows, tall, strict=True):
        x = 0
        for entry in row:
            _draw_entry(canvas, entry, (x, y + (height - _ROW_PX) // 2))
            x += _entry_width(entry, width_px) + _GAP_PX
        y += height
    return canvas


def _draw_entry(canvas: Image.Image, entry: LegendEntry, at: tuple[int, int]) -> None:
    draw = ImageDraw.Draw(canvas)
    x, y = at
    if entry.kind == "fill":
        draw.rectangle((x, y + 6, x + 22, y + 20), fill=entry.color, outline=INK)
        x += 30
    elif entry.kind == "line":
        draw.line((x, y + 13, x + 22, y + 13), fill=entry.color, width=3)
        x += 30
    label = _label(entry, canvas.width)
    draw.text((x, y + 5), label, fill=INK, font=font(13))
    if entry.kind != "ramp" or entry.limits is None:
        return
    x += text_width(label, font(13)) + 10
    face = font(12)
    ends = ramp_numbers(entry.limits)
    draw.text((x, y + 6), ends[0], fill=INK, font=face)
    if len(ends) == 1:
        return
    x += text_width(ends[0], face) + 6
    shares = np.linspace(0.0, 1.0, _BAR_PX)[None, :].repeat(13, axis=0)
    canvas.paste(Image.fromarray(ramp_color(shares, entry.ramp)), (x, y + 6))
    draw.rectangle((x, y + 6, x + _BAR_PX - 1, y + 18), outline=INK)
    middle = x + _BAR_PX // 2
    draw.line((middle, y + 16, middle, y + 21), fill=INK)
    draw.text((middle - text_width(ends[1], face) / 2, y + 21), ends[1], fill=INK, font=face)
    draw.text((x + _BAR_PX + 6, y + 6), ends[2], fill=INK, font=face)
