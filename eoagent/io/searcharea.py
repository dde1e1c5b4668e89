"""Turn features into the area that tiles are searched in: a polygon in longitude and latitude."""

from __future__ import annotations

from typing import Any

import shapely
import shapely.geometry

from eoagent.contracts.errors import InputError
from eoagent.geo.antimeridian import split_at_antimeridian
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.featureset import FeatureSet

__all__ = ["search_area"]


def search_area(features: FeatureSet) -> dict[str, Any]:
    """Return the ground that features cover, as a GeoJSON (multi)polygon.

    Raises:
        InputError: if they are in pixels, or none of them has an area.
    """
    if not features.crs:
        raise InputError(
            f"{features.label or 'the area'} is in pixels, and tiles lie on the ground",
            hint="give features with longitude and latitude, or a box W,S,E,N",
        )
    shapes = [split_at_antimeridian(to_lonlat(g, features.crs)) for g in features.geometries]
    areas = [shape for shape in shapes if shapely.get_dimensions(shape) == 2]
    if not areas:
        raise InputError(
            f"{features.label or 'the area'} holds no polygon, and a search wants an area",
            hint="give an outline, or a distance round the point (find_place with radius_m)",
        )
    whole = shapely.union_all(areas)
    mapped: dict[str, Any] = shapely.geometry.mapping(whole)
    return {"type": mapped["type"], "coordinates": mapped["coordinates"]}
