"""Choose the parts of a large scene that look like some words, for a model to look closer at."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Encoder
from eoagent.contracts.geometry import Window
from eoagent.contracts.progress import Deadline, Progress
from eoagent.geo.pyramid import apart
from eoagent.io.raster import RasterReader
from eoagent.io.windowvectors import WindowVectors, look_through

__all__ = ["likely_parts"]

_LEAST_Z: Final = 0.5
"""Windows less than this far above the scene as a whole are not worth a closer look."""
_MOST_COVERED: Final = 0.4
"""Share of a part that a better one may cover before both are one."""


def likely_parts(
    reader: RasterReader,
    encoder: Encoder,
    query: NDArray[np.float32],
    *,
    side_px: int,
    most: int,
    budget: int = 300,
    deadline: Deadline,
    progress: Progress,
) -> tuple[tuple[Window, float], ...]:
    """Return parts of a scene with their likeness, best first.

    Windows of the encoder's size are looked at coarse to fine; a part is what lies around a good
    one, as wide as a picture that the other model takes in full detail.

    Args:
        reader: the scene, open.
        encoder: the model of pictures and texts.
        query: unit vector of what is looked for, (d,).
        side_px: side of a part, pixels of the scene.
        most: how many parts.
        budget: most windows that are looked at.
        deadline: time left.
        progress: told how far it is.

    Returns:
        Each part, and by how many standard deviations its best window is above the scene as a
        whole.

    Raises:
        InputError: if the scene is smaller than one window, or no window is valid.
        ModelError: if the model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    embed = WindowVectors(reader, encoder, deadline=deadline, progress=progress)
    seen = look_through(embed, query, budget=budget)
    order = np.argsort(-seen.zs, kind="stable")
    standing = [int(n) for n in order if seen.zs[n] >= _LEAST_Z]
    parts = [_around(window, side_px, embed) for window in seen.windows]
    chosen = apart(parts, standing, most=_MOST_COVERED, k=most)
    return tuple((parts[n], float(seen.zs[n])) for n in chosen)


def _around(window: Window, side_px: int, embed: WindowVectors) -> Window:
    row, height = _span(window.row, window.height, side_px, embed.grid.height)
    col, width = _span(window.col, window.width, side_px, embed.grid.width)
    return Window(row=row, col=col, height=height, width=width)


def _span(first: int, count: int, side: int, length: int) -> tuple[int, int]:
    """Return start and length of a stretch of a side around another, within the scene."""
    size = min(max(side, count), length)
    start = first + (count - size) // 2
    return min(max(start, 0), length - size), size
