"""A map about shapes alone: all of them inside, true proportions, neighbours over 180 degrees."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Geod

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Grid
from eoagent.io.freegrid import grid_about, near_grid

WGS84 = Geod(ellps="WGS84")
SHAPES = {
    "wide": [shapely.box(13, 60, 14, 60.1)],
    "tall": [shapely.LineString([(-70, -50), (-70.1, -40)])],
    "point": [shapely.Point(13.2, 45.1)],
    "seam": [shapely.Point(180, 5)],
    "islands": [shapely.box(179, -17, 179.9, -16), shapely.box(-179.9, -18, -179.6, -17)],
    "unrolled": [shapely.box(179, 64, 184, 66)],
    "world": [shapely.box(-180, -60, 180, 80)],
}


def columns_of(grid, shapes):
    """Return (col, row) of all vertices."""
    a, _, west, _, e, north = grid.transform
    xy = shapely.get_coordinates(near_grid(shapes, grid))
    return (xy[:, 0] - west) / a, (xy[:, 1] - north) / e


@pytest.mark.parametrize("name", SHAPES)
def test_all_shapes_lie_inside_with_a_margin(name):
    grid = grid_about(SHAPES[name])
    cols, rows = columns_of(grid, SHAPES[name])
    assert max(grid.width, grid.height) == 800
    assert min(grid.width, grid.height) >= 0.4 * 800
    for found, size in ((cols, grid.width), (rows, grid.height)):
        assert found.min() >= 0.045 * size
        assert found.max() <= 0.955 * size
        assert (found.min() + found.max()) / 2 == pytest.approx(size / 2, abs=1)
    longest = max(np.ptp(cols), np.ptp(rows))
    assert longest == pytest.approx(800 / 1.1, abs=1) or name in {"point", "seam"}


@pytest.mark.parametrize("name", ["wide", "tall", "point", "seam", "islands", "unrolled"])
def test_pixels_are_square_on_the_ground_in_the_middle(name):
    grid = grid_about(SHAPES[name])
    a, _, west, _, e, north = grid.transform
    lon, lat = west + grid.width / 2 * a, north + grid.height / 2 * e
    across = WGS84.inv(lon - a / 2, lat, lon + a / 2, lat)[2]
    down = WGS84.inv(lon, lat - e / 2, lon, lat + e / 2)[2]
    assert across == pytest.approx(down, rel=0.01)


def test_about_a_lone_point_there_is_a_kilometre():
    grid = grid_about(SHAPES["point"])
    assert 800 * -grid.transform[4] * 111.1 == pytest.approx(1.2, abs=0.1)


def test_parts_come_near_the_grid_by_whole_turns():
    grid = Grid(width=10, height=10, crs="EPSG:4326", transform=(0.1, 0, 359.5, 0, -0.1, 45))
    parts = shapely.MultiPoint([(0.2, 44.5), (-0.3, 44.5), (359.8, 44.5)])
    moved = near_grid([parts, shapely.Polygon()], grid)
    np.testing.assert_allclose([p.x for p in moved], [360.2, 359.7, 359.8])


@pytest.mark.parametrize("shapes", [[], [shapely.Polygon()]])
def test_nothing_to_draw_is_told(shapes):
    with pytest.raises(InputError, match="there is no feature to draw") as caught:
        grid_about(shapes)
    assert caught.value.hint == "give features that are not empty"
