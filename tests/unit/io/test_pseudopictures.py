"""Pseudo-pictures of real scenes and of planted values, beside rasterio and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from eoagent.contracts.errors import InputError
from eoagent.io.origin import OriginGuard
from eoagent.io.pseudopictures import pseudo_pictures
from eoagent.io.raster import RasterReader, open_raster

_BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")


def _open(path, **stated):
    guard = OriginGuard(typed=[str(path)])
    return RasterReader(open_raster([str(path)], guard, **stated), guard)


def _write(path, values, **profile):
    count, height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=count,
        dtype=values.dtype,
        crs="EPSG:32633",
        transform=Affine(10, 0, 500_000, 0, -10, 5_000_000),
        **profile,
    ) as out:
        out.write(values)
    return path


@pytest.fixture
def planted(tmp_path):
    rng = np.random.default_rng(3)
    values = rng.integers(200, 4000, (6, 40, 50)).astype("uint16")
    return _write(tmp_path / "scene.tif", values), values


def test_each_picture_is_made_as_its_description_says(planted):
    path, stored = planted
    with _open(path, bands=_BANDS, scale=0.0001) as reader:
        made = pseudo_pictures(reader)
    assert made.titles == ("true colour", "false colour", "NDVI", "NDWI", "NDMI", "NBR")
    values = dict(zip(_BANDS, stored * 0.0001, strict=True))
    ndvi = (values["nir"] - values["red"]) / (values["nir"] + values["red"])
    share = (ndvi + 1) / 2
    green = np.interp(share, [0, 0.5, 1], [48, 255, 152])
    assert np.abs(made.pictures[2][..., 1] - green).max() <= 1
    assert made.spans[2] == (-1.0, 1.0)
    told = made.description.splitlines()
    assert told[3].startswith("Picture 3: NDVI: (nir - red) / (nir + red), shown as -1 red, 0 ")
    assert len(told) == 7


def test_reflectance_has_a_fixed_white(planted):
    path, stored = planted
    with _open(path, bands=_BANDS, scale=0.0001) as reader:
        made = pseudo_pictures(reader)
    assert made.spans[0] == made.spans[1] == (0.0, 0.3)
    want = np.clip(stored[2] * 0.0001 / 0.3, 0, 1) * 255
    assert np.abs(made.pictures[0][..., 0] - want).max() <= 1


def test_radar_is_stretched_by_the_scene_and_says_so(tmp_path):
    rng = np.random.default_rng(4)
    values = rng.normal(-12, 4, (2, 30, 30)).astype("float32")
    path = _write(tmp_path / "s1a_iw.tif", values)
    with _open(path, bands=["vv", "vh"]) as reader:
        ref = reader.ref.model_copy(update={"sensor": "sentinel-1"})
        reader.ref = ref
        made = pseudo_pictures(reader)
    assert made.titles == ("VV backscatter", "VH backscatter")
    low, high = np.percentile(values[0].astype("float64"), [2, 98])
    assert made.spans[0] == pytest.approx((low, high))
    want = 255 * np.clip((values[0] - low) / (high - low), 0, 1)
    assert np.abs(made.pictures[0][..., 0] - want).max() <= 1
    assert "2nd to 98th percentile" in made.description


def test_no_data_is_black_in_all_of_them(tmp_path):
    values = np.full((6, 8, 8), 1000, "uint16")
    values[:, :2] = 0
    path = _write(tmp_path / "scene.tif", values, nodata=0)
    with _open(path, bands=_BANDS) as reader:
        made = pseudo_pictures(reader)
    for picture in made.pictures:
        assert not picture[:2].any()
    assert not made.valid[:2].any()
    assert made.valid[2:].all()


def test_large_scenes_come_small(planted):
    path, _ = planted
    with _open(path, bands=_BANDS) as reader:
        made = pseudo_pictures(reader, max_px=25)
    assert {picture.shape for picture in made.pictures} == {(20, 25, 3)}


def test_a_plain_picture_makes_none(tmp_path):
    path = _write(tmp_path / "rgb.tif", np.full((3, 8, 8), 9, "uint8"))
    with _open(path, bands=["red", "green", "blue"]) as reader, pytest.raises(InputError) as caught:
        pseudo_pictures(reader)
    assert str(caught.value) == (
        "the bands of 'rgb.tif' (red, green, blue) make no more than one picture"
    )
    assert caught.value.hint == ("name its bands when it is opened; of use are nir, swir16, swir22")


def test_a_scene_without_a_valid_pixel_is_refused(tmp_path):
    path = _write(tmp_path / "void.tif", np.zeros((6, 8, 8), "uint16"), nodata=0)
    with _open(path, bands=_BANDS) as reader, pytest.raises(InputError) as caught:
        pseudo_pictures(reader)
    assert "has no valid pixel" in str(caught.value)


def test_a_real_sentinel_2_scene_tells_its_bands(shared_data):
    path = next((shared_data / "multiband").glob("*quileia*.tif"))
    with _open(path) as reader:
        made = pseudo_pictures(reader)
    assert len(made.pictures) >= 4
    assert "nir (near-infrared, NIR, about 0.84 um), centre 0.842 um, 10 m per" in made.description
    assert made.description.count("Here band nir serves as nir08.") == 2
    ndwi = made.titles.index("NDWI")
    colours = made.pictures[ndwi][made.valid].reshape(-1, 3)
    is_blue = (colours[:, 2] == 255) & (colours[:, 0] < 200)
    assert 0.02 < is_blue.mean() < 0.9
