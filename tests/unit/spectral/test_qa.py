"""Tests of quality codes, on documented values and on a real scene."""

import numpy as np
import pytest
import rasterio

from eoagent.contracts.errors import InputError, NotFound
from eoagent.spectral.qa import bit_set, class_names, decode

CLEAR, CLOUD, FILL, WATER = 21824, 22280, 1, 21952  # documented for Landsat 8-9 Collection 2


def test_documented_landsat_codes_are_decoded():
    codes = np.array([[CLEAR, CLOUD], [FILL, WATER]], np.uint16)
    assert decode("landsat_qa_pixel", codes, ["cloud"]).tolist() == [[False, True], [False, False]]
    assert decode("landsat_qa_pixel", codes, ["fill"]).tolist() == [[False, False], [True, False]]
    assert decode("landsat_qa_pixel", codes, ["water"]).tolist() == [[False, False], [False, True]]
    assert decode("landsat_qa_pixel", codes, ["clear", "cloud"]).tolist() == [
        [True, True],
        [False, True],
    ]


def test_scene_classes_are_decoded():
    codes = np.arange(12, dtype=np.uint8)
    assert np.flatnonzero(decode("sentinel2_scl", codes, ["cloud"])).tolist() == [8, 9]
    picked = decode("sentinel2_scl", codes, ["fill", "saturated", "cloud_shadow", "cirrus", "snow"])
    assert np.flatnonzero(picked).tolist() == [0, 1, 3, 10, 11]
    assert decode("sentinel2_scl", codes, class_names("sentinel2_scl")).all()


def test_no_class_is_nowhere():
    assert not decode("sentinel2_scl", [4, 5], []).any()


def test_whole_floats_are_accepted():
    assert decode("sentinel2_scl", np.array([6.0, 4.0], np.float32), ["water"]).tolist() == [
        True,
        False,
    ]


def test_unknown_class_lists_the_known():
    with pytest.raises(NotFound, match="landsat_qa_pixel band has no class saturated") as caught:
        decode("landsat_qa_pixel", [1], ["cloud", "saturated"])
    assert "cloud_shadow" in caught.value.hint


def test_unknown_kind_lists_the_known():
    with pytest.raises(NotFound, match="of the kind 'fmask'") as caught:
        decode("fmask", [1], ["cloud"])
    assert "sentinel2_scl" in caught.value.hint


@pytest.mark.parametrize("codes", [[1.5], [np.nan], [-1], [-2.0], ["x"]])
def test_what_is_no_code_is_refused(codes):
    with pytest.raises(InputError, match="quality codes") as caught:
        decode("sentinel2_scl", codes, ["cloud"])
    assert "unscaled" in caught.value.hint


def test_bits_count_from_the_lowest():
    assert bit_set(np.array([8, 7], np.uint16), 3).tolist() == [True, False]
    with pytest.raises(InputError, match="bit 32 was asked for"):
        bit_set([1], 32)


def test_cloud_share_of_a_real_scene_equals_the_reference(shared_data):
    scene = "LC08_L2SP_008059_20191201_20200825_02_T1"
    with rasterio.open(shared_data / "stac_with_pixels" / scene / f"{scene}_QA_PIXEL.TIF") as file:
        codes = file.read(1)
    filled = ~decode("landsat_qa_pixel", codes, ["fill"])
    share = 100 * decode("landsat_qa_pixel", codes, ["cloud"])[filled].mean()
    assert share == pytest.approx(81.057, abs=0.001)
