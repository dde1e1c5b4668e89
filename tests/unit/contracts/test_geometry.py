"""Boxes, spans and windows, against points, instants and pixels counted one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eoagent.contracts.geometry import BBox, TimeRange, Window

_LON = st.integers(-18, 18).map(lambda n: 10.0 * n)
_LAT = st.integers(-9, 9).map(lambda n: 10.0 * n)
_DAY = datetime(2020, 1, 1, tzinfo=UTC)


def _box(west, south, east, north):
    return BBox(west=west, south=south, east=east, north=north)


@st.composite
def _boxes(draw):
    south, north = sorted((draw(_LAT), draw(_LAT)))
    return _box(draw(_LON), south, draw(_LON), north)


def _points(box):
    """Points of a box on a 10 degree lattice, longitudes 0 to 350: one name for 180 and -180."""
    east = box.east if box.east >= box.west else box.east + 360
    lons = range(int(box.west), int(east) + 1, 10)
    lats = range(int(box.south), int(box.north) + 1, 10)
    return {(lon % 360, lat) for lon in lons for lat in lats}


@given(_boxes(), _boxes())
def test_boxes_intersect_where_they_share_a_point(first, second):
    shared = bool(_points(first) & _points(second))
    assert first.intersects(second) == shared
    assert second.intersects(first) == shared


@given(_boxes())
def test_a_box_intersects_itself(box):
    assert box.intersects(box)


def test_a_box_over_the_antimeridian_meets_both_sides_and_not_the_middle():
    fiji = _box(177.0, -20.0, -178.0, -15.0)
    assert fiji.crosses_antimeridian
    assert fiji.intersects(_box(178.0, -18.0, 179.0, -17.0))
    assert fiji.intersects(_box(-179.0, -18.0, -178.5, -17.0))
    assert not fiji.intersects(_box(-177.0, -18.0, 176.0, -17.0))
    assert not fiji.intersects(_box(178.0, -10.0, 179.0, 0.0))


def test_boxes_on_both_sides_touch_at_the_antimeridian():
    assert _box(170.0, 0.0, 180.0, 10.0).intersects(_box(-180.0, 0.0, -170.0, 10.0))


def test_a_box_that_ends_at_180_does_not_cross():
    assert not _box(170.0, 0.0, 180.0, 10.0).crosses_antimeridian
    assert not _box(-180.0, -90.0, 180.0, 90.0).crosses_antimeridian


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ((-180.5, 0, 10, 10), "longitudes -180.5, 10.0 are outside -180..180"),
        ((0, 0, 181, 10), "longitudes 0.0, 181.0 are outside -180..180"),
        ((0, 20, 10, 10), "latitudes 20.0, 10.0 are not south <= north within -90..90"),
        ((0, -91, 10, 10), "latitudes -91.0, 10.0"),
        ((0, 0, 10, 90.1), "latitudes 0.0, 90.1"),
        ((float("nan"), 0, 10, 10), "holds a value that is not finite"),
        ((0, 0, 10, float("inf")), "holds a value that is not finite"),
    ],
)
def test_an_impossible_box_is_refused_with_its_numbers(edges, message):
    with pytest.raises(ValidationError) as caught:
        _box(*edges)
    assert message in str(caught.value)


def test_a_box_takes_no_fifth_edge_and_cannot_be_moved():
    with pytest.raises(ValidationError, match="extra"):
        BBox(west=0, south=0, east=1, north=1, height=3)
    box = _box(0, 0, 1, 1)
    with pytest.raises(ValidationError, match="frozen"):
        box.west = 5.0


@given(_boxes())
def test_a_box_is_the_same_after_a_round_trip_through_json(box):
    assert BBox.model_validate_json(box.model_dump_json()) == box


_ENDS = st.one_of(st.none(), st.integers(0, 12))


@st.composite
def _spans(draw):
    start, end = draw(_ENDS), draw(_ENDS)
    if start is not None and end is not None:
        start, end = min(start, end), max(start, end)
    moments = [None if n is None else _DAY + timedelta(days=n) for n in (start, end)]
    return TimeRange(start=moments[0], end=moments[1])


def _days(span):
    first = -1 if span.start is None else (span.start - _DAY).days
    last = 13 if span.end is None else (span.end - _DAY).days
    return set(range(first, last + 1))


@given(_spans(), _spans())
def test_spans_overlap_where_they_share_a_day(first, second):
    assert first.overlaps(second) == bool(_days(first) & _days(second))
    assert second.overlaps(first) == first.overlaps(second)


def test_an_instant_overlaps_a_span_that_ends_in_it():
    instant = TimeRange(start=_DAY, end=_DAY)
    assert instant.overlaps(TimeRange(start=None, end=_DAY))
    assert not instant.overlaps(TimeRange(start=_DAY + timedelta(seconds=1), end=None))


def test_times_in_other_zones_are_compared_as_instants():
    tokyo = timezone(timedelta(hours=9))
    with pytest.raises(ValidationError, match="after its end"):
        TimeRange(start=_DAY, end=datetime(2020, 1, 1, 8, tzinfo=tokyo))
    assert TimeRange(start=_DAY, end=datetime(2020, 1, 1, 9, tzinfo=tokyo)).label


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (datetime(2020, 1, 1), _DAY, "has no time zone"),  # noqa: DTZ001
        (_DAY + timedelta(days=1), _DAY, "after its end"),
    ],
)
def test_an_impossible_span_is_refused(start, end, message):
    with pytest.raises(ValidationError, match=message):
        TimeRange(start=start, end=end)


@pytest.mark.parametrize(
    ("start", "end", "label"),
    [
        ((2019, 4, 16), (2019, 4, 16), "2019-04-16"),
        ((2019, 1, 1), (2019, 12, 31), "2019"),
        ((2019, 1, 1), (2020, 12, 31), "2019-01-01/2020-12-31"),
        ((2019, 4, 1), (2019, 4, 30), "2019-04-01/2019-04-30"),
        (None, (2019, 4, 30), "../2019-04-30"),
        ((2019, 4, 1), None, "2019-04-01/.."),
        (None, None, "../.."),
    ],
)
def test_a_span_is_labelled_as_a_person_writes_it(start, end, label):
    moments = [None if d is None else datetime(*d, tzinfo=UTC) for d in (start, end)]
    assert TimeRange(start=moments[0], end=moments[1]).label == label


def test_a_window_counts_its_pixels_and_refuses_none():
    assert Window(row=3, col=4, height=5, width=6).pixels == 30
    for bad in ({"row": -1}, {"col": -1}, {"height": 0}, {"width": 0}):
        with pytest.raises(ValidationError, match="negative offset or no pixels"):
            Window(**{"row": 0, "col": 0, "height": 1, "width": 1, **bad})
    with pytest.raises(ValidationError, match="integer"):
        Window(row=0.5, col=0, height=1, width=1)
