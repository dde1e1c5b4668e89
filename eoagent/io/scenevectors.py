"""Embed an image as a model of pictures and texts sees it: as one picture, or window by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Encoder, Vectors
from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.tool import Services
from eoagent.geo.pyramid import spots_at
from eoagent.io.blockwise import open_reader
from eoagent.io.tileview import show_window
from eoagent.io.windowvectors import WindowVectors

__all__ = ["SceneVectors", "scene_vectors"]

_LARGE: Final = 2
"""Images with more windows than this along a side are looked at window by window."""
_MOST_WINDOWS: Final = 400


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SceneVectors:
    """What a model of pictures sees of an image."""

    vectors: Vectors
    """A unit vector for each window, (n, d); one where the image was looked at as a whole."""
    rule: str
    """How values became colours."""

    @property
    def mean(self) -> Vectors:
        """Their mean as a unit vector, (1, d)."""
        mean = self.vectors.mean(axis=0, dtype=np.float64)
        found: Vectors = (mean / np.linalg.norm(mean)).astype(np.float32)[None]
        return found


def scene_vectors(
    services: Services, ref: RasterRef, encoder: Encoder, *, by: str = "auto"
) -> SceneVectors:
    """Return the vectors of an image.

    Args:
        services: guard, deadline and progress.
        ref: the image.
        encoder: the model.
        by: `whole`, `windows`, or `auto`, which takes windows where the image is large.

    Raises:
        InputError: if the image has no valid pixel, or no window with enough of them.
        ModelError: if the model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    grid, edge = ref.grid, encoder.card.input_px
    is_large = max(grid.height, grid.width) > _LARGE * edge
    with open_reader(services, ref) as reader:
        if by == "whole" or (by == "auto" and not is_large):
            shown = show_window(reader, max_px=4 * edge)
            return SceneVectors(
                vectors=encoder.encode_images([_square(shown.pixels)]), rule=shown.rule
            )
        embed = WindowVectors(
            reader, encoder, deadline=services.deadline, progress=services.progress
        )
        scale = 1
        while len(spots_at(scale, grid.height, grid.width, edge)) > _MOST_WINDOWS:
            scale *= 2
        spots = spots_at(scale, grid.height, grid.width, edge)
        _, vectors = embed([spot.window(edge, grid.height, grid.width) for spot in spots])
    if not len(vectors):
        raise InputError(
            f"'{ref.title}' has no window with enough valid pixels",
            hint="check it with describe_data",
        )
    return SceneVectors(vectors=vectors, rule=embed.rule)


def _square(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture as a square with black around it, so that nothing of it is cut off."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    if height == width:
        return pixels
    padded = np.zeros((side, side, 3), dtype=np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    padded[top : top + height, left : left + width] = pixels
    return padded
