"""Read the mask of a picture from a file of one band: which value is the object is stated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from eoagent.app.evaluation.benchmarks.truths import MaskTruth
from eoagent.contracts.errors import InputError
from eoagent.contracts.store import Origins
from eoagent.io.opening import open_described
from eoagent.io.raster import RasterReader
from eoagent.io.stated import Stated

__all__ = ["mask_file"]

_MOST_PIXELS: Final = 128_000_000


def mask_file(
    path: Path, origins: Origins, *, value: float | None = None
) -> Callable[[int, int], MaskTruth]:
    """Return what reads the mask of a file for a picture's height and width.

    Pixels that the file itself marks as no data do not count.

    Args:
        path: the file.
        origins: the guard, which trusts its folder.
        value: value of the object; None takes every value but 0.
    """

    def read(height: int, width: int) -> MaskTruth:
        ref = open_described([str(path)], origins, stated=Stated()).ref
        grid = ref.grid
        if len(ref.bands) != 1:
            raise InputError(f"the mask {path} has {len(ref.bands)} bands, and a mask has one")
        if (grid.height, grid.width) != (height, width):
            raise InputError(
                f"the mask {path} is {grid.height} x {grid.width} pixels, and its picture "
                f"{height} x {width}"
            )
        if height * width > _MOST_PIXELS:
            raise InputError(f"the mask {path} has more than {_MOST_PIXELS:,} pixels")
        with RasterReader(ref, origins) as reader:
            values, valid = reader.read([ref.bands[0].name])
        yes = np.not_equal(values[0], 0) if value is None else np.equal(values[0], value)
        return yes & valid, valid

    return read
