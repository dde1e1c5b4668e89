"""Boxes in pixels, beside shapely, torchvision and counting pixels on a canvas."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.geo.boxes import inside, overlaps, suppress, union

EDGE = st.integers(0, 12)
SPAN = st.integers(1, 8)
BOX = st.tuples(EDGE, EDGE, SPAN, SPAN).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
BOXES = st.lists(BOX, min_size=1, max_size=12).map(lambda rows: np.array(rows, np.int64))


def _scores(boxes, seed):
    return np.random.default_rng(seed).integers(0, 4, len(boxes)) / 4


@settings(deadline=None, max_examples=60)
@given(BOXES)
def test_overlap_is_that_of_the_shapes(boxes):
    ours = overlaps(boxes[0], boxes)
    shapes = shapely.box(*boxes.T)
    theirs = shapely.area(shapely.intersection(shapes[0], shapes)) / shapely.area(
        shapely.union(shapes[0], shapes)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_a_box_without_area_overlaps_nothing():
    empty = np.array([3, 3, 3, 3])
    assert overlaps(empty, np.array([[0, 0, 9, 9], [3, 3, 3, 3]])).tolist() == [0, 0]


@settings(deadline=None, max_examples=60)
@given(BOXES, st.integers(0, 9), st.sampled_from([0.25, 0.5, 0.75]))
def test_suppression_is_that_of_torchvision(boxes, seed, most):
    ops = pytest.importorskip("torchvision.ops")
    torch = pytest.importorskip("torch")
    scores = _scores(boxes, seed)
    theirs = ops.nms(torch.from_numpy(boxes).double(), torch.from_numpy(scores).double(), most)
    assert suppress(boxes, scores, most).tolist() == theirs.tolist()


def _drawn_inside(one, other):
    """Whether every pixel of a box, drawn with its last row and column, is in another's."""
    canvas = np.zeros((2, 40, 40), bool)
    for layer, (x1, y1, x2, y2) in zip(canvas, (one, other), strict=True):
        layer[y1:y2, x1:x2] = True
    return not (canvas[0] & ~canvas[1]).any()


@settings(deadline=None, max_examples=60)
@given(BOXES)
def test_inner_boxes_are_those_drawn_wholly_in_another(boxes):
    rows = boxes.tolist()
    brute = [
        any(_drawn_inside(one, other) for j, other in enumerate(rows) if j != i)
        for i, one in enumerate(rows)
    ]
    assert inside(boxes).tolist() == brute


@settings(deadline=None, max_examples=60)
@given(BOXES, st.integers(0, 9))
def test_with_scores_every_inner_box_lies_in_one_that_stays(boxes, seed):
    scores = _scores(boxes, seed)
    gone = inside(boxes, scores)
    assert not gone.all()
    for box in boxes[gone]:
        assert any(_drawn_inside(box, other) for other in boxes[~gone])
    kept = boxes[~gone].tolist()
    assert len({tuple(row) for row in kept}) == len(kept)


def test_equal_boxes_remove_each_other_unless_scores_are_given():
    boxes = np.array([[1, 1, 5, 5], [1, 1, 5, 5]])
    assert inside(boxes).tolist() == [True, True]
    assert inside(boxes, np.array([0.5, 0.9])).tolist() == [True, False]
    assert inside(boxes, np.array([0.5, 0.5])).tolist() == [False, True]


def test_slack_lets_right_and_bottom_stick_out_only():
    outer = [2, 2, 6, 6]
    for box, is_in in [([2, 2, 7, 7], True), ([2, 2, 8, 6], False), ([1, 2, 6, 6], False)]:
        assert inside(np.array([box, outer]), slack=1)[0] == is_in


def test_union_goes_around_all_boxes():
    assert union(np.array([[3, 4, 5, 6], [1, 5, 2, 9]])).tolist() == [1, 4, 5, 9]
    assert union(np.empty((0, 4), np.int64)) is None


def test_no_boxes_are_no_trouble():
    none = np.empty((0, 4), np.int64)
    assert len(inside(none)) == len(suppress(none, np.empty(0), 0.5)) == 0


def test_arrays_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match=r"boxes have the shape \(n, 4\), got \(3,\)"):
        inside(np.zeros(3, np.int64))
    with pytest.raises(InputError, match=r"there are 2 boxes and scores of shape \(3,\)"):
        suppress(np.zeros((2, 4), np.int64), np.zeros(3), 0.5)
