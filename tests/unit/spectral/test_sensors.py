"""Tests of sensor presets and band names against real file names and the shared catalog."""

import json

import pytest

from eoagent.contracts.errors import NotFound
from eoagent.spectral.bandwords import COMMON_NAMES, band_words, by_wavelength
from eoagent.spectral.sensors import (
    band_from_name,
    band_from_token,
    base_name,
    common_name,
    find_sensor,
    presets,
    quality_from_name,
    sensor_from_name,
    sensor_from_platform,
    stack_names,
)

LC08 = "LC08_L2SP_008059_20191201_20200825_02_T1"


@pytest.mark.parametrize(
    ("name", "sensor"),
    [
        (f"a/{LC08}/{LC08}_SR_B4.TIF", "landsat-8"),
        ("LC09_L2SP_008059_20221201_20220825_02_T1_SR_B4.TIF", "landsat-9"),
        ("LE07_L1TP_107018_20001001_20001001_02_T1_B8.TIF", "landsat-7"),
        ("LT05_L2SP_107018_19901001_20200101_02_T1_ST_B6.TIF", "landsat-5"),
        ("LT04_L2SP_107018_19901001_20200101_02_T1_SR_B1.TIF", "landsat-4"),
        ("LC80440342014077LGN00_B4.TIF", "landsat-8"),
        ("multiband/l7_chiapas_19991118.tif", "landsat-7"),
        ("multiband/s2_l2a_aquileia_20190416.tif", "sentinel-2"),
        ("T32TQR_20190416T100031_B04_10m.jp2", "sentinel-2"),
        ("S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE/x.tif", "sentinel-2"),
        ("multiband/naip/m_3008501_ne_16_1_20110815.tif", "naip"),
        ("m_4112001_sw_10_060_20220716.tif", "naip"),
        ("sar/S1A_20150309_VV_norm_db.tif", "sentinel-1"),
        ("s1a-iw-grd-vv-20150309t173017-20150309t173042-004961-006342-001.tiff", "sentinel-1"),
        ("HLS.L30.T13TGN.2020110T174551.v2.0.B05.tif", "hls-l30"),
        ("https://host/HLS.S30.T13TGN.2020110T174551.v2.0.B8A.tif?sig=S1A_", "hls-s30"),
        ("multiband/s2like_groningen_rgbn.tif", None),
        ("timeseries/landsat_pucallpa/1985.tif", None),
        ("demo/sentinel-20.tif", None),
        ("scene.tif", None),
    ],
)
def test_sensor_is_read_from_the_file_name(name, sensor):
    assert sensor_from_name(name) == sensor


@pytest.mark.parametrize(
    ("platform", "sensor"),
    [
        ("sentinel-2a", "sentinel-2"),
        ("Sentinel-2B", "sentinel-2"),
        ("LANDSAT_8", "landsat-8"),
        ("landsat-7", "landsat-7"),
        ("sentinel-1a", "sentinel-1"),
        ("rapideye-3", None),
        ("landsat-70", None),
    ],
)
def test_sensor_is_read_from_the_platform(platform, sensor):
    assert sensor_from_platform(platform) == sensor


@pytest.mark.parametrize(
    ("name", "band"),
    [
        (f"{LC08}_SR_B4.TIF", "red"),
        (f"{LC08}_SR_B5.TIF", "nir"),
        (f"{LC08}_SR_B6.TIF", "swir16"),
        (f"{LC08}_ST_B10.TIF", "lwir11"),
        (f"{LC08}_QA_PIXEL.TIF", None),
        ("LT05_L2SP_107018_19901001_20200101_02_T1_SR_B4.TIF", "nir"),
        ("LE07_L1TP_107018_20001001_20001001_02_T1_B6_VCID_1.TIF", "lwir"),
        ("T32TQR_20190416T100031_B04_10m.jp2", "red"),
        ("T32TQR_20190416T100031_B8A_20m.jp2", "nir08"),
        ("T32TQR_20190416T100031_B08_10m.jp2", "nir"),
        ("T32TQR_20190416T100031_TCI_10m.jp2", None),
        ("HLS.L30.T13TGN.2020110T174551.v2.0.B05.tif", "nir"),
        ("HLS.S30.T13TGN.2020110T174551.v2.0.B05.tif", "rededge071"),
        ("S1A_20150309_VV_norm_db.tif", "vv"),
        ("s1a-iw-grd-vh-20150309t173017.tiff", "vh"),
        ("S1A_20150309_VV_VH.tif", None),
        ("m_3008501_ne_16_1_20110815.tif", None),
    ],
)
def test_band_is_read_from_the_file_name(name, band):
    found = band_from_name(sensor_from_name(name), name)
    assert (found.name if found else None) == band


