"""`spectral_index` against formulas in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError, NotFound

BANDS = ["blue", "green", "red", "nir", "swir16", "swir22"]


@pytest.fixture
def counts():
    return np.random.default_rng(2).integers(1000, 6000, (6, 25, 30)).astype(np.uint16)


@pytest.fixture
def scene(bench, places, counts):
    return bench.image(counts, places["utm"], bands=BANDS, scale=0.0001, offset=-0.01)


def test_indices_are_their_published_formulas(bench, scene, counts):
    blue, green, red, nir, swir16, swir22 = counts.astype(float) * 0.0001 - 0.01
    wanted = {
        "ndvi": (nir - red) / (nir + red),
        "NDWI": (green - nir) / (green + nir),
        "mndwi": (green - swir16) / (green + swir16),
        "ndbi": (swir16 - nir) / (swir16 + nir),
        "nbr": (nir - swir22) / (nir + swir22),
        "evi": 2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1),
        "savi": 1.5 * (nir - red) / (nir + red + 0.5),
        "ndmi": (nir - swir16) / (nir + swir16),
    }
    for name, formula in wanted.items():
        values, _ = bench.pixels(bench.handle("spectral_index", raster=scene, index=name))
        np.testing.assert_allclose(values[0], formula, rtol=1e-3, atol=2e-5, err_msg=name)


def test_parameters_change_the_formula(bench, scene, counts):
    red, nir = counts[2:4].astype(float) * 0.0001 - 0.01
    made = bench.handle("spectral_index", raster=scene, index="savi", parameters={"L": 1.0})
    np.testing.assert_allclose(
        bench.pixels(made)[0][0], 2 * (nir - red) / (nir + red + 1), rtol=1e-4, atol=1e-6
    )


def test_nodata_in_either_band_is_not_valid(bench, places):
    stored = np.array([[[0, 10, 10]], [[30, 0, 30]]], np.uint8)
    raster = bench.image(stored, places["utm"], nodata=0, bands=["red", "nir"])
    made = bench.handle("spectral_index", raster=raster, index="ndvi")
    np.testing.assert_allclose(bench.pixels(made)[0][0], [[np.nan, np.nan, 0.5]])


def test_an_image_without_a_valid_pixel_has_no_statistics(bench, places):
    raster = bench.image(
        np.zeros((2, 4, 4), np.uint8), places["utm"], nodata=0, bands=["red", "nir"]
    )
    made = bench.handle("spectral_index", raster=raster, index="ndvi")
    with pytest.raises(
        InputError, match="NDVI of image.tif has no valid pixel: nodata, masked out"
    ):
        bench("zonal_stats", raster=made)


def test_uncalibrated_counts_give_a_warning(bench, places, counts):
    raster = bench.image(counts, places["utm"], bands=BANDS)
    result = bench("spectral_index", raster=raster, index="ndvi")
    assert result.warnings == (
        "NDVI of uncalibrated counts: its level differs from that of reflectance",
    )


def test_an_index_with_constants_is_refused_on_counts(bench, places, counts):
    raster = bench.image(counts, places["utm"], bands=BANDS)
    with pytest.raises(
        InputError, match="EVI has constants made for reflectance, .* are counts"
    ) as caught:
        bench("spectral_index", raster=raster, index="evi")
    assert "scale and offset" in caught.value.hint


def test_a_missing_band_is_named_in_words(bench, places, counts):
    raster = bench.image(counts[:3], places["utm"], bands=BANDS[:3])
    with pytest.raises(InputError, match="near-infrared") as caught:
        bench("spectral_index", raster=raster, index="ndvi")
    assert "blue, green, red" in str(caught.value) + caught.value.hint


def test_a_stand_in_band_is_stated(bench, places, counts):
    raster = bench.image(counts[:2], places["utm"], bands=["red", "nir08"])
    result = bench("spectral_index", raster=raster, index="ndvi")
    assert result.assumptions == ("NDVI: nir is band 'nir08'",)


def test_an_unknown_index_gets_near_names(bench, scene):
    with pytest.raises(NotFound, match="no spectral index is called 'ndvii'") as caught:
        bench("spectral_index", raster=scene, index="ndvii")
    assert "ndvi" in caught.value.hint


def test_unknown_parameters_are_refused(bench, scene):
    with pytest.raises(InputError, match="SAVI has no parameter G"):
        bench("spectral_index", raster=scene, index="savi", parameters={"G": 1.0})
    inf = float("inf")
    assert "finite" in bench.refused(
        "spectral_index", raster=scene, index="savi", parameters={"L": inf}
    )
