"""Preparing pictures: `strict` is open_clip's own transform, `fast` is within two grey levels."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from eoagent.contracts.errors import InputError
from eoagent.contracts.runner import Placement
from eoagent.runners.clip.pictures import make_preparation
from eoagent.runners.pictures import as_pictures

STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


def _reference(photos, edge):
    transform = open_clip.image_transform(edge, is_train=False)
    return torch.stack([transform(Image.fromarray(photo)) for photo in photos])


def _natural(height, width, seed):
    """A picture without grain: grain of a pixel is what no two filters treat alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (max(2, height // 12), max(2, width // 12), 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))


def test_strict_is_the_transform_of_open_clip_bit_for_bit(make_card, photos):
    prepare = make_preparation(make_card(), Placement(preprocessing="strict"))
    assert torch.equal(prepare(photos), _reference(photos, 64))


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 400), st.integers(20, 400), st.integers(0, 2**16))
def test_fast_is_within_two_grey_levels(height, width, seed):
    from eoagent.runners.clip import KIND

    card = next(card for card in KIND.cards() if card.id == "remoteclip-vit-b-32")
    card = card.model_copy(update={"input_px": 64})
    photos = [_natural(height, width, seed), _natural(width, height, seed + 1)]
    found = make_preparation(card, Placement(preprocessing="fast"))(photos)
    grey_levels = (found - _reference(photos, 64)).abs() * STD * 255
    assert grey_levels.max() <= 2.01


def test_fast_leaves_a_picture_of_the_right_size_as_it_is(make_card, photos):
    found = make_preparation(make_card(), Placement(preprocessing="fast"))(photos[:1])
    assert torch.allclose(found, _reference(photos[:1], 64), atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((64, 64, 3), np.uint8), "expected as (n, height, width, 3), found 64 x 64 x 3"),
        (np.zeros((1, 64, 64, 3), np.float32), "found 64 x 64 x 3 of float32"),
        (np.zeros((2, 64, 64, 4), np.uint8), "picture 0 of 2 is no picture of three bands"),
        ([np.zeros((64, 64), np.uint8)], "found 64 x 64 of uint8"),
        (["a.tif"], "found a str"),
        ([np.zeros((0, 5, 3), np.uint8)], "is 0 x 5 pixels"),
        ([np.zeros((2, 500, 3), np.uint8)], "is 2 x 500 pixels, which no square stands for"),
        (Image.new("RGB", (8, 8)), "came as one"),
    ],
)
def test_what_is_no_picture_is_refused(wrong, message):
    with pytest.raises(InputError) as caught:
        as_pictures(wrong)
    assert message in str(caught.value)
    assert caught.value.hint
