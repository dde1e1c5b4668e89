"""A hull holds every box, and no narrower one does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.geometry import BBox
from eoagent_indexes.extent import centres, hull

DEGREES = st.integers(-180, 180)
BOX = st.tuples(DEGREES, st.integers(-90, 0), DEGREES, st.integers(0, 90))


def covered(west, east):
    """Half degrees (0 to 719, from -180) that a span of longitude covers, both its ends too."""
    width = east - west if west <= east else east - west + 360
    return {int(2 * (west + 180) + step) % 720 for step in range(int(2 * width) + 1)}


@settings(max_examples=200, deadline=None)
@given(st.lists(BOX, min_size=1, max_size=6))
def test_a_hull_holds_each_box_and_is_the_narrowest_that_does(boxes):
    found = hull(np.array(boxes, dtype=np.float64))
    degrees = covered(found.west, found.east)
    for west, south, east, north in boxes:
        assert covered(west, east) <= degrees
        assert found.south <= south
        assert found.north >= north
        assert found.intersects(BBox(west=west, south=south, east=east, north=north))
    # Brute force: the narrowest span that starts at some western and ends at some eastern edge.
    needed = set().union(*(covered(west, east) for west, _, east, _ in boxes))
    edges = [(w, e) for w in {b[0] for b in boxes} | {-180} for e in {b[2] for b in boxes} | {180}]
    widths = [len(covered(w, e)) for w, e in edges if needed <= covered(w, e)]
    assert len(degrees) <= min(widths, default=720)


def test_boxes_on_both_sides_of_the_antimeridian_get_a_hull_that_crosses_it():
    boxes = np.array([[170.0, 0, 175, 1], [-178.0, 0, -176, 1], [179.0, 0, -179, 1]])
    assert hull(boxes) == BBox(west=170, south=0, east=-176, north=1)


def test_boxes_that_are_not_known_have_no_hull():
    assert hull(np.full((3, 4), np.nan)) is None
    assert hull(np.empty((0, 4))) is None


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((10, 0, 20, 10), (15, 5)),
        ((170, 0, -170, 10), (180, 5)),
        ((175, 0, -165, 10), (-175, 5)),
        ((-180, -90, 180, 90), (0, 0)),
    ],
)
def test_the_centre_of_a_box_lies_within_it(box, expected):
    lon, lat = centres(np.array([box], dtype=np.float64))
    assert (lon[0], lat[0]) == expected
