"""A picture is brought to the size at which the model reads it."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.dialogue.profiles import read_profile
from eoagent.dialogue.showing import shown_picture


def test_a_picture_is_resized_to_what_the_model_reads(a_picture):
    shown, frame = shown_picture(a_picture(1000, 600), read_profile("remotereasoner"))
    assert shown.shape == (*frame.shown, 3) == (1008, 588, 3)
    assert shown.dtype == np.uint8
    assert frame.given == (1000, 600)
    assert frame.kind == "model_input"


def test_a_picture_of_the_right_size_is_the_same_to_the_pixel(a_picture):
    picture = a_picture(280, 560)
    shown, frame = shown_picture(picture, read_profile("remotereasoner"))
    assert frame.given == frame.shown == (280, 560)
    np.testing.assert_array_equal(shown, picture)


def test_a_plain_gradient_stays_one_when_it_is_resized():
    ramp = np.linspace(0, 255, 1000).astype(np.uint8)
    picture = np.repeat(np.tile(ramp, (1000, 1))[..., None], 3, axis=2)
    shown, _ = shown_picture(picture, read_profile("remotereasoner"))
    expected = np.interp((np.arange(896) + 0.5) * 1000 / 896 - 0.5, np.arange(1000), ramp)
    assert np.abs(shown[448, :, 0].astype(float) - expected).max() <= 1.5


def test_a_profile_may_stretch_pictures_to_a_square(a_picture):
    shown, frame = shown_picture(a_picture(300, 900), read_profile("think2seg-rs"))
    assert shown.shape == (840, 840, 3)
    assert frame.to_picture(np.array([[840.0, 840.0]])).tolist() == [[900.0, 300.0]]


def test_a_cap_of_the_card_makes_it_smaller(a_picture):
    profile = read_profile("think2seg-rs", {"max_pixels": 50_176})
    assert shown_picture(a_picture(300, 900), profile)[1].shown == (224, 224)
    profile = read_profile("remotereasoner", {"max_pixels": 50_176})
    assert shown_picture(a_picture(500, 500), profile)[1].shown == (224, 224)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((1, 5, 5, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused_with_its_shape(array):
    with pytest.raises(InputError, match="is no picture") as caught:
        shown_picture(array, read_profile("remotereasoner"))
    assert str(array.shape) in str(caught.value)
    assert caught.value.hint == "give (height, width, 3) of uint8"
