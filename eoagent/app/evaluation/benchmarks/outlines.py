"""Masks from the outlines of COCO files: polygons, and runs of pixels as lists or packed text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from eoagent.contracts.errors import InputError

__all__ = ["draw_outline", "unpack_runs"]

_OFFSET: Final = 48
_GROUP_BITS: Final = 5
_MOST_GROUPS: Final = 7
"""Groups of five bits in a run; more would be above 2**32."""

Bools = NDArray[np.bool_]


def draw_outline(outline: Sequence[Any] | Mapping[str, Any], height: int, width: int) -> Bools:
    """Return where an object is, (height, width).

    Pixels count whose centre lies in a polygon; runs say it of each pixel.

    Args:
        outline: polygons as flat lists x, y, x, y ..., or a mapping `counts`, `size`.
        height: rows of the picture.
        width: columns of the picture.

    Raises:
        InputError: if it is neither, or the runs are of a picture of another size.
    """
    if isinstance(outline, Mapping):
        return _from_runs(outline, height, width)
    shapes = []
    for ring in outline:
        points = np.asarray(ring, np.float64)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2 or not np.isfinite(points).all():
            raise InputError(f"a polygon is 6 or more finite numbers x, y, ..., got {ring!r:.80}")
        shapes.append(shapely.Polygon(points.reshape(-1, 2)))
    if not shapes:
        return np.zeros((height, width), np.bool_)
    drawn = rasterize([(own, 1) for own in shapes], out_shape=(height, width), dtype="uint8")
    return np.asarray(drawn, np.bool_)


def unpack_runs(text: str) -> list[int]:
    """Return the lengths of runs that COCO packs into text.

    Each is written in groups of five bits, the lowest first, a sixth bit telling that more follow;
    from the fourth on, it is the difference from the length before the last.

    Raises:
        InputError: if the text is broken off, or holds something else.
    """
    runs: list[int] = []
    place = 0
    while place < len(text):
        value = group = 0
        more = True
        while more:
            code = ord(text[place]) - _OFFSET if place < len(text) else -1
            if not 0 <= code < 64 or group >= _MOST_GROUPS:
                raise InputError(f"the runs {text[:40]!r} cannot be read at character {place}")
            value |= (code & 31) << (_GROUP_BITS * group)
            more = bool(code & 32)
            place, group = place + 1, group + 1
            if not more and code & 16:
                value -= 1 << (_GROUP_BITS * group)
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs


def _from_runs(outline: Mapping[str, Any], height: int, width: int) -> Bools:
    counts, size = outline.get("counts"), outline.get("size")
    if list(size or ()) != [height, width]:
        raise InputError(f"runs are of a picture of {size}, and the picture is {height} x {width}")
    runs = unpack_runs(counts) if isinstance(counts, str) else counts
    lengths = np.asarray(runs if runs is not None else [-1])
    if (
        lengths.ndim != 1
        or lengths.dtype.kind not in "iu"
        or (lengths < 0).any()
        or int(lengths.sum()) != height * width
    ):
        raise InputError(f"runs do not fill a picture of {height} x {width} pixels")
    values = np.arange(len(lengths)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, lengths).reshape(width, height).T)
