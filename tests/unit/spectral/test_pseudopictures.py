"""Recipes of pseudo-pictures, and their colours by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.spectral.pseudopictures import colour, fitting, recipes, served
from eoagent.spectral.sensors import presets


def _rule(recipe, title):
    return next(rule for rule in recipes()[recipe].pictures if rule.title == title)


def _one(rule, **bands):
    held = {name: np.array([[value]], float) for name, value in bands.items()}
    low = -1.0 if rule.low is None else rule.low
    high = 1.0 if rule.high is None else rule.high
    return tuple(colour(rule, held, np.array([[True]]), span=(low, high))[0, 0].tolist())


def test_every_recipe_names_known_sensors_and_whole_ramps():
    for recipe in recipes().values():
        assert set(recipe.sensors) <= set(presets())
        assert len({rule.title for rule in recipe.pictures}) == len(recipe.pictures)
        for rule in recipe.pictures:
            assert bool(rule.formula) == (rule.ramp is not None)
            if rule.ramp is not None:
                assert len(rule.ramp.names) == len(rule.ramp.stops) >= 2
            else:
                assert len(rule.bands) == 3


def test_sentinel_2_has_six_pictures_as_published():
    recipe = fitting("sentinel-2")
    assert [rule.title for rule in recipe.pictures] == [
        "true colour",
        "false colour",
        "NDVI",
        "NDWI",
        "NDMI of 1.6 um",
        "NDMI of 2.2 um",
    ]
    made, lacking = served(
        recipe, [band.name for band in presets()["sentinel-2"].bands], sensor="sentinel-2"
    )
    assert len(made) == 6
    assert lacking == ()


def test_a_sensor_without_a_recipe_gets_the_one_for_any():
    assert fitting("naip").id == fitting("").id == "any"


def test_pictures_whose_bands_are_missing_are_named_with_the_bands():
    made, lacking = served(fitting("naip"), ["red", "green", "blue", "nir"], sensor="naip")
    assert [rule.title for rule, _ in made] == ["true colour", "false colour", "NDVI", "NDWI"]
    assert dict(lacking) == {"NDMI": ("swir16",), "NBR": ("swir22",)}


def test_the_ends_and_the_middle_of_ndvi_have_the_colours_of_the_ramp():
    rule = _rule("sentinel-2", "NDVI")
    assert _one(rule, nir=0.0, red=0.5) == (215, 48, 39)
    assert _one(rule, nir=0.3, red=0.3) == (255, 255, 191)
    assert _one(rule, nir=0.5, red=0.0) == (26, 152, 80)


def test_negative_values_are_told_apart():
    rule = _rule("sentinel-2", "NDVI")
    assert _one(rule, nir=0.1, red=0.2) != _one(rule, nir=0.1, red=0.5)


def test_what_has_no_value_is_black():
    rule = _rule("sentinel-2", "NDVI")
    assert _one(rule, nir=0.0, red=0.0) == (0, 0, 0)
    held = {"nir": np.array([[0.4]]), "red": np.array([[0.1]])}
    assert not colour(rule, held, np.array([[False]]), span=(-1, 1)).any()


@given(
    nir=st.floats(0, 1),
    red=st.floats(0, 1),
    low=st.floats(-1, -0.1),
    high=st.floats(0.1, 1),
)
def test_a_ramp_of_grey_is_numpys_own_scaling(nir, red, low, high):
    rule = _rule("sentinel-1", "VV backscatter")
    value = nir - red
    got = colour(rule, {"vv": np.array([[value]])}, np.array([[True]]), span=(low, high))
    want = 255 * np.clip((value - low) / (high - low), 0, 1)
    assert np.abs(got.astype(float) - want).max() <= 0.5 + 1e-9
    assert got.shape == (1, 1, 3)


def test_three_bands_are_scaled_alike():
    rule = _rule("any", "false colour")
    held = {"nir": 0.3, "red": 0.15, "green": 0.0}
    arrays = {name: np.array([[value]]) for name, value in held.items()}
    got = colour(rule, arrays, np.array([[True]]), span=(0.0, 0.3))
    assert got[0, 0].tolist() == pytest.approx([255, 128, 0], abs=1)
