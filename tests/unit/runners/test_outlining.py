"""The outliner that stands for a model of the pool: what it asks, and what it makes of answers."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Placement
from eoagent.runners import outlining
from eoagent.runners.outlining import PooledOutliner
from eoagent.runners.registry import card_by_id

PICTURE = np.zeros((20, 30, 3), np.uint8)


class Asked:
    """Gives the pixels of each box, and keeps what it was asked."""

    def __init__(self, change=lambda mask: mask):
        self.passes = []
        self.change = change

    def __call__(self, task, items):
        assert task == "outline"
        self.passes.append([(box.tolist(), point.tolist()) for _, box, point in items])
        masks = []
        for picture, (x1, y1, x2, y2), _ in items:
            mask = np.zeros(picture.shape[:2], bool)
            mask[int(y1) : int(y2), int(x1) : int(x2)] = True
            masks.append(self.change(mask))
        return masks


@pytest.fixture
def make():
    """Make an outliner over answers; gives both."""

    def outliner(change=lambda mask: mask, max_batch=32):
        asked = Asked(change)
        card = card_by_id("sam2.1-hiera-tiny")
        return PooledOutliner(card, asked, placement=Placement(max_batch=max_batch)), asked

    return outliner


def middles(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def test_each_box_gets_its_mask_in_order(make):
    outliner, _ = make()
    boxes = np.array([[2.0, 3, 10, 8], [20, 0, 30, 20]])
    masks = outliner.outline(PICTURE, boxes, middles(boxes))
    assert masks.shape == (2, 20, 30)
    assert [int(mask.sum()) for mask in masks] == [8 * 5, 10 * 20]
    assert masks[0, 3:8, 2:10].all()


def test_no_box_gives_no_mask_and_asks_nothing(make):
    outliner, asked = make()
    masks = outliner.outline(PICTURE, np.zeros((0, 4)), np.zeros((0, 2)))
    assert masks.shape == (0, 20, 30)
    assert asked.passes == []


def test_boxes_are_cut_off_at_the_picture_and_points_brought_into_them(make):
    outliner, asked = make()
    boxes = np.array([[-5.0, -5, 12, 8], [25, 15, 99, 99]])
    outliner.outline(PICTURE, boxes, np.array([[-3.0, 4], [99, 99]]))
    assert asked.passes == [[([0, 0, 12, 8], [0, 4]), ([25, 15, 30, 20], [30, 20])]]


def test_a_box_without_area_in_the_picture_is_empty_and_not_asked(make):
    outliner, asked = make()
    boxes = np.array([[40.0, 2, 50, 9], [1, 1, 4, 4], [9, 9, 9, 12], [8, 8, 4, 4]])
    masks = outliner.outline(PICTURE, boxes, middles(boxes))
    assert [int(mask.sum()) for mask in masks] == [0, 9, 0, 0]
    assert len(asked.passes) == len(asked.passes[0]) == 1


def test_boxes_are_asked_some_at_a_time(make, monkeypatch):
    boxes = np.tile([[1.0, 1, 4, 4]], (7, 1))
    outliner, asked = make(max_batch=3)
    outliner.outline(PICTURE, boxes, middles(boxes))
    assert [len(part) for part in asked.passes] == [3, 3, 1]
    monkeypatch.setattr(outlining, "_MOST_PIXELS", 2 * 20 * 30)
    outliner, asked = make()
    assert outliner.outline(PICTURE, boxes, middles(boxes)).sum() == 7 * 9
    assert [len(part) for part in asked.passes] == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("boxes", "points"),
    [
        (np.zeros((2, 4)), np.zeros((1, 2))),
        (np.zeros((2, 3)), np.zeros((2, 2))),
        (np.zeros(4), np.zeros(2)),
        (np.full((1, 4), np.inf), np.zeros((1, 2))),
    ],
)
def test_what_is_no_box_with_a_point_is_refused(make, boxes, points):
    outliner, asked = make()
    with pytest.raises(InputError):
        outliner.outline(PICTURE, boxes, points)
    assert asked.passes == []


def test_what_is_no_picture_is_refused(make):
    outliner, _ = make()
    with pytest.raises(InputError, match="no picture of three bands"):
        outliner.outline(PICTURE[..., 0], np.zeros((0, 4)), np.zeros((0, 2)))


def test_a_mask_of_another_size_or_kind_is_an_error_of_the_model(make):
    boxes = np.array([[1.0, 1, 4, 4]])
    for change in (lambda mask: mask[:5], lambda mask: mask.astype(np.uint8), lambda mask: None):
        outliner, _ = make(change)
        with pytest.raises(ModelError, match="was given a picture of"):
            outliner.outline(PICTURE, boxes, middles(boxes))


def test_it_says_how_it_is_run(make):
    outliner, _ = make()
    assert outliner.card.id == "sam2.1-hiera-tiny"
    assert outliner.manner == {"device": "cpu", "precision": "float32"}
    assert outliner.reason == ""
