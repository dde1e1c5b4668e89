"""The way from pixels to longitude and latitude has an inverse on every kind of grid."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from eoagent.contracts.raster import Gcp, Grid
from eoagent.geo.grid import (
    bounds,
    crs_to_pixel,
    footprint,
    lonlat_to_pixel,
    pixel_size_m,
    pixel_to_crs,
    pixel_to_lonlat,
    strips,
)

MODIS = "+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs"
CRSS = {
    "EPSG:4326": 0.001,
    "EPSG:4267": 0.001,
    "EPSG:4807": 0.001,
    "EPSG:3857": 50.0,
    "EPSG:3413": 50.0,
    "EPSG:32660": 50.0,
    "EPSG:32601": 50.0,
    "EPSG:6933": 50.0,
    MODIS: 50.0,
}
EXACT_M = 0.005
"""PROJ's datum shifts and series have an inverse to a few millimetres."""


@st.composite
def grids(draw):
    crs = draw(st.sampled_from(sorted(CRSS)))
    lon = draw(st.floats(-179.99, 179.99))
    lat = draw(st.floats(-75, 75))
    if crs == "EPSG:3413":
        lat = abs(lat) + 10
    if crs.startswith("EPSG:326"):
        centre = 177 if crs.endswith("60") else -177
        lon = centre + lon / 40
    if crs == MODIS:
        lon *= 0.9
    if crs == "EPSG:4267":
        lon, lat = -100 + lon / 10, 40 + lat / 10
    if crs == "EPSG:4807":
        lon, lat = 2 + lon / 100, 46 + lat / 50
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    size, angle = CRSS[crs] * draw(st.floats(0.01, 2)), draw(st.floats(0, 2 * math.pi))
    c, s = size * math.cos(angle), size * math.sin(angle)
    return Grid(width=400, height=300, crs=crs, transform=(c, s, x, s, -c, y))


@settings(max_examples=60, deadline=None)
@given(grids(), st.floats(0, 300), st.floats(0, 400))
def test_pixel_to_lonlat_and_back_is_the_identity(grid, row, col):
    lon, lat = pixel_to_lonlat(grid, row, col)
    assert -180 <= lon <= 180
    assert -90 <= lat <= 90
    slack = EXACT_M / min(pixel_size_m(grid))
    np.testing.assert_allclose(lonlat_to_pixel(grid, lon, lat), (row, col), atol=slack)


@settings(max_examples=60, deadline=None)
@given(grids(), st.floats(0, 300), st.floats(0, 400), st.integers(-2, 2))
def test_any_turn_of_longitude_names_the_same_pixel(grid, row, col, turn):
    lon, lat = pixel_to_lonlat(grid, row, col)
    there = lonlat_to_pixel(grid, lon + 360.0 * turn, lat)
    slack = EXACT_M / min(pixel_size_m(grid))
    np.testing.assert_allclose(there, (row, col), atol=slack)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-180, 180),
    st.floats(-70, 70),
    st.lists(st.floats(-1e-6, 1e-6), min_size=4, max_size=4),
    st.floats(0, 300),
    st.floats(0, 400),
)
def test_control_points_have_an_inverse(lon, lat, bend, row, col):
    points = [
        (
            float(r),
            float(c),
            lon + 0.001 * c + bend[0] * r * c + bend[1] * c * c,
            lat - 0.001 * r + bend[2] * r * c + bend[3] * r * r,
        )
        for r in (0, 150, 300)
        for c in (0, 200, 400)
    ]
    gcps = tuple(Gcp(row=r, col=c, x=(x + 180) % 360 - 180, y=y) for r, c, x, y in points)
    grid = Grid(width=400, height=300, crs="EPSG:4326", gcps=gcps)
    there = lonlat_to_pixel(grid, *pixel_to_lonlat(grid, row, col))
    np.testing.assert_allclose(there, (row, col), atol=1e-6)
    there = crs_to_pixel(grid, *pixel_to_crs(grid, row, col))
    np.testing.assert_allclose(there, (row, col), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(grids(), st.floats(0, 300), st.floats(0, 400))
def test_the_box_and_the_footprint_hold_every_pixel(grid, row, col):
    lon, lat = (float(v) for v in pixel_to_lonlat(grid, row, col))
    box = bounds(grid)
    slack = 0.01
    assert box.south - slack <= lat <= box.north + slack
    if box.crosses_antimeridian:
        assert lon >= box.west - slack or lon <= box.east + slack
    else:
        assert box.west - slack <= lon <= box.east + slack
    west, _, east, _ = footprint(grid).bounds
    assert -180 <= west < 180
    assert any(west - slack <= lon + turn <= east + slack for turn in (0, 360))


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 500), st.integers(1, 8))
def test_strips_cover_every_row_once(height, width, block, align):
    found = list(strips((height, width), block, align))
    assert [w.row for w in found] == [0, *np.cumsum([w.height for w in found])[:-1]]
    assert sum(w.height for w in found) == height
    assert all(w.width == width and w.col == 0 for w in found)
    assert all(w.row % align == 0 for w in found)
    assert all(w.pixels <= max(block, align * width) for w in found)
