"""Areas of masks agree with the geodesic areas of their pixels' polygons, as pyproj gives them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pyproj import Geod, Transformer

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Gcp, Grid
from eoagent.geo.area import MaskArea, pixel_areas

WGS84 = Geod(ellps="WGS84")
MODIS = "+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs"
CLOSE = 1e-5


def affine(grid, rows, cols):
    a, b, c, d, e, f = grid.transform
    return a * cols + b * rows + c, d * cols + e * rows + f


def pixel_oracle(grid, row, col, *, place=affine, steps=4):
    """Geodesic area of one pixel's polygon, its edges cut into steps."""
    k = np.arange(steps) / steps
    rows = row + np.concatenate([0 * k, k, 0 * k + 1, 1 - k])
    cols = col + np.concatenate([k, 0 * k + 1, 1 - k, 0 * k])
    way = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    lon, lat = way.transform(*place(grid, rows, cols))
    return abs(WGS84.polygon_area_perimeter(lon, np.clip(lat, -90, 90))[0])


def mask_area(grid, yes, rows_per_strip=3):
    total = MaskArea(pixel_areas(grid))
    for row in range(0, grid.height, rows_per_strip):
        part = yes[row : row + rows_per_strip]
        window = Window(row=row, col=0, height=len(part), width=grid.width)
        total.add(window, part, np.ones_like(part))
    return total.area_m2


def check(grid, yes, *, place=affine, steps=4, rel=CLOSE):
    wanted = sum(pixel_oracle(grid, r, c, place=place, steps=steps) for r, c in np.argwhere(yes))
    assert mask_area(grid, yes) == pytest.approx(wanted, rel=rel, abs=0.5)


def masks(height, width):
    return hnp.arrays(bool, (height, width))


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-180, 180), st.floats(-85, 85), st.floats(0.003, 0.2), st.floats(0.5, 2), masks(7, 5)
)
def test_longitude_latitude_grids_agree_even_over_the_antimeridian(lon, lat, size, aspect, yes):
    grid = Grid(
        width=5, height=7, crs="EPSG:4326", transform=(size * aspect, 0, lon, 0, -size, lat)
    )
    # parallels are no geodesics: many steps keep the polygon's sides on them
    check(grid, yes, steps=64)


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.integers(1, 60), st.sampled_from([326, 327])),
    st.floats(2e5, 8e5),
    st.floats(1e5, 9e6),
    st.floats(300, 5000),
    masks(6, 6),
)
def test_utm_grids_agree(zone, x, y, size, yes):
    crs = f"EPSG:{zone[1]}{zone[0]:02d}"
    grid = Grid(width=6, height=6, crs=crs, transform=(size, 0, x, 0, -size, y))
    check(grid, yes)


@settings(max_examples=30, deadline=None)
@given(st.floats(-120, 120), st.floats(-75, 75), st.floats(300, 1000), masks(6, 6))
def test_modis_sinusoidal_grids_agree(lon, lat, size, yes):
    x, y = Transformer.from_crs("EPSG:4326", MODIS, always_xy=True).transform(lon, lat)
    grid = Grid(width=6, height=6, crs=MODIS, transform=(size, 0, x, 0, -size, y))
    check(grid, yes)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0, 2 * math.pi), st.floats(-150, 150), st.floats(-70, 70), st.booleans(), masks(6, 6)
)
def test_rotated_grids_agree(angle, lon, lat, in_degrees, yes):
    crs, size, x, y = "EPSG:4326", 0.01, lon, lat
    if not in_degrees:
        crs, size = "EPSG:3857", 1000.0
        x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    c, s = size * math.cos(angle), size * math.sin(angle)
    grid = Grid(width=6, height=6, crs=crs, transform=(c, s, x, s, -c, y))
    check(grid, yes, steps=8)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-180, 180),
    st.floats(-60, 60),
    st.lists(st.floats(-3e-4, 3e-4), min_size=4, max_size=4),
    masks(6, 6),
)
def test_grids_with_control_points_agree(lon, lat, bend, yes):
    def place(_, rows, cols):
        x = lon + 0.01 * cols + bend[0] * rows * cols + bend[1] * cols**2
        return x, lat - 0.01 * rows + bend[2] * rows * cols + bend[3] * rows**2

    points = [(r, c, *place(None, r, c)) for r in (0.0, 2.0, 6.0) for c in (0.0, 3.0, 6.0)]
    gcps = tuple(Gcp(row=r, col=c, x=(x + 180) % 360 - 180, y=y) for r, c, x, y in points)
    grid = Grid(width=6, height=6, crs="EPSG:4326", gcps=gcps)
    check(grid, yes, place=place, steps=8)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), hnp.arrays(bool, (9, 4)), hnp.arrays(bool, (9, 4)), st.booleans())
def test_strips_of_any_height_give_one_area_and_one_error(height, yes, valid, is_flat):
    size = 500.0 if not is_flat else 0.01
    crs, x, y = ("EPSG:4326", 10.0, 50.0) if is_flat else ("EPSG:3035", 4e6, 3e6)
    grid = Grid(width=4, height=9, crs=crs, transform=(size, 0, x, 0, -size, y))
    whole, parts = MaskArea(pixel_areas(grid)), MaskArea(pixel_areas(grid))
    whole.add(grid.window, yes, valid)
    for row in range(0, 9, height):
        part = slice(row, row + height)
        window = Window(row=row, col=0, height=len(yes[part]), width=4)
        parts.add(window, yes[part], valid[part])
    assert (parts.yes_pixels, parts.valid_pixels, parts.edges) == (
        whole.yes_pixels,
        whole.valid_pixels,
        whole.edges,
    )
    for name in ("area_m2", "valid_area_m2", "error_m2"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-12)
