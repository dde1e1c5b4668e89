"""What reading a raster would take of the network, from its reference alone; nothing is opened."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from eoagent.contracts.price import Price
from eoagent.contracts.raster import RasterRef

__all__ = ["is_remote", "reading_price"]

_WIDEST_BYTES: Final = 8
_QA_BYTES: Final = {"landsat_qa_pixel": 2, "sentinel2_scl": 1}


def is_remote(href: str) -> bool:
    """Return whether an href is reached over the network."""
    return href.lower().startswith(("http://", "https://"))


def reading_price(
    ref: RasterRef, names: Iterable[str] | None = None, *, side: int | None = None
) -> Price:
    """Return the price of reading bands of a raster once: an upper bound.

    Pixels of the raster's grid times the size of a stored value, as if nothing were compressed.
    Bands of one file are taken to lie pixel by pixel, so that one of them brings all that the
    raster has of that file. Quality and alpha bands are counted. Files of this machine and of the
    store cost nothing.

    Args:
        ref: the raster.
        names: bands that are read; all of them if left out.
        side: pixels along the longer side, where a picture of that size is read from overviews,
            which files on the network have as a rule; the price is then no bound, as a file
            without them is read whole.
    """
    wanted = set(ref.band_names if names is None else names)
    files = {band.href for band in ref.bands if band.name in wanted and is_remote(band.href)}
    depth = sum(_value_bytes(band.dtype) for band in ref.bands if band.href in files)
    if ref.qa is not None and is_remote(ref.qa.href):
        depth += _QA_BYTES[ref.qa.kind]
    if ref.alpha is not None and is_remote(ref.alpha[0]):
        depth += 1
    height, width = ref.grid.height, ref.grid.width
    share = 1.0 if side is None else min(1.0, side / max(height, width))
    count = math.ceil(height * share) * math.ceil(width * share) * depth
    return Price(bytes=count, is_upper_bound=count > 0 and share == 1.0)


def _value_bytes(dtype: str) -> int:
    """Return the size of a stored value; that of a double where the type is not known."""
    try:
        return int(np.dtype(dtype).itemsize) if dtype else _WIDEST_BYTES
    except TypeError:  # GDAL has types that numpy has no name for
        return _WIDEST_BYTES
