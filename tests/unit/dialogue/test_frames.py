"""Sizes and coordinates: the resize rule of the model, and from its numbers to pixels and back."""

from __future__ import annotations

import ast
import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.dialogue.frames import Frame, settled_size, shown_size, within

SIDES = st.integers(1, 8000)
CAPS = st.sampled_from([50_176, 200_704, 802_816, 1_003_520, 12_845_056])
KINDS = st.sampled_from(["model_input", "original", "thousandth", "percent"])
FLOORS = st.sampled_from([784, 3136, 12_544])


def library_rule():
    """The function of the library itself, without the seconds that its import takes."""
    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None:
        pytest.skip("transformers is not installed")
    path = Path(spec.origin).parent / "models/qwen2_vl/image_processing_qwen2_vl.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    rule = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "smart_resize")
    names = {"math": math}
    exec(compile(ast.Module([rule], []), str(path), "exec"), names)
    return names["smart_resize"]


def test_the_resize_rule_is_that_of_the_library_over_many_sizes():
    rule, rng = library_rule(), np.random.default_rng(7)
    sizes = np.exp(rng.uniform(0, np.log(9000), (6000, 2))).astype(int).tolist()
    sizes += [
        (side, other) for side in (1, 13, 14, 15, 27, 28, 41, 42, 43) for other in (1, 28, 70)
    ]
    refused = 0
    for high, wide in sizes:
        for most, fewest in ((802_816, 3136), (12_845_056, 3136), (50_176, 784)):
            try:
                expected = rule(high, wide, factor=28, min_pixels=fewest, max_pixels=most)
            except ValueError:
                refused += 1
                with pytest.raises(InputError, match="too long and thin"):
                    shown_size(high, wide, max_pixels=most, min_pixels=fewest)
            else:
                assert shown_size(high, wide, max_pixels=most, min_pixels=fewest) == expected
    assert refused > 100


@pytest.mark.parametrize(
    ("given_size", "cap", "shown"),
    [
        ((800, 800), 802_816, (812, 812)),
        ((512, 512), 802_816, (504, 504)),
        ((600, 600), 802_816, (588, 588)),
        ((256, 256), 802_816, (252, 252)),
        ((1000, 1000), 802_816, (896, 896)),
        ((1000, 1000), 12_845_056, (1008, 1008)),
        ((7617, 7617), 802_816, (896, 896)),
        ((7617, 7617), 12_845_056, (3584, 3584)),
        ((2000, 3000), 802_816, (728, 1092)),
        ((2000, 3000), 12_845_056, (1988, 2996)),
    ],
)
def test_sizes_are_those_measured_with_the_processor(given_size, cap, shown):
    assert shown_size(*given_size, max_pixels=cap, min_pixels=3136) == shown


@settings(deadline=None)
@given(SIDES, SIDES, CAPS, FLOORS)
def test_a_picture_at_its_settled_size_is_left_alone(high, wide, most, fewest):
    assume(max(high, wide) <= 190 * min(high, wide))
    assume(min(high, wide) >= 56 or max(high, wide) <= 5000)
    shown = settled_size(high, wide, max_pixels=most, min_pixels=fewest)
    assert shown[0] % 28 == shown[1] % 28 == 0
    assert shown_size(*shown, max_pixels=most, min_pixels=fewest) == shown
    assert fewest <= shown[0] * shown[1] <= most


@settings(deadline=None)
@given(SIDES, SIDES, st.integers(784, 20_000))
def test_sizes_settle_even_where_the_caps_are_as_close_as_they_may_be(high, wide, fewest):
    assume(max(high, wide) <= 150 * min(high, wide))
    caps = {"max_pixels": 4 * fewest, "min_pixels": fewest}
    try:
        shown = settled_size(high, wide, **caps)
    except InputError:
        return
    assert shown_size(*shown, **caps) == shown


@settings(deadline=None)
@given(SIDES, SIDES, st.sampled_from([200_704, 802_816, 1_003_520, 12_845_056]), FLOORS)
def test_but_for_low_caps_a_size_settles_at_once(high, wide, most, fewest):
    assume(max(high, wide) <= 200 * min(high, wide))
    shown = shown_size(high, wide, max_pixels=most, min_pixels=fewest)
    assume(max(shown) <= 200 * min(shown))
    assert settled_size(high, wide, max_pixels=most, min_pixels=fewest) == shown


def test_under_a_low_cap_a_strip_settles_after_a_while():
    caps = {"max_pixels": 50_176, "min_pixels": 784}
    assert shown_size(15, 1807, **caps) == (28, 2436)
    assert shown_size(28, 2436, **caps) == (28, 2072)
    assert settled_size(15, 1807, **caps) == (28, 1792)


