"""Geometries brought to longitude and latitude."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely import GeometryCollection, LineString, MultiLineString, MultiPolygon, Point, Polygon

from eoagent.contracts.errors import InputError
from eoagent.geo.measure import area_m2
from eoagent.geo.reprojection import to_lonlat

SINU = "+proj=sinu +R=6371007.181"


@pytest.mark.parametrize(
    ("crs", "shape"),
    [
        ("EPSG:32633", Polygon([(3e5, 6e6), (7e5, 6e6), (5e5, 6.5e6)])),
        ("EPSG:32633", Polygon([(5e5, 6e6), (5.001e5, 6e6), (5e5, 6.0001e6)])),
        ("EPSG:3857", shapely.box(0, 6e6, 5e6, 9e6)),
        ("EPSG:4326", Polygon([(0, 40), (60, 40), (30, 70)])),
        (SINU, Polygon([(5e6, 5e6), (6e6, 5e6), (6e6, 6e6)])),
        ("EPSG:6931", Polygon([(-2e6, -2e6), (2e6, -2e6), (0, 1e6)])),
    ],
)
def test_straight_edges_stay_true_to_a_hundred_thousandth_of_the_area(crs, shape):
    size = np.hypot(*np.subtract(shape.bounds[2:], shape.bounds[:2]))
    fine = to_lonlat(shape, crs, max_segment=size / 3000)
    assert area_m2(to_lonlat(shape, crs)) == pytest.approx(area_m2(fine), rel=1e-5)


def test_an_equal_area_projection_tells_the_area():
    shape = Polygon([(4e6, 3e6), (4.5e6, 3e6), (4.2e6, 3.4e6)])
    assert area_m2(to_lonlat(shape, "EPSG:3035")) == pytest.approx(shape.area, rel=1e-5)


def test_small_polygons_get_no_more_vertices():
    building = shapely.box(5e5, 5e6, 5e5 + 20, 5e6 + 20)
    assert shapely.get_num_coordinates(to_lonlat(building, "EPSG:32633")) == 5


def test_vertices_go_where_pyproj_takes_them():
    x, y = [5e5, 6e5, 5e5], [5e6, 5e6, 5.1e6]
    line = to_lonlat(LineString(zip(x, y, strict=True)), "EPSG:32633", max_segment=1e9)
    wanted = Transformer.from_crs(32633, 4326, always_xy=True).transform(x, y)
    np.testing.assert_allclose(shapely.get_coordinates(line).T, wanted, atol=1e-12)


def crossing(hole=False):
    """Return a square over the antimeridian in UTM zone 60."""
    middle = Transformer.from_crs(4326, 32660, always_xy=True).transform(180, 10)
    square = shapely.box(middle[0] - 5e4, middle[1] - 5e4, middle[0] + 5e4, middle[1] + 5e4)
    inner = shapely.box(middle[0] - 4e4, middle[1] - 1e4, middle[0] - 2e4, middle[1] + 1e4)
    return square.difference(inner) if hole else square


def test_a_polygon_over_the_antimeridian_does_not_jump():
    found = to_lonlat(crossing(hole=True), "EPSG:32660")
    west, _, east, _ = found.bounds
    assert found.is_valid
    assert east - west == pytest.approx(0.92, abs=0.02)
    assert area_m2(found) == pytest.approx(0.96 * 1e10, rel=0.02)


@pytest.mark.parametrize("turn", [0, -1])
def test_a_hole_stays_in_its_polygon(turn):
    ring = to_lonlat(crossing(), "EPSG:3857" if turn else "EPSG:32660")
    assert ring.is_valid


def test_every_kind_of_geometry_is_unrolled():
    square = crossing()
    line = LineString([(square.bounds[0], square.bounds[1]), (square.bounds[2], square.bounds[3])])
    many = [
        line,
        MultiLineString([line]),
        MultiPolygon([square]),
        GeometryCollection([square, line, square.centroid]),
    ]
    for geometry in many:
        found = to_lonlat(geometry, "EPSG:32660")
        assert shapely.get_dimensions(found) == shapely.get_dimensions(geometry)
        for part in shapely.get_parts(found):
            assert part.bounds[2] - part.bounds[0] < 2


def test_a_polygon_around_the_pole_is_closed_over_it():
    cap = to_lonlat(Point(0, 0).buffer(1e6), "EPSG:6931")
    assert cap.bounds[3] == 90
    assert cap.contains(Point((cap.bounds[0] + cap.bounds[2]) / 2, 89))


def test_a_box_around_the_earth_in_degrees_stays_one():
    assert to_lonlat(shapely.box(-180, -60, 180, 60), "EPSG:4326").area == pytest.approx(43200)


def test_another_datum_does_not_turn_longitudes():
    shape = shapely.box(181, -18, 182, -17)
    assert to_lonlat(shape, "EPSG:4720").bounds == pytest.approx(shape.bounds, abs=0.01)


def test_a_vertex_off_the_map_is_refused():
    disk = "+proj=geos +h=35785831 +lon_0=0 +sweep=y"
    with pytest.raises(InputError, match="a Polygon has a vertex off the map") as caught:
        to_lonlat(shapely.box(0, 0, 6e6, 6e6), disk)
    assert "coordinate system" in caught.value.hint


def test_empty_geometries_stay_empty():
    assert to_lonlat(Polygon(), "EPSG:32633").is_empty
