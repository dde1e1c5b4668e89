"""Grids: where pixels lie on Earth, what they cover, and strips to read them in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike
from shapely import Polygon

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox, Window
from eoagent.contracts.raster import Grid
from eoagent.geo.antimeridian import bring_near, unroll_ring, wrap_lon
from eoagent.geo.gcps import GcpPolynomial, fit_gcps
from eoagent.geo.projection import (
    WGS84,
    Floats,
    areal_scale,
    crs_of,
    crs_text,
    from_wgs84,
    is_lonlat,
    to_wgs84,
    turn_of,
)

__all__ = [
    "bounds",
    "crs_text",
    "crs_to_pixel",
    "footprint",
    "lonlat_to_pixel",
    "pixel_density_m2",
    "pixel_size_m",
    "pixel_to_crs",
    "pixel_to_lonlat",
    "same_grid",
    "strips",
]

_SAME_GRID_PX: Final = 0.01
_BOUNDS_STEPS: Final = 64
_STRIP_PIXELS: Final = 1 << 22


def pixel_to_crs(grid: Grid, rows: ArrayLike, cols: ArrayLike) -> tuple[Floats, Floats]:
    """Return the x and y of pixel positions in the grid's CRS (in pixels if it has none).

    Args:
        grid: affine or with control points.
        rows: counted from the outer corner: the centre of the first pixel is at 0.5.
        cols: likewise.

    Raises:
        InputError: if control points do not fix the grid.
    """
    fitted = _polynomial(grid)
    if fitted is not None:
        return fitted.forward(rows, cols)
    r, c = np.asarray(rows, dtype=np.float64), np.asarray(cols, dtype=np.float64)
    if not grid.is_georeferenced:
        r, c = np.broadcast_arrays(r, c)
        return c.copy(), r.copy()
    a, b, x0, d, e, y0 = grid.transform
    return a * c + b * r + x0, d * c + e * r + y0


def crs_to_pixel(grid: Grid, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return the rows and columns, from the outer corner, of coordinates in the grid's CRS.

    Off a grid with control points a far point may have none: NaN.

    Raises:
        InputError: if control points do not fix the grid.
    """
    fitted = _polynomial(grid)
    if fitted is not None:
        return fitted.inverse(x, y)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if not grid.is_georeferenced:
        x, y = np.broadcast_arrays(x, y)
        return y.copy(), x.copy()
    a, b, x0, d, e, y0 = grid.transform
    det = a * e - b * d
    return (a * (y - y0) - d * (x - x0)) / det, (e * (x - x0) - b * (y - y0)) / det


def pixel_to_lonlat(grid: Grid, rows: ArrayLike, cols: ArrayLike) -> tuple[Floats, Floats]:
    """Return WGS84 longitudes (-180..180) and latitudes, degrees, of pixel positions.

    Positions off the map of a projection come out as NaN.

    Args:
        grid: affine or with control points.
        rows: counted from the outer corner: the centre of the first pixel is at 0.5.
        cols: likewise.

    Raises:
        InputError: if the grid has no georeference.
    """
    lon, lat = to_wgs84(grid.crs, *pixel_to_crs(grid, rows, cols))
    return wrap_lon(lon), lat


