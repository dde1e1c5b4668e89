"""Lay small pictures side by side on one sheet, each with its rank, score, place and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from eoagent.contracts.errors import InputError
from eoagent.io.maptext import cut_text, font, plain_text, wrap_text

__all__ = ["SheetTile", "contact_sheet"]

_EDGE_PX: Final = 192
_GAP_PX: Final = 12
_LINE_PX: Final = 16
_LINES: Final = 4
_MARGIN: Final = 14
_MOST_ACROSS: Final = 5
_MOST_TILES: Final = 100
_MISSING: Final = (222, 222, 222)
_INK, _FAINT, _RIM = (20, 20, 20), (110, 110, 110), (160, 160, 160)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetTile:
    """One picture of a sheet."""

    pixels: NDArray[np.uint8] | None
    """(height, width, 3); None where it could not be had."""
    lines: tuple[str, ...]
    """What stands below it; the first line stands out."""
    reason: str = ""
    """Why there is no picture."""


def contact_sheet(
    tiles: Sequence[SheetTile], *, title: str, footer: Sequence[str] = (), across: int = 0
) -> Image.Image:
    """Return a sheet of pictures, row by row in the order given.

    Args:
        tiles: the pictures, 1 to 100.
        title: heading; characters that the font lacks are transliterated.
        footer: lines below all of them: where they come from, and what the scores mean.
        across: pictures in a row; 0 takes at most five.

    Raises:
        InputError: if there is no picture, or more than fit on a sheet.
    """
    if not 1 <= len(tiles) <= _MOST_TILES:
        raise InputError(
            f"a sheet of {len(tiles)} pictures was asked for", hint=f"give 1 to {_MOST_TILES}"
        )
    columns = across or min(_MOST_ACROSS, len(tiles))
    rows = -(-len(tiles) // columns)
    cell_width, cell_height = _EDGE_PX + _GAP_PX, _EDGE_PX + _LINES * _LINE_PX + _GAP_PX
    width = max(2 * _MARGIN + columns * cell_width - _GAP_PX, 420)
    room = width - 2 * _MARGIN
    heading = wrap_text(plain_text(title), font(18), room)
    notes = [line for text in footer for line in wrap_text(plain_text(text), font(12), room)]
    top = _MARGIN + 24 * len(heading)
    height = top + rows * cell_height + _LINE_PX * len(notes) + _MARGIN
    page = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(heading):
        draw.text((_MARGIN, _MARGIN - 4 + 24 * number), line, fill=_INK, font=font(18))
    for number, tile in enumerate(tiles):
        corner = (
            _MARGIN + (number % columns) * cell_width,
            top + (number // columns) * cell_height,
        )
        _place(page, draw, tile, corner)
    foot = top + rows * cell_height
    for number, line in enumerate(notes):
        draw.text((_MARGIN, foot + _LINE_PX * number), line, fill=_FAINT, font=font(12))
    return page


def _place(
    page: Image.Image, draw: ImageDraw.ImageDraw, tile: SheetTile, corner: tuple[int, int]
) -> None:
    left, top = corner
    box = (left, top, left + _EDGE_PX, top + _EDGE_PX)
    draw.rectangle(box, fill=_MISSING)
    if tile.pixels is not None:
        picture = _fitted(tile.pixels)
        page.paste(
            picture,
            (left + (_EDGE_PX - picture.width) // 2, top + (_EDGE_PX - picture.height) // 2),
        )
    else:
        lines = wrap_text(plain_text(tile.reason or "no picture"), font(12), _EDGE_PX - 16)
        for number, line in enumerate(lines):
            draw.text((left + 8, top + 8 + _LINE_PX * number), line, fill=_FAINT, font=font(12))
    draw.rectangle(box, outline=_RIM)
    below = top + _EDGE_PX + 4
    for number, text in enumerate(tile.lines[:_LINES]):
        face, ink = (font(13), _INK) if number == 0 else (font(12), _FAINT)
        line = cut_text(plain_text(text), face, _EDGE_PX)
        draw.text((left, below + _LINE_PX * number), line, fill=ink, font=face)


def _fitted(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return a picture at the size of its place; few pixels stay whole, many are averaged."""
    picture = Image.fromarray(pixels)
    share = _EDGE_PX / max(picture.size)
    size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
    way = Image.Resampling.NEAREST if share >= 2 else Image.Resampling.LANCZOS
    return picture.resize(size, way)
