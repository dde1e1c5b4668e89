"""Tests of scales and offsets against the metadata that comes with products."""

import json

import pytest

from eoagent.spectral.scaling import scaling_from_name

LC08 = "LC08_L2SP_008059_20191201_20200825_02_T1"
SAFE = "S2A_MSIL2A_20190212T192651_N{}_R013_T07HFE_20201007T160857.SAFE"


@pytest.mark.parametrize(
    ("name", "scale", "offset", "values"),
    [
        (f"a/{LC08}_SR_B4.TIF", 0.0000275, -0.2, "reflectance"),
        (f"{LC08}_ST_B10.TIF", 0.00341802, 149.0, "temperature"),
        ("T32TQR_20190416T100031_B04_10m.jp2", 0.0001, 0.0, "reflectance"),
        ("T32TQR_20220125T100031_B04_10m.jp2", 0.0001, -0.1, "reflectance"),
        (f"{SAFE.format('0212')}/T07HFE_20190212T192651_B04_10m.jp2", 0.0001, 0.0, "reflectance"),
        (f"{SAFE.format('0500')}/T07HFE_20190212T192651_B04_10m.jp2", 0.0001, -0.1, "reflectance"),
        ("HLS.S30.T13TGN.2020110T174551.v2.0.B8A.tif", 0.0001, 0.0, "reflectance"),
        ("HLS.L30.T13TGN.2020110T174551.v2.0.B10.tif", 0.01, 273.15, "temperature"),
    ],
)
def test_scaling_of_a_product_file(name, scale, offset, values):
    found = scaling_from_name(name)
    assert (found.scale, found.offset, found.values) == (scale, offset, values)
    assert f"{offset:g}" in found.note


@pytest.mark.parametrize(
    "name",
    [
        f"{LC08}_QA_PIXEL.TIF",
        "LC08_L1TP_008059_20191201_20200825_02_T1_B4.TIF",
        "LC08_L2SP_008059_20191201_20200825_01_T1_SR_B4.TIF",
        "s2_l2a_aquileia_20190416.tif",
        "s2_B04.tif",
        "m_3008501_ne_16_1_20110815.tif",
        "scene.tif",
    ],
)
def test_names_that_do_not_say_give_no_scaling(name):
    assert scaling_from_name(name) is None


def test_unstated_baseline_is_said():
    assert "not in the name" in scaling_from_name("T32TQR_20190416T100031_B04_10m.jp2").note


def test_landsat_scaling_agrees_with_the_product_metadata(shared_data):
    folder = shared_data / "stac_with_pixels" / LC08
    text = json.loads((folder / f"{LC08}_MTL.json").read_text())
    stated = text["LANDSAT_METADATA_FILE"]["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]
    for path in folder.glob("*_SR_B*.TIF"):
        band, found = path.stem[-1], scaling_from_name(str(path))
        assert found.scale == float(stated[f"REFLECTANCE_MULT_BAND_{band}"])
        assert found.offset == float(stated[f"REFLECTANCE_ADD_BAND_{band}"])
