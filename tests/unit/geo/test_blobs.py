"""Parts of a mask, beside counting one by one, rasterio's shapes and shapely's turned rectangle."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eoagent.contracts.errors import InputError
from eoagent.geo.blobs import cut, find_blobs, turned_box

MASKS = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def _values(shape, seed=1):
    return np.random.default_rng(seed).random(shape, np.float32)


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_parts_are_those_of_rasterio(mask):
    blobs = find_blobs(mask, _values(mask.shape))
    shapes = rasterio.features.shapes(mask.astype(np.uint8), mask=mask, connectivity=8)
    theirs = sorted(tuple(map(int, shapely.geometry.shape(s).bounds)) for s, _ in shapes)
    assert sorted(map(tuple, blobs.boxes.tolist())) == theirs
    assert blobs.pixels.sum() == mask.sum()
    assert ((blobs.labels > 0) == mask).all()


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_scores_are_means_over_the_pixels_of_each_part(mask):
    values = _values(mask.shape)
    blobs = find_blobs(mask, values)
    for number in range(len(blobs)):
        own = blobs.labels == number + 1
        assert blobs.scores[number] == pytest.approx(values[own].mean(dtype=float), rel=1e-12)
        rows, cols = np.nonzero(own)
        assert blobs.boxes[number].tolist() == [
            cols.min(), rows.min(), cols.max() + 1, rows.max() + 1
        ]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_parts_come_in_the_order_of_their_first_pixel(mask):
    labels = find_blobs(mask, _values(mask.shape)).labels.ravel()
    first = [int(np.flatnonzero(labels == n)[0]) for n in range(1, labels.max(initial=0) + 1)]
    assert first == sorted(first)


@settings(deadline=None, max_examples=60)
@given(MASKS, st.integers(0, 5), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_cutting_is_what_the_rule_says_part_by_part(mask, seed, least):
    values = _values(mask.shape)
    contour = np.random.default_rng(seed).random(mask.shape) < 0.3
    blobs = find_blobs(mask, values)
    expected = []
    for number in range(1, len(blobs) + 1):
        own = find_blobs((blobs.labels == number) & ~contour, values)
        if len(own):
            stays = own.pixels > least * own.pixels.max()
            expected += [
                (box, n)
                for box, n in zip(own.boxes[stays].tolist(), own.pixels[stays], strict=True)
            ]
    ours = cut(blobs, contour, values, least_part=least)
    assert list(zip(ours.boxes.tolist(), ours.pixels, strict=True)) == expected
    for number, box in enumerate(ours.boxes):
        own = ours.labels == number + 1
        assert own.sum() == ours.pixels[number]
        assert np.nonzero(own.any(axis=0))[0].min() == box[0]


def test_a_cut_that_takes_all_leaves_nothing():
    mask = np.ones((3, 4), bool)
    left = cut(find_blobs(mask, _values(mask.shape)), mask, _values(mask.shape), least_part=0.2)
    assert len(left) == 0


def _touching(points, seed):
    """A connected mask that the random walk of a seed draws."""
    random = np.random.default_rng(seed)
    mask = np.zeros((40, 40), bool)
    at = np.array([20, 20])
    for _ in range(points):
        mask[tuple(at)] = True
        at = np.clip(at + random.integers(-1, 2, 2), 0, 39)
    return mask


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(0, 999))
def test_the_turned_box_is_as_small_as_that_of_shapely(points, seed):
    mask = _touching(points, seed)
    blobs = find_blobs(mask, _values(mask.shape))
    assert len(blobs) == 1
    ours = shapely.Polygon(turned_box(blobs, 0))
    pixels = shapely.union_all(
        [
            shapely.box(col, row, col + 1, row + 1)
            for row, col in zip(*np.nonzero(mask), strict=True)
        ]
    )
    theirs = shapely.oriented_envelope(pixels)
    assert ours.area <= theirs.area + 1e-6
    assert ours.buffer(1e-6).covers(pixels)


def test_corners_start_low_and_go_clockwise_on_the_screen():
    mask = np.zeros((9, 9), bool)
    mask[2:5, 1:7] = True
    blobs = find_blobs(mask, _values(mask.shape))
    assert turned_box(blobs, 0).tolist() == [[7, 5], [1, 5], [1, 2], [7, 2]]
    assert turned_box(blobs, 0, of_centres=True).tolist() == [[6, 4], [1, 4], [1, 2], [6, 2]]


def test_the_turned_box_of_one_pixel_is_the_pixel_or_its_centre():
    mask = np.zeros((5, 5), bool)
    mask[3, 2] = True
    blobs = find_blobs(mask, _values(mask.shape))
    assert turned_box(blobs, 0).tolist() == [[3, 4], [2, 4], [2, 3], [3, 3]]
    assert turned_box(blobs, 0, of_centres=True).tolist() == [[2, 3]] * 4


def test_a_diagonal_gets_a_turned_box():
    mask = np.eye(12, dtype=bool)
    blobs = find_blobs(mask, _values(mask.shape))
    area = shapely.Polygon(turned_box(blobs, 0)).area
    assert area == pytest.approx(24)  # 12 * sqrt(2) long, sqrt(2) wide
    assert shapely.Polygon(turned_box(blobs, 0, of_centres=True)).area == pytest.approx(0)


def test_shapes_that_differ_are_refused():
    with pytest.raises(InputError, match=r"mask of \(2, 2\) does not go with values of \(3, 3\)"):
        find_blobs(np.zeros((2, 2), bool), np.zeros((3, 3)))
    blobs = find_blobs(np.zeros((2, 2), bool), np.zeros((2, 2)))
    with pytest.raises(
        InputError, match=r"contour of \(1, 1\) does not go with a mask of \(2, 2\)"
    ):
        cut(blobs, np.zeros((1, 1), bool), np.zeros((2, 2)), least_part=0)
