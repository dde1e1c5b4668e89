"""Boxes around footprints over the antimeridian, against a search over all cuts of the circle."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from shapely import affinity

from eoagent.io.footprint import box_around, read_bbox

SPANS = st.lists(
    st.tuples(st.integers(-180, 179), st.integers(1, 40)), min_size=1, max_size=5, unique=True
)


def boxes(spans):
    return [shapely.box(west, 0, west + width, 5) for west, width in spans]


def width(box):
    return box.east - box.west + (360 if box.crosses_antimeridian else 0)


def narrowest(spans):
    """Return the least width of an arc that covers all spans, trying a start at each of them."""
    return min(max((west - start) % 360 + size for west, size in spans) for start, _ in spans)


@given(spans=SPANS)
def test_the_box_is_the_narrowest_and_covers_every_part(spans):
    box = box_around(shapely.multipolygons(boxes(spans)))
    assert width(box) == pytest.approx(min(narrowest(spans), 360))
    for west, size in spans:
        for lon in (west, west + size / 2, west + size):
            assert (lon - box.west) % 360 <= width(box) + 1e-6 or (box.west - lon) % 360 < 1e-6


@pytest.mark.parametrize(
    ("spans", "west", "east"),
    [
        ([(0, 1), (-1, 3)], -1, 2),
        ([(0, 1), (-1, 30), (5, 2)], -1, 29),
        ([(10, 5), (-100, 150)], -100, 50),
        ([(170, 20), (-179, 2)], 170, -170),
    ],
)
def test_a_part_that_comes_round_past_the_first_is_covered_whole(spans, west, east):
    box = box_around(shapely.multipolygons(boxes(spans)))
    assert (box.west, box.east) == (west, east)


@example(spans=[(0, 1), (0, 3), (-180, 1), (-178, 1)], turns=[-360, -360, -360, 0, -360])
@given(spans=SPANS, turns=st.lists(st.sampled_from([-360, 0, 360]), min_size=5, max_size=5))
def test_whole_turns_do_not_change_the_box(spans, turns):
    moved = [
        affinity.translate(box, xoff=turn) for box, turn in zip(boxes(spans), turns, strict=False)
    ]
    plain = box_around(shapely.multipolygons(boxes(spans)))
    assert box_around(shapely.multipolygons(moved)) == plain


def test_a_box_of_the_whole_turn_is_the_whole_turn():
    box = box_around(shapely.box(-180, -60, 180, 80))
    assert (box.west, box.south, box.east, box.north) == (-180, -60, 180, 80)


@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90))
def test_a_point_has_a_box_of_no_width_at_its_own_place(lon, lat):
    box = box_around(shapely.Point(lon, lat))
    assert (box.west, box.south, box.north) == (-180 if lon == 180 else lon, lat, lat)
    assert box.east == box.west


@given(west=st.floats(-180, 0), size=st.floats(1e-6, 170))
def test_a_box_that_crosses_nothing_keeps_its_edges_to_the_last_bit(west, size):
    box = box_around(shapely.box(west, 0, west + size, 1))
    assert (box.west, box.east) == (west, west + size)


@given(west=st.floats(-180, 179), size=st.floats(0, 359), south=st.floats(-90, 90))
def test_a_box_in_any_spelling_is_one_box(west, size, south):
    east = west + size
    wrapped = east if east <= 180 else east - 360
    first, second = (read_bbox([west, south, end, 90.0]) for end in (east, wrapped))
    assert first.west == second.west == west
    assert first.east == pytest.approx(second.east)
