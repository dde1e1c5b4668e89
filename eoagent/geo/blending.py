"""Blend what tiles of a scene say of its pixels into strips without seams."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InternalError
from eoagent.contracts.geometry import Window
from eoagent.geo.scenetiles import SceneTiles, passing

__all__ = ["Blend", "Values"]

Values = NDArray[np.float32]
"""An array of float32."""

_CUT_PIXELS: Final = 1 << 20
"""Pixels that are blended at a time, so that what lies between takes little memory."""


class Blend:
    """Takes the tiles of a scene row by row, and gives strips that no later tile changes.

    Of each pixel the tiles that hold it have weights that sum to one: where all say the same, it
    is exactly that. Memory is that of one row of tiles, whatever the height of the scene.

    Args:
        tiles: how the scene is cut.
        layers: number of values of a pixel, such as one for each phrase.
    """

    def __init__(self, tiles: SceneTiles, layers: int) -> None:
        self._tiles = tiles
        self._band = np.zeros((layers, tiles.tile_height, tiles.width), np.float32)
        self._carried = np.zeros((layers, 0, tiles.width), np.float32)
        self._row = 0
        self._cols = [0] * layers

    def add(self, layer: int, values: Values) -> None:
        """Add a layer of the next tile of the row.

        Args:
            layer: which.
            values: (height, width) of a tile.

        Raises:
            InternalError: if the row is complete or the values are not of a tile's size.
        """
        tiles, number = self._tiles, self._cols[layer]
        if number == len(tiles.cols) or values.shape != (tiles.tile_height, tiles.tile_width):
            raise InternalError(
                f"values {values.shape} came as tile {number} of a row of {len(tiles.cols)} tiles "
                f"of {tiles.tile_height} x {tiles.tile_width}"
            )
        self._cols[layer] = number + 1
        start = tiles.cols[number]
        filled = tiles.cols[number - 1] + tiles.tile_width if number else 0
        shared = filled - start if number else 0
        band = self._band[layer]
        band[:, start + shared : start + tiles.tile_width] = values[:, shared:]
        if shared:
            weight = passing(shared, tiles.edge_share)
            there = band[:, start:filled]
            there[:] = _between(there, values[:, :shared], weight[np.newaxis])

    def finish_row(self) -> tuple[Window, NDArray[np.float32]]:
        """Close a row of tiles; return the rows of the scene that are done.

        Returns:
            Where they lie, and their values (layers, height, width), which are good until the
            next tile is added.

        Raises:
            InternalError: if a tile of the row is missing, or all rows were closed.
        """
        tiles, number = self._tiles, self._row
        if number == len(tiles.rows) or any(c != len(tiles.cols) for c in self._cols):
            raise InternalError(f"row {number} of {len(tiles.rows)} rows of tiles is not complete")
        start = tiles.rows[number]
        shared = self._carried.shape[1]
        if shared:
            weight = passing(shared, tiles.edge_share)[:, np.newaxis]
            few = max(1, _CUT_PIXELS // tiles.width)
            for old, new in zip(self._carried, self._band, strict=True):
                for top in range(0, shared, few):
                    cut = slice(top, min(top + few, shared))
                    new[cut] = _between(old[cut], new[cut], weight[cut])
        is_last = number + 1 == len(tiles.rows)
        stop = tiles.height if is_last else tiles.rows[number + 1]
        self._carried = self._band[:, stop - start :].copy()
        self._row, self._cols = number + 1, [0] * len(self._cols)
        window = Window(row=start, col=0, height=stop - start, width=tiles.width)
        return window, self._band[:, : stop - start]


def _between(early: Values, late: Values, weight: Values) -> Values:
    """Return early values passing into late ones; exact where both agree and at both ends."""
    mixed = early + (late - early) * weight
    found: Values = np.where(weight >= 1, late, mixed)
    return found
