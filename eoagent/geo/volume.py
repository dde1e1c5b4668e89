"""Volumes between heights and a level, added up strip by strip on the ellipsoid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.geometry import Window
from eoagent.geo.area import Bools, MaskArea, PixelAreas
from eoagent.geo.projection import Floats

__all__ = ["VolumeSum"]


class VolumeSum:
    """Adds up pixel area times depth over the pixels that count.

    The error is that of an outline known to half a pixel, as for areas: half the volume of a pixel
    for each side that it shares with a pixel that does not count; and, where the heights are wrong
    by the same amount everywhere, that amount times the area.

    Args:
        areas: areas of the pixels.
    """

    def __init__(self, areas: PixelAreas) -> None:
        self._areas = areas
        self._block: Floats = np.zeros((1, 1))
        self._sum = MaskArea(PixelAreas(method="pixel area times depth", source=self._current))
        self._ground = 0.0

    def add(
        self, window: Window, depth: NDArray[np.floating[Any]], yes: Bools, valid: Bools
    ) -> None:
        """Add the next strip.

        Args:
            window: where it lies; strips come from top to bottom, equally wide.
            depth: metres, (height, width); counts only where yes.
            yes: which pixels count.
            valid: where it is known whether they do.

        Raises:
            InputError: if a pixel that counts lies off the map.
            InternalError: if strips come out of order.
        """
        area = self._areas.block(window)
        counts = yes & valid
        self._block = np.where(counts, area * np.where(counts, depth, 0.0), 0.0)
        self._sum.add(window, yes, valid)
        self._ground += float(np.broadcast_to(area, yes.shape).sum(where=counts))

    @property
    def volume_m3(self) -> float:
        """Volume, cubic metres."""
        return self._sum.area_m2 or 0.0

    @property
    def area_m2(self) -> float:
        """Area of the pixels that count, square metres."""
        return self._ground

    @property
    def pixels(self) -> int:
        """Pixels that count."""
        return self._sum.yes_pixels

    def error_m3(self, height_error_m: float = 0.0) -> float:
        """Return the stated error for heights that are off by so much everywhere, cubic metres."""
        return float(np.hypot(self._sum.error_m2 or 0.0, height_error_m * self._ground))

    def _current(self, _window: Window) -> Floats:
        return self._block
