"""Show a window of a raster as a colour picture of uint8, as people and encoders look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import Services
from eoagent.io.blockwise import open_reader
from eoagent.io.previews import shown_bands
from eoagent.io.raster import RasterReader

__all__ = ["Shown", "colours_of", "show_stored", "show_window"]

_BRIGHT: Final = 0.3
"""Reflectance that is shown as white: the usual end of true-colour products of 10 m sensors."""
_LOW_PCT, _HIGH_PCT = 2.0, 98.0
_BYTE: Final = 255.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture of a raster's window, and how it came about."""

    pixels: NDArray[np.uint8]
    """(height, width, 3)."""
    valid: NDArray[np.bool_]
    """(height, width), True = valid; other pixels are black."""
    rule: str
    """How values became colours, in words."""


def show_window(reader: RasterReader, window: Window | None = None, *, max_px: int = 1024) -> Shown:
    """Return a picture of a window of a raster, at most `max_px` along its longer side.

    Args:
        reader: the raster, open.
        window: part of it; None is the whole.
        max_px: longest side; smaller windows keep their pixels.

    Raises:
        InputError: if there is no valid pixel.
        SourceError: if pixels could not be had.
    """
    ref = reader.ref
    part = window or ref.grid.window
    share = min(1.0, max_px / max(part.height, part.width))
    shape = max(1, round(part.height * share)), max(1, round(part.width * share))
    names = shown_bands(ref)
    values, valid = reader.read(names, part, out_shape=shape, resampling="average")
    if not valid.any():
        raise InputError(
            f"the part of '{ref.title}' that is to be shown has no valid pixel",
            hint="choose another part, or another image",
        )
    return colours_of(values, valid, ref)


def show_stored(ref: RasterRef, services: Services, *, max_px: int = 1024) -> Shown:
    """Return a picture of a whole raster of a run, wherever its bands lie.

    Raises:
        InputError: if there is no valid pixel.
        SourceError: if pixels could not be had.
    """
    with open_reader(services, ref) as reader:
        return show_window(reader, max_px=max_px)


def colours_of(values: NDArray[np.floating], valid: NDArray[np.bool_], ref: RasterRef) -> Shown:
    """Return values (1 or 3, height, width) of a raster as colours.

    Pictures keep their colours, reflectance is white at 0.3, any other value is stretched between
    its 2nd and 98th percentile.
    """
    held = np.where(valid, values, np.nan)
    is_bytes = all(band.dtype == "uint8" for band in ref.bands)
    if ref.values == "picture" or (is_bytes and ref.values in {"counts", "unknown"}):
        low, high, rule = 0.0, _BYTE, "colours as they are"
    elif ref.values == "reflectance":
        low, high, rule = 0.0, _BRIGHT, f"reflectance 0 to {_BRIGHT:g}"
    else:
        low, high = (float(v) for v in np.nanpercentile(held, [_LOW_PCT, _HIGH_PCT]))
        rule = f"{ref.values} stretched from {low:.4g} to {high:.4g}, its 2nd and 98th percentile"
    span = high - low if high > low else 1.0
    shares = np.nan_to_num(np.clip((held - low) / span, 0.0, 1.0))
    pixels = np.rint(_BYTE * shares).astype(np.uint8)
    if len(pixels) == 1:
        pixels = np.repeat(pixels, 3, axis=0)
        rule = f"one band in grey, {rule}"
    return Shown(pixels=np.moveaxis(pixels, 0, -1).copy(), valid=valid, rule=rule)
