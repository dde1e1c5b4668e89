"""A window of a scene seen as a picture of another size: from the pixels of one to the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import pixel_size_m

__all__ = ["SceneView", "view_whole", "view_window"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneView:
    """How a picture lies in a scene; `view_whole` and `view_window` make it."""

    scene: Grid
    """The lattice of the scene."""
    window: Window
    """The part of it that the picture shows."""
    height: int
    """Rows of the picture."""
    width: int
    """Columns of the picture."""

    @property
    def rows_per_px(self) -> float:
        """Rows of the scene in a row of the picture."""
        return self.window.height / self.height

    @property
    def cols_per_px(self) -> float:
        """Columns of the scene in a column of the picture."""
        return self.window.width / self.width

    @property
    def is_own(self) -> bool:
        """Whether the pixels of the picture are those of the scene."""
        return (self.height, self.width) == (self.window.height, self.window.width)

    @property
    def grid(self) -> Grid:
        """The lattice of the picture; a stated pixel size is that of a square of equal area."""
        scene, down, across = self.scene, self.rows_per_px, self.cols_per_px
        a, b, c, d, e, f = scene.transform
        row, col = self.window.row, self.window.col
        x, y = a * col + b * row + c, d * col + e * row + f
        update: dict[str, Any] = {"width": self.width, "height": self.height}
        if scene.is_georeferenced:
            update["transform"] = (a * across, b * down, x, d * across, e * down, y)
        update["gcps"] = tuple(
            p.model_copy(update={"row": (p.row - row) / down, "col": (p.col - col) / across})
            for p in scene.gcps
        )
        update["gsd_m"] = None if scene.gsd_m is None else scene.gsd_m * math.sqrt(across * down)
        return scene.model_copy(update=update)

    @property
    def gsd_m(self) -> float | None:
        """Coarser side of a pixel of the picture on the ground, metres; None where nobody knows."""
        if not self.scene.is_georeferenced and self.scene.gsd_m is None:
            return None
        wide, high = pixel_size_m(self.scene)
        return max(wide * self.cols_per_px, high * self.rows_per_px)

    def to_scene(self, points: Floats) -> Floats:
        """Return where points (n, 2) x, y of the picture lie in the pixels of the scene."""
        there: Floats = points * self._scale + self._corner
        return there

    def from_scene(self, points: Floats) -> Floats:
        """Return where points (n, 2) x, y in the pixels of the scene lie in the picture."""
        here: Floats = (points - self._corner) / self._scale
        return here

    def boxes_to_scene(self, boxes: Floats) -> Floats:
        """Return boxes (n, 4) x1, y1, x2, y2 of the picture in the pixels of the scene."""
        return self.to_scene(boxes.reshape(-1, 2)).reshape(-1, 4)

    def nearest_rows(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the row of the picture at each row of the scene; -1 outside."""
        return _nearest(rows, self.window.row, self.window.height, self.height)

    def nearest_cols(self, cols: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the column of the picture at each column of the scene; -1 outside."""
        return _nearest(cols, self.window.col, self.window.width, self.width)

    @property
    def _scale(self) -> Floats:
        return np.array([self.cols_per_px, self.rows_per_px])

    @property
    def _corner(self) -> Floats:
        return np.array([self.window.col, self.window.row], np.float64)


def view_whole(scene: Grid, *, most_pixels: int) -> SceneView:
    """Return a view of a whole scene with at most so many pixels; smaller scenes keep theirs."""
    return view_window(scene, scene.window, most_pixels=most_pixels)


def view_window(scene: Grid, window: Window, *, most_pixels: int) -> SceneView:
    """Return a view of a part of a scene with at most so many pixels; it is never enlarged.

    Raises:
        InputError: if the window reaches beyond the scene, or no pixel is allowed.
    """
    if window.row + window.height > scene.height or window.col + window.width > scene.width:
        raise InputError(
            f"a part of {window.height} rows from {window.row} and {window.width} columns from "
            f"{window.col} was asked for, and the image has {scene.height} x {scene.width}",
            hint="choose a part within the image",
        )
    if most_pixels < 1:
        raise InputError(f"a picture of {most_pixels} pixels was asked for", hint="allow more")
    share = min(1.0, math.sqrt(most_pixels / window.pixels))
    height, width = (max(1, math.floor(size * share)) for size in (window.height, window.width))
    # a scene of one row has no room to be narrower, so that the other side makes up for it
    return SceneView(
        scene=scene,
        window=window,
        height=min(height, max(1, most_pixels // width)),
        width=min(width, most_pixels),
    )


def _nearest(places: NDArray[np.intp], first: int, count: int, pixels: int) -> NDArray[np.intp]:
    found = (2 * (places - first) + 1) * pixels // (2 * count)  # whole numbers, so exact
    inside = (places >= first) & (places < first + count)
    return np.where(inside, np.minimum(found, pixels - 1), -1)
