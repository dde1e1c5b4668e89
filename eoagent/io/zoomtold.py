"""Say which parts of a scene a model is shown, and how much of it they cover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from eoagent.contracts.zoom import Visit
from eoagent.geo.sceneview import SceneView

__all__ = ["coverage", "legend"]

_CELLS: Final = 512
"""Most cells along a side of the scene in which covered ground is counted."""


def legend(whole: SceneView, visits: Sequence[Visit]) -> str:
    """Return which picture shows which part of the first, as a model is told.

    Args:
        whole: the overview, which is the first picture.
        visits: the overview and the parts, in the order of the pictures.
    """
    grid = whole.scene
    said = [f"Picture 1 shows the whole image of {grid.width} x {grid.height} pixels, small."]
    for number, visit in enumerate(visits[1:], start=2):
        window = visit.window
        corners = np.array(
            [[window.col, window.row], [window.col + window.width, window.row + window.height]],
            np.float64,
        )
        place = ", ".join(f"{v:.0f}" for v in whole.from_scene(corners).reshape(4))
        said.append(f"Picture {number} shows the box [{place}] of picture 1 in full detail.")
    return " ".join(said)


def coverage(whole: SceneView, visits: Sequence[Visit]) -> str:
    """Return how much of a scene was looked at, as a sentence for people.

    Args:
        whole: the overview.
        visits: the overview and the parts.
    """
    parts = len(visits) - 1
    grid = whole.scene
    seen = np.zeros((min(grid.height, _CELLS), min(grid.width, _CELLS)), bool)
    down, across = seen.shape[0] / grid.height, seen.shape[1] / grid.width
    for visit in visits[1:]:
        w = visit.window
        rows = slice(int(w.row * down), math.ceil((w.row + w.height) * down))
        cols = slice(int(w.col * across), math.ceil((w.col + w.width) * across))
        seen[rows, cols] = True
    return (
        f"the image of {grid.width} x {grid.height} pixels was looked at as a whole of "
        f"{whole.width} x {whole.height} and in {parts} {'part' if parts == 1 else 'parts'} in "
        f"more detail, which cover {100 * seen.mean():.0f} % of it"
    )
