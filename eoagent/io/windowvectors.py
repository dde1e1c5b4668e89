"""Embed windows of a raster, batch by batch, and look through a large one coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Encoder, Vectors
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.progress import Deadline, Progress
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import pixel_size_m
from eoagent.geo.pyramid import Spot, beneath, coarsest_scale, spots_at
from eoagent.io.raster import RasterReader
from eoagent.io.tileview import show_window

__all__ = ["Seen", "WindowVectors", "known_gsd_m", "look_through"]

_BATCH: Final = 32
_LEAST_VALID: Final = 0.5
"""Windows with less of them valid are not looked at."""
_FLAT: Final = 1e-6
"""A smaller spread of cosines is rounding."""
_FEW: Final = 4
"""Of fewer windows none stands out."""


def known_gsd_m(grid: Grid) -> float | None:
    """Return the coarser side of a pixel on the ground, metres; None where nobody knows."""
    try:
        return max(pixel_size_m(grid))
    except InputError:
        return None


class WindowVectors:
    """Embeds windows of one raster.

    Args:
        reader: the raster, open.
        encoder: the model; windows are read at the size that it takes.
        deadline: time left.
        progress: told how far it is.
    """

    def __init__(
        self, reader: RasterReader, encoder: Encoder, *, deadline: Deadline, progress: Progress
    ) -> None:
        self.grid = reader.ref.grid
        """Lattice of the raster."""
        self.edge = encoder.card.input_px
        """Side of a window at the finest scale, pixels."""
        self.rule = ""
        """How values became colours, once a window was read."""
        self._reader = reader
        self._encoder = encoder
        self._deadline = deadline
        self._progress = progress

    def __call__(
        self, windows: Sequence[Window], *, done: tuple[float, float] = (0.0, 1.0)
    ) -> tuple[NDArray[np.intp], Vectors]:
        """Return the numbers of the windows that could be looked at, and their vectors.

        Args:
            windows: the windows.
            done: share of the work that is done before and after, for the progress.

        Raises:
            BudgetExceeded: if the time is over.
            ModelError: if the model fails.
            SourceError: if pixels could not be had.
        """
        kept: list[int] = []
        parts: list[Vectors] = []
        for start in range(0, len(windows), _BATCH):
            self._deadline.check()
            share = done[0] + (done[1] - done[0]) * start / len(windows)
            self._progress(min(max(share, 0.0), 1.0), "looking at windows")
            pictures = {
                start + n: pixels
                for n, window in enumerate(windows[start : start + _BATCH])
                if (pixels := self._picture(window)) is not None
            }
            if pictures:
                parts.append(self._encoder.encode_images(list(pictures.values())))
                kept += pictures
        empty = np.zeros((0, self._encoder.card.dimensions), dtype=np.float32)
        return np.array(kept, dtype=np.intp), np.concatenate(parts) if parts else empty

    def _picture(self, window: Window) -> NDArray[np.uint8] | None:
        try:
            shown = show_window(self._reader, window, max_px=self.edge)
        except InputError:  # it has no valid pixel
            return None
        self.rule = self.rule or shown.rule
        return shown.pixels if shown.valid.mean() >= _LEAST_VALID else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was looked at in an image: same order in all fields."""

    spots: tuple[Spot, ...]
    """The windows by scale and place."""
    windows: tuple[Window, ...]
    """The windows in pixels."""
    scores: NDArray[np.float64]
    """Cosine of each window and the query."""
    zs: NDArray[np.float64]
    """Standard deviations above the mean of the coarsest windows, which cover the whole image and
    were chosen by nobody; 0 where they are too few."""


def look_through(embed: WindowVectors, query: NDArray[np.float32], *, budget: int) -> Seen:
    """Look at all windows of the coarsest scale, then from scale to scale into the best.

    The coarsest scale is looked at whole, whatever the budget; what is left of it is shared out
    evenly among the finer ones.

    Args:
        embed: the image.
        query: unit vector of what is looked for.
        budget: most windows.

    Raises:
        InputError: if the image is smaller than one window, or no window is valid.
    """
    height, width, edge = embed.grid.height, embed.grid.width, embed.edge
    scale = coarsest_scale(height, width, edge)
    waiting = list(spots_at(scale, height, width, edge))
    spots: list[Spot] = []
    scores: list[NDArray[np.float64]] = []
    while waiting:
        windows = [spot.window(edge, height, width) for spot in waiting]
        part = len(spots) / budget, (len(spots) + len(windows)) / budget
        kept, vectors = embed(windows, done=part)
        own = (vectors @ query).astype(np.float64)
        here = [waiting[int(n)] for n in kept]
        spots += here
        scores.append(own)
        levels = max(scale.bit_length() - 1, 1)  # finer scales that are still to come
        room = max(budget - len(spots), 0) // levels
        waiting = _within(here, own, embed, room=room)
        scale //= 2
    if not spots:
        raise InputError(
            "the image has no window with enough valid pixels",
            hint="check it with describe_data",
        )
    return Seen(
        spots=tuple(spots),
        windows=tuple(spot.window(edge, height, width) for spot in spots),
        scores=np.concatenate(scores),
        zs=_z(np.concatenate(scores), among=scores[0]),
    )


def _within(
    spots: Sequence[Spot], scores: NDArray[np.float64], embed: WindowVectors, *, room: int
) -> list[Spot]:
    """Return the next finer windows in the best of a scale, as many as there is room for."""
    chosen: dict[Spot, None] = {}
    for n in np.argsort(-scores, kind="stable"):
        inner = beneath(spots[int(n)], embed.grid.height, embed.grid.width, embed.edge)
        fresh = [spot for spot in inner if spot not in chosen]
        if len(chosen) + len(fresh) > room:
            break
        chosen.update(dict.fromkeys(fresh))
    return list(chosen)


def _z(scores: NDArray[np.float64], *, among: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = float(among.std()) if among.size >= _FEW else 0.0
    if spread < _FLAT:
        return np.zeros_like(scores)
    return np.asarray((scores - among.mean()) / spread)
