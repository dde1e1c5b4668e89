"""Grids: the facts of the transform, and the ones that are refused."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import BandRef, Gcp, Grid

_UTM = (10.0, 0.0, 5e5, 0.0, -10.0, 51e5)


def test_a_grid_is_as_large_as_its_window():
    assert Grid(width=60, height=40).window == Window(row=0, col=0, height=40, width=60)


@pytest.mark.parametrize("size", [{"width": 0}, {"height": 0}, {"width": -3}])
def test_a_grid_without_pixels_is_refused(size):
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Grid(**{"width": 1, "height": 1, **size})


@pytest.mark.parametrize(
    "transform",
    [
        (0.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        (1.0, 2.0, 0.0, 2.0, 4.0, 0.0),
        (math.nan, 0.0, 0.0, 0.0, 1.0, 0.0),
        (1.0, 0.0, math.inf, 0.0, 1.0, 0.0),
    ],
)
def test_a_transform_that_has_no_area_or_no_number_is_refused(transform):
    with pytest.raises(ValidationError, match="is not finite or has no area"):
        Grid(width=1, height=1, transform=transform)


def test_north_up_means_no_rotation_and_no_control_points():
    assert Grid(width=1, height=1, transform=_UTM).is_north_up
    assert Grid(width=1, height=1, transform=(10, 0, 0, 0, 10, 0)).is_north_up
    assert not Grid(width=1, height=1, transform=(7, -7, 0, 7, 7, 0)).is_north_up
    point = Gcp(row=0, col=0, x=0, y=0)
    assert not Grid(width=1, height=1, transform=_UTM, gcps=(point,)).is_north_up


def test_a_grid_is_georeferenced_by_its_crs_alone():
    assert Grid(width=1, height=1, crs="EPSG:32633").is_georeferenced
    assert not Grid(width=1, height=1, transform=_UTM).is_georeferenced


@pytest.mark.parametrize("gsd", [0.0, -0.5])
def test_a_stated_pixel_size_is_positive(gsd):
    with pytest.raises(ValidationError, match="greater than 0"):
        Grid(width=1, height=1, gsd_m=gsd)


def test_bands_are_counted_from_one():
    assert BandRef(name="red", href="a.tif", index=1).scale == 1.0
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        BandRef(name="red", href="a.tif", index=0)


def test_a_grid_is_the_same_after_a_round_trip_through_json():
    grid = Grid(width=3, height=2, crs="EPSG:4326", transform=_UTM, gsd_m=0.3)
    assert Grid.model_validate_json(grid.model_dump_json()) == grid
