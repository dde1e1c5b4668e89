"""What a model found is brought into the picture: scaled, clipped, counted, never silently lost."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eoagent.dialogue.frames import Frame
from eoagent.dialogue.grammars.found import Found, Target
from eoagent.dialogue.patches import patches
from eoagent.dialogue.placing import place

FRAME = Frame(kind="model_input", given=(400, 600), shown=(200, 300))


def found(*boxes, status="found", **more):
    targets = tuple(b if isinstance(b, Target) else Target(box=b) for b in boxes)
    return Found(status=status, targets=targets, **more)


def test_boxes_are_scaled_and_their_middles_are_points():
    placed = place(found((10, 20, 30, 40)), FRAME, max_boxes=9)
    assert placed.status == "found"
    assert placed.boxes.tolist() == [[20, 40, 60, 80]]
    assert placed.points.tolist() == [[40, 60]]
    assert placed.stated == ((10, 20, 30, 40),)
    assert (placed.dropped, placed.notes, placed.mask) == (0, (), None)


def test_swapped_corners_are_turned_about_and_what_sticks_out_is_cut():
    placed = place(found((30, 40, 10, 20), (-50, -50, 10, 10)), FRAME, max_boxes=9)
    assert placed.boxes.tolist() == [[20, 40, 60, 80], [0, 0, 20, 20]]
    assert placed.stated == ((30, 40, 10, 20), (-50, -50, 10, 10))


def test_boxes_without_an_area_in_the_picture_are_dropped_and_counted():
    placed = place(found((10, 20, 10, 40), (400, 0, 500, 50), (10, 20, 30, 40)), FRAME, max_boxes=9)
    assert len(placed.boxes) == len(placed.points) == len(placed.labels) == len(placed.stated) == 1
    assert placed.dropped == 2
    assert placed.notes == ("2 boxes without an area within the picture left out.",)


def test_a_reply_of_which_nothing_lies_in_the_picture_is_no_find():
    placed = place(found((10, 20, 10, 40)), FRAME, max_boxes=9)
    assert (placed.status, placed.dropped) == ("unparseable", 1)
    assert placed.boxes.shape == (0, 4)
    assert placed.points.shape == (0, 2)


def test_no_more_boxes_are_taken_than_allowed():
    placed = place(found(*[(i, 0, i + 5, 5) for i in range(12)]), FRAME, max_boxes=5)
    assert (len(placed.boxes), placed.dropped) == (5, 7)
    assert placed.notes == ("It gave 12 boxes, of which the first 5 are taken.",)


def test_points_of_the_model_are_kept_where_they_lie_in_the_box():
    box = (10.0, 20.0, 30.0, 40.0)
    inside = Target(box=box, points=((12.0, 22.0), (15.0, 25.0)), label="pier")
    second = Target(box=box, points=((0.0, 0.0), (15.0, 25.0)))
    outside = Target(box=box, points=((0.0, 0.0),))
    placed = place(found(inside, second, outside), FRAME, max_boxes=9)
    assert placed.points.tolist() == [[24, 44], [30, 50], [40, 60]]
    assert placed.labels == ("pier", "", "")


def test_points_without_a_box_are_dropped_and_told():
    placed = place(found(Target(points=((5.0, 5.0),))), FRAME, max_boxes=9)
    assert (placed.status, placed.dropped) == ("unparseable", 1)
    assert placed.notes == ("1 that it gave as a point without a box left out.",)


def test_members_that_could_not_be_read_are_told():
    placed = place(found((1, 2, 3, 4), broken=2), FRAME, max_boxes=9)
    assert placed.notes == ("2 of what it listed could not be read and left out.",)


@pytest.mark.parametrize("status", ["none", "unparseable", "truncated"])
def test_other_outcomes_stay_what_they_are(status):
    placed = place(found(status=status), FRAME, max_boxes=9)
    assert (placed.status, len(placed.boxes)) == (status, 0)


NUMBER = st.floats(-1000, 2000)
BOXES = st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), max_size=6)


@settings(max_examples=50, deadline=None)
@given(BOXES, st.integers(30, 900), st.integers(30, 900))
def test_boxes_are_what_remains_of_them_within_the_picture(boxes, high, wide):
    frame = Frame(kind="thousandth", given=(high, wide), shown=(28, 28))
    placed = place(found(*boxes), frame, max_boxes=9)
    scene, expected = shapely.box(0, 0, wide, high), []
    for x1, y1, x2, y2 in boxes:
        x, y = (
            sorted((x1 * wide / 1000, x2 * wide / 1000)),
            sorted((y1 * high / 1000, y2 * high / 1000)),
        )
        part = shapely.box(x[0], y[0], x[1], y[1]).intersection(scene)
        expected += [part.bounds] if part.area > 1e-9 else []
    kept = [box for box in placed.boxes if (box[2] - box[0]) * (box[3] - box[1]) > 1e-9]
    np.testing.assert_allclose(np.reshape(kept, (-1, 4)), np.reshape(expected, (-1, 4)), atol=1e-6)
    for (x1, y1, x2, y2), (x, y) in zip(placed.boxes, placed.points, strict=True):
        assert 0 <= x1 <= x <= x2 <= wide
        assert 0 <= y1 <= y <= y2 <= high
    assert placed.dropped == len(boxes) - len(placed.boxes)


def slow_patches(grid):
    """Cells as squares, a little larger so that corners touch, joined by shapely."""
    squares = [
        shapely.box(c - 0.01, r - 0.01, c + 1.01, r + 1.01) for r, c in np.argwhere(grid).tolist()
    ]
    joined = shapely.union_all(squares)
    parts = getattr(joined, "geoms", [joined]) if squares else []
    return sorted(tuple(round(n) for n in part.bounds) for part in parts)


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_patches_are_those_that_shapely_joins(grid):
    boxes, points = patches(grid)
    assert sorted(tuple(box) for box in boxes.astype(int).tolist()) == slow_patches(grid)
    for x, y in points:
        assert grid[int(y), int(x)]


def test_a_mask_of_the_model_covers_the_picture_cell_by_cell():
    frame = Frame(kind="model_input", given=(100, 210), shown=(56, 84))
    grid = np.array([[1, 0, 0], [0, 0, 1]], bool)
    placed = place(Found(status="found", grid=grid), frame, max_boxes=9)
    expected = np.zeros((100, 210), bool)
    expected[:50, :70] = True
    expected[50:, 140:] = True
    assert placed.mask is not None
    np.testing.assert_array_equal(placed.mask, expected)
    assert placed.boxes.tolist() == [[0, 0, 70, 50], [140, 50, 210, 100]]
    assert placed.points.tolist() == [[35, 25], [175, 75]]
    assert len(placed.labels) == len(placed.stated) == 2


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6))), st.integers(7, 90))
def test_a_mask_is_that_of_the_nearest_cell(grid, side):
    rows, columns = grid.shape
    frame = Frame(kind="model_input", given=(side, side + 5), shown=(rows * 28, columns * 28))
    status = "found" if grid.any() else "none"
    placed = place(Found(status=status, grid=grid), frame, max_boxes=9)
    for y in range(0, side, 3):
        for x in range(0, side + 5, 3):
            cell = grid[int((y + 0.5) * rows / side), int((x + 0.5) * columns / (side + 5))]
            assert placed.mask[y, x] == cell


def test_a_mask_on_another_grid_is_refused_with_both_sizes():
    frame = Frame(kind="model_input", given=(100, 210), shown=(56, 84))
    placed = place(Found(status="found", grid=np.ones((3, 2), bool)), frame, max_boxes=9)
    assert (placed.status, placed.mask) == ("unparseable", None)
    assert placed.notes == (
        "It wrote a mask of 2 x 3 cells (columns x rows), and the picture has 3 x 2.",
    )


def test_of_a_mask_that_is_broken_off_the_rows_that_are_there_are_kept():
    frame = Frame(kind="model_input", given=(56, 84), shown=(56, 84))
    placed = place(Found(status="truncated", grid=np.ones((1, 3), bool)), frame, max_boxes=9)
    assert placed.status == "truncated"
    assert placed.mask is not None
    assert placed.mask[:28].all()
    assert not placed.mask[28:].any()
