"""Tests of cover rules: which rule is chosen, how it is stated, and when it is refused."""

import re

import numpy as np
import pytest
import rasterio

from eoagent.contracts.errors import InputError, NotFound
from eoagent.spectral.cover import choose_rule, compare, settle
from eoagent.spectral.cover_table import covers, find_cover, rules_for
from eoagent.spectral.otsu import Histogram

S2 = ("blue", "green", "red", "nir", "swir16", "swir22")
RGB = ("red", "green", "blue")


@pytest.mark.parametrize(
    ("word", "cover"),
    [
        ("water", "water"),
        ("Water bodies", "water"),
        ("水体", "water"),
        ("green", "vegetation"),
        ("植被", "vegetation"),
        ("built up", "built_up"),
        ("built-up", "built_up"),
        ("裸土", "bare"),
        ("积雪", "snow"),
        ("burnt area", "burned"),
        ("过火面积", "burned"),
        ("云", "cloud"),
    ],
)
def test_words_name_covers(word, cover):
    assert find_cover(word).id == cover


def test_words_are_not_shared_between_covers():
    words = [word for cover in covers() for word in {cover.id, *cover.aliases}]
    assert len(words) == len(set(words))


def test_every_rule_belongs_to_a_cover_and_has_a_source():
    for cover in covers():
        for rule in rules_for(cover.id):
            assert any(
                year in rule.source for year in ("1979", "1996", "2003", "2004", "2006", "1995")
            )


@pytest.mark.parametrize("word", ["roads", "", "buildings", "parking lot"])
def test_things_without_a_rule_are_not_found(word):
    with pytest.raises(NotFound, match="no spectral rule is known for") as caught:
        choose_rule(word, S2, "reflectance")
    assert "water, vegetation" in caught.value.hint
    assert "segment" in caught.value.hint


@pytest.mark.parametrize(
    ("cover", "bands", "statement"),
    [
        ("water", S2, "open water: MNDWI > 0, where MNDWI = (green - swir16) / (green + swir16)"),
        ("water", S2[:4], "open water: NDWI > 0, where NDWI = (green - nir) / (green + nir)"),
        ("vegetation", S2, "vegetation: NDVI > 0.4, where NDVI = (nir - red) / (nir + red)"),
        (
            "built_up",
            S2,
            (
                "built-up land: NDBI > 0 and NDVI < 0.2, where NDBI = (swir16 - nir) / "
                "(swir16 + nir); NDVI = (nir - red) / (nir + red)"
            ),
        ),
        (
            "bare",
            S2[:4],
            "bare soil: NDVI > 0 and NDVI < 0.2, where NDVI = (nir - red) / (nir + red)",
        ),
        (
            "snow",
            S2,
            (
                "snow: NDSI > 0.4 and near-infrared reflectance > 0.11, "
                "where NDSI = (green - swir16) / (green + swir16)"
            ),
        ),
    ],
)
def test_rule_on_reflectance_is_the_published_one(cover, bands, statement):
    rule = choose_rule(cover, bands, "reflectance")
    assert rule.statement == statement
    assert rule.method == "fixed"
    assert rule.is_settled
    assert rule.assumptions
    assert rule.dates == 1


@pytest.mark.parametrize(
    ("cover", "words"),
    [
        ("water", ["near-infrared", "SWIR", "red, green, blue", "NDWI lacks nir"]),
        ("vegetation", ["near-infrared", "NDVI lacks nir"]),
        ("built_up", ["near-infrared", "SWIR"]),
        ("bare", ["near-infrared", "SWIR"]),
        ("snow", ["near-infrared", "SWIR"]),
    ],
)
def test_colour_pictures_are_refused_by_the_missing_bands(cover, words):
    with pytest.raises(InputError) as caught:
        choose_rule(cover, RGB, "picture")
    for word in words:
        assert word in str(caught.value)


def test_excess_green_is_offered_for_vegetation_in_colour_pictures():
    with pytest.raises(InputError) as caught:
        choose_rule("vegetation", RGB, "picture")
    assert "2*green - red - blue" in caught.value.hint
    assert "band_math" in caught.value.hint


def test_snow_on_counts_is_refused_because_it_looks_like_water():
    with pytest.raises(InputError, match="NDSI wants reflectance, and these are counts") as caught:
        choose_rule("snow", S2, "counts")
    assert "part snow from water" in caught.value.hint


def test_burned_ground_wants_two_dates():
    with pytest.raises(InputError, match="cannot be told from one date") as caught:
        choose_rule("burned", S2, "reflectance")
    assert "before" in caught.value.hint


def test_clouds_are_left_to_the_quality_band():
    with pytest.raises(InputError) as caught:
        choose_rule("clouds", S2, "reflectance")
    assert "QA_PIXEL" in caught.value.hint


def test_two_dates_of_water_are_two_masks():
    with pytest.raises(InputError, match="open water is told from one date") as caught:
        choose_rule("water", S2, "reflectance", dates=2)
    assert "mask for each date" in caught.value.hint


