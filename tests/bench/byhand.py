"""What one would write by hand with rasterio, numpy, scipy and pyproj: whole arrays, no evidence.

Run as `byhand.py share|largest|polygons SCENE`; it prints the result as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Geod, Transformer

_BLOCK = 64


def _water(path: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Any]:
    """Return (water, valid, dataset) by MNDWI > 0, or NDWI where there is no short-wave infrared."""
    source = rasterio.open(path)
    names = [(text or "").lower() for text in source.descriptions]
    green_at = next(i for i, n in enumerate(names, 1) if n in {"green", "b03"})
    other_at = next(i for i, n in enumerate(names, 1) if n in {"swir16", "b11", "swir1"})
    green = source.read(green_at).astype(np.float32)
    other = source.read(other_at).astype(np.float32)
    nodata = 0 if source.nodata is None else source.nodata
    valid = (green != nodata) & (other != nodata)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = (green - other) / (green + other)
    return (index > 0) & valid, valid, source


def _area_m2(yes: NDArray[np.bool_], source: Any) -> float:
    """Return the geodesic area of the yes pixels, from the outlines of blocks of 64 x 64."""
    geod = Geod(ellps="WGS84")
    to_lonlat = Transformer.from_crs(source.crs, "EPSG:4326", always_xy=True)
    total = 0.0
    height, width = yes.shape
    for row in range(0, height, _BLOCK):
        for col in range(0, width, _BLOCK):
            part = yes[row : row + _BLOCK, col : col + _BLOCK]
            count = int(np.count_nonzero(part))
            if not count:
                continue
            down, right = row + part.shape[0], col + part.shape[1]
            corners = [(col, row), (right, row), (right, down), (col, down)]
            x, y = zip(*(source.transform * corner for corner in corners), strict=True)
            lon, lat = to_lonlat.transform(x, y)
            block_m2 = abs(geod.polygon_area_perimeter(lon, lat)[0])
            total += block_m2 * count / part.size
    return total


def share(path: str) -> dict[str, Any]:
    """Return the share and area of water."""
    yes, valid, source = _water(path)
    return {
        "share_percent": 100 * float(yes.sum() / valid.sum()),
        "area_km2": _area_m2(yes, source) / 1e6,
    }


def largest(path: str) -> dict[str, Any]:
    """Return the largest connected region: how many there are, its size, its outline."""
    import shapely
    from rasterio.features import shapes
    from scipy import ndimage

    yes, _, source = _water(path)
    labels, count = ndimage.label(yes, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    region = labels == sizes.argmax()
    found = shapes(region.astype(np.uint8), mask=region, transform=source.transform)
    outline = shapely.union_all([shapely.geometry.shape(one) for one, _ in found])
    vertices = int(shapely.get_num_coordinates(outline))
    area = _area_m2(region, source) / 1e6
    return {"regions": int(count), "largest_km2": area, "vertices": vertices}


def polygons(path: str) -> dict[str, Any]:
    """Return how many polygons the water makes, with all their outlines in memory."""
    import shapely
    from rasterio.features import shapes

    yes, _, source = _water(path)
    found = shapes(yes.astype(np.uint8), mask=yes, connectivity=8, transform=source.transform)
    outlines = [shapely.geometry.shape(one) for one, _ in found]
    return {
        "regions": len(outlines),
        "vertices": int(shapely.get_num_coordinates(outlines).sum()),
    }


_TASKS: dict[str, Callable[[str], dict[str, Any]]] = {
    "share": share,
    "largest": largest,
    "polygons": polygons,
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(_TASKS[sys.argv[1]](sys.argv[2])) + "\n")
