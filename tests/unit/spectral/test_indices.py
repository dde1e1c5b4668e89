"""Tests of the index table: formulas against values worked by hand, names, and missing bands."""

import numpy as np
import pytest
import rasterio

from eoagent.contracts.errors import InputError, NotFound
from eoagent.spectral.expression import parse
from eoagent.spectral.indices import (
    INDICES,
    evaluate_index,
    find_index,
    formula_text,
    match_bands,
    resolve_bands,
)

REFLECTANCE = {
    "blue": 0.05,
    "green": 0.08,
    "red": 0.06,
    "rededge071": 0.12,
    "nir": 0.40,
    "swir16": 0.20,
    "swir22": 0.10,
}

BY_HAND = {
    "ndvi": 0.34 / 0.46,
    "ndwi": -0.32 / 0.48,
    "mndwi": -0.12 / 0.28,
    "ndbi": -0.20 / 0.60,
    "nbr": 0.30 / 0.50,
    "nbr2": 0.10 / 0.30,
    "ndmi": 0.20 / 0.60,
    "ndsi": -0.12 / 0.28,
    "gndvi": 0.32 / 0.48,
    "ndre": 0.28 / 0.52,
    "evi": 2.5 * 0.34 / (0.40 + 0.36 - 0.375 + 1),
    "evi2": 2.5 * 0.34 / (0.40 + 0.144 + 1),
    "savi": 1.5 * 0.34 / 0.96,
    "msavi": (1.8 - (1.8**2 - 8 * 0.34) ** 0.5) / 2,
    "osavi": 0.34 / 0.62,
    "arvi": (0.40 - 0.07) / (0.40 + 0.07),
    "bsi": (0.26 - 0.45) / (0.26 + 0.45),
    "bai": 1 / (0.04**2 + 0.34**2),
    "awei": 4 * -0.12 - (0.1 + 0.275),
    "vari": 0.02 / 0.09,
    "exg": 0.16 - 0.06 - 0.05,
}


def test_every_index_has_a_value_worked_by_hand():
    assert set(BY_HAND) == set(INDICES)


@pytest.mark.parametrize("index", BY_HAND)
def test_index_equals_the_value_worked_by_hand(index):
    bands = {name: np.array([value]) for name, value in REFLECTANCE.items()}
    assert evaluate_index(INDICES[index], bands)[0] == pytest.approx(BY_HAND[index], rel=1e-12)


@pytest.mark.parametrize("spec", INDICES.values(), ids=lambda spec: spec.id)
def test_table_row_is_consistent(spec):
    names = set(parse(spec.formula).names)
    assert names == set(spec.bands) | set(spec.parameters)
    assert len(spec.source) > 20
    assert find_index(spec.title).id == spec.id
    assert all(find_index(alias).id == spec.id for alias in spec.aliases)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("NDVI", "ndvi"),
        (" Nd-Wi ", "ndwi"),
        ("normalized difference snow index", "ndsi"),
        ("MSAVI2", "msavi"),
        ("植被指数", "ndvi"),
        ("水体指数", "ndwi"),
        ("Moisture Index", "ndmi"),
    ],
)
def test_index_is_found_by_other_names(text, index):
    assert find_index(text).id == index


def test_unknown_index_offers_near_names():
    with pytest.raises(NotFound, match="called 'NDVII'") as caught:
        find_index("NDVII")
    assert "did you mean ndvi" in caught.value.hint


def test_quite_unknown_index_lists_all_and_band_math():
    with pytest.raises(NotFound) as caught:
        find_index("")
    assert "known: ndvi, ndwi" in caught.value.hint
    assert "band_math" in caught.value.hint


def test_zero_over_zero_is_nan():
    zero = np.zeros(2, np.uint8)
    assert np.isnan(evaluate_index(INDICES["ndvi"], {"nir": zero, "red": zero})).all()


def test_parameters_change_the_result_and_the_text():
    bands = {"nir": np.array([0.4]), "red": np.array([0.06])}
    assert evaluate_index(INDICES["savi"], bands, {"L": 0.0})[0] == pytest.approx(0.34 / 0.46)
    assert formula_text(INDICES["savi"]).endswith(", L = 0.5")
    assert formula_text(INDICES["savi"], {"L": 1}).endswith(", L = 1")
    assert formula_text(INDICES["ndvi"]) == "(nir - red) / (nir + red)"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"G": 1.0}, "SAVI has no parameter G"), ({"L": float("nan")}, "parameter L of SAVI is not")],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(InputError, match=message):
        evaluate_index(INDICES["savi"], {"nir": np.ones(1), "red": np.ones(1)}, parameters)


