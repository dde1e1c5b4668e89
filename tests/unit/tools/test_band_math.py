"""`band_math` against numpy on the same pixels."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError


@pytest.fixture
def colours():
    return np.random.default_rng(1).integers(1, 255, (3, 30, 20)).astype(np.uint8)


def test_byte_bands_do_not_overflow(bench, places, colours):
    raster = bench.image(colours, places["utm"], bands=["red", "green", "blue"])
    made = bench.handle("band_math", raster=raster, expression="2*green - red - blue")
    values, profile = bench.pixels(made)
    red, green, blue = colours.astype(float)
    np.testing.assert_allclose(values[0], 2 * green - red - blue)
    assert profile["dtype"] == "float32"
    assert profile["crs"].to_epsg() == 32633
    assert profile["transform"] == places["utm"].transform


def test_strips_of_any_size_give_one_result(bench, places, colours):
    raster = bench.image(colours, places["utm"], bands=["red", "green", "blue"])
    wanted = bench.handle("band_math", raster=raster, expression="sqrt(red) + max(green, blue)")
    small = bench.using(block_pixels=100)
    assert wanted == small.handle(
        "band_math", raster=raster, expression="sqrt(red) + max(green, blue)"
    )


def test_invalid_pixels_and_impossible_values_are_nan(bench, places):
    stored = np.array([[[1, 0, 4]], [[2, 3, 2]]], np.uint8)
    raster = bench.image(stored, places["utm"], nodata=0, bands=["red", "nir"])
    made = bench.handle("band_math", raster=raster, expression="log10(red - nir)")
    values, _ = bench.pixels(made)
    np.testing.assert_allclose(values[0], [[np.nan, np.nan, np.log10(2)]], rtol=1e-6)
    low = bench.values("zonal_stats", raster=made, statistics=["count", "mean"])
    assert low == {"count": 1, "mean": pytest.approx(np.log10(2), rel=1e-6)}


def test_the_formula_goes_into_the_method_of_later_figures(bench, places, colours):
    raster = bench.image(colours, places["utm"], bands=["red", "green", "blue"])
    made = bench.handle("band_math", raster=raster, expression="red / blue", label="redness")
    figure = bench("zonal_stats", raster=made).figures[0]
    assert figure.method.startswith("redness = red / blue in floating point")
    assert figure.label == "mean of redness of image.tif"


def test_a_raster_without_georeference_has_values_too(bench, colours):
    raster = bench.image(colours)
    made = bench.handle("band_math", raster=raster, expression="red")
    assert (bench.pixels(made)[0][0] == colours[0]).all()


@pytest.mark.parametrize(
    ("expression", "said", "hint"),
    [
        ("nir - red", "names nir, which image.tif does not have", "its bands are red, green, blue"),
        ("1 + 2", "names no band", "allowed: band names"),
        ("red.real", "", ""),
        ("open('x')", "", ""),
        ("red +", "", ""),
    ],
)
def test_what_cannot_be_computed_is_refused(bench, places, colours, expression, said, hint):
    raster = bench.image(colours, places["utm"], bands=["red", "green", "blue"])
    with pytest.raises(InputError) as caught:
        bench("band_math", raster=raster, expression=expression)
    assert said in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.hint


def test_a_mask_is_no_raster(bench):
    said = bench.refused("band_math", raster="mask:0123456789ab", expression="red")
    assert "is a mask, and a raster is wanted; open_image opens a file" in said
