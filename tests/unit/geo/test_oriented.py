"""Turned rectangles around outlines, beside shapely's and beside trying all angles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.geo.measure import area_m2
from eoagent.geo.oriented import oriented_boxes

CORNERS = st.lists(
    st.tuples(st.integers(-40, 40), st.integers(-40, 40)), min_size=3, max_size=20, unique=True
)


def _turned(width, height, angle_deg, at=(0.0, 0.0)):
    box = shapely.box(-width / 2, -height / 2, width / 2, height / 2)
    return shapely.affinity.translate(shapely.affinity.rotate(box, angle_deg), *at)


def _least_area(points):
    """Return the least area of rectangles at each hundredth of a degree."""
    turns = np.radians(np.arange(0, 90, 0.01))
    u = np.outer(points[:, 0], np.cos(turns)) + np.outer(points[:, 1], np.sin(turns))
    v = np.outer(points[:, 1], np.cos(turns)) - np.outer(points[:, 0], np.sin(turns))
    return float((np.ptp(u, axis=0) * np.ptp(v, axis=0)).min())


@settings(deadline=None, max_examples=60)
@given(CORNERS)
def test_a_box_is_the_smallest_rectangle_that_holds_its_outline(corners):
    hull = shapely.convex_hull(shapely.multipoints(corners))
    if hull.geom_type != "Polygon":
        return
    (box,) = oriented_boxes([hull])
    assert box.buffer(1e-6).covers(hull)
    ring = np.array(box.exterior.coords)
    sides = np.diff(ring, axis=0)
    assert np.abs((sides * np.roll(sides, -1, axis=0)).sum(axis=1)).max() < 1e-6  # right angles
    assert box.area == pytest.approx(shapely.oriented_envelope(hull).area, rel=1e-9)
    tried = _least_area(np.array(corners, float))
    assert box.area <= tried * (1 + 1e-9)
    assert box.area == pytest.approx(tried, rel=2e-2)


@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0, 73.5])
def test_a_turned_rectangle_is_its_own_box_far_from_the_origin(angle):
    outline = _turned(120.0, 8.0, angle, at=(687_312.5, 4_982_740.25))
    (box,) = oriented_boxes([outline])
    assert box.symmetric_difference(outline).area < 1e-5
    assert shapely.get_coordinates(box).shape == (5, 2)
    assert box.exterior.is_ccw


def test_all_parts_of_an_object_lie_in_one_box():
    parts = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(9, 9, 10, 10)])
    (box,) = oriented_boxes([parts])
    assert box.area == pytest.approx(10 * math.sqrt(2) * math.sqrt(2))
    assert box.buffer(1e-9).covers(parts)


def test_boxes_come_in_the_order_of_their_outlines():
    outlines = [_turned(4, 2, 30, at=(x, 5.0)) for x in (7.0, 1.0, 4.0)]
    found = [box.centroid.x for box in oriented_boxes(outlines)]
    assert found == pytest.approx([7.0, 1.0, 4.0])


def test_in_degrees_a_box_is_a_rectangle_on_the_ground():
    scale = math.cos(math.radians(60))
    ground = _turned(0.02, 0.004, 30)
    outline = shapely.transform(ground, lambda p: p / (scale, 1) + (10, 60))
    (box,) = oriented_boxes([outline], is_geographic=True)
    (flat,) = oriented_boxes([outline])
    assert box.symmetric_difference(outline).area < 1e-9
    # beside a rectangle in degrees, which is larger on the ground
    on_ground = [area_m2(one) for one in (box, flat)]
    assert on_ground[0] < 0.95 * on_ground[1]


@pytest.mark.parametrize("flat", [shapely.Point(3, 4), shapely.LineString([(0, 0), (5, 5)])])
def test_what_has_no_area_has_no_box(flat):
    with pytest.raises(InputError, match=f"outline 2 is a {flat.geom_type} without area"):
        oriented_boxes([shapely.box(0, 0, 1, 1), flat])


def test_coordinates_that_are_not_finite_are_refused():
    outline = shapely.Polygon([(0, 0), (1, 0), (math.inf, 1)])
    with pytest.raises(InputError, match="outline 1 has a coordinate that is not finite"):
        oriented_boxes([outline])
