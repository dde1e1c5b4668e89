"""The smallest turned rectangle around points or outlines.

One side of the rectangle of least area lies on the convex hull, so each side of the hull is tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError

__all__ = ["oriented_boxes", "rectangle_around"]

_STEEPEST_DEG = 89.9


def oriented_boxes(
    outlines: Sequence[BaseGeometry], *, is_geographic: bool = False
) -> list[shapely.Polygon]:
    """Return the rectangle of least area around each outline, turned as it has to be.

    Corners are in the coordinates of the outlines, counter-clockwise where y grows upward.

    Args:
        outlines: of the objects; all parts of one are inside its rectangle.
        is_geographic: coordinates are longitudes and latitudes, degrees. The rectangle is then
            one on the ground, near enough for an object of a few kilometres.

    Raises:
        InputError: if an outline has no area, or a coordinate is not finite.
    """
    return [_box(number, outline, is_geographic) for number, outline in enumerate(outlines)]


def rectangle_around(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners (4, 2) of the rectangle of least area around points (n, 2).

    The corner of greatest y (of two, the one of greater x) comes first, the others follow
    clockwise where y grows downward.
    """
    hull = shapely.get_coordinates(shapely.convex_hull(shapely.multipoints(points)))
    edges = np.diff(hull, axis=0)
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    along = edges[lengths > 0] / lengths[lengths > 0, None]
    if not len(along):
        along = np.array([[1.0, 0.0]])
    across = np.column_stack([-along[:, 1], along[:, 0]])
    u, v = hull @ along.T, hull @ across.T
    spans = (u.max(axis=0) - u.min(axis=0)) * (v.max(axis=0) - v.min(axis=0))
    best = int(np.argmin(spans))
    ends = [(u[:, best].max(), v[:, best].max()), (u[:, best].min(), v[:, best].max())]
    ends += [(u[:, best].min(), v[:, best].min()), (u[:, best].max(), v[:, best].min())]
    corners = np.array([a * along[best] + b * across[best] for a, b in ends])
    start = np.lexsort((np.round(corners[:, 0], 9), np.round(corners[:, 1], 9)))[-1]
    return np.roll(corners, -int(start), axis=0)


def _box(number: int, outline: BaseGeometry, is_geographic: bool) -> shapely.Polygon:
    points = shapely.get_coordinates(outline)
    if not np.isfinite(points).all():
        raise InputError(f"outline {number + 1} has a coordinate that is not finite")
    if not outline.area > 0:
        raise InputError(
            f"outline {number + 1} is a {outline.geom_type} without area, and no rectangle lies "
            "around it",
            hint="give outlines of objects, not points or lines",
        )
    # near its own middle, so that large map coordinates cost no digits
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    steep = min(abs(float(middle[1])), _STEEPEST_DEG)
    scale = np.array([math.cos(math.radians(steep)) if is_geographic else 1.0, 1.0])
    corners = rectangle_around((points - middle) * scale) / scale + middle
    return shapely.Polygon(corners)
