"""Areas of pixels and of masks in strips."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from pyproj import CRS, Geod

from eoagent.contracts.errors import InputError, InternalError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.area import MaskArea, PixelAreas, pixel_areas, transitions
from eoagent.geo.components import Components
from eoagent.geo.grid import pixel_to_lonlat, strips
from eoagent.geo.measure import distance_m

WGS84 = Geod(ellps="WGS84")
EARTH_M2 = 510065621724088.44
"""Area of the WGS84 ellipsoid as GeographicLib gives it."""


def degrees(width, height, size, west=0.0, north=0.0, *, crs="EPSG:4326"):
    return Grid(width=width, height=height, crs=crs, transform=(size, 0, west, 0, -size, north))


def window(height, width, row=0):
    return Window(row=row, col=0, height=height, width=width)


def test_the_pixels_of_the_world_add_up_to_the_earth():
    world = degrees(36, 18, 10, -180, 90)
    assert pixel_areas(world).block(world.window).sum() * 36 == pytest.approx(EARTH_M2, rel=1e-12)


def test_rows_half_beyond_a_pole_are_cut_there():
    world = degrees(360, 181, 1, 0, 90.5)
    rows = pixel_areas(world).block(world.window)
    assert rows.sum() * 360 == pytest.approx(EARTH_M2, rel=1e-12)
    assert rows[0, 0] == pytest.approx(rows[180, 0])


def test_rows_keep_their_accuracy_for_tiny_pixels():
    tiny, large = degrees(1, 1, 1e-7, 10, 45), degrees(1, 1, 1e-3, 10, 45 + 5e-4)
    per_degree = [pixel_areas(g).block(g.window)[0, 0] / g.transform[0] ** 2 for g in (tiny, large)]
    assert per_degree[0] == pytest.approx(per_degree[1], rel=1e-8)


def test_rows_that_run_upwards_have_the_same_areas():
    up = Grid(width=1, height=5, crs="EPSG:4326", transform=(1, 0, 0, 0, 1, 40))
    down = degrees(1, 5, 1, 0, 45)
    np.testing.assert_allclose(
        pixel_areas(up).block(up.window), pixel_areas(down).block(down.window)[::-1], rtol=1e-14
    )


def test_a_datum_has_its_own_ellipsoid_and_grads_are_not_degrees():
    grid = degrees(1, 1, 0.1, 0, 50, crs="EPSG:4807")
    own = CRS.from_epsg(4807).get_geod()
    lat = np.array([50, 50, 49.9, 49.9]) * 0.9
    steps = np.linspace(0, 0.09, 200)
    lon = np.concatenate([steps, steps[::-1]])
    ring = np.concatenate([np.full(200, lat[0]), np.full(200, lat[2])])
    wanted = abs(own.polygon_area_perimeter(lon, ring)[0])
    assert pixel_areas(grid).block(grid.window)[0, 0] == pytest.approx(wanted, rel=1e-8)


def test_a_sphere_in_degrees_is_measured_as_wgs84():
    sphere = degrees(2, 2, 0.1, 5, 50, crs="+proj=longlat +R=6371007.181 +no_defs")
    np.testing.assert_array_equal(
        pixel_areas(sphere).block(sphere.window),
        pixel_areas(degrees(2, 2, 0.1, 5, 50)).block(sphere.window),
    )


def test_a_stated_ground_sampling_distance_gives_squares():
    areas = pixel_areas(Grid(width=4, height=3, gsd_m=0.5))
    assert areas.block(window(2, 2)).tolist() == [[0.25]]
    assert areas.method == "pixels of 0.5 m as stated, no georeference"


def test_a_picture_has_no_areas_and_says_what_to_state():
    with pytest.raises(InputError, match="area on the ground was asked for") as caught:
        pixel_areas(Grid(width=4, height=3))
    assert "--gsd" in caught.value.hint


def test_methods_are_named():
    assert pixel_areas(degrees(1, 1, 1)).method == "geodesic, exact per row"
    utm = Grid(width=1, height=1, crs="EPSG:32633", transform=(1, 0, 5e5, 0, -1, 5e6))
    assert pixel_areas(utm).method == "geodesic, per pixel from the scale of the projection"


def test_a_mask_of_a_picture_counts_pixels():
    total = MaskArea(None)
    total.add(window(2, 2), np.array([[True, False], [True, True]]), np.ones((2, 2), bool))
    assert (total.yes_pixels, total.valid_pixels, total.error_pixels) == (3, 4, 1.0)
    assert (total.area_m2, total.valid_area_m2, total.error_m2) == (None, None, None)


def test_yes_counts_only_where_valid():
    areas = pixel_areas(Grid(width=3, height=1, gsd_m=2))
    total = MaskArea(areas)
    total.add(window(1, 3), np.array([[True, True, False]]), np.array([[False, True, True]]))
    assert (total.yes_pixels, total.area_m2, total.valid_area_m2) == (1, 4.0, 8.0)
    assert total.error_m2 == 2.0


def test_the_error_counts_sides_to_valid_no_pixels_only():
    yes = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0]], bool)
    no = ~yes
    no[0, 2] = False
    wanted = np.zeros((3, 3), int)
    for r, c in np.argwhere(yes):
        for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            if 0 <= r + dr < 3 and 0 <= c + dc < 3:
                wanted[r, c] += no[r + dr, c + dc]
    np.testing.assert_array_equal(transitions(yes, no), wanted)


def test_a_gap_between_strips_has_no_sides():
    total = MaskArea(None)
    full = np.ones((1, 2), bool)
    total.add(window(1, 2, row=0), full, full)
    total.add(window(1, 2, row=2), ~full, full)
    assert total.edges == 0


def test_no_strip_at_all_is_no_area():
    total = MaskArea(pixel_areas(degrees(1, 1, 1)))
    assert (total.area_m2, total.valid_area_m2, total.error_m2) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("row", "width"), [(0, 2), (1, 2), (2, 3)])
def test_strips_out_of_order_are_a_fault(row, width):
    total = MaskArea(None)
    total.add(window(2, 2), np.ones((2, 2), bool), np.ones((2, 2), bool))
    with pytest.raises(InternalError, match="follow each other downward"):
        total.add(window(1, width, row), np.ones((1, width), bool), np.ones((1, width), bool))


def test_an_array_of_another_shape_is_a_fault():
    with pytest.raises(InternalError, match=r"2 x 2 pixels came with an array of shape \(2, 3\)"):
        MaskArea(None).add(window(2, 2), np.ones((2, 2), bool), np.ones((2, 3), bool))


def test_valid_pixels_off_the_map_are_refused_and_invalid_ones_do_no_harm():
    area = np.array([[1.0, np.nan]])
    areas = PixelAreas(method="", source=lambda _: area)
    total = MaskArea(areas)
    total.add(window(1, 2), np.array([[True, True]]), np.array([[True, False]]))
    assert (total.area_m2, total.error_m2) == (1.0, 0.0)
    with pytest.raises(InputError, match="lie off the map") as caught:
        total.add(window(1, 2, row=1), np.array([[False, False]]), np.array([[True, True]]))
    assert "not valid" in caught.value.hint


def test_the_water_of_a_real_scene_has_the_reference_area(shared_data):
    with rasterio.open(shared_data / "multiband" / "s2_l2a_aquileia_20190416.tif") as source:
        transform = tuple(source.transform)[:6]
        grid = Grid(width=source.width, height=source.height, crs="EPSG:4326", transform=transform)
        data = source.read().astype(float)
    valid = (data != 0).all(axis=0)
    green, nir = data[1], data[3]
    total, water = MaskArea(pixel_areas(grid)), Components(8, areas=pixel_areas(grid))
    for strip in strips(grid, 200_000):
        rows = slice(strip.row, strip.row + strip.height)
        total.add(strip, green[rows] > nir[rows], valid[rows])
        water.add(strip, green[rows] > nir[rows], valid[rows])
    assert total.area_m2 == pytest.approx(30.8454e6, rel=1e-5)
    assert total.yes_pixels / total.valid_pixels == pytest.approx(0.197227, rel=1e-5)
    table = water.finish()
    assert table.area_m2.max() == pytest.approx(26.3618e6, rel=1e-4)
    largest = int(table.area_m2.argmax())
    centre = pixel_to_lonlat(grid, table.centroid_row[largest], table.centroid_col[largest])
    assert distance_m(centre, (12.3452, 45.5024)) == pytest.approx(82_646, rel=0.01)
