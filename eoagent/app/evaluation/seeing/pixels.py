"""Read a picture of a benchmark whole, as colours, through the guard."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.store import Origins
from eoagent.io.opening import open_described
from eoagent.io.raster import RasterReader
from eoagent.io.stated import Stated
from eoagent.io.tileview import Shown, show_window

__all__ = ["check_size", "open_picture", "whole_picture"]

_MOST_PIXELS: Final = 128_000_000
"""More would not fit beside a model in the memory of a usual machine."""


def open_picture(file: Path, origins: Origins, *, gsd_m: float | None = None) -> RasterRef:
    """Return the reference to a picture.

    Args:
        file: the picture.
        origins: the guard.
        gsd_m: ground sampling distance of pictures without georeference, metres.

    Raises:
        NotFound: if it is not there.
        SourceError: if it is refused or damaged.
    """
    if not file.is_file():
        raise NotFound(f"the picture {file.name} is not in the data folder")
    return open_described([str(file)], origins, stated=Stated(gsd_m=gsd_m)).ref


def whole_picture(ref: RasterRef, origins: Origins) -> Shown:
    """Return all pixels of a picture as colours.

    Raises:
        InputError: if it has too many pixels, or none is valid.
        SourceError: if it is damaged.
    """
    check_size(ref)
    with RasterReader(ref, origins) as reader:
        return show_window(reader, max_px=max(ref.grid.height, ref.grid.width))


def check_size(ref: RasterRef) -> None:
    """Refuse a picture that is too large to be taken in at once.

    Raises:
        InputError: if it is.
    """
    height, width = ref.grid.height, ref.grid.width
    if height * width > _MOST_PIXELS:
        raise InputError(
            f"the picture has {width} x {height} pixels, and at most {_MOST_PIXELS:,} are taken "
            "in at once",
            hint="measure it as the tools look (--way tiles)",
        )
