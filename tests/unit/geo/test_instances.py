"""Objects found strip by strip are those of scipy on the whole mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo import instances
from eoagent.geo.area import pixel_areas
from eoagent.geo.boxes import inside, suppress
from eoagent.geo.grid import strips
from eoagent.geo.instances import Instances, apart_boxes, outer_boxes


def found_in(yes, probability, *, valid=None, rows=3, connectivity=8, areas=None):
    valid = np.ones_like(yes) if valid is None else valid
    found = Instances(areas, connectivity=connectivity)
    for window in strips(yes.shape, rows * yes.shape[1]):
        cut = slice(window.row, window.row + window.height)
        found.add(window, yes[cut], valid[cut], probability[cut])
    return found.finish()


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 20), st.integers(1, 5),
    st.sampled_from([4, 8]),
)  # fmt: skip
def test_boxes_pixels_and_scores_are_those_of_scipy(seed, height, width, rows, connectivity):
    rng = np.random.default_rng(seed)
    probability = rng.random((height, width), np.float32)
    valid = rng.random((height, width)) < 0.9
    yes = (probability > 0.5) & valid
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instances, "_STRIP_PIXELS", 2 * width)
        found = found_in(
            probability > 0.5, probability, valid=valid, rows=rows, connectivity=connectivity
        )
    structure = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    labels, count = ndimage.label(yes, structure)
    assert len(found) == count
    places = range(1, count + 1)
    np.testing.assert_allclose(found.scores, ndimage.mean(probability, labels, places), rtol=1e-6)
    wanted = [(c.start, r.start, c.stop, r.stop) for r, c in ndimage.find_objects(labels)]
    assert found.boxes.tolist() == [list(box) for box in wanted]
    assert found.table.pixels.sum() == yes.sum()


def test_the_area_of_an_object_is_that_of_its_pixels():
    grid = Grid(width=4, height=4, gsd_m=2.0)
    yes = np.zeros((4, 4), bool)
    yes[0, :3] = True
    found = found_in(yes, yes.astype(np.float32), areas=pixel_areas(grid))
    assert found.table.area_m2.tolist() == [12.0]


def test_a_mask_of_nothing_has_no_object():
    empty = np.zeros((5, 5), bool)
    found = found_in(empty, empty.astype(np.float32))
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)
    assert found.choose(drops_inner=True).tolist() == []


def test_the_best_come_first_and_small_ones_go():
    yes = np.zeros((3, 9), bool)
    yes[1, 0], yes[1, 2:4], yes[1, 6:9] = True, True, True
    probability = np.full(yes.shape, 0.6, np.float32)
    probability[1, 6:9] = 0.9
    probability[1, 0] = 1.0
    found = found_in(yes, probability)
    assert found.choose().tolist() == [0, 2, 1]
    assert found.choose(least_px=2).tolist() == [2, 1]


def test_an_object_inside_a_ring_goes_only_when_asked():
    yes = np.ones((7, 7), bool)
    yes[1:6, 1:6] = False
    yes[3, 3] = True
    found = found_in(yes, yes.astype(np.float32))
    assert found.choose().tolist() == [0, 1]
    assert found.choose(drops_inner=True).tolist() == [0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(1, 4)] * 2, st.sampled_from([0.5, 0.9])),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_outer_boxes_are_those_that_comparing_all_pairs_leaves(rows):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in rows], np.int64)
    scores = np.array([row[-1] for row in rows])
    wanted = np.flatnonzero(~inside(boxes, scores))
    np.testing.assert_array_equal(outer_boxes(boxes, scores), wanted)


def test_windows_count_from_the_top_of_the_scene():
    found = Instances(None)
    yes = np.array([[True, False]])
    found.add(Window(row=7, col=0, height=1, width=2), yes, ~(yes & ~yes), yes.astype(np.float32))
    assert found.finish().boxes.tolist() == [[0, 7, 1, 8]]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.floats(0.05, 0.95))
def test_boxes_stay_apart_as_in_the_plain_rule(seed, count, most):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 12, (count, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 8, (count, 2))], axis=1)
    scores = rng.integers(0, 5, count) / 5  # many are equal
    assert sorted(suppress(boxes, scores, most)) == apart_boxes(boxes, scores, most).tolist()


def test_of_boxes_that_overlap_the_better_stays_and_bad_scores_go():
    yes = np.zeros((12, 40), bool)
    yes[0, 0:10] = yes[0:10, 0] = True  # an angle, and another in it, shifted
    yes[2, 2:11] = yes[2:11, 2] = True
    yes[5, 30:33] = True
    probability = np.where(yes, np.float32(0.6), np.float32(0))
    probability[2:11, 2:11] *= 1.5
    found = found_in(yes, probability)
    assert len(found) == 3
    assert len(found.choose()) == 3
    apart = found.choose(most_overlap=0.5)
    assert found.scores[apart].tolist() == pytest.approx([0.9, 0.6])
    assert len(found.choose(most_overlap=0.5, least_score=0.7)) == 1
    assert len(found.choose(least_score=0.95)) == 0
