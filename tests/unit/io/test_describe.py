"""Raster references: real files of every kind, and what items and users say of them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import Affine

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.describe import describe_files
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader
from eoagent.io.scene_bands import BandHint
from eoagent.io.stated import Stated

EDGE_CASES = {
    "cog.tif": ("b1",),
    "cog_dateline.tif": ("b1",),
    "cog_gcps_ovr.tif": ("b1",),
    "cog_nodata_nan.tif": ("vv",),
    "cog_rgb_mask.tif": ("red", "green", "blue"),
    "cog_scale.tif": ("b1", "b2"),
    "cog_tags.tif": ("green",),
    "lowres.tif": ("b1",),
    "rasterio_RGB.byte.tif": ("red", "green", "blue"),
    "rasterio_all-nodata.tif": ("blue", "green", "red", "nir"),
    "rasterio_float_nan.tif": ("b1",),
    "rasterio_float_raster_with_nodata.tif": ("b1",),
    "rasterio_rotated.tif": ("b1",),
}


def opened(path):
    """Open with rasterio itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path)


@pytest.fixture
def look(shared_data):
    guard = OriginGuard(typed=[str(shared_data)])

    def describe(*names, stated=None):
        return describe_files([str(shared_data / n) for n in names], guard, stated=stated)

    describe.guard = guard
    describe.root = shared_data
    return describe


def test_every_edge_case_is_listed(shared_data):
    there = {path.name for path in (shared_data / "edge_cases").iterdir()}
    assert there == {*EDGE_CASES, "rasterio_corrupt.tif"}


@pytest.mark.parametrize("name", EDGE_CASES)
def test_an_edge_case_reads_as_rasterio_reads_it(name, look):
    ref = look(f"edge_cases/{name}").ref
    assert ref.band_names == EDGE_CASES[name]
    with opened(look.root / "edge_cases" / name) as truth:
        stored, masks = truth.read(), truth.read_masks() > 0
        scales, offsets, gcps = truth.scales, truth.offsets, truth.gcps[0]
    valid = masks.all(axis=0) & np.isfinite(stored).all(axis=0)
    expected = [s.astype(float) * a + b for s, a, b in zip(stored, scales, offsets, strict=True)]
    with RasterReader(ref, look.guard) as reader:
        values, found = reader.read(ref.band_names)
    np.testing.assert_array_equal(found, valid)
    np.testing.assert_allclose(values[:, valid], np.array(expected)[:, valid], rtol=1e-6)
    assert np.isnan(values[:, ~valid]).all()
    assert len(ref.grid.gcps) == len(gcps)
    assert (ref.grid.height, ref.grid.width) == stored.shape[1:]


def test_the_corrupt_edge_case_is_refused_when_its_pixels_are_read(look):
    ref = look("edge_cases/rasterio_corrupt.tif").ref
    with (
        opened(look.root / "edge_cases/rasterio_corrupt.tif") as truth,
        pytest.raises(RasterioError),
    ):
        truth.read()
    with RasterReader(ref, look.guard) as reader, pytest.raises(SourceError) as caught:
        reader.read(ref.band_names)
    assert "rasterio_corrupt.tif" in str(caught.value)
    assert "could not be read" in str(caught.value)


def test_near_infrared_of_naip_is_a_band_and_no_alpha(look):
    name = "multiband/naip/m_3211605_ne_11_060_20200415.tif"
    found = look(name)
    assert found.ref.band_names == ("red", "green", "blue", "nir")
    assert found.ref.alpha is None
    assert not found.ref.dataset_mask
    with RasterReader(found.ref, look.guard) as reader:
        nir, valid = reader.read(["nir"])
    with opened(look.root / name) as truth:
        np.testing.assert_array_equal(nir[0], truth.read(4))
    assert valid.all()