def test_radar_of_unknown_unit_is_refused():
    with pytest.raises(InputError, match="VV wants backscatter_db, and these are unknown"):
        choose_rule("water", ["VV"], "unknown")


def test_heights_are_no_water():
    with pytest.raises(InputError, match=r"cannot be told from elevation \(height values\)"):
        choose_rule("water", ["elevation"], "height")


def test_a_stand_in_band_is_stated():
    rule = choose_rule("vegetation", ["red", "nir08"], "reflectance")
    assert rule.bands == {"nir": "nir08", "red": "red"}
    assert "band nir08 stands in for nir" in rule.assumptions


def test_bands_of_a_sensor_are_understood():
    rule = choose_rule("water", ["B3", "B8A", "B11"], "reflectance", sensor="sentinel-2")
    assert rule.bands == {"green": "B3", "swir16": "B11"}


def test_uncalibrated_vegetation_keeps_the_threshold_and_says_it_is_rough():
    rule = choose_rule("vegetation", ("red", "nir"), "picture")
    assert rule.method == "fixed"
    assert any("not reflectance" in text for text in rule.assumptions)


def test_open_threshold_cannot_decide():
    rule = choose_rule("water", ["VV"], "backscatter_db")
    assert "VV < a threshold from the histogram" in rule.statement
    with pytest.raises(InputError, match="threshold of VV is not known yet"):
        rule.decide({"vv": np.zeros(3)})


def test_fixed_method_refuses_a_rule_without_a_published_threshold():
    with pytest.raises(InputError, match="VV has no published threshold"):
        choose_rule("water", ["VV"], "backscatter_db", method="fixed")


def test_fixed_method_keeps_the_published_threshold_on_counts():
    rule = choose_rule("water", S2, "counts", method="fixed")
    assert (rule.method, rule.conditions[0].threshold, rule.is_settled) == ("fixed", 0.0, True)


def test_all_conditions_must_hold_and_have_a_value():
    rule = choose_rule("snow", S2, "reflectance")
    yes, defined = rule.decide(
        {
            "green": np.array([0.8, 0.1, 0.8, np.nan]),
            "swir16": np.array([0.1, 0.01, 0.7, 0.1]),
            "nir": np.array([0.7, 0.05, 0.7, 0.7]),
        }
    )
    assert yes.tolist() == [True, False, False, False]
    assert defined.tolist() == [True, True, True, False]


def test_fall_is_before_minus_after():
    rule = choose_rule("burned", S2, "reflectance", dates=2)
    assert rule.statement.startswith("burned ground: fall of NBR > 0.1")
    before = {"nir": np.array([0.4, 0.4]), "swir22": np.array([0.1, 0.1])}
    after = {"nir": np.array([0.15, 0.38]), "swir22": np.array([0.2, 0.1])}
    yes, _ = rule.decide(after, before)
    assert yes.tolist() == [True, False]


def test_number_of_dates_is_checked():
    arrays = {"nir": np.ones(2), "swir22": np.ones(2), "green": np.ones(2), "swir16": np.ones(2)}
    with pytest.raises(InputError, match=r"wants 2 date\(s\)"):
        choose_rule("burned", S2, "reflectance", dates=2).decide(arrays)
    with pytest.raises(InputError, match=r"wants 1 date\(s\)"):
        choose_rule("water", S2, "reflectance").decide(arrays, arrays)


def test_dates_must_share_a_grid():
    rule = choose_rule("burned", S2, "reflectance", dates=2)
    with pytest.raises(InputError, match=r"differ in shape: \(3,\) before, \(2,\) after"):
        rule.decide(
            {"nir": np.ones(2), "swir22": np.ones(2)}, {"nir": np.ones(3), "swir22": np.ones(3)}
        )


def test_single_precision_value_at_the_threshold_is_not_above_it():
    at = np.array([0.4], np.float32)
    assert not compare(at, ">", 0.4)[0]
    assert compare(at, ">=", 0.4)[0]
    assert not compare(at, "<", 0.4)[0]
    assert compare(at, "<=", 0.4)[0]


def test_nan_compares_to_nothing():
    for operator in (">", ">=", "<", "<="):
        assert not compare([np.nan], operator, 0.0)[0]


def _histogram(rule, values):
    histogram = Histogram(*rule.histogram)
    histogram.add(values)
    return histogram


def test_otsu_is_taken_where_two_classes_straddle_the_published_threshold(rng):
    rule = choose_rule("water", S2, "counts")
    values = np.concatenate([rng.normal(-0.2, 0.08, 9000), rng.normal(0.7, 0.05, 1000)])
    settled = settle(rule, _histogram(rule, values))
    assert settled.method == "otsu"
    assert 0.1 < settled.conditions[0].threshold < 0.6
    assert "Ashman's D" in settled.assumptions[-1]
    assert settle(settled, Histogram(0, 1, 2)) is settled


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((-0.5, 0.05, -0.2, 0.05), r"means -0.50 and -0.20\) lie on one side of 0"),
        (
            (-0.3, 0.1, -0.3, 0.1),
            r"no two classes \(Ashman's D = 2.\d\d, 3.46 wanted; dip 0%, 10% wanted\)",
        ),
        ((-0.3, 0.0, -0.3, 0.0), "all values of MNDWI are the same"),
    ],
)
def test_published_threshold_stays_where_otsu_finds_no_water(rng, values, reason):
    rule = choose_rule("water", S2, "counts")
    low, low_sd, high, high_sd = values
    sample = np.concatenate([rng.normal(low, low_sd, 5000), rng.normal(high, high_sd, 5000)])
    settled = settle(rule, _histogram(rule, sample))
    assert settled.method == "fixed"
    assert settled.conditions[0].threshold == 0.0
    assert settled.assumptions[-1].endswith("so the published 0 was used; it is rough")
    assert re.search(reason, settled.assumptions[-1])