def test_a_strip_that_the_model_would_refuse_once_it_is_resized_is_refused_at_once():
    caps = {"max_pixels": 802_816, "min_pixels": 3136}
    assert shown_size(41, 8200, **caps) == (28, 8204)
    with pytest.raises(InputError) as caught:
        settled_size(41, 8200, **caps)
    assert str(caught.value) == (
        "a picture of 8200 x 41 px is too long and thin: it would be shown at 8204 x 28 px, and "
        "200 to 1 is the most that the model takes"
    )


def test_a_picture_of_more_than_200_to_1_is_refused_with_its_sides_told():
    assert shown_size(10, 2000, max_pixels=802_816, min_pixels=3136)
    with pytest.raises(InputError) as caught:
        shown_size(10, 2001, max_pixels=802_816, min_pixels=3136)
    assert str(caught.value).startswith("a picture of 2001 x 10 px is too long and thin")
    assert caught.value.hint == "cut it into shorter pieces"


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_a_picture_without_pixels_is_refused(size):
    with pytest.raises(InputError, match="px was given"):
        shown_size(*size, max_pixels=802_816, min_pixels=3136)


def frame_of(kind, high, wide):
    shown = shown_size(high, wide, max_pixels=802_816, min_pixels=3136)
    return Frame(kind=kind, given=(high, wide), shown=shown)


@settings(deadline=None)
@given(KINDS, st.integers(20, 4000), st.integers(20, 4000), st.data())
def test_boxes_go_to_the_model_and_come_back(kind, high, wide, data):
    frame = frame_of(kind, high, wide)
    x, y = st.floats(0, wide), st.floats(0, high)
    boxes = np.array(
        data.draw(st.lists(st.tuples(x, y, x, y), min_size=1, max_size=5)), dtype=np.float64
    )
    np.testing.assert_allclose(frame.to_picture(frame.to_model(boxes)), boxes, atol=1e-9 * 4000)
    points = boxes[:, :2]
    np.testing.assert_array_equal(frame.to_picture(points), frame.to_picture(boxes)[:, :2])


@settings(deadline=None)
@given(KINDS, st.integers(20, 4000), st.integers(20, 4000))
def test_the_whole_picture_is_the_whole_picture_in_every_frame(kind, high, wide):
    frame = frame_of(kind, high, wide)
    tall, broad = frame.extent
    whole = frame.to_picture(np.array([[0.0, 0.0, broad, tall]]))
    np.testing.assert_allclose(whole, [[0, 0, wide, high]])


def test_each_side_has_its_own_scale():
    frame = Frame(kind="model_input", given=(1000, 3000), shown=(500, 600))
    moved = frame.to_picture(np.array([[60.0, 50.0, 120.0, 100.0]]))
    assert moved.tolist() == [[300.0, 100.0, 600.0, 200.0]]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("model_input", [100.0, 100.0, 200.0, 200.0]),
        ("original", [50.0, 50.0, 100.0, 100.0]),
        ("thousandth", [100.0, 50.0, 200.0, 100.0]),
        ("percent", [1000.0, 500.0, 2000.0, 1000.0]),
    ],
)
def test_a_frame_says_what_numbers_count(kind, expected):
    frame = Frame(kind=kind, given=(1000, 2000), shown=(500, 1000))
    assert frame.to_picture(np.array([[50.0, 50.0, 100.0, 100.0]])).tolist() == [expected]


NUMBERS = st.floats(-500, 1500)


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=8))
def test_boxes_are_turned_about_and_clipped_and_those_left_have_an_area(given_boxes):
    boxes = np.array(given_boxes, dtype=np.float64).reshape(-1, 4)
    tidy, is_in = within(boxes, (700, 900))
    swapped, is_in_too = within(boxes[:, [2, 1, 0, 3]], (700, 900))
    np.testing.assert_array_equal(tidy, swapped)
    np.testing.assert_array_equal(is_in, is_in_too)
    for (x1, y1, x2, y2), after, kept in zip(given_boxes, tidy, is_in, strict=True):
        left, right = max(min(x1, x2), 0), min(max(x1, x2), 900)
        top, bottom = max(min(y1, y2), 0), min(max(y1, y2), 700)
        assert kept == (right > left and bottom > top)
        if kept:
            assert after.tolist() == [left, top, right, bottom]
    again, still = within(tidy[is_in], (700, 900))
    np.testing.assert_array_equal(again, tidy[is_in])
    assert still.all()
