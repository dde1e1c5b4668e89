"""Longitudes that pass 180 degrees."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely import LineString, MultiPoint, Point, Polygon

from eoagent.geo.antimeridian import bring_near, split_at_antimeridian, unroll_ring, wrap_lon


def test_longitudes_within_the_turn_keep_every_bit():
    lon = np.array([-180.0, -179.99999999999997, 0.1, 180.0])
    assert (wrap_lon(lon) == lon).all()


def test_longitudes_beyond_the_turn_come_back():
    np.testing.assert_allclose(wrap_lon([181, -190, 359, 720.5]), [-179, 170, -1, 0.5])


def test_values_are_brought_near_a_centre():
    np.testing.assert_allclose(bring_near([-179, 179], 180), [181, 179])
    np.testing.assert_allclose(bring_near(-190.0, 200.0, turn=400.0), 210)


def test_a_ring_over_the_antimeridian_does_not_jump():
    ring = unroll_ring(np.array([179.0, -179, -179, 179, 179]), np.array([0.0, 0, 1, 1, 0]))
    assert ring.tolist() == [[179, 0], [181, 0], [181, 1], [179, 1], [179, 0]]


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_a_ring_around_a_pole_is_closed_over_it(pole):
    lon = np.arange(-180.0, 181, 30)
    lon[-1] = -180
    cap = Polygon(unroll_ring(lon, np.full(13, pole * 0.8)))
    assert cap.is_valid
    assert cap.area == pytest.approx(360 * 18)
    assert cap.contains(Point(-60, pole * 0.9))


def test_a_polygon_over_the_antimeridian_is_cut_in_two():
    cut = split_at_antimeridian(shapely.box(170, 0, 200, 10))
    assert cut.geom_type == "MultiPolygon"
    assert sorted(p.bounds for p in cut.geoms) == [(-180, 0, -160, 10), (170, 0, 180, 10)]


def test_what_only_touches_the_antimeridian_leaves_no_line_behind():
    cut = split_at_antimeridian(shapely.box(180, 0, 200, 10))
    assert cut.equals(shapely.box(-180, 0, -160, 10))


@pytest.mark.parametrize(
    "whole", [Point(181, 5), MultiPoint([(1, 1), (190, 2)]), LineString([(179, 0), (181, 0)])]
)
def test_points_and_lines_are_cut_too(whole):
    west, _, east, _ = split_at_antimeridian(whole).bounds
    assert west >= -180
    assert east <= 180


@pytest.mark.parametrize("inside", [shapely.box(-180, -90, 180, 90), Polygon()])
def test_what_lies_inside_is_returned_unchanged(inside):
    assert split_at_antimeridian(inside) is inside
