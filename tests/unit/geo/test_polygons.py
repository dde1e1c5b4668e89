"""Outlines of masks, and masks of outlines."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from rasterio.features import geometry_mask
from rasterio.transform import Affine
from shapely import Point, Polygon

from eoagent.contracts.errors import InputError, InternalError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import pixel_to_lonlat
from eoagent.geo.polygons import (
    lonlat_to_mask,
    mask_to_polygons,
    polygons_to_mask,
    trace_step,
)
from eoagent.geo.reprojection import to_lonlat

UTM = Grid(width=100, height=80, crs="EPSG:32633", transform=(10, 0, 5e5, 0, -10, 5e6))


def test_an_outline_runs_along_pixel_edges_in_the_crs_with_its_hole():
    yes = np.ones((3, 3), bool)
    yes[1, 1] = False
    window = Window(row=10, col=20, height=3, width=3)
    (found,) = mask_to_polygons(yes, UTM, window)
    assert found.bounds == (500200, 4999870, 500230, 4999900)
    assert [ring.bounds for ring in found.interiors] == [(500210, 4999880, 500220, 4999890)]
    assert found.area == 800


def test_corners_join_with_eight_neighbours_only():
    yes = np.eye(3, dtype=bool)
    grid = Grid(width=3, height=3)
    assert len(mask_to_polygons(yes, grid, grid.window)) == 3
    (found,) = mask_to_polygons(yes, grid, grid.window, connectivity=8)
    assert found.geom_type == "MultiPolygon"
    assert (found.is_valid, found.area) == (True, 3)


def test_a_mask_without_yes_has_no_outline():
    grid = Grid(width=3, height=3)
    assert mask_to_polygons(np.zeros((3, 3), bool), grid, grid.window) == []


def test_a_step_takes_squares_by_majority_and_cuts_the_last():
    yes = np.zeros((5, 5), bool)
    yes[:2, :2] = [[True, True], [False, False]]
    yes[2:4, 2:4] = [[True, False], [False, False]]
    yes[4, 4] = True
    grid = Grid(width=5, height=5)
    found = mask_to_polygons(yes, grid, grid.window, step=2)
    assert sorted(g.bounds for g in found) == [(0, 0, 2, 2), (4, 4, 5, 5)]


def test_a_mask_of_another_shape_is_a_fault():
    with pytest.raises(InternalError, match=r"mask of shape \(2, 2\) came for a window of 3 x 3"):
        mask_to_polygons(np.ones((2, 2), bool), UTM, Window(row=0, col=0, height=3, width=3))


@pytest.mark.parametrize(
    ("vertices", "most", "step"), [(10, 100, 1), (101, 100, 2), (1000, 100, 10)]
)
def test_the_step_brings_vertices_down(vertices, most, step):
    assert trace_step(vertices, most) == step


def test_a_coarse_outline_has_the_vertices_wanted():
    rng = np.random.default_rng(0)
    yes = rng.random((200, 200)) > 0.5
    grid = Grid(width=200, height=200)
    found = mask_to_polygons(yes, grid, grid.window, step=trace_step(40_000, 5_000))
    assert sum(shapely.get_num_coordinates(g) for g in found) < 5_000


def test_pixels_with_their_centre_inside_are_those_of_rasterio():
    shape = Point(500450, 4999600).buffer(210)
    window = Window(row=5, col=10, height=60, width=70)
    wanted = geometry_mask([shape], (80, 100), Affine(*UTM.transform), invert=True)
    np.testing.assert_array_equal(polygons_to_mask([shape], UTM, window), wanted[5:65, 10:80])


def test_nothing_inside_gives_an_empty_mask():
    assert not polygons_to_mask([], UTM, UTM.window).any()
    assert not polygons_to_mask([Polygon()], UTM, UTM.window).any()
    assert not polygons_to_mask([shapely.box(0, 0, 1, 1)], UTM, UTM.window).any()


def centres_inside(shape, grid):
    rows, cols = np.mgrid[: grid.height, : grid.width] + 0.5
    lon, lat = pixel_to_lonlat(grid, rows, cols)
    return shapely.contains_xy(shape, lon, lat) | shapely.contains_xy(shape, lon + 360, lat)


def test_degrees_are_burnt_on_a_projected_grid():
    shape = to_lonlat(Point(500450, 4999600).buffer(210), "EPSG:32633")
    np.testing.assert_array_equal(
        lonlat_to_mask([shape], UTM, UTM.window), centres_inside(shape, UTM)
    )


@pytest.mark.parametrize("turn", [-360, 0, 360])
def test_degrees_over_the_antimeridian_are_burnt_in_any_turn(turn):
    grid = Grid(width=40, height=30, crs="EPSG:32660", transform=(1e4, 0, 6e5, 0, -1e4, 1.5e6))
    shape = Point(180.3, 12.1).buffer(0.7)
    moved = shapely.transform(shape, lambda p: p + np.array([turn, 0]))
    found = lonlat_to_mask([moved], grid, grid.window)
    assert found.any()
    np.testing.assert_array_equal(found, centres_inside(shape, grid))


def test_an_area_around_the_earth_covers_every_pixel():
    grid = Grid(width=40, height=30, crs="EPSG:32660", transform=(1e4, 0, 6e5, 0, -1e4, 1.5e6))
    assert lonlat_to_mask([shapely.box(-180, -90, 180, 90)], grid, grid.window).all()
    assert not lonlat_to_mask([shapely.box(-20, -90, 20, 90)], grid, grid.window).any()


def test_degrees_need_a_georeference():
    picture = Grid(width=4, height=4)
    with pytest.raises(InputError, match="no georeference"):
        lonlat_to_mask([shapely.box(0, 0, 1, 1)], picture, picture.window)
