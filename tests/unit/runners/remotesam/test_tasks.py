"""The tasks by our own rules: what differs from the published code, and what must never fail."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.runners.remotesam.captions import NOTHING, describe
from eoagent.runners.remotesam.detection import PUBLISHED, Detection, count, detect, ground
from eoagent.runners.remotesam.labelling import class_map, class_prompt, labels_in, main_label
from eoagent.runners.remotesam.segmented import Segmented


def _found(margin, height=None, width=None, text="ship"):
    margin = np.asarray(margin, np.float32)
    return Segmented(
        text=text,
        margin=margin,
        height=height or margin.shape[0],
        width=width or margin.shape[1],
    )


def _squares(*boxes, size=40, high=4.0):
    margin = np.full((size, size), -6.0, np.float32)
    for n, (x1, y1, x2, y2) in enumerate(boxes):
        margin[y1:y2, x1:x2] = high - n / 4
    return _found(margin)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 40))
def test_pixels_take_the_nearest_value_as_torch_does(height, width, side):
    random = np.random.default_rng(side)
    found = _found(random.standard_normal((side, side)), height, width)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(found.margin)[None, None], (height, width), mode="nearest"
    )[0, 0].numpy()
    np.testing.assert_array_equal(found.mask(), theirs > 0)
    np.testing.assert_allclose(
        found.probability(), torch.sigmoid(torch.from_numpy(theirs)).numpy(), rtol=1e-5, atol=1e-30
    )


def test_far_margins_give_sure_probabilities_without_overflow():
    found = _found([[-1e4, 1e4], [0, 88.8]])
    assert found.probability().tolist() == [[0, 1], [0.5, 1]]
    assert found.mask().tolist() == [[False, True], [False, True]]


def test_a_box_that_sticks_out_by_a_pixel_stays_and_as_published_goes():
    margin = np.full((8, 8), -6.0, np.float32)
    margin[0, :5] = margin[:5, 0] = 2.0
    margin[5, 2:6] = margin[2:6, 5] = 4.0
    found = _found(margin)
    assert [one.box for one in detect(found)] == [(2, 2, 6, 6), (0, 0, 5, 5)]
    assert [one.box for one in detect(found, rules=PUBLISHED)] == [(0, 0, 5, 5)]


def test_best_objects_come_first_and_carry_their_pixels():
    objects = detect(_squares((2, 3, 10, 9), (20, 20, 25, 30)))
    assert [one.box for one in objects] == [(2, 3, 10, 9), (20, 20, 25, 30)]
    assert [one.pixels for one in objects] == [48, 50]
    assert objects[0].score > objects[1].score
    assert objects[0].score == pytest.approx(1 / (1 + np.exp(-4.0)))
    assert objects[0].corners == ()


def test_corners_of_turned_boxes_come_when_asked():
    (one,) = detect(_squares((2, 3, 10, 9)), is_turned=True)
    assert one.corners == ((10, 9), (2, 9), (2, 3), (10, 3))


def test_an_object_inside_another_is_not_counted():
    margin = np.full((20, 20), -6.0, np.float32)
    margin[1:19, 1:19] = 2
    margin[3:17, 3:17] = -6
    margin[8:11, 8:11] = 5
    assert [one.box for one in detect(_found(margin))] == [(1, 1, 19, 19)]


def test_a_contour_parts_objects_that_touch():
    found = _squares((2, 2, 22, 12))
    contour = np.zeros((40, 40), np.float32)
    contour[:, 11] = 0.9
    assert [one.box for one in detect(found, contour=contour)] == [
        (2, 2, 11, 12), (12, 2, 22, 12)
    ]  # fmt: skip
    assert len(detect(found)) == 1


def test_a_contour_of_another_picture_is_refused():
    with pytest.raises(InputError, match=r"the contour is \(3, 3\) and the picture \(40, 40\)"):
        detect(_squares(), contour=np.zeros((3, 3), np.float32))


def test_nothing_found_is_empty_everywhere():
    none = _squares()
    assert detect(none) == ()
    assert ground(none) is None
    assert count({"ship": detect(none)}) == {"ship": 0}
    assert labels_in({"ship": none}).chosen == ()
    assert main_label({"ship": none}).chosen == ()
    assert main_label({}).chosen == ()
    assert describe({"ship": ()}, height=40, width=40) == NOTHING


def test_grounding_goes_around_all_that_is_meant():
    assert ground(_squares((2, 3, 10, 9), (20, 20, 25, 30))) == (2, 3, 25, 30)


def test_small_boxes_can_be_left_out_of_a_count():
    found = {"ship": detect(_squares((2, 3, 10, 9), (20, 20, 23, 23)))}
    assert count(found) == {"ship": 2}
    assert count(found, least_px={"ship": 9}) == {"ship": 1}


def test_presence_mixes_highest_and_mean_probability():
    found = _found([[0.0, 0.0], [0.0, 50.0]])
    assert found.presence(1.0) == pytest.approx(1)
    assert found.presence(0.0) == pytest.approx(0.625)
    assert found.presence(0.5) == pytest.approx(0.8125)
    with pytest.raises(InputError, match="is 0 to 1, got 2"):
        found.presence(2)


def test_the_first_of_equal_labels_is_taken():
    same = _found([[3.0]])
    assert main_label({"b": same, "a": same}).chosen == ("b",)


def test_a_map_of_classes_takes_the_surer_one_and_as_published_the_later():
    first, second = _found([[3.0, 3.0, -1.0]]), _found([[1.0, 4.0, -1.0]])
    assert class_map([first, second]).tolist() == [[1, 2, 0]]
    assert class_map([first, second], is_as_published=True).tolist() == [[2, 2, 0]]
    with pytest.raises(InputError, match="made of one picture"):
        class_map([first, _found([[1.0]])])
    with pytest.raises(InputError, match="made of one picture"):
        class_map([])


def test_a_class_is_asked_for_in_the_words_of_the_training():
    assert class_prompt("storagetank") == "storagetank in the image"


def _objects(*centres):
    return tuple(
        Detection(box=(x - 1, y - 1, x + 1, y + 1), score=0.9, pixels=4) for x, y in centres
    )


def test_a_caption_counts_places_and_is_always_the_same():
    found = {
        "ship": _objects((5, 5), (6, 6), (35, 35)),
        "factory": _objects((35, 5), (36, 5)),
        "bus": (),
    }
    text = describe(found, height=40, width=40)
    assert text == describe(found, height=40, width=40)
    assert text == (
        "The image shows 3 ships and 2 factories. The upper left part has 2 ships. "
        "The upper right part has 2 factories. The lower right part has 1 ship."
    )
    text = describe({"bus": _objects((20, 20), (21, 20))}, height=40, width=40, cells=9)
    assert text == "The image shows 2 buses. The center has 2 buses."


def test_a_box_at_the_very_edge_has_a_place():
    edge = (Detection(box=(40, 40, 40, 40), score=0.9, pixels=1),)
    assert "lower right" in describe({"ship": edge}, height=40, width=40)


def test_other_divisions_are_refused():
    with pytest.raises(InputError, match="4 or 9 places, got 16"):
        describe({"ship": _objects((1, 1))}, height=9, width=9, cells=16)