def test_alpha_of_a_planet_scene_is_alpha(look):
    ref = look("demo_no_gt/planet_ships_sfbay_20170308.tif").ref
    assert ref.band_names == ("red", "green", "blue")
    assert ref.alpha is not None
    assert ref.alpha[1] == 4
    with RasterReader(ref, look.guard) as reader, opened(ref.bands[0].href) as truth:
        np.testing.assert_array_equal(reader.read(["red"])[1], truth.read(4) > 0)


def test_a_code_that_does_not_exist_gives_way_to_the_definition(look):
    ref = look("dem/olinda_dem_utm25s.tif").ref
    assert "UTM Zone 25, Southern Hemisphere" in ref.grid.crs
    assert not ref.grid.crs.startswith("EPSG")
    assert (ref.band_names, ref.values) == (("elevation",), "height")


def test_the_product_scale_of_landsat_is_stated_as_an_assumption(look):
    stem = "stac_with_pixels/LC08_L2SP_008059_20191201_20200825_02_T1/"
    stem += "LC08_L2SP_008059_20191201_20200825_02_T1_"
    found = look(f"{stem}SR_B4.TIF", f"{stem}SR_B5.TIF")
    assert found.ref.band_names == ("red", "nir")
    assert {(b.scale, b.offset, b.nodata) for b in found.ref.bands} == {(0.0000275, -0.2, 0)}
    assert any("scale 0.00002750, offset -0.2 is applied" in a for a in found.assumptions)
    assert found.ref.time is not None
    assert found.ref.time.label == "2019-12-01"
    quality = look(f"{stem}QA_PIXEL.TIF").ref
    assert (quality.band_names, quality.values) == (("qa_pixel",), "quality")
    assert (quality.bands[0].nodata, quality.bands[0].scale) == (1, 1)


def test_the_mean_of_a_landsat_index_is_what_numpy_makes_of_the_files(look):
    stem = "stac_with_pixels/LC08_L2SP_008059_20191201_20200825_02_T1/"
    stem += "LC08_L2SP_008059_20191201_20200825_02_T1_"
    ref = look(f"{stem}SR_B4.TIF", f"{stem}SR_B5.TIF").ref
    with RasterReader(ref, look.guard) as reader:
        (red, nir), valid = reader.read(["red", "nir"])
    stored = [opened(look.root / f"{stem}SR_{b}.TIF").read(1).astype(float) for b in ("B4", "B5")]
    filled = (stored[0] > 0) & (stored[1] > 0)
    r, n = (s * 0.0000275 - 0.2 for s in stored)
    np.testing.assert_array_equal(valid, filled)
    share = ((nir - red) / (nir + red))[valid] > 0.5
    assert share.mean() == pytest.approx((((n - r) / (n + r))[filled] > 0.5).mean(), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "values", "sensor"),
    [
        ("multiband/s2_l2a_aquileia_20190416.tif", "reflectance", "sentinel-2"),
        ("multiband/l7_etm_olinda.tif", "counts", "landsat-7"),
        ("multiband/s2like_groningen_rgbn.tif", "counts", ""),
        ("sar/S1A_20150309_VV_norm_db.tif", "backscatter_db", "sentinel-1"),
        ("edge_cases/cog_nodata_nan.tif", "backscatter_power", ""),
        ("dem/dc_hag.tif", "height", ""),
        ("demo_no_gt/planet_aircraft_boneyard.png", "picture", ""),
        ("demo_no_gt/remotesam_demo.jpg", "picture", ""),
    ],
)
def test_what_the_numbers_are_is_told(name, values, sensor, look):
    ref = look(name).ref
    assert (ref.values, ref.sensor) == (values, sensor)
    assert ref.sources[0].fingerprint.kind == "sha256"
    assert ref.title == name.rpartition("/")[2]


