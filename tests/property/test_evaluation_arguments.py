"""Measures of calls: what holds for all boxes, times and chains, and some worked by hand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box as rectangle

from eoagent.app.evaluation.arguments import (
    Call,
    arguments_share,
    box_iou,
    calls_of,
    measure_calls,
    same_value,
    time_overlap,
    tools_in_any_order,
    tools_in_order,
    tools_in_prefix,
)
from eoagent.contracts.answer import AnswerRecord, AnswerStep
from eoagent.contracts.geometry import TimeRange
from eoagent.io.dates import parse_time

SIDES = st.integers(-180, 180).map(float)
BOXES = st.tuples(SIDES, SIDES, SIDES, SIDES)
MOMENTS = st.integers(0, 10_000).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(n))
SPANS = st.lists(MOMENTS, min_size=2, max_size=2).map(
    lambda ends: TimeRange(start=min(ends), end=max(ends))
)
CHAINS = st.lists(st.sampled_from("abcd"), max_size=7)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text("ab 1.", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=6,
)
CALLS = st.lists(
    st.builds(
        Call,
        tool=st.sampled_from("abc"),
        arguments=st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3),
    ),
    max_size=5,
)


@given(BOXES, BOXES, st.booleans())
def test_boxes_agree_alike_both_ways_and_wholly_with_themselves(first, second, turns):
    share = box_iou(first, second, turns=turns)
    assert 0 <= share <= 1
    assert share == pytest.approx(box_iou(second, first, turns=turns))
    assert box_iou(first, first, turns=turns) == 1


@given(BOXES, BOXES)
def test_boxes_agree_as_shapely_says(first, second):
    a, b = rectangle(*first), rectangle(*second)
    union = a.union(b).area
    if union:
        expected = a.intersection(b).area / union
        assert box_iou(first, second) == pytest.approx(expected, abs=1e-9)


def test_boxes_are_compared_across_180_degrees_and_without_area():
    assert box_iou((170, 0, -170, 10), (175, 0, -170, 10), turns=True) == pytest.approx(0.75)
    assert box_iou((170, 0, -170, 10), (-175, 0, 175, 10), turns=True) == pytest.approx(10 / 360)
    assert box_iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert box_iou((10, 10, 0, 0), (0, 0, 10, 10)) == 1
    assert box_iou((1, 1, 1, 1), (1, 1, 1, 1)) == 1
    assert box_iou((1, 1, 1, 1), (2, 2, 2, 2)) == 0
    assert box_iou((0, 0, 1, 1), (1, 1, 2, 2)) == 0


@given(SPANS, SPANS)
def test_times_agree_alike_both_ways_and_wholly_with_themselves(first, second):
    share = time_overlap(first, second)
    assert 0 <= share <= 1
    assert share == pytest.approx(time_overlap(second, first))
    assert time_overlap(first, first) == 1
    assert (share > 0) == first.overlaps(second)


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ("2020-06-01/2020-06-30", "2020-06-16/2020-07-15", 15 / 45),
        ("2019", "2019-01-01/2019-12-31", 1.0),
        ("2020", "2021", 0.0),
        ("2020-06", "2020-06-10", 1 / 30),
        ("2020-01-01/..", "2020-01-01/..", 1.0),
        ("2020-01-01/..", "2020-01-01/2020-12-31", 0.0),
    ],
)
def test_times_are_worked_by_hand(first, second, share):
    assert time_overlap(parse_time(first), parse_time(second)) == pytest.approx(share, rel=1e-6)


@given(CHAINS, CHAINS)
def test_shares_of_tools_are_shares_and_each_rule_is_stricter_than_the_next(expected, called):
    any_order = tools_in_any_order(expected, called)
    in_order = tools_in_order(expected, called)
    prefix = tools_in_prefix(expected, called)
    assert 0 <= prefix <= in_order <= 1
    assert 0 <= any_order <= 1
    assert (any_order > 0) == (in_order > 0)
    left = Counter(called)
    assert in_order * len(expected) <= sum((Counter(expected) & left).values()) or not expected
    assert tools_in_order(expected, expected) == tools_in_prefix(expected, expected) == 1
    assert tools_in_order(expected, [*called, *expected]) == 1


@pytest.mark.parametrize(
    ("called", "any_order", "in_order", "prefix"),
    [
        ("abca", 1.0, 1.0, 1.0),
        ("xaybzca", 1.0, 1.0, 0.0),
        ("acb", 1.0, 0.5, 0.25),
        ("bca", 1.0, 0.75, 0.0),
        ("cx", 1 / 3, 0.25, 0.0),
        ("", 0.0, 0.0, 0.0),
    ],
)
def test_shares_of_tools_are_worked_by_hand(called, any_order, in_order, prefix):
    expected = list("abca")
    assert tools_in_any_order(expected, list(called)) == pytest.approx(any_order)
    assert tools_in_order(expected, list(called)) == in_order
    assert tools_in_prefix(expected, list(called)) == prefix
    assert (
        tools_in_any_order([], ["a"]) == tools_in_order([], []) == tools_in_prefix([], ["a"]) == 1
    )


@given(VALUES, VALUES)
def test_a_value_is_the_same_as_itself_and_sameness_goes_both_ways(first, second):
    assert same_value(first, first)
    assert same_value(first, second) == same_value(second, first)


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("NDVI", " ndvi ", True),
        (3, "3.0", True),
        (0.5, 0.5 + 1e-9, True),
        (0.5, 0.51, False),
        (True, 1, False),
        ("(1, 2)", [1, 2.0], True),
        ("[1, [2, 3]]", [1, [2, 3]], True),
        ("(a, b)", "(A,  b)", True),
        ([1, 2], [2, 1], False),
        ([1, 2], [1, 2, 3], False),
        ("image/a.png", "/srv/me/data/image/A.png", True),
        ("image\\a.png", "a.png", True),
        ("image/a.png", "/srv/me/my data/image/a.png", True),
        ("image/a.png", "C:\\my data\\image\\a.png", True),
        ("a.png", "the file image/b c/a.png", False),
        ("image/a.png", "image/b.png", False),
        ({"a": "1"}, {"a": 1}, True),
        ({"a": 1}, {"b": 1}, False),
        (None, "", False),
        ("１０", 10, True),
    ],
)
def test_values_say_the_same_however_they_are_written(first, second, is_same):
    assert same_value(first, second) is is_same


@given(CALLS, CALLS)
def test_the_share_of_arguments_is_a_share_and_whole_for_the_same_calls(expected, called):
    assert 0 <= arguments_share(expected, called) <= 1
    assert arguments_share(expected, expected) == 1
    assert arguments_share(expected, [*expected, *called]) == 1


@given(CALLS, CALLS)
def test_all_measures_are_shares(expected, called):
    assert all(0 <= value <= 1 for value in measure_calls(expected, called).values())


def _find(**arguments):
    return Call(tool="find_scenes", arguments=arguments)


def test_calls_are_measured_by_hand():
    expected = [
        _find(bbox=[0, 0, 10, 10], datetime="2020-06"),
        Call(tool="spectral_index", arguments={"index": "NDVI", "image": "scenes:a"}),
    ]
    called = [
        _find(bbox="(0, 0, 10, 5)", datetime="2020-06-01/2020-06-15", limit=3),
        Call(tool="spectral_index", arguments={"index": "ndvi", "image": "scenes:b"}),
    ]
    assert measure_calls(expected, called) == {
        "tools_any_order": 1.0,
        "tools_in_order": 1.0,
        "arguments": 0.25,
        "box_iou": 0.5,
        "time_overlap": pytest.approx(0.5),
    }
    assert measure_calls(expected, []) == {
        "tools_any_order": 0.0,
        "tools_in_order": 0.0,
        "arguments": 0.0,
        "box_iou": 0.0,
        "time_overlap": 0.0,
    }
    assert measure_calls([], called) == {
        "tools_any_order": 1.0,
        "tools_in_order": 1.0,
        "arguments": 1.0,
    }


def test_a_box_that_is_none_and_a_time_that_is_none_are_not_measured():
    odd = [_find(bbox=[1, 2, 3], datetime="soon"), _find(bbox="here", datetime=5)]
    assert set(measure_calls(odd, odd)) == {"tools_any_order", "tools_in_order", "arguments"}
    assert measure_calls([_find(bbox=[0, 0, 1, 1])], [_find(bbox="here")])["box_iou"] == 0


def test_every_expected_call_takes_the_call_that_agrees_best():
    expected = [_find(a=1, b=1), _find(a=2, b=2)]
    called = [_find(a=2, b=2), _find(a=1, b=0)]
    assert arguments_share(expected, called) == 0.75


def test_the_calls_of_a_run_leave_out_what_was_skipped():
    steps = tuple(
        AnswerStep(
            n=n,
            tool=f"t{n}",
            arguments={"n": n},
            references={},
            status=status,
            seconds=0,
            artifacts=(),
            figures=(),
        )
        for n, status in enumerate(("done", "failed", "skipped", "cached"), 1)
    )
    record = AnswerRecord(
        schema="eoagent/answer/1", question="?", status="answered", text="", steps=steps
    )
    assert [call.tool for call in calls_of(record)] == ["t1", "t2", "t4"]
    assert calls_of(record)[1].arguments == {"n": 2}