def lonlat_to_pixel(grid: Grid, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Return the rows and columns, from the outer corner, of WGS84 degrees.

    Longitudes may come in any turn; the place nearest to the grid's centre is meant. Positions
    outside the grid are returned as they fall; those with no place in its CRS as NaN.

    Raises:
        InputError: if the grid has no georeference.
    """
    mid_x, mid_y = pixel_to_crs(grid, grid.height / 2, grid.width / 2)
    if is_lonlat(grid.crs):
        x, y = from_wgs84(grid.crs, wrap_lon(lon), lat)
        return crs_to_pixel(grid, bring_near(x, mid_x, turn_of(grid.crs)), y)
    middle = float(to_wgs84(grid.crs, mid_x, mid_y)[0])
    near = bring_near(lon, middle) if np.isfinite(middle) else wrap_lon(lon)
    return crs_to_pixel(grid, *from_wgs84(grid.crs, near, lat))


def footprint(grid: Grid, steps: int = 16) -> Polygon:
    """Return the outline of a grid in WGS84 degrees.

    Longitudes are continuous: the western end lies within -180..180 and the eastern may pass 180.
    A grid whose corners are off the map (a full disk) gets the box of what is on it.

    Args:
        grid: affine or with control points.
        steps: points on each side, at least 4.

    Raises:
        InputError: if the grid has no georeference or lies off the map.
    """
    along = np.linspace(0, 1, max(steps, 4), endpoint=False)
    zero = np.zeros_like(along)
    cols = np.concatenate([along, zero + 1, 1 - along, zero, [0.0]]) * grid.width
    rows = np.concatenate([zero, along, zero + 1, 1 - along, [0.0]]) * grid.height
    lon, lat = to_wgs84(grid.crs, *pixel_to_crs(grid, rows, cols))
    if np.isfinite(lon).all():
        ring = unroll_ring(lon, np.clip(lat, -90, 90))
        ring[:, 0] -= 360 * np.floor((ring[:, 0].min() + 180) / 360)
        return Polygon(ring)
    rows, cols = np.meshgrid(
        np.linspace(0, grid.height, 65), np.linspace(0, grid.width, 65), indexing="ij"
    )
    lon, lat = pixel_to_lonlat(grid, rows, cols)
    if not np.isfinite(lon).any():
        raise InputError(
            f"the grid of {grid.width} x {grid.height} pixels lies off the map of its CRS",
            hint="check the file's coordinate system and transform",
        )
    box: Polygon = shapely.box(np.nanmin(lon), np.nanmin(lat), np.nanmax(lon), np.nanmax(lat))
    return box


def bounds(grid: Grid) -> BBox:
    """Return the box around a grid; west is greater than east if it crosses the antimeridian.

    Raises:
        InputError: if the grid has no georeference or lies off the map.
    """
    west, south, east, north = footprint(grid, _BOUNDS_STEPS).bounds
    if east - west >= 360:
        return BBox(west=-180, south=south, east=180, north=north)
    return BBox(west=west, south=south, east=float(wrap_lon(east)), north=north)


def pixel_density_m2(grid: Grid, rows: ArrayLike, cols: ArrayLike) -> Floats:
    """Return square metres of ground per pixel at pixel positions; NaN off the map.

    Raises:
        InputError: if the grid has no georeference.
    """
    fitted = _polynomial(grid)
    if fitted is None:
        a, b, _, d, e, _ = grid.transform
        share: Floats = np.asarray(abs(a * e - b * d))
    else:
        share = np.abs(np.linalg.det(fitted.jacobian(rows, cols)))
    return share * areal_scale(grid.crs, *pixel_to_crs(grid, rows, cols))


def pixel_size_m(grid: Grid) -> tuple[float, float]:
    """Return the width and height of the pixel at the centre of a grid on the ground, metres.

    Raises:
        InputError: if neither a georeference nor a stated ground sampling distance is there.
    """
    if not grid.is_georeferenced:
        if grid.gsd_m is None:
            raise InputError(
                "the size of a pixel in metres was asked for, but the image has no georeference",
                hint="state --gsd (metres per pixel), or ask in pixels",
            )
        return grid.gsd_m, grid.gsd_m
    row, col = grid.height / 2, grid.width / 2
    lon, lat = pixel_to_lonlat(
        grid, [row, row, row - 0.5, row + 0.5], [col - 0.5, col + 0.5, col, col]
    )
    if not np.isfinite(lon).all():
        raise InputError(
            "the size of a pixel was asked for, but the centre of the grid lies off the map",
            hint="check the file's coordinate system and transform",
        )
    _, _, sizes = WGS84.inv(lon[0::2], lat[0::2], lon[1::2], lat[1::2])
    return float(sizes[0]), float(sizes[1])


def strips(
    size: Grid | tuple[int, int], block_pixels: int = _STRIP_PIXELS, align: int = 1
) -> Iterator[Window]:
    """Yield full-width strips from the top to the bottom.

    Args:
        size: a grid, or (height, width).
        block_pixels: most pixels in a strip; a strip has at least `align` rows all the same.
        align: rows of a strip are a multiple of this (the height of a file's blocks).
    """
    height, width = (size.height, size.width) if isinstance(size, Grid) else size
    rows = max(block_pixels // width // align, 1) * align
    for row in range(0, height, rows):
        yield Window(row=row, col=0, height=min(rows, height - row), width=width)


def same_grid(a: Grid, b: Grid) -> bool:
    """Return whether two grids have the same pixels: size, CRS, and corners to 0.01 pixel."""
    if (a.height, a.width) != (b.height, b.width) or a.is_georeferenced != b.is_georeferenced:
        return False
    if not a.is_georeferenced:
        return True
    if a.crs != b.crs and not crs_of(a.crs).equals(crs_of(b.crs), ignore_axis_order=True):
        return False
    if bool(a.gcps) != bool(b.gcps):
        return False
    rows = np.array([0.0, 0.0, a.height, a.height, a.height / 2])
    cols = np.array([0.0, a.width, 0.0, a.width, a.width / 2])
    at_rows, at_cols = crs_to_pixel(a, *pixel_to_crs(b, rows, cols))
    apart = np.maximum(np.abs(at_rows - rows), np.abs(at_cols - cols))
    return bool(np.all(apart < _SAME_GRID_PX))


def _polynomial(grid: Grid) -> GcpPolynomial | None:
    if not grid.gcps or not grid.is_georeferenced:
        return None
    return fit_gcps(grid.gcps, turn_of(grid.crs) if is_lonlat(grid.crs) else None)