@pytest.mark.parametrize(
    ("sensor", "token", "band"),
    [
        ("sentinel-2", "B04", "red"),
        ("sentinel-2", "b4", "red"),
        ("sentinel-2", "band 8A", "nir08"),
        ("sentinel-2", "Band 12", "swir22"),
        ("sentinel-2", "第8波段", "nir"),
        ("landsat-7", "band 4 reflectance", "nir"),
        ("landsat-7", "band 6 temperature", "lwir"),
        ("landsat-7", "band 7 reflectance", "swir22"),
        ("landsat-8", "sr_band5", "nir"),
        ("landsat-8", "4", "red"),
        ("sentinel-1", "VH", "vh"),
        ("landsat-7", "band 12", None),
        ("landsat-7", "cloud 4", None),
        ("landsat-7", "1.6 um", None),
    ],
)
def test_token_of_a_sensor_names_a_band(sensor, token, band):
    found = band_from_token(sensor, token)
    assert (found.name if found else None) == band


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NIR", "nir"),
        ("near infrared", "nir"),
        ("Near-Infrared band", "nir"),
        ("nir reflectance", "nir"),
        ("842 nm", "nir"),
        ("0.865 µm", "nir"),
        ("SWIR1", "swir16"),
        ("short-wave infrared 1.6", "swir16"),
        ("shortwave infrared 1.6 um", "swir16"),
        ("SWIR 2.2 um", "swir22"),
        ("swir_2", "swir22"),
        ("红", "red"),
        ("绿波段", "green"),
        ("蓝光", "blue"),
        ("近红外", "nir"),
        ("短波红外1", "swir16"),
        ("短波红外 2.2 微米", "swir22"),
        ("Gamma0_VV", "vv"),
        ("VV_norm_db", "vv"),
        ("Red Edge 2", "rededge075"),
        ("surface temperature", "lwir"),
        ("Coastal aerosol", "coastal"),
        ("R", "red"),
        ("n", "nir"),
        ("B8A", "nir08"),
        ("B08", "nir"),
        ("B12", "swir22"),
        ("B04", "red"),
        ("SWIR", None),
        ("infrared", None),
        ("短波红外", None),
        ("B5", None),
        ("B11", None),
        ("SR_B4", None),
        ("band 4 reflectance", None),
        ("b1", None),
        ("alpha", None),
        ("elevation", None),
        ("", None),
    ],
)
def test_words_and_unanimous_tokens_name_a_band(text, name):
    assert common_name(text) == name


def test_every_common_name_means_itself():
    for name in COMMON_NAMES:
        assert common_name(name) == name


def test_words_are_not_shared_between_bands():
    words = [word for _, aliases in COMMON_NAMES.values() for word in aliases]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("sensor", "count", "names"),
    [
        ("naip", 4, ("red", "green", "blue", "nir")),
        ("landsat-7", 6, ("blue", "green", "red", "nir", "swir16", "swir22")),
        (
            "landsat-8",
            7,
            ("coastal", "blue", "green", "red", "nir", "swir16", "swir22"),
        ),
        ("landsat-9", 6, ("blue", "green", "red", "nir", "swir16", "swir22")),
        ("sentinel-1", 2, ("vv", "vh")),
        ("sentinel-2", 4, None),
        ("hls-s30", 12, None),
        ("landsat-7", 8, None),
    ],
)
def test_usual_stacks_are_named_by_their_count(sensor, count, names):
    assert stack_names(sensor, count) == names


def test_presets_that_share_bands_keep_their_own_names():
    assert find_sensor("Landsat-9").bands == find_sensor("landsat-8").bands
    assert find_sensor("landsat-9").title == "Landsat 9 OLI-2/TIRS-2"
    assert {band.gsd_m for band in find_sensor("hls-s30").bands} == {30}
    assert all(band.gsd_m is None for band in find_sensor("naip").bands)


def test_centres_agree_with_the_common_names():
    for preset in presets().values():
        for band in preset.bands:
            if band.center_um and band.name in {"blue", "green", "red", "swir16", "swir22"}:
                assert by_wavelength(band.center_um) == band.name


def test_unknown_sensor_lists_the_known():
    with pytest.raises(NotFound, match="called 'modis'") as caught:
        find_sensor("modis")
    assert "sentinel-2" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"x/{LC08}_QA_PIXEL.TIF", "landsat_qa_pixel"),
        ("T32TQR_20190416T100031_SCL_20m.jp2", "sentinel2_scl"),
        (f"{LC08}_SR_B4.TIF", None),
        ("QA_PIXEL.TIF", None),
        ("HLS.S30.T13TGN.2020110T174551.v2.0.SCL.tif", None),
    ],
)
def test_quality_band_is_read_from_the_file_name(name, kind):
    assert quality_from_name(name) == kind


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b/C.tif", "c.tif"),
        ("C:\\x\\Y.TIF", "y.tif"),
        ("https://h/p/X.tif?a=/b", "x.tif"),
        ("x/", "x"),
    ],
)
def test_base_name_is_the_last_part(path, name):
    assert base_name(path) == name


def test_band_words_leave_unknown_names_alone():
    assert band_words("elevation") == "elevation"
    assert band_words("nir") == "nir (near-infrared, NIR, about 0.84 um)"


def test_presets_agree_with_the_shared_catalog(shared_data):
    compared = 0
    for path in sorted((shared_data / "catalog").rglob("*.json")):
        item = json.loads(path.read_text())
        for asset in item.get("assets", {}).values():
            sensor = sensor_from_name(asset["href"])
            bands = asset.get("bands", [])
            if sensor is None:
                continue
            single = band_from_name(sensor, asset["href"]) if len(bands) == 1 else None
            names = (single.name,) if single else stack_names(sensor, len(bands))
            stated = tuple(band.get("eo:common_name", band["name"].casefold()) for band in bands)
            if names and not quality_from_name(asset["href"]):
                assert names == stated, asset["href"]
                compared += 1
    assert compared >= 10
