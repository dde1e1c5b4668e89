"""The shortest distance between geometries, edge to edge."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from shapely import GeometryCollection, LineString, MultiPoint, Point, Polygon

from eoagent.contracts.errors import InputError
from eoagent.geo.measure import to_lonlat
from eoagent.geo.nearest import geodesic_distance_between

WGS84 = Geod(ellps="WGS84")


def dense(geometry, step):
    rings = geometry.boundary if geometry.geom_type == "Polygon" else geometry
    return shapely.get_coordinates(shapely.segmentize(rings, step))


def brute(a, b, step=0.01):
    """Shortest geodesic between points strewn densely on both."""
    one, two = dense(a, step), dense(b, step)
    i, j = (k.ravel() for k in np.meshgrid(range(len(one)), range(len(two))))
    return WGS84.inv(one[i, 0], one[i, 1], two[j, 0], two[j, 1])[2].min()


@settings(max_examples=50, deadline=None)
@given(st.floats(-180, 180), st.floats(-89, 89), st.floats(-180, 180), st.floats(-89, 89))
def test_points_are_as_far_apart_as_their_geodesic(lon_a, lat_a, lon_b, lat_b):
    found = geodesic_distance_between(Point(lon_a, lat_a), Point(lon_b, lat_b))
    assert found == pytest.approx(WGS84.inv(lon_a, lat_a, lon_b, lat_b)[2], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-180, 180), st.floats(-75, 75), st.floats(0.6, 4), st.floats(0, 360), st.floats(0, 90)
)
def test_polygons_agree_with_points_strewn_densely(lon, lat, away, direction, turn):
    a = shapely.affinity.rotate(shapely.box(lon - 0.2, lat - 0.2, lon + 0.2, lat + 0.2), turn)
    dx, dy = away * np.sin(np.radians(direction)), away * np.cos(np.radians(direction))
    b = LineString([(lon + dx, lat + dy), (lon + dx + 0.1, lat + dy + 0.3)])
    if a.intersects(b):
        return
    assert geodesic_distance_between(a, b) == pytest.approx(brute(a, b), rel=1e-3)


@pytest.mark.parametrize("gap_m", [0.5, 30, 2000])
def test_buildings_are_as_far_apart_as_in_a_local_plane(gap_m):
    plane = "+proj=laea +lon_0=13 +lat_0=52 +ellps=WGS84"
    a = shapely.box(-20, -10, 0, 10)
    b = Polygon([(gap_m, 3), (gap_m + 30, -40), (gap_m + 30, 40)])
    found = geodesic_distance_between(to_lonlat(a, plane), to_lonlat(b, plane))
    assert found == pytest.approx(a.distance(b), rel=2e-5, abs=0.003)


def test_long_parallel_edges_keep_their_distance():
    way = Transformer.from_crs("+proj=tmerc +lon_0=10 +ellps=WGS84", 4326, always_xy=True)
    a, b = (LineString(zip(*way.transform([x, x], [5e6, 5.02e6]), strict=True)) for x in (0, 100))
    assert geodesic_distance_between(a, b) == pytest.approx(100, rel=1e-3)


def test_the_antimeridian_is_no_barrier():
    west, east = shapely.box(179.8, 0, 179.9, 0.1), shapely.box(-179.9, 0, -179.8, 0.1)
    wanted = WGS84.inv(179.9, 0.1, -179.9, 0.1)[2]
    assert geodesic_distance_between(west, east) == pytest.approx(wanted, rel=1e-6)
    assert geodesic_distance_between(shapely.box(179.9, 0, 180.05, 1), Point(-179.99, 0.5)) == 0
    assert geodesic_distance_between(Point(541, 1), Point(-179, 1)) == 0


def test_geometries_over_the_pole_are_near():
    a, b = Point(0, 89.9), Point(180, 89.9)
    assert geodesic_distance_between(a, b) == pytest.approx(22338.8, abs=1)


@pytest.mark.parametrize(
    "inside", [Point(5, 5), shapely.box(4, 4, 5, 5), shapely.box(9, 9, 12, 12), Point(0, 5)]
)
def test_geometries_that_meet_have_no_distance(inside):
    assert geodesic_distance_between(shapely.box(0, 0, 10, 10), inside) == 0


def test_a_point_in_a_hole_is_as_far_as_the_rim():
    ring = shapely.box(0, 0, 1, 1).difference(shapely.box(0.2, 0.2, 0.8, 0.8))
    wanted = WGS84.inv(0.5, 0.3, 0.5, 0.2)[2]
    assert geodesic_distance_between(ring, Point(0.5, 0.3)) == pytest.approx(wanted, rel=1e-6)


def test_collections_count_with_all_their_parts():
    far = GeometryCollection([MultiPoint([(0, 0), (50, 50)]), shapely.box(20, 20, 21, 21)])
    wanted = WGS84.inv(21, 20.5, 22, 20.5)[2]
    assert geodesic_distance_between(far, Point(22, 20.5)) == pytest.approx(wanted, rel=1e-4)


def test_a_large_outline_is_no_burden():
    angle = np.linspace(0, 2 * np.pi, 50_001)[:-1]
    radius = 3 + 0.2 * np.sin(200 * angle)
    coast = Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    found = geodesic_distance_between(coast, Point(10, 0))
    reached = shapely.get_coordinates(coast)
    wanted = WGS84.inv(reached[:, 0], reached[:, 1], np.full(50_001, 10.0), np.zeros(50_001))[2]
    assert found == pytest.approx(wanted.min(), rel=1e-6)


def test_an_empty_geometry_is_refused():
    with pytest.raises(InputError, match="distance was asked for to an empty geometry"):
        geodesic_distance_between(Point(0, 0), Polygon())
