"""Tiles that cover a scene of any size with overlap, and how two of them pass into each other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window

__all__ = ["SceneTiles", "passing", "tile_scene"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneTiles:
    """Tiles of equal size in rows and columns; make them with `tile_scene`."""

    height: int
    """Rows of the scene."""
    width: int
    """Columns of the scene."""
    tile_height: int
    """Rows of a tile."""
    tile_width: int
    """Columns of a tile."""
    rows: tuple[int, ...]
    """First row of each row of tiles; the first is 0, the last tile ends with the scene."""
    cols: tuple[int, ...]
    """First column of each column of tiles, likewise."""
    edge_share: float
    """Share of an overlap, along the edge of a tile, in which that tile does not count."""

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(self.rows) * len(self.cols)

    @property
    def least_overlap(self) -> int | None:
        """Pixels that two neighbours share at least; None where there is one tile only."""
        steps = [(pairwise(self.rows), self.tile_height), (pairwise(self.cols), self.tile_width)]
        shared = [side - (b - a) for pairs, side in steps for a, b in pairs]
        return min(shared, default=None)

    def window(self, row: int, col: int) -> Window:
        """Return the pixels of a tile.

        Args:
            row: number of its row of tiles.
            col: number of its column of tiles.
        """
        return Window(
            row=self.rows[row],
            col=self.cols[col],
            height=self.tile_height,
            width=self.tile_width,
        )


def tile_scene(
    height: int, width: int, *, tile_px: int, overlap_px: int, edge_share: float = 0.25
) -> SceneTiles:
    """Return as few tiles as cover a scene, spread evenly.

    Args:
        height: rows of the scene.
        width: columns of the scene.
        tile_px: side of a tile; where the scene is smaller, so is the tile.
        overlap_px: pixels that neighbours share at least.
        edge_share: share of an overlap, along the edge of a tile, in which the neighbour alone
            counts. What a network spoils there leaves no trace; at 0.5 nothing is blended.

    Raises:
        InputError: if the overlap is not from 0 to less than a tile, or the share not 0 to 0.5.
    """
    if tile_px < 1 or not 0 <= overlap_px < tile_px:
        raise InputError(
            f"tiles of {tile_px} pixels with an overlap of {overlap_px} were asked for",
            hint="give a tile of at least one pixel, and an overlap smaller than the tile",
        )
    if not 0 <= edge_share <= 0.5:
        raise InputError(
            f"{edge_share:g} of an overlap was to be left out at each edge",
            hint="give a share from 0 to 0.5",
        )
    return SceneTiles(
        height=height,
        width=width,
        tile_height=min(tile_px, height),
        tile_width=min(tile_px, width),
        rows=_starts(height, tile_px, overlap_px),
        cols=_starts(width, tile_px, overlap_px),
        edge_share=edge_share,
    )


def passing(overlap: int, edge_share: float) -> NDArray[np.float32]:
    """Return the weight of the later of two tiles along their overlap, (overlap,), 0 to 1.

    The earlier one has the rest. The weight is 0 in the share of the overlap where the later tile
    begins, 1 where the earlier ends, and rises evenly between; it is the same seen from both ends.
    """
    # nothing is left between the edges at 0.5; the least step then puts a cut in the middle
    edge = min(float(np.ceil(overlap * edge_share)), overlap / 2 - 1e-3)
    along = np.arange(overlap) + 0.5
    weight: NDArray[np.float64] = np.clip((along - edge) / (overlap - 2 * edge), 0.0, 1.0)
    return weight.astype(np.float32)


def _starts(length: int, side: int, overlap: int) -> tuple[int, ...]:
    if length <= side:
        return (0,)
    steps = -(-(length - side) // (side - overlap))
    return tuple(number * (length - side) // steps for number in range(steps + 1))
