"""Strips of a band with some pixels around them, for work that looks at neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import Services
from eoagent.geo.grid import strips
from eoagent.io.blockwise import open_reader
from eoagent.io.raster import RasterReader

__all__ = ["haloed_strips"]

_ALIGN = 512


def haloed_strips(
    services: Services,
    ref: RasterRef,
    band: str,
    *,
    halo: int,
    what: str,
    reader: RasterReader | None = None,
) -> Iterator[tuple[Window, NDArray[np.floating[Any]]]]:
    """Yield (window, values) from top to bottom, the values with a halo around the window.

    Args:
        services: store, guard, deadline and progress.
        ref: the raster.
        band: which of its bands.
        halo: pixels around a window, on every side.
        what: what is being done, for the progress line.
        reader: an open reader of the raster; else one is opened.

    Yields:
        The window, and values (height + 2 halo, width + 2 halo), NaN where not valid and outside
        the raster.
    """
    grid = ref.grid
    with nullcontext(reader) if reader else open_reader(services, ref) as source:
        for window in strips(grid, services.options.block_pixels, align=min(_ALIGN, grid.height)):
            services.deadline.check()
            services.progress(window.row / grid.height, what)
            top = max(0, window.row - halo)
            bottom = min(grid.height, window.row + window.height + halo)
            wide = window.model_copy(update={"row": top, "height": bottom - top})
            values, _ = source.read([band], wide)
            above = halo - (window.row - top)
            below = halo - (bottom - window.row - window.height)
            padding = ((above, below), (halo, halo))
            yield window, np.pad(values[0], padding, constant_values=np.nan)
