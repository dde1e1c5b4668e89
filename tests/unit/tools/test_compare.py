"""`compare` against numpy over the same pixels and pyproj's areas of them."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError


@pytest.fixture
def two_masks(bench, places):
    rng = np.random.default_rng(3)
    a, b = rng.random((20, 30)) > 0.5, rng.random((20, 30)) > 0.4
    valid_a, valid_b = rng.random((20, 30)) > 0.1, rng.random((20, 30)) > 0.1
    place = places["degrees"]
    first = bench.mask(a, place, valid=valid_a, name="before.tif", label="water 1")
    second = bench.mask(b, place, valid=valid_b, name="after.tif", label="water 2")
    return first, second, a, b, valid_a & valid_b, place.areas(20, 30)


def test_gained_lost_and_net_are_sums_of_pixel_areas_where_both_are_valid(bench, two_masks):
    first, second, a, b, valid, areas = two_masks
    found = bench.values("compare", first=first, second=second)
    expected = {
        "gained": areas[b & ~a & valid].sum(),
        "lost": areas[a & ~b & valid].sum(),
        "before": areas[a & valid].sum(),
        "after": areas[b & valid].sum(),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5)
    assert found["net"] == pytest.approx(expected["after"] - expected["before"], rel=1e-4)
    assert found["net"] == pytest.approx(found["gained"] - found["lost"], rel=1e-9)
    assert found["changed"] == pytest.approx(found["gained"] + found["lost"])
    assert found["direction"] == "increased"


def test_exchanging_the_two_changes_the_sign(bench, two_masks):
    first, second, *_ = two_masks
    there = bench.values("compare", first=first, second=second)
    back = bench.values("compare", first=second, second=first)
    assert back["net"] == pytest.approx(-there["net"])
    assert back["gained"] == pytest.approx(there["lost"])
    assert back["direction"] == "decreased"


def test_the_masks_of_gain_and_loss_hold_exactly_those_pixels(bench, two_masks):
    first, second, a, b, valid, _ = two_masks
    made = bench("compare", first=first, second=second).artifacts
    gained = bench.pixels(made["gained_mask"].handle)[0][0]
    lost = bench.pixels(made["lost_mask"].handle)[0][0]
    assert np.array_equal(gained == 1, b & ~a & valid)
    assert np.array_equal(lost == 1, a & ~b & valid)
    assert np.array_equal(gained == 255, ~valid)


def test_a_second_mask_on_a_finer_grid_is_brought_over_and_that_is_said(bench, places):
    yes = np.kron(np.eye(6, dtype=bool), np.ones((2, 2), bool))
    place = places["utm"]
    coarse = bench.mask(np.eye(6, dtype=bool), place, name="a.tif", label="a")
    fine_transform = place.transform @ place.transform.scale(0.5)
    fine = bench.mask(yes, (place.crs, fine_transform), name="b.tif", label="b")
    result = bench("compare", first=coarse, second=fine)
    values = {f.name: f.value for f in result.figures}
    assert values["gained"] == values["lost"] == 0
    assert values["direction"] == "unchanged"
    assert "brought to the grid of 'a' by nearest neighbour" in result.assumptions[0]


def test_the_difference_of_rasters_is_second_minus_first_under_both_masks(bench, places):
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 15, 15)).astype("float32")
    a[0, :3], b[5, 5] = -9999, -9999
    first = bench.image(a, places["utm"], name="a.tif", nodata=-9999)
    second = bench.image(b, places["utm"], name="b.tif", nodata=-9999)
    result = bench("compare", first=first, second=second)
    valid = (a != -9999) & (b != -9999)
    values = {f.name: f.value for f in result.figures}
    assert values["mean_change"] == pytest.approx(float((b - a)[valid].mean()), rel=1e-5)
    assert values["std_change"] == pytest.approx(float((b - a)[valid].std()), rel=1e-5)
    assert values["mean_before"] == pytest.approx(float(a[valid].mean()), rel=1e-5)
    assert values["direction"] == ("increased" if values["mean_change"] > 0 else "decreased")
    written = bench.pixels(result.artifacts["difference"].handle)[0][0]
    assert np.allclose(written[valid], (b - a)[valid], atol=1e-6)
    assert np.isnan(written[~valid]).all()


def test_bytes_are_subtracted_as_numbers_and_do_not_wrap(bench, places):
    first = bench.image(np.full((4, 4), 200, "uint8"), places["utm"], name="a.tif")
    second = bench.image(np.full((4, 4), 100, "uint8"), places["utm"], name="b.tif")
    assert bench.values("compare", first=first, second=second)["mean_change"] == -100


def test_what_cannot_be_compared_is_refused_with_what_would_do(bench, places):
    mask = bench.mask(np.eye(4, dtype=bool), places["utm"], name="m.tif")
    one = bench.image(np.ones((4, 4), "float32"), places["utm"], name="a.tif")
    two = bench.image(np.ones((2, 4, 4), "float32"), places["utm"], name="b.tif")
    far = bench.image(np.zeros((4, 4), "float32"), places["sinusoidal"], name="c.tif")
    with pytest.raises(InputError, match="a mask and a raster cannot be compared"):
        bench("compare", first=mask, second=one)
    with pytest.raises(InputError, match="compared with itself"):
        bench("compare", first=one, second=one)
    with pytest.raises(InputError, match="no band was named"):
        bench(
            "compare",
            first=two,
            second=bench.image(np.zeros((2, 4, 4), "float32"), places["utm"], name="d.tif"),
        )
    with pytest.raises(InputError, match="'red' is no band of both rasters") as caught:
        bench("compare", first=one, second=far, band="red")
    assert caught.value.hint == "they share: b1"
    with pytest.raises(InputError, match="share no valid pixel"):
        bench("compare", first=one, second=far)
