"""Where pixels lie, what grids cover, and strips."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.warp import transform_bounds

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Gcp, Grid
from eoagent.geo.grid import (
    bounds,
    crs_text,
    crs_to_pixel,
    footprint,
    lonlat_to_pixel,
    pixel_density_m2,
    pixel_size_m,
    pixel_to_crs,
    pixel_to_lonlat,
    same_grid,
    strips,
)

UTM = Grid(width=100, height=80, crs="EPSG:32633", transform=(10, 0, 5e5, 0, -10, 5e6))
PICTURE = Grid(width=100, height=80)
DATELINE = Grid(width=20, height=10, crs="EPSG:4326", transform=(0.1, 0, 179, 0, -0.1, -16))


def grid_of(path):
    with rasterio.open(path) as source:
        return (
            Grid(
                width=source.width,
                height=source.height,
                crs=crs_text(source.crs),
                transform=tuple(source.transform)[:6],
            ),
            source.crs,
            tuple(source.bounds),
        )


def test_a_pixel_position_counts_from_the_outer_corner():
    x, y = pixel_to_crs(UTM, 0.5, 0.5)
    assert (x, y) == (500005, 4999995)
    wanted = Transformer.from_crs(32633, 4326, always_xy=True).transform(500005, 4999995)
    np.testing.assert_allclose(pixel_to_lonlat(UTM, 0.5, 0.5), wanted, atol=1e-12)


def test_arrays_keep_their_shape():
    rows, cols = np.zeros((3, 1)), np.zeros((1, 4))
    assert pixel_to_lonlat(UTM, rows, cols)[0].shape == (3, 4)
    assert lonlat_to_pixel(UTM, rows + 15, cols + 45)[1].shape == (3, 4)


def test_a_picture_has_pixels_for_coordinates():
    x, y = pixel_to_crs(PICTURE, [1, 2], 3)
    np.testing.assert_array_equal([x, y], [[3, 3], [1, 2]])
    np.testing.assert_array_equal(crs_to_pixel(PICTURE, x, y), [[1, 2], [3, 3]])


@pytest.mark.parametrize(
    "ask",
    [
        footprint,
        bounds,
        lambda g: pixel_to_lonlat(g, 0, 0),
        lambda g: lonlat_to_pixel(g, 0, 0),
        lambda g: pixel_density_m2(g, 0, 0),
    ],
)
def test_a_picture_has_no_place_on_earth(ask):
    with pytest.raises(InputError, match="no georeference"):
        ask(PICTURE)


@pytest.mark.parametrize(
    "name",
    [
        "multiband/s2_l2a_aquileia_20190416.tif",
        "multiband/l7_chiapas_19991118.tif",
        "dem/dc_dsm.tif",
        "edge_cases/cog_scale.tif",
    ],
)
def test_boxes_of_real_files_are_those_of_gdal(shared_data, name):
    grid, crs, corners = grid_of(shared_data / name)
    box = bounds(grid)
    wanted = transform_bounds(crs, "EPSG:4326", *corners, densify_pts=63)
    np.testing.assert_allclose((box.west, box.south, box.east, box.north), wanted, atol=1e-5)


def test_a_real_file_over_the_antimeridian_has_a_box_that_crosses_it(shared_data):
    grid, crs, corners = grid_of(shared_data / "edge_cases" / "cog_dateline.tif")
    box = bounds(grid)
    wanted = transform_bounds(crs, "EPSG:4326", *corners, densify_pts=63)
    assert box.crosses_antimeridian
    np.testing.assert_allclose((box.west, box.south, box.east, box.north), wanted, atol=1e-5)
    west, _, east, _ = footprint(grid).bounds
    assert west == pytest.approx(wanted[0], abs=0.01)
    assert east == pytest.approx(wanted[2] + 360, abs=0.01)


def test_a_grid_in_degrees_may_run_past_180():
    box = bounds(DATELINE)
    assert (box.west, box.east) == (pytest.approx(179), pytest.approx(-179))
    lon, _ = pixel_to_lonlat(DATELINE, 0, 20)
    assert lon == pytest.approx(-179)


def test_a_grid_from_0_to_360_covers_the_earth():
    world = Grid(width=360, height=180, crs="EPSG:4326", transform=(1, 0, 0, 0, -1, 90))
    box = bounds(world)
    assert (box.west, box.south, box.east, box.north) == (-180, -90, 180, 90)
    np.testing.assert_allclose(lonlat_to_pixel(world, [-10, 10], [0, 0])[1], [350, 10])


def test_a_box_that_ends_at_180_does_not_cross_it():
    grid = Grid(width=10, height=10, crs="EPSG:4326", transform=(1, 0, 170, 0, -1, 5))
    assert (bounds(grid).west, bounds(grid).east) == (170, 180)
    grid = Grid(width=10, height=10, crs="EPSG:4326", transform=(1, 0, 180, 0, -1, 5))
    assert (bounds(grid).west, bounds(grid).east) == (-180, -170)


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3413", 90), ("EPSG:3031", -90)])
def test_a_grid_around_a_pole_reaches_it(crs, pole):
    grid = Grid(width=100, height=100, crs=crs, transform=(2e4, 0, -1e6, 0, -2e4, 1e6))
    box = bounds(grid)
    assert (box.west, box.east) == (-180, 180)
    assert pole in (box.south, box.north)
    assert footprint(grid).is_valid


def test_a_full_disk_gets_the_box_of_what_is_on_the_earth():
    grid = Grid(
        width=100,
        height=100,
        crs="+proj=geos +h=35785831 +lon_0=0 +sweep=y",
        transform=(1.1e5, 0, -5.5e6, 0, -1.1e5, 5.5e6),
    )
    box = bounds(grid)
    assert -85 < box.west < -60
    assert 60 < box.north < 85
    assert np.isnan(pixel_to_lonlat(grid, 0, 0)).all()


def test_a_grid_off_the_map_is_refused():
    grid = Grid(
        width=10,
        height=10,
        crs="+proj=geos +h=35785831 +lon_0=0 +sweep=y",
        transform=(10, 0, 9e6, 0, -10, 9e6),
    )
    with pytest.raises(InputError, match="off the map"):
        footprint(grid)
    with pytest.raises(InputError, match="off the map"):
        pixel_size_m(grid)


def test_pixel_sizes_are_metres_on_the_ground():
    assert pixel_size_m(UTM) == (pytest.approx(10.004, abs=1e-3), pytest.approx(10.004, abs=1e-3))
    degrees = Grid(width=2, height=2, crs="EPSG:4326", transform=(0.001, 0, 10, 0, -0.001, 60))
    width, height = pixel_size_m(degrees)
    assert width == pytest.approx(55.80, abs=0.01)
    assert height == pytest.approx(111.41, abs=0.01)


def test_the_pixel_size_of_a_picture_is_the_one_stated():
    assert pixel_size_m(PICTURE.model_copy(update={"gsd_m": 0.3})) == (0.3, 0.3)
    with pytest.raises(InputError, match="no georeference") as caught:
        pixel_size_m(PICTURE)
    assert "--gsd" in caught.value.hint


def test_strips_have_whole_blocks_within_the_limit():
    found = list(strips(UTM, 2500, align=16))
    assert [(w.row, w.height) for w in found] == [(0, 16), (16, 16), (32, 16), (48, 16), (64, 16)]
    assert [w.height for w in strips((10, 1000), 1)] == [1] * 10


def test_grids_are_the_same_when_their_pixels_are():
    wkt = (
        crs_text(UTM.crs)
        if UTM.crs.startswith("PROJ")
        else rasterio.crs.CRS.from_epsg(32633).to_wkt()
    )
    assert same_grid(UTM, UTM.model_copy(update={"crs": wkt}))
    nudged = UTM.model_copy(update={"transform": (10, 0, 5e5 + 0.01, 0, -10, 5e6)})
    assert same_grid(UTM, nudged)
    assert same_grid(PICTURE, PICTURE.model_copy(update={"gsd_m": 1.0}))


@pytest.mark.parametrize(
    "change",
    [
        {"width": 99},
        {"crs": "EPSG:32632"},
        {"crs": ""},
        {"transform": (10, 0, 5e5 + 1, 0, -10, 5e6)},
        {"transform": (10.01, 0, 5e5, 0, -10, 5e6)},
        {
            "gcps": tuple(
                Gcp(row=r, col=c, x=5e5 + 10 * c, y=5e6 - 10 * r) for r in (0, 9) for c in (0, 9)
            )
        },
    ],
)
def test_grids_differ_when_their_pixels_do(change):
    assert not same_grid(UTM, UTM.model_copy(update=change))


def test_importing_grids_loads_neither_rasterio_nor_scipy():
    code = "import sys, eoagent.geo.grid; print({'rasterio', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
