"""Geodesic measures of geometries."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer
from shapely import GeometryCollection, LineString, MultiPoint, MultiPolygon, Point, Polygon

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import footprint
from eoagent.geo.measure import (
    area_m2,
    bearing_deg,
    centroid_lonlat,
    distance_m,
    length_m,
    perimeter_m,
    to_lonlat,
)

WGS84 = Geod(ellps="WGS84")
EARTH_M2 = 510065621724088.44
"""Area of the WGS84 ellipsoid as GeographicLib gives it."""
AQUILEIA = (13.404, 45.7505)


def square(lon, lat, size_m, crs=None):
    crs = crs or f"+proj=laea +lon_0={lon} +lat_0={lat} +ellps=WGS84"
    half = size_m / 2
    return to_lonlat(shapely.box(-half, -half, half, half), crs)


@pytest.mark.parametrize("size_m", [0.1, 1, 30, 1000, 4000, 6000, 50_000, 500_000])
@pytest.mark.parametrize("place", [(0, 0), (179.9999, -45), (13, 80)])
def test_squares_of_any_size_have_their_area(size_m, place):
    assert area_m2(square(*place, size_m)) == pytest.approx(size_m**2, rel=2e-6)


@pytest.mark.parametrize("size_m", [0.1, 30, 1000])
@pytest.mark.parametrize("pole", [-90, 90])
def test_squares_on_a_pole_have_their_area(size_m, pole):
    found = square(0, pole, size_m, f"+proj=stere +lat_0={pole} +ellps=WGS84")
    assert area_m2(found) == pytest.approx(size_m**2, rel=1e-6)
    assert distance_m(centroid_lonlat(found), (0, pole)) < 1e-6


def test_polygons_have_the_area_of_pyproj_less_their_holes():
    shell, hole = shapely.box(10, 50, 12, 51), shapely.box(10.5, 50.2, 11, 50.5)
    wanted = sum(
        sign * abs(WGS84.geometry_area_perimeter(g)[0]) for sign, g in ((1, shell), (-1, hole))
    )
    ring = list(hole.exterior.coords)
    for turn in (ring, ring[::-1]):
        assert area_m2(Polygon(shell.exterior.coords, [turn])) == pytest.approx(wanted, rel=1e-12)


def test_parts_and_collections_add_up():
    a, b = shapely.box(0, 0, 1, 1), shapely.box(179, 0, 181, 1)
    whole = area_m2(a) + area_m2(b)
    assert area_m2(MultiPolygon([a, b])) == pytest.approx(whole)
    assert area_m2(GeometryCollection([MultiPolygon([a]), b, Point(0, 0)])) == pytest.approx(whole)


def test_the_whole_earth_has_its_area():
    assert area_m2(shapely.box(-180, -90, 180, 90)) == pytest.approx(EARTH_M2, rel=1e-9)
    assert area_m2(shapely.box(-180, -90, 180, 0)) == pytest.approx(EARTH_M2 / 2, rel=1e-9)


def test_a_belt_and_a_cap_drawn_as_boxes_have_their_area():
    belt, cap = shapely.box(-180, -60, 180, 60), shapely.box(-180, 60, 180, 90)
    assert area_m2(belt) + 2 * area_m2(cap) == pytest.approx(EARTH_M2, rel=1e-9)
    # a sphere is 0.7 percent off
    assert area_m2(cap) / EARTH_M2 == pytest.approx((1 - math.sin(math.radians(60))) / 2, rel=1e-2)


def test_the_footprint_around_a_pole_has_the_area_of_its_square():
    grid = Grid(width=10, height=10, crs="EPSG:6931", transform=(1e5, 0, -5e5, 0, -1e5, 5e5))
    assert area_m2(footprint(grid, 200)) == pytest.approx(1e12, rel=1e-4)


def test_an_empty_geometry_has_no_area():
    assert area_m2(Polygon()) == 0.0


@pytest.mark.parametrize(
    ("ask", "geometry", "words", "hint"),
    [
        (area_m2, LineString([(0, 0), (1, 1)]), "an area was asked for of a LineString", "length"),
        (perimeter_m, Point(0, 0), "a perimeter was asked for of a Point", "length"),
        (length_m, shapely.box(0, 0, 1, 1), "a length was asked for of a Polygon", "perimeter"),
        (area_m2, Polygon([(0, 0), (1, math.inf), (1, 1)]), "not finite", "input"),
    ],
)
def test_a_measure_that_a_geometry_lacks_is_refused(ask, geometry, words, hint):
    with pytest.raises(InputError, match=words) as caught:
        ask(geometry)
    assert hint in caught.value.hint


def test_lengths_are_those_of_pyproj():
    line = LineString([(179, 10), (181, 11), (182, 10)])
    wanted = WGS84.geometry_length(line)
    assert length_m(line) == pytest.approx(wanted, rel=1e-12)
    assert length_m(shapely.MultiLineString([line, line])) == pytest.approx(2 * wanted)


def test_a_perimeter_counts_holes_too():
    shell, hole = shapely.box(10, 50, 12, 51), shapely.box(10.5, 50.2, 11, 50.5)
    wanted = sum(WGS84.geometry_area_perimeter(g)[1] for g in (shell, hole))
    found = perimeter_m(Polygon(shell.exterior.coords, [hole.exterior.coords]))
    assert found == pytest.approx(wanted, rel=1e-12)


def test_distances_and_bearings_are_those_of_the_geodesic():
    azimuth, _, metres = WGS84.inv(*AQUILEIA, 6.87, 53.41)
    assert distance_m(AQUILEIA, (6.87, 53.41)) == metres
    assert bearing_deg(AQUILEIA, (6.87, 53.41)) == pytest.approx(azimuth + 360)
    assert bearing_deg((179.9, 0), (-179.9, 0)) == pytest.approx(90)
    assert distance_m((179.9, 0), (-179.9, 0)) == pytest.approx(22263.9, abs=0.1)


def test_a_point_has_no_direction_to_itself():
    with pytest.raises(InputError, match=r"from the point .* to itself") as caught:
        bearing_deg(AQUILEIA, AQUILEIA)
    assert "two different places" in caught.value.hint


@pytest.mark.parametrize("place", [(13.25, 45.6), (179.9, -17.3), (0.3, 89.2), (-60, 0)])
@pytest.mark.parametrize("size_m", [0.5, 3000, 300_000])
def test_the_centroid_of_a_square_is_its_middle(place, size_m):
    lon, lat = centroid_lonlat(square(*place, size_m))
    assert -180 <= lon <= 180
    # PROJ's inverse of the square's own projection is good to some millimetres
    assert distance_m((lon, lat), place) < max(0.005, 1e-4 * size_m)


def test_the_centroid_is_weighted_by_true_area():
    low, high = shapely.box(0, 0, 1, 1), shapely.box(0, 80, 1, 81)
    _, lat = centroid_lonlat(MultiPolygon([low, high]))
    # the upper box has about a sixth of the area of the lower one
    assert lat < 15


def test_lines_and_points_have_a_centroid():
    assert centroid_lonlat(Point(200, 5)) == (pytest.approx(-160), pytest.approx(5))
    middle = centroid_lonlat(MultiPoint([(179, 0), (181, 0)]))
    assert distance_m(middle, (180, 0)) < 1
    assert centroid_lonlat(LineString([(10, 0), (12, 0)])) == (
        pytest.approx(11, abs=1e-6),
        pytest.approx(0, abs=1e-9),
    )


def test_a_centroid_without_meaning_is_refused():
    with pytest.raises(InputError, match="empty geometry"):
        centroid_lonlat(Polygon())
    with pytest.raises(InputError, match="not finite"):
        centroid_lonlat(Point(math.nan, 0))


def test_the_centroid_agrees_with_a_projected_one():
    way = Transformer.from_crs(32633, 4326, always_xy=True)
    shape = Polygon([(5e5, 5e6), (5.1e5, 5e6), (5.02e5, 5.02e6)])
    wanted = way.transform(shape.centroid.x, shape.centroid.y)
    assert distance_m(centroid_lonlat(to_lonlat(shape, "EPSG:32633")), wanted) < 1
    assert np.isfinite(wanted).all()
