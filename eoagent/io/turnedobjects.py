"""Boxes around objects of a scene that are turned as the objects lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from eoagent.contracts.raster import MaskRef
from eoagent.contracts.tool import Services
from eoagent.geo.oriented import oriented_boxes
from eoagent.geo.projection import is_lonlat
from eoagent.geo.sampling import Sampling
from eoagent.io.regiontrace import find_regions, trace_regions

__all__ = ["turned_boxes"]


def turned_boxes(
    services: Services,
    ref: MaskRef,
    chosen: NDArray[np.intp],
    upright: Sequence[shapely.Geometry],
    *,
    sampling: Sampling,
) -> list[shapely.Geometry]:
    """Return the smallest rectangle around each object, in the CRS of the scene or its own pixels.

    An object too small to be traced keeps its upright box.

    Args:
        services: store, deadline, progress and the most vertices that are traced.
        ref: the mask as it was kept.
        chosen: places of the objects.
        upright: their upright boxes, in the same order.
        sampling: how the scene was looked at.

    Raises:
        NotFound: if the mask has gone.
        SourceError: if it is damaged.
    """
    if not len(chosen):
        return []
    traced = trace_regions(services, ref, find_regions(services, ref, 8), chosen)
    outlines = traced.features.geometries
    if not ref.grid.is_georeferenced and not sampling.is_own:
        scale = np.array([sampling.cols_per_px, sampling.rows_per_px])
        outlines = shapely.transform(outlines, lambda points: points * scale)
    crs = ref.grid.crs
    turned = oriented_boxes(list(outlines), is_geographic=bool(crs) and is_lonlat(crs))
    by_place = dict(zip(traced.regions.tolist(), turned, strict=True))
    return [by_place.get(place, box) for place, box in zip(chosen.tolist(), upright, strict=True)]