def test_radar_without_a_dark_class_is_refused(rng):
    rule = choose_rule("water", ["VV"], "backscatter_db")
    with pytest.raises(InputError, match="open water cannot be told by VV: the histogram shows no"):
        settle(rule, _histogram(rule, rng.normal(-9, 2, 5000)))


def test_empty_histogram_is_refused():
    rule = choose_rule("water", ["VV"], "backscatter_db")
    with pytest.raises(InputError, match="no valid pixel has a value of VV"):
        settle(rule, Histogram(*rule.histogram))


def test_radar_in_power_gives_the_same_pixels_as_in_decibels(rng):
    level = np.concatenate([rng.normal(-20, 1.5, 3000), rng.normal(-9, 1.5, 7000)])
    masks = []
    for kind, values in (("backscatter_db", level), ("backscatter_power", 10 ** (level / 10))):
        rule = choose_rule("water", ["VV"], kind)
        rule = settle(rule, _histogram(rule, rule.values({"vv": values})))
        masks.append(rule.decide({"vv": values})[0])
    assert (masks[0] == masks[1]).mean() > 0.999
    assert masks[0].mean() == pytest.approx(0.3, abs=0.01)


def _bands(path, names):
    with rasterio.open(path) as file:
        stored = file.read(list(range(1, len(names) + 1)))
        nodata, scale = file.nodata, file.scales[0]
    valid = np.ones(stored.shape[1:], bool) if nodata is None else (stored != nodata).all(axis=0)
    return {name: stored[i] * np.float64(scale) for i, name in enumerate(names)}, valid


def test_water_share_of_a_coast_is_near_the_reference(shared_data):
    bands, valid = _bands(shared_data / "multiband/s2_l2a_aquileia_20190416.tif", S2)
    yes, _ = choose_rule("water", bands, "reflectance").decide(bands)
    assert 100 * yes[valid].mean() == pytest.approx(20.4035, rel=0.15)


def test_vegetation_share_of_a_forest_is_near_the_reference(shared_data):
    bands, valid = _bands(shared_data / "multiband/l7_chiapas_19991118.tif", S2)
    yes, _ = choose_rule("vegetation", bands, "reflectance").decide(bands)
    assert 100 * yes[valid].mean() == pytest.approx(97.2784, rel=1e-5)


def test_water_on_raw_counts_gets_a_threshold_of_its_own(shared_data):
    bands, _ = _bands(shared_data / "multiband/l7_etm_olinda.tif", S2)
    rule = choose_rule("water", ["green", "nir"], "counts")
    settled = settle(rule, _histogram(rule, rule.values(bands)))
    yes, _ = settled.decide(bands)
    reference = compare(choose_rule("water", S2, "counts", method="fixed").values(bands), ">", 0)
    assert settled.method == "otsu"
    assert (yes == reference).mean() > 0.95  # NDWI > 0 would agree on 60 percent only


def test_burned_area_without_the_22_band_is_near_the_reference(shared_data):
    folder = shared_data / "multiband"
    before, valid_before = _bands(folder / "s2_l2a_pilbara_fire_pre_20181201.tif", S2[:5])
    after, valid_after = _bands(folder / "s2_l2a_pilbara_fire_post_20190105.tif", S2[:5])
    valid = valid_before & valid_after
    rule = choose_rule("burned", S2[:5], "reflectance", dates=2)
    rule = settle(rule, _histogram(rule, rule.values(after, before)[valid]))
    yes, _ = rule.decide(after, before)
    pixel_km2 = 6.67901 / (before["nir"] - after["nir"] > 0.05)[valid].sum()
    assert yes[valid].sum() * pixel_km2 == pytest.approx(6.19703, rel=0.25)
    assert any("swir22" in text for text in rule.assumptions)


def test_radar_water_is_near_the_usual_minus_15_db(shared_data):
    with rasterio.open(shared_data / "sar/S1A_20150309_VV_norm_db.tif") as file:
        level = file.read(1)
    level = level[level != -99]
    rule = choose_rule("water", ["VV"], "backscatter_db")
    rule = settle(rule, _histogram(rule, rule.values({"vv": level})))
    assert rule.method == "otsu"
    assert rule.conditions[0].threshold == pytest.approx(-15, abs=1.5)


@pytest.fixture
def rng():
    return np.random.default_rng(7)
