"""Read views of one scene as pictures: the same value has the same colour in all of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Grid
from eoagent.geo.sceneview import SceneView
from eoagent.io.previews import shown_bands
from eoagent.io.raster import RasterReader
from eoagent.io.scenepictures import ScenePicture, scene_colours

__all__ = ["ViewPictures"]

_BYTE: Final = 255.0


class ViewPictures:
    """Reads views of one scene, coarse ones from its overviews.

    Args:
        reader: the scene, open.
        grid: lattice that views lie on, where it is another than the scene's own.

    Raises:
        InputError: if its values are to be stretched and none is valid.
        SourceError: if pixels could not be had.
    """

    def __init__(self, reader: RasterReader, *, grid: Grid | None = None) -> None:
        self._reader = reader
        self._grid = grid
        self._names = shown_bands(reader.ref)
        self._low, self._high, rule = scene_colours(reader, self._names)
        self.rule = rule if len(self._names) > 1 else f"one band in grey, {rule}"
        """How values become colours, in words."""

    def read(self, view: SceneView) -> ScenePicture:
        """Return a view as a picture; what is not valid is black.

        Raises:
            InputError: if no pixel of it is valid.
            SourceError: if pixels could not be had.
        """
        shape = (view.height, view.width)
        values, valid = self._reader.read(
            self._names, view.window, grid=self._grid, out_shape=shape, resampling="average"
        )
        if not valid.any():
            raise InputError(
                f"the part of '{self._reader.ref.title}' that is looked at has no valid pixel",
                hint="choose another part, or another image",
            )
        held = np.where(valid, values, self._low)
        shares = np.clip((held - self._low) / (self._high - self._low), 0.0, 1.0)
        pixels = np.zeros((*shape, 3), np.uint8)
        pixels[:] = np.moveaxis(np.rint(_BYTE * shares).astype(np.uint8), 0, -1)
        pixels[~valid] = 0
        return ScenePicture(pixels=pixels, valid=valid)
