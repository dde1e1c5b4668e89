"""`threshold` by operator, bit and rule, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError, NotFound

VALUES = np.array([[0.1, 0.2, 0.3, np.nan], [0.4, -0.5, 0.6, 0.3]], np.float32)


@pytest.fixture
def values(bench, places):
    return bench.image(VALUES, places["utm"], nodata=float("nan"))


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ({"operator": "gt", "value": 0.3}, np.float32(0.3) < VALUES),
        ({"operator": "ge", "value": 0.3}, np.float32(0.3) <= VALUES),
        ({"operator": "lt", "value": 0.3}, np.float32(0.3) > VALUES),
        ({"operator": "le", "value": 0.3}, np.float32(0.3) >= VALUES),
        (
            {"operator": "between", "value": 0.2, "upper": 0.4},
            (np.float32(0.2) <= VALUES) & (np.float32(0.4) >= VALUES),
        ),
    ],
)
def test_a_comparison_marks_the_pixels_that_numpy_does(bench, values, limits, wanted):
    stored, profile = bench.pixels(bench.handle("threshold", raster=values, **limits))
    expected = np.where(np.isnan(VALUES), 255, wanted)
    assert (stored[0] == expected).all()
    assert profile["nodata"] == 255
    assert profile["dtype"] == "uint8"


def test_the_rule_stands_in_label_and_method(bench, values):
    mask = bench.handle("threshold", raster=values, operator="gt", value=0.3)
    figure = bench("measure", target=mask, quantities=["share"]).figures[0]
    assert figure.label == "share of b1 > 0.3"
    assert figure.method.startswith("b1 > 0.3 in image.tif; share of the area of 7 valid pixels")


def test_one_of_several_bands_is_named(bench, places):
    stack = np.stack([VALUES, -VALUES])
    raster = bench.image(stack, places["utm"], nodata=float("nan"), bands=["red", "nir"])
    mask = bench.handle("threshold", raster=raster, band="NIR", operator="gt", value=0.3)
    assert (bench.pixels(mask)[0][0] == 1).sum() == 1
    with pytest.raises(InputError, match="has 2 bands and none was named") as caught:
        bench("threshold", raster=raster, operator="gt", value=0.3)
    assert caught.value.hint == "give band: red, nir"
    with pytest.raises(InputError, match="has no band 'swir16'"):
        bench("threshold", raster=raster, band="swir16", operator="gt", value=0.3)


def test_a_bit_marks_the_codes_that_have_it(bench, places):
    codes = np.array([[1, 8, 9, 21824, 22280, 0]], np.uint16)
    raster = bench.image(codes, places["utm"])
    stored, _ = bench.pixels(bench.handle("threshold", raster=raster, bit=3, exclude_bits=[0]))
    wanted = np.where(codes & 1, 255, (codes >> 3) & 1)
    assert (stored[0] == wanted).all()


def test_the_cloud_bit_of_a_real_quality_file_agrees_with_numpy(bench, shared_data):
    import rasterio

    from eoagent.io.origin import OriginGuard

    scene = "LC08_L2SP_008059_20191201_20200825_02_T1"
    path = shared_data / f"stac_with_pixels/{scene}/{scene}_QA_PIXEL.TIF"
    used = bench.using(origins=OriginGuard(typed=[str(path)]))
    raster = used.handle("open_image", hrefs=[str(path)])
    mask = used.handle("threshold", raster=raster, bit=3, exclude_bits=[0])
    share = used.values("measure", target=mask, quantities=["share"])["share"]
    with rasterio.open(path) as file:
        codes = file.read(1)
    filled = (codes & 1) == 0
    assert share == pytest.approx(100 * ((codes[filled] >> 3) & 1).mean(), rel=1e-3)
    assert used.values("describe_data", target=raster)["cloud_share"] == pytest.approx(
        81.057, abs=0.01
    )


def test_bits_of_values_with_fractions_are_refused(bench, values):
    with pytest.raises(InputError, match="quality codes hold fractions"):
        bench("threshold", raster=values, bit=1)


def test_bits_beyond_a_code_are_refused(bench, places):
    raster = bench.image(np.ones((2, 2), np.uint8), places["utm"])
    with pytest.raises(InputError, match="bit 40 was asked for"):
        bench("threshold", raster=raster, bit=3, exclude_bits=[40])
    assert "bit" in bench.refused("threshold", raster=raster, bit=32)


@pytest.fixture
def reflectance(bench, places):
    rng = np.random.default_rng(3)
    bands = rng.uniform(0.02, 0.5, (6, 20, 30)).astype(np.float32)
    names = ["blue", "green", "red", "nir", "swir16", "swir22"]
    raster = bench.image(bands, places["utm"], nodata=-1.0, bands=names)
    return raster, dict(zip(names, bands.astype(float), strict=True))


def test_water_by_its_rule_is_a_published_index_above_zero(bench, reflectance):
    raster, band = reflectance
    result = bench("threshold", raster=raster, rule="water")
    stored, _ = bench.pixels(result.artifacts["mask"].handle)
    mndwi = (band["green"] - band["swir16"]) / (band["green"] + band["swir16"])
    assert (stored[0] == (mndwi > 0)).mean() > 0.999
    assert any("MNDWI > 0" in said for said in result.assumptions)


def test_vegetation_by_its_rule_is_ndvi_above_a_cited_value(bench, reflectance):
    raster, band = reflectance
    result = bench("threshold", raster=raster, rule="vegetation", label="green ground")
    stored, _ = bench.pixels(result.artifacts["mask"].handle)
    ndvi = (band["nir"] - band["red"]) / (band["nir"] + band["red"])
    limit = float(result.assumptions[0].split("NDVI > ")[1].split(",")[0].split()[0])
    assert (stored[0] == (ndvi > limit)).mean() > 0.999
    assert (
        bench("measure", target=result.artifacts["mask"].handle, quantities=["area"])
        .figures[0]
        .label
        == "area of green ground"
    )


def test_a_rule_without_its_bands_says_what_is_missing(bench, places):
    raster = bench.image(VALUES, places["utm"], nodata=float("nan"), bands=["red"])
    with pytest.raises(InputError, match="cannot be told from red"):
        bench("threshold", raster=raster, rule="water")
    with pytest.raises(NotFound, match="no spectral rule is known for 'ships'") as caught:
        bench("threshold", raster=raster, rule="ships")
    assert "water" in caught.value.hint


def test_water_on_counts_takes_its_threshold_from_the_histogram(bench, places):
    rng = np.random.default_rng(5)
    wet = np.zeros((40, 40), bool)
    wet[:20] = True
    green = np.where(wet, 900, 600) + rng.normal(0, 30, wet.shape)
    nir = np.where(wet, 250, 2200) + rng.normal(0, 30, wet.shape)
    counts = np.stack([green, nir]).astype(np.uint16)
    raster = bench.image(counts, places["utm"], bands=["green", "nir"])
    result = bench("threshold", raster=raster, rule="water")
    assert (bench.pixels(result.artifacts["mask"].handle)[0][0] == wet).all()
    assert any("Otsu" in said for said in result.assumptions)


def test_the_same_rule_in_small_strips_is_the_same_mask(bench, reflectance):
    raster, _ = reflectance
    small = bench.using(block_pixels=64)
    assert small.handle("threshold", raster=raster, rule="water") == bench.handle(
        "threshold", raster=raster, rule="water"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give exactly one of: operator with value, bit, rule"),
        ({"operator": "gt"}, "operator and value go together"),
        ({"rule": "water", "value": 1.0}, "operator and value go together"),
        ({"rule": "water", "bit": 1}, "give exactly one of"),
        ({"rule": "water", "band": "red"}, "a rule picks its bands itself"),
        ({"operator": "between", "value": 1.0}, "between needs value and upper"),
        ({"operator": "between", "value": 2.0, "upper": 1.0}, "between needs value and upper"),
        ({"operator": "gt", "value": 1.0, "upper": 2.0}, "others take value alone"),
        ({"operator": "gt", "value": 1.0, "exclude_bits": [0]}, "exclude_bits goes with bit"),
        ({"operator": "gt", "value": float("nan")}, "finite"),
        ({"operator": "eq", "value": 1.0}, "operator"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(bench, given, said):
    assert said in bench.refused("threshold", raster="raster:0123456789ab", **given)
