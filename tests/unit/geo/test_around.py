"""Circles and surroundings against pyproj's geodesics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from pyproj import Geod

from eoagent.contracts.errors import InputError
from eoagent.geo.around import MAX_REACH_M, around, geodesic_circle
from eoagent.geo.measure import area_m2

GEOD = Geod(ellps="WGS84")
PLACES = [(2.35, 48.85), (179.99, 10.0), (-180.0, -17.0), (0.0, 0.0), (25.0, 70.0)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("radius", [50.0, 10_000.0, 800_000.0])
def test_every_corner_of_a_circle_lies_at_its_radius(place, radius):
    circle = geodesic_circle(*place, radius)
    lon, lat = shapely.get_coordinates(circle).T
    corner = np.abs(np.abs(lon) - 180) > 1e-9  # the antimeridian adds corners of its own
    starts = (np.full(corner.sum(), place[0]), np.full(corner.sum(), place[1]))
    metres = GEOD.inv(*starts, lon[corner], lat[corner])[2]
    assert np.allclose(metres, radius, rtol=1e-6)


@pytest.mark.parametrize("place", [*PLACES, (0.0, 90.0), (30.0, -89.9)])
def test_a_circle_has_the_area_of_a_cap(place):
    circle = geodesic_circle(*place, 100_000.0)
    assert circle.is_valid
    assert circle.bounds[0] >= -180
    assert circle.bounds[2] <= 180
    cap = 2 * math.pi * 6371008.8**2 * (1 - math.cos(1e5 / 6371008.8))
    assert area_m2(circle) == pytest.approx(cap, rel=1e-4)


def test_a_circle_over_the_pole_holds_the_pole():
    circle = geodesic_circle(30.0, -89.9, 100_000.0)
    assert circle.bounds[1] == -90
    assert all(shapely.intersects_xy(circle, lon, -89.99) for lon in range(-180, 181, 30))


@pytest.mark.parametrize("distance", [1000.0, 30_000.0, 300_000.0])
@pytest.mark.parametrize(
    "line",
    [
        shapely.LineString([(12, 45), (12.4, 45.2), (13, 45)]),
        shapely.LineString([(178, -17), (183, -16)]),
        shapely.LineString([(-60, -3), (-70, -4)]),
    ],
)
def test_what_lies_near_a_line_is_inside_and_what_lies_beyond_is_not(line, distance):
    ground = around(line, distance)
    lon, lat = shapely.get_coordinates(shapely.segmentize(line, max(distance, 5e3) / 2e7)).T
    rng = np.random.default_rng(3)
    for at in rng.integers(0, len(lon), 40):
        x, y, _ = GEOD.fwd(lon[at], lat[at], rng.uniform(0, 360), distance * rng.uniform(0.2, 1.6))
        nearest = GEOD.inv(np.full(len(lon), x), np.full(len(lon), y), lon, lat)[2].min()
        if abs(nearest / distance - 1) > 0.02:
            assert shapely.intersects_xy(ground, x, y) == (nearest < distance)


def test_the_surroundings_of_an_area_hold_the_area():
    square = shapely.box(10, 45, 11, 46)
    ground = around(square, 5000.0)
    assert shapely.covers(ground, square)
    assert shapely.intersects_xy(ground, 10.5, 44.96)
    assert not shapely.intersects_xy(ground, 10.5, 44.94)


def test_the_surroundings_of_several_points_are_their_circles():
    ground = around(shapely.MultiPoint([(0, 0), (10, 0)]), 1000.0)
    assert area_m2(ground) == pytest.approx(2 * math.pi * 1e6, rel=1e-4)


@pytest.mark.parametrize("distance", [0.0, -1.0, float("nan"), float("inf"), MAX_REACH_M + 1])
def test_a_distance_that_cannot_be_is_refused(distance):
    with pytest.raises(InputError, match="within") as caught:
        geodesic_circle(0, 0, distance)
    assert "2,000 km" in caught.value.hint
    with pytest.raises(InputError):
        around(shapely.Point(0, 0), distance)


def test_nothing_has_no_surroundings():
    with pytest.raises(InputError, match="nothing"):
        around(shapely.Point(), 10.0)