def test_missing_band_is_named_in_words_with_what_is_there():
    with pytest.raises(InputError) as caught:
        resolve_bands(INDICES["mndwi"], ["red", "green", "blue"])
    assert str(caught.value) == (
        "MNDWI needs swir16 (short-wave infrared, SWIR, about 1.6 um), "
        "which this raster does not have"
    )
    assert caught.value.hint == "its bands are red, green, blue"


def test_bands_without_names_are_told_how_to_get_them():
    with pytest.raises(InputError) as caught:
        resolve_bands(INDICES["ndvi"], ["b1", "b2"])
    assert caught.value.hint == (
        "its bands are b1, b2, which the file does not name: open it again with bands in their order"
    )


def test_missing_22_band_of_the_burn_ratio_is_named():
    with pytest.raises(InputError, match=r"swir22 \(short-wave infrared, SWIR, about 2.2 um\)"):
        resolve_bands(INDICES["nbr"], ["blue", "green", "red", "nir", "swir16"])


@pytest.mark.parametrize(
    ("available", "sensor", "expected"),
    [
        (["red", "nir"], "", {"nir": "nir", "red": "red"}),
        (["red", "nir08"], "", {"nir": "nir08", "red": "red"}),
        (["nir08", "red", "nir"], "", {"nir": "nir", "red": "red"}),
        (["NIR", "Red"], "", {"nir": "NIR", "red": "Red"}),
        (["B8A", "B04"], "", {"nir": "B8A", "red": "B04"}),
        (["B4", "B3"], "landsat-7", {"nir": "B4", "red": "B3"}),
        (["band 4 reflectance", "band 3 reflectance"], "landsat-7", None),
        (["近红外", "红"], "", {"nir": "近红外", "red": "红"}),
    ],
)
def test_bands_are_matched_by_meaning(available, sensor, expected):
    wanted = expected or {"nir": "band 4 reflectance", "red": "band 3 reflectance"}
    assert resolve_bands(INDICES["ndvi"], available, sensor=sensor) == wanted


def test_a_band_number_means_nothing_without_a_sensor():
    assert match_bands(["nir"], ["B4", "band 4", "b1"]) == ({}, ("nir",))


STACK = ("blue", "green", "red", "nir", "swir16", "swir22")
RGBN = ("red", "green", "blue", "nir")


@pytest.mark.parametrize(
    ("path", "names", "scale", "reference"),
    [
        ("s2_l2a_aquileia_20190416.tif", STACK, 1 / 65535, {"ndvi": 0.269191, "savi": 0.218286}),
        ("l7_chiapas_19991118.tif", STACK, 1e-4, {"ndmi": 0.226271, "ndvi": 0.708813}),
        ("s2like_groningen_rgbn.tif", RGBN, 1.0, {"ndwi": -0.063377}),
    ],
)
def test_means_equal_the_reference_values(shared_data, path, names, scale, reference):
    with rasterio.open(shared_data / "multiband" / path) as file:
        stored = file.read(list(range(1, len(names) + 1)))
        valid = np.ones(stored.shape[1:], bool)
        if file.nodata is not None:
            valid = (stored != file.nodata).all(axis=0)
    bands = {name: stored[i] * np.float64(scale) for i, name in enumerate(names)}
    for index, mean in reference.items():
        value = evaluate_index(INDICES[index], bands)
        assert np.nanmean(value[valid]) == pytest.approx(mean, abs=1e-6)


def test_share_on_scaled_landsat_equals_the_reference(shared_data):
    scene = "LC08_L2SP_008059_20191201_20200825_02_T1"
    bands, filled = {}, True
    for name, token in (("red", "SR_B4"), ("nir", "SR_B5")):
        with rasterio.open(
            shared_data / "stac_with_pixels" / scene / f"{scene}_{token}.TIF"
        ) as file:
            stored = file.read(1)
        bands[name] = stored * 0.0000275 - 0.2
        filled &= stored != 0
    value = evaluate_index(INDICES["ndvi"], bands)
    assert 100 * (value[filled] > 0.5).mean() == pytest.approx(33.2221, abs=1e-3)


def test_water_of_a_byte_image_equals_the_reference(shared_data):
    with rasterio.open(shared_data / "multiband/naip/m_3008501_ne_16_1_20110815.tif") as file:
        bands = {"green": file.read(2), "nir": file.read(4)}
        plain_ha = abs(file.transform.a * file.transform.e) / 1e4
    pixels = (evaluate_index(INDICES["ndwi"], bands) > 0).sum()
    assert pixels * plain_ha == pytest.approx(52.7451, rel=0.002)
