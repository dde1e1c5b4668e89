"""Read the tiles of a scene as colour pictures at a chosen ground sampling distance.

The same value has the same colour in all tiles: what is stretched is stretched by the whole scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.geo.grid import strips
from eoagent.geo.sampling import Sampling, mean_over
from eoagent.io.previews import shown_bands
from eoagent.io.raster import RasterReader

__all__ = ["ScenePicture", "ScenePictures", "scene_colours"]

_BRIGHT: Final = 0.3
"""Reflectance that is shown as white, as `eoagent.io.tileview` has it."""
_LOW_PCT, _HIGH_PCT = 2.0, 98.0
_BYTE: Final = 255.0
_READ_PIXELS: Final = 1 << 21
_LEAST_VALID: Final = 0.5
"""A pixel is valid where at least this share of its ground is."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenePicture:
    """A part of a scene as a picture."""

    pixels: NDArray[np.uint8]
    """(height, width, 3); black where not valid."""
    valid: NDArray[np.bool_]
    """(height, width), True = valid."""


class ScenePictures:
    """Reads parts of one scene as pictures.

    Args:
        reader: the scene, open.
        sampling: how it is looked at.

    Raises:
        InputError: if its values are to be stretched and none is valid.
        SourceError: if pixels could not be had.
    """

    def __init__(self, reader: RasterReader, sampling: Sampling) -> None:
        self._reader = reader
        self._sampling = sampling
        self._names = shown_bands(reader.ref)
        self._low, self._high, rule = scene_colours(reader, self._names)
        self.rule = rule if len(self._names) > 1 else f"one band in grey, {rule}"
        """How values become colours, in words."""

    def read(self, window: Window) -> ScenePicture:
        """Return a window of the sampling's lattice.

        Raises:
            InputError: if it lies outside the lattice.
            SourceError: if pixels could not be had.
        """
        pixels = np.zeros((window.height, window.width, 3), np.uint8)
        valid = np.zeros((window.height, window.width), bool)
        sampling = self._sampling
        per_row = window.width * sampling.cols_per_px * max(sampling.rows_per_px, 1.0)
        few = max(1, int(_READ_PIXELS / per_row)) * window.width
        for part in strips((window.height, window.width), few):
            cut = slice(part.row, part.row + part.height)
            here = part.model_copy(update={"row": window.row + part.row, "col": window.col})
            values, valid[cut] = self._values(here)
            shares = np.clip((values - self._low) / (self._high - self._low), 0.0, 1.0)
            shares[:, ~valid[cut]] = 0.0
            pixels[cut] = np.moveaxis(np.rint(_BYTE * shares).astype(np.uint8), 0, -1)
        return ScenePicture(pixels=pixels, valid=valid)

    def _values(self, window: Window) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_]]:
        sampling = self._sampling
        if sampling.is_own:
            return self._reader.read(self._names, window)
        size = self._reader.ref.grid
        rows = _edges(window.row, window.height, sampling.rows_per_px)
        cols = _edges(window.col, window.width, sampling.cols_per_px)
        top, left = (int(np.floor(edges[0] + _ROUNDING)) for edges in (rows, cols))
        bottom = min(int(np.ceil(rows[-1] - _ROUNDING)), size.height)
        right = min(int(np.ceil(cols[-1] - _ROUNDING)), size.width)
        part = Window(row=top, col=left, height=bottom - top, width=right - left)
        values, valid = self._reader.read(self._names, part)
        means, share = mean_over(values, valid, rows=rows - top, cols=cols - left)
        return means, share >= _LEAST_VALID - _ROUNDING


def _edges(first: int, count: int, per_px: float) -> NDArray[np.float64]:
    return (first + np.arange(count + 1, dtype=np.float64)) * per_px


def scene_colours(reader: RasterReader, names: tuple[str, ...]) -> tuple[float, float, str]:
    """Return the values that are shown black and white in every part of a scene, and why.

    Args:
        reader: the scene, open.
        names: the bands that are shown.

    Raises:
        InputError: if its values are to be stretched and none is valid.
        SourceError: if pixels could not be had.
    """
    ref = reader.ref
    is_bytes = all(band.dtype == "uint8" for band in ref.bands)
    if ref.values == "picture" or (is_bytes and ref.values in {"counts", "unknown"}):
        return 0.0, _BYTE, "colours as they are"
    if ref.values == "reflectance":
        return 0.0, _BRIGHT, f"reflectance 0 to {_BRIGHT:g}"
    values, valid = reader.preview(names=names, resampling="average")
    if not valid.any():
        raise InputError(f"'{ref.title}' has no valid pixel", hint="check it with describe_data")
    low, high = (float(v) for v in np.percentile(values[:, valid], [_LOW_PCT, _HIGH_PCT]))
    kind = "values" if ref.values == "unknown" else ref.values
    rule = f"{kind} of the whole scene stretched from {low:.4g} to {high:.4g}"
    return low, high if high > low else low + 1.0, f"{rule}, its 2nd and 98th percentile"