def test_what_an_item_says_comes_before_the_file(look):
    href = str(look.root / "multiband/l7_chiapas_19991118.tif")
    names = ["blue", "green", "red", "nir", "swir16", "swir22"]
    hints = [
        BandHint(key="data", href=href, index=n, name=name, common_name=name, scale=1e-4, nodata=7)
        for n, name in enumerate(names, 1)
    ]
    found = describe_files(
        [href],
        look.guard,
        stated=Stated(listed={href: hints}, item_id="l7", title="Chiapas"),
    )
    assert found.ref.band_names == tuple(names)
    assert {band.scale for band in found.ref.bands} == {1e-4}
    assert {band.nodata for band in found.ref.bands} == {-9999}, "the file's own nodata stays"
    assert (found.ref.values, found.ref.item_id, found.ref.title) == (
        "reflectance",
        "l7",
        "Chiapas",
    )


def test_user_names_run_over_all_files(look):
    names = [f"multiband/naip/{n}" for n in ("m_3211605_ne_11_060_20200415.tif",)]
    found = look(*names, stated=Stated(bands=("r", "g", "b", "near infrared")))
    assert found.ref.band_names == ("red", "green", "blue", "nir")
    with pytest.raises(InputError, match="5 band names were given"):
        look(*names, stated=Stated(bands=("a", "b", "c", "d", "e")))


def test_no_files_are_refused(look):
    with pytest.raises(InputError, match="a raster of no files"):
        look()


def test_a_missing_file_is_not_found(look):
    with pytest.raises(NotFound, match=r"no_such\.tif"):
        look("no_such.tif")


def _write(path, pixels, **profile):
    count, height, width = pixels.shape
    size = {"width": width, "height": height, "count": count, "dtype": pixels.dtype.name}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", **size, **profile) as out:
            out.write(pixels)
    return str(path)


def test_files_beside_the_image_that_are_not_read_are_named(tmp_path):
    href = _write(tmp_path / "a.tif", np.ones((1, 4, 4), np.uint8))
    (tmp_path / "a.tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset/>")
    found = describe_files([href], OriginGuard(typed=[href]))
    assert found.assumptions == ("files beside the image are not read: a.tif.aux.xml, a.tfw",)


@pytest.mark.parametrize(
    ("profile", "note"),
    [
        ({"crs": "EPSG:32632"}, "not where its pixels lie"),
        ({"transform": Affine(1, 0, 5, 0, -1, 5)}, "names no coordinate system"),
        (
            {
                "crs": 'LOCAL_CS["site",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]',
                "transform": Affine(1, 0, 5, 0, -1, 5),
            },
            "coordinate system is not used",
        ),
    ],
)
def test_half_a_georeference_is_none_and_says_so(tmp_path, profile, note):
    href = _write(tmp_path / "a.tif", np.ones((1, 4, 4), np.uint8), **profile)
    found = describe_files([href], OriginGuard(typed=[href]), stated=Stated(gsd_m=2))
    assert (found.ref.grid.crs, found.ref.grid.gsd_m) == ("", 2)
    assert any(note in text for text in found.assumptions), found.assumptions


def test_a_stated_pixel_size_does_not_override_a_georeference(tmp_path):
    place = {"crs": "EPSG:32632", "transform": Affine(10, 0, 5e5, 0, -10, 5e6)}
    href = _write(tmp_path / "a.tif", np.ones((1, 4, 4), np.uint8), **place)
    found = describe_files([href], OriginGuard(typed=[href]), stated=Stated(gsd_m=2))
    assert found.ref.grid.gsd_m is None
    assert found.assumptions == (
        "the stated pixel size of 2 m is not used: the file has a georeference",
    )


def test_floats_are_reflectance_only_where_they_look_like_it(tmp_path):
    rng = np.random.default_rng(0)
    for name, top, kind in (("low", 0.6, "reflectance"), ("high", 4000, "counts")):
        pixels = (rng.random((4, 50, 50)) * top).astype(np.float32)
        href = _write(tmp_path / f"{name}_rgbn.tif", pixels)
        found = describe_files([href], OriginGuard(typed=[href]))
        assert found.ref.values == kind
        assert math.isclose(found.ref.bands[0].scale, 1)
