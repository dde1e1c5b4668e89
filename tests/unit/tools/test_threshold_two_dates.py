"""`threshold` by a rule that tells what changed between two images, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError, NotFound

RNG = np.random.default_rng(7)
SHAPE = (60, 80)
SCAR = np.zeros(SHAPE, bool)
SCAR[10:40, 20:60] = True
BANDS = ["red", "nir", "swir16", "swir22"]


def _before():
    means = np.array([0.06, 0.40, 0.20, 0.10])[:, None, None]
    return (means + RNG.normal(0, 0.004, (4, *SHAPE))).astype(np.float32)


def _after(before):
    burned = np.array([0.10, 0.15, 0.22, 0.25], np.float32)[:, None]
    after = before + RNG.normal(0, 0.002, before.shape).astype(np.float32)
    after[:, SCAR] = burned + RNG.normal(0, 0.01, (4, SCAR.sum()))
    return after.astype(np.float32)


@pytest.fixture
def pair(bench, places):
    """Open the bands of these indices, before and after a fire; return handles and arrays."""

    def make(*chosen, place="utm"):
        before, after = _before()[list(chosen)], None
        after = _after(_before())[list(chosen)]
        names = [BANDS[i] for i in chosen]
        handles = [
            bench.image(array, places[place], name=f"{name}.tif", bands=names, scale=1.0)
            for name, array in (("before", before), ("after", after))
        ]
        return handles, (before, after)

    return make


def _nbr(stack):
    return (stack[1] - stack[3]) / (stack[1] + stack[3])


def test_burned_ground_is_where_nbr_fell_by_a_tenth(bench, pair):
    (before, after), (one, two) = pair(0, 1, 2, 3)
    result = bench("threshold", raster=before, after=after, rule="burned")
    stored, _ = bench.pixels(result.artifacts["mask"].handle)
    assert (stored[0] == (_nbr(one) - _nbr(two) > np.float32(0.1))).all()
    assert (stored[0] == SCAR).mean() > 0.999
    assert "fall of NBR > 0.1" in result.assumptions[0]
    assert "Key and Benson 2006" in result.assumptions[0]


def test_without_the_long_wave_the_fall_of_near_infrared_is_cut_by_its_histogram(bench, pair):
    (before, after), _ = pair(0, 1, 2)
    result = bench("threshold", raster=before, after=after, rule="burned")
    stored, _ = bench.pixels(result.artifacts["mask"].handle)
    assert (stored[0] == SCAR).mean() > 0.999
    assert any("swir22" in line and "missing" in line for line in result.assumptions)
    assert any("Otsu" in line for line in result.assumptions)


def test_an_image_on_another_grid_is_read_on_the_first_and_that_is_said(bench, places):
    before = bench.image(_before(), places["utm"], name="before.tif", bands=BANDS, scale=1.0)
    crs, transform = places["utm"].crs, places["utm"].transform
    half = np.repeat(np.repeat(_after(_before()), 2, axis=1), 2, axis=2)
    fine = (crs, transform @ transform.scale(0.5))
    after = bench.image(half, fine, name="after.tif", bands=BANDS, scale=1.0)
    result = bench("threshold", raster=before, after=after, rule="burned")
    stored, _ = bench.pixels(result.artifacts["mask"].handle)
    assert stored.shape[1:] == SHAPE
    assert (stored[0] == SCAR).mean() > 0.999
    assert any("on the grid of" in line for line in result.assumptions)


def test_images_that_share_no_pixel_are_refused(bench, places):
    before = bench.image(_before(), places["utm"], name="before.tif", bands=BANDS, scale=1.0)
    crs, transform = places["utm"].crs, places["utm"].transform
    far = (crs, transform @ transform.translation(500, 500))
    after = bench.image(_after(_before())[:3], far, name="after.tif", bands=BANDS[:3], scale=1.0)
    with pytest.raises(InputError, match="share no valid pixel"):
        bench("threshold", raster=before, after=after, rule="burned")


def test_a_cover_told_from_one_date_takes_no_second(bench, pair):
    (before, after), _ = pair(0, 1, 2, 3)
    with pytest.raises(InputError, match="told from one date") as caught:
        bench("threshold", raster=before, after=after, rule="vegetation")
    assert caught.value.hint == "make a mask for each date and compare them"
    with pytest.raises(NotFound):
        bench("threshold", raster=before, after=after, rule="lava")


def test_values_of_two_kinds_are_refused(bench, places):
    before = bench.image(_before(), places["utm"], name="before.tif", bands=BANDS, scale=1.0)
    counts = (_after(_before()) * 1e4).astype(np.uint16)
    after = bench.image(counts, places["utm"], name="after.tif", bands=BANDS)
    with pytest.raises(InputError, match=r"before\.tif holds reflectance and after\.tif counts"):
        bench("threshold", raster=before, after=after, rule="burned")


def test_a_later_image_goes_with_a_rule(bench, pair):
    (before, after), _ = pair(0, 1)
    said = bench.refused(
        "threshold", raster=before, after=after, operator="gt", value=0.1, band="red"
    )
    assert "after goes with a rule" in said
