"""Declared size: refuse what a raster's header promises before a byte of its pixels is decoded.

Memory is bounded by the largest block, time by the number of blocks and pixels. What a reader can
take block by block is let through however large it is; what forces it to hold everything, or
promises far more than the file can hold, is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from eoagent.contracts.errors import SourceError

__all__ = ["RasterLimits", "check_declared"]

_MIB: Final = 1024 * 1024
_SAMPLED_BLOCKS: Final = 64
_WHOLE_PICTURES: Final = ("PNG", "JPEG")


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterLimits:
    """What a raster may declare and still be opened."""

    max_bands: int = 4096
    """Most bands of a file."""
    max_block_bytes: int = 256 * _MIB
    """Most bytes of one decoded block, which is the least that can be read."""
    max_blocks: int = 4_000_000
    """Most blocks of a file, all bands together."""
    max_picture_pixels: int = 200_000_000
    """Most pixels of a PNG or JPEG, which are decoded from their first row on."""
    max_bare_pixels: int = 4_000_000_000
    """Most pixels of a band that has no overviews."""
    thin_bytes: int = 512 * _MIB
    """Declared bytes above which a file must hold a fair share of what it declares."""
    max_expansion: int = 20_000
    """Most declared bytes per stored byte above `thin_bytes`; deflate reaches 1032."""
    max_empty_expansion: int = 2_000
    """The same where every block that was looked at is absent from the file."""


def check_declared(raw: Any, shown: str, *, stored_bytes: int, limits: RasterLimits) -> None:
    """Refuse a raster whose header declares more than can be read in bounded memory and time.

    Args:
        raw: an open rasterio dataset; only its header is looked at.
        shown: its href for people to read.
        stored_bytes: size of the file.
        limits: what is let through.

    Raises:
        SourceError: saying what was declared and which limit it breaks.
    """
    count = raw.count
    if count > limits.max_bands:
        raise _refused(shown, f"{count} bands, more than {limits.max_bands}")
    if raw.dtypes[0].startswith("complex"):
        raise _refused(shown, f"complex numbers ({raw.dtypes[0]})", hint="take their amplitude")
    width, height = raw.width, raw.height
    size = f"{width} x {height} pixels"
    item_bytes = np.dtype(raw.dtypes[0]).itemsize
    rows, cols = raw.block_shapes[0]
    is_pixelwise = raw.interleaving is not None and raw.interleaving.name == "pixel"
    block_bytes = rows * cols * item_bytes * (count if is_pixelwise else 1)
    if block_bytes > limits.max_block_bytes:
        raise _refused(
            shown,
            f"blocks of {cols} x {rows} pixels, {block_bytes / _MIB:,.0f} MiB each when decoded, "
            f"more than {limits.max_block_bytes / _MIB:,.0f} MiB",
            hint="convert it to a tiled or cloud-optimised GeoTIFF",
        )
    blocks = math.ceil(width / cols) * math.ceil(height / rows) * (1 if is_pixelwise else count)
    if blocks > limits.max_blocks:
        raise _refused(
            shown,
            f"{size} in {blocks:,} blocks, more than {limits.max_blocks:,}",
            hint="convert it to larger tiles",
        )
    if raw.driver in _WHOLE_PICTURES and width * height > limits.max_picture_pixels:
        raise _refused(
            shown,
            f"a {raw.driver} of {size}, more than {limits.max_picture_pixels:,} pixels",
            hint="convert it to a tiled or cloud-optimised GeoTIFF",
        )
    if width * height > limits.max_bare_pixels and not raw.overviews(1):
        raise _refused(
            shown,
            f"{size} without overviews",
            hint="add overviews, or convert it to a cloud-optimised GeoTIFF",
        )
    declared = width * height * count * item_bytes
    _check_expansion(raw, shown, declared, stored_bytes, limits)


def _check_expansion(
    raw: Any, shown: str, declared: int, stored_bytes: int, limits: RasterLimits
) -> None:
    if declared <= limits.thin_bytes:
        return
    expansion = declared // max(stored_bytes, 1)
    promise = f"{declared / 1e6:,.0f} MB of pixels in a file of {stored_bytes / 1e6:,.2f} MB"
    if expansion > limits.max_expansion:
        raise _refused(shown, f"{promise}, more than any picture packs into that")
    if expansion > limits.max_empty_expansion and raw.driver == "GTiff" and _is_empty(raw):
        raise _refused(shown, f"{promise}, and the blocks that were looked at are not there")


def _is_empty(raw: Any) -> bool:
    """Return whether every one of a sample of blocks is absent (a sparse TIFF)."""
    rows, cols = raw.block_shapes[0]
    down, across = math.ceil(raw.height / rows), math.ceil(raw.width / cols)
    places = np.linspace(0, down * across - 1, min(_SAMPLED_BLOCKS, down * across)).astype(int)
    names = (f"BLOCK_OFFSET_{place % across}_{place // across}" for place in places.tolist())
    return all(raw.get_tag_item(name, "TIFF", bidx=1) is None for name in names)


def _refused(shown: str, what: str, *, hint: str = "") -> SourceError:
    return SourceError(f"{shown!r} is refused: it declares {what}", href=shown, hint=hint)
