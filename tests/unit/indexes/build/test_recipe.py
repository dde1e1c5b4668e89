"""Render recipes: fixed stretches, one for each image that has red, green and blue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eoagent.contracts.errors import NotFound
from eoagent.contracts.raster import BandRef, Grid, RasterRef
from eoagent_indexes.build.recipe import (
    Recipe,
    Subject,
    choose,
    find_recipe,
    recipes,
    render,
)


def subject(names="red green blue", *, dtype="uint8", scale=1.0, shown=False, **fields):
    bands = tuple(
        BandRef(name=name, href="/a.tif", index=n, dtype=dtype, scale=scale)
        for n, name in enumerate(names.split(), 1)
    )
    grid = Grid(width=8, height=8)
    return Subject(ref=RasterRef(grid=grid, bands=bands, **fields), is_shown=shown)


def test_all_recipes_are_sound_and_named_as_their_files():
    assert set(recipes()) == {
        "s2-tci",
        "s2-reflectance",
        "landsat-c2",
        "naip",
        "rgb8",
        "rgb-reflectance",
        "rgb16",
        "grey8",
    }
    assert len({one.rank for one in recipes().values()}) == len(recipes())


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        (subject(sensor="sentinel-2", shown=True), "s2-tci"),
        (subject(sensor="sentinel-2", dtype="uint16", values="reflectance"), "s2-reflectance"),
        (subject(sensor="landsat-8", dtype="uint16", values="reflectance"), "landsat-c2"),
        (subject("red green blue nir", sensor="naip", values="counts"), "naip"),
        (subject(values="picture"), "rgb8"),
        (subject(sensor="landsat-7", values="counts"), "rgb8"),
        (subject("b1 b2 b3", values="counts"), "rgb8"),
        (subject(dtype="float32", values="reflectance"), "rgb-reflectance"),
        (subject(dtype="uint16", values="counts"), "rgb16"),
        (subject("b1", values="picture"), "grey8"),
    ],
)
def test_auto_takes_the_recipe_of_sensor_and_type(given_, wanted):
    found, why = choose(given_)
    assert not why
    assert found.name == wanted


@pytest.mark.parametrize(
    ("given_", "wanted", "said"),
    [
        (subject("swir16 nir red green"), "auto", "no band blue (bands: swir16, nir, red, green)"),
        (subject("elevation", values="height"), "auto", "no band red, green, blue"),
        (subject("b1 b2 b3 b4", values="counts"), "auto", "no band red, green, blue"),
        (subject(dtype="float64", values="counts"), "auto", "counts values of type float64"),
        (
            subject(dtype="uint16", values="counts"),
            "rgb8",
            "takes uint8, and the file holds uint16",
        ),
        (
            subject(values="counts"),
            "s2-reflectance",
            "takes reflectance, and the values are counts",
        ),
        (subject(), "s2-tci", "the item lists none"),
        (subject(shown=True), "naip", "the item lists only a picture"),
        (subject(scale=0.5), "rgb8", "these have a scale"),
        (subject("red green", values="picture"), "grey8", "it takes one band, and there are 2"),
    ],
)
def test_what_does_not_fit_is_told_with_what_is_missing(given_, wanted, said):
    found, why = choose(given_, wanted)
    assert found is None
    assert said in why
    assert wanted == "auto" or wanted in why


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(NotFound, match="'sepia'") as caught:
        find_recipe("sepia")
    assert "s2-tci" in caught.value.hint


@given(hnp.arrays(np.uint8, (3, 4, 5)))
def test_8_bit_colours_pass_unchanged(values):
    colours, valid = render(find_recipe("rgb8"), values, np.ones((4, 5), bool))
    assert np.array_equal(colours, values.transpose(1, 2, 0))
    assert valid.all()


@given(st.floats(-0.25, 1.25, width=32), st.floats(-0.25, 1.25, width=32))
def test_a_stretch_keeps_the_order_of_values_and_ends_at_its_limits(one, other):
    values = np.array([[[one, other]]] * 3, np.float32)
    colours, _ = render(find_recipe("s2-reflectance"), values, np.ones((1, 2), bool))
    dark, bright = sorted([(one, colours[0, 0, 0]), (other, colours[0, 1, 0])])
    assert dark[1] <= bright[1]
    for value, colour in (dark, bright):
        assert abs(int(colour) - np.clip(value / 0.3, 0, 1) * 255) <= 0.5 + 1e-3


def test_the_stretch_of_a_tile_does_not_follow_its_contents():
    dim = np.full((3, 2, 2), 0.1, np.float32)
    bright = dim.copy()
    bright[:, 0, 0] = 5.0
    recipe, valid = find_recipe("landsat-c2"), np.ones((2, 2), bool)
    assert (render(recipe, dim, valid)[0][1, 1] == render(recipe, bright, valid)[0][1, 1]).all()


def test_pixels_without_data_are_black_and_told():
    values = np.full((3, 2, 2), 200.0, np.float32)
    values[:, 0, 0] = np.nan
    colours, valid = render(find_recipe("rgb8"), values, np.array([[False, True], [True, True]]))
    assert (colours[0, 0] == 0).all()
    assert valid.sum() == 3
    zero = np.zeros((3, 2, 2), np.float32)
    zero[0, 1, 1] = 7
    assert render(find_recipe("s2-tci"), zero, np.ones((2, 2), bool))[1].sum() == 1


def test_grey_becomes_three_equal_colours():
    colours, _ = render(find_recipe("grey8"), np.array([[[7.0]]]), np.ones((1, 1), bool))
    assert colours.tolist() == [[[7, 7, 7]]]


def test_another_stretch_is_another_recipe():
    first = find_recipe("rgb16")
    other = first.model_copy(update={"high": (4000.0,) * 3})
    assert first.key != other.key
    assert first.model_copy(update={"title": "other words"}).key == first.key


@pytest.mark.parametrize("change", [{"low": (9.0,) * 3, "high": (1.0,) * 3}, {"low": (0.0,)}])
def test_a_recipe_that_contradicts_itself_is_refused(change):
    with pytest.raises(ValueError, match="rgb8"):
        Recipe.model_validate(find_recipe("rgb8").model_dump() | change)
