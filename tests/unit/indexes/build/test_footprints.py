"""Outlines of windows: the same as pyproj and rasterio give, over the antimeridian too."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import transform_geom

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Gcp, Grid
from eoagent_indexes.build.footprints import outlines


def grid(crs, x, y, size, *, width=1000, height=1000):
    return Grid(width=width, height=height, crs=crs, transform=(size, 0, x, 0, -size, y))


def at(transform, col, row):
    a, b, x, d, e, y = transform
    return a * col + b * row + x, d * col + e * row + y


def dense(crs, transform, window):
    """The outline by rasterio, with 64 points a side."""
    along = np.linspace(0, 1, 65)
    ring = [(c, 0) for c in along] + [(1, r) for r in along]
    ring += [(1 - c, 1) for c in along] + [(0, 1 - r) for r in along]
    points = [
        at(transform, window.col + c * window.width, window.row + r * window.height)
        for c, r in ring
    ]
    shape = {"type": "Polygon", "coordinates": [[*points, points[0]]]}
    return shapely.geometry.shape(transform_geom(crs, "EPSG:4326", shape))


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([32631, 32733, 3035, 3857, 4326]),
    st.integers(0, 700),
    st.integers(0, 700),
    st.sampled_from([0.5, 10.0, 300.0]),
)
def test_outlines_are_those_of_rasterio_to_a_quarter_of_a_pixel(code, row, col, size):
    x, y = {3035: (4e6, 3e6), 3857: (1e6, 6e6), 4326: (12.0, 50.0)}.get(code, (450_000, 5_500_000))
    size = size / 100_000 if code == 4326 else size
    given_ = grid(f"EPSG:{code}", x, y, size)
    window = Window(row=row, col=col, height=224, width=224)
    (found,) = outlines(given_, [window])
    shape = shapely.from_wkb(found.wkb)
    wanted = dense(f"EPSG:{code}", given_.transform, window)
    assert shape.is_valid
    assert shape.symmetric_difference(wanted).area / wanted.area < 4 * 0.3 / 224
    assert shapely.box(*shape.bounds).equals_exact(
        shapely.box(found.bbox.west, found.bbox.south, found.bbox.east, found.bbox.north), 1e-12
    )


def test_large_tiles_get_points_along_their_sides_and_small_ones_do_not():
    window = [Window(row=0, col=0, height=224, width=224)]
    (small,) = outlines(grid("EPSG:32633", 5e5, 51e5, 10.0), window)
    (large,) = outlines(grid("EPSG:3413", -1e6, -1e6, 1000.0), window)
    assert len(shapely.get_coordinates(shapely.from_wkb(small.wkb))) == 5
    assert len(shapely.get_coordinates(shapely.from_wkb(large.wkb))) > 16


def test_a_tile_over_the_antimeridian_is_two_parts_and_its_box_turns_round():
    given_ = grid("EPSG:32601", 190_000.0, 5_000_000.0, 100.0)  # 180 degrees lies at 264 km
    windows = [Window(row=0, col=c, height=500, width=500) for c in (0, 500, 1000)]
    before, over, beyond = outlines(given_, windows)
    assert shapely.from_wkb(before.wkb).geom_type == "Polygon"
    assert 179 < before.bbox.west < before.bbox.east < 180
    assert shapely.from_wkb(over.wkb).geom_type == "MultiPolygon"
    assert over.bbox.crosses_antimeridian
    west, _, east, _ = shapely.from_wkb(over.wkb).bounds
    assert (west, east) == (-180.0, 180.0)
    assert over.bbox.west > 179 > -179 > over.bbox.east
    assert shapely.from_wkb(beyond.wkb).geom_type == "Polygon"
    assert beyond.bbox.west > -180


def test_a_tile_round_the_pole_reaches_it():
    given_ = grid("EPSG:3413", -100_000.0, 100_000.0, 200.0)
    (found,) = outlines(given_, [Window(row=0, col=0, height=1000, width=1000)])
    shape = shapely.from_wkb(found.wkb)
    assert shape.bounds[3] == pytest.approx(90)
    assert (found.bbox.west, found.bbox.east) == (-180, 180)


def test_windows_of_a_grid_by_control_points_are_placed_too():
    points = tuple(
        Gcp(row=r, col=c, x=10 + c / 1000, y=50 - r / 1000) for r in (0, 100) for c in (0, 100)
    )
    given_ = Grid(width=100, height=100, crs="EPSG:4326", gcps=points)
    (found,) = outlines(given_, [Window(row=50, col=20, height=10, width=10)])
    assert shapely.from_wkb(found.wkb).bounds == pytest.approx((10.02, 49.94, 10.03, 49.95))


def test_without_georeference_there_is_no_place():
    windows = [Window(row=0, col=0, height=4, width=4)]
    assert outlines(Grid(width=8, height=8), windows) == [None]
    assert outlines(grid("EPSG:32633", 5e5, 5e6, 10.0), []) == []


def test_off_the_map_there_is_no_place():
    given_ = grid("+proj=geos +h=35785831 +lon_0=0 +sweep=y", -9e6, 9e6, 1000.0)
    assert outlines(given_, [Window(row=0, col=0, height=10, width=10)]) == [None]
