"""Tools on radar backscatter: decibels and power kept apart, speckle smoothed where asked."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from eoagent.contracts.errors import InputError
from eoagent.io.origin import OriginGuard

RNG = np.random.default_rng(21)


def power_image(shape=(120, 130), looks=4.9):
    """Return land and a lake under speckle, linear power."""
    ground = np.full(shape, 0.08)
    ground[30:90, 20:80] = 0.004
    return ground * RNG.gamma(looks, 1 / looks, shape), ground < 0.01


@pytest.fixture
def radar(bench, places):
    """The same image in decibels and in power."""
    power, lake = power_image()
    db = 10 * np.log10(power)
    return (
        bench.image(db.astype("float32"), places["utm"], name="s1_vv_db.tif", bands=["vv"]),
        bench.image(power.astype("float32"), places["utm"], name="s1_vv.tif", bands=["vv"]),
        power,
        lake,
    )


def test_the_mean_names_what_it_is_of_and_what_the_other_would_be(bench, radar):
    db, linear, power, _ = radar
    of_db, of_power = (10 * np.log10(power)).mean(), 10 * np.log10(power.mean())
    result = bench("zonal_stats", raster=db)
    assert result.figures[0].value == pytest.approx(of_db, abs=1e-4)
    assert result.figures[0].unit == "dB"
    assert result.figures[0].method.endswith("of the decibel values")
    assert f"of linear power it would be {of_power:.4g} dB" in result.assumptions[0]
    result = bench("zonal_stats", raster=db, mean_of="power")
    assert result.figures[0].value == pytest.approx(of_power, abs=1e-4)
    assert f"of the decibel values it would be {of_db:.4g} dB" in result.assumptions[0]
    result = bench("zonal_stats", raster=linear)
    assert result.figures[0].value == pytest.approx(power.mean(), rel=1e-5)
    assert result.figures[0].method.endswith("of linear power")
    result = bench("zonal_stats", raster=linear, mean_of="decibels")
    assert result.figures[0].value == pytest.approx(10 ** (of_db / 10), rel=1e-5)
    assert not bench("zonal_stats", raster=db, statistics=["median"]).assumptions


def test_both_means_of_the_shared_scene_are_those_of_numpy(bench, shared_data):
    path = shared_data / "sar" / "S1A_20150309_VV_norm_db.tif"
    with rasterio.open(path) as file:
        values = file.read(1, masked=True).compressed().astype(float)
    used = bench.using(origins=OriginGuard(typed=[str(path.parent)]))
    raster = used.handle("open_image", hrefs=[str(path)])
    found = used.values("zonal_stats", raster=raster)["mean"]
    assert found == pytest.approx(values.mean(), abs=1e-4)
    found = used.values("zonal_stats", raster=raster, mean_of="power")["mean"]
    assert found == pytest.approx(10 * np.log10((10 ** (values / 10)).mean()), abs=1e-4)


def test_decibels_are_not_summed_nor_compared_with_power(bench, radar, places):
    db, linear, *_ = radar
    with pytest.raises(InputError, match="a sum of decibels has no meaning"):
        bench("zonal_stats", raster=db, statistics=["sum"])
    with pytest.raises(InputError, match="decibels and other values cannot be subtracted"):
        bench("compare", first=db, second=linear)
    other = bench.image(np.ones((4, 4), "float32"), places["utm"], name="x.tif")
    with pytest.raises(InputError, match="no radar backscatter"):
        bench("zonal_stats", raster=other, mean_of="power")


def test_arithmetic_over_decibels_says_what_it_is(bench, places):
    both = np.full((2, 4, 4), -12, "float32")
    raster = bench.image(both, places["utm"], name="s1_db.tif", bands=["vv", "vh"])
    result = bench("band_math", raster=raster, expression="(vv + vh) / 2")
    assert "computed on decibels" in result.assumptions[0]
    assert not bench("band_math", raster=raster, expression="vv + 3").assumptions


def test_water_is_told_better_after_the_lee_filter_and_that_is_said(bench, radar):
    db, linear, _, lake = radar
    wrong = {}
    for handle in (db, linear):
        for size in (None, 7):
            call = {} if size is None else {"lee_window": size}
            result = bench("threshold", raster=handle, rule="water", **call)
            yes = bench.pixels(result.artifacts["mask"].handle)[0][0] == 1
            wrong[handle, size] = (yes != lake).mean()
            if size:
                assert "Lee filter (Lee 1980) in linear power, 7 x 7" in result.assumptions[0]
                assert "looks estimated from the image" in result.assumptions[0]
                assert "Otsu's, from this image's own histogram" in result.assumptions[-1]
        assert wrong[handle, 7] < 0.5 * wrong[handle, None]
    assert wrong[db, 7] == pytest.approx(wrong[linear, 7], abs=1e-3)


def test_the_filtered_raster_is_lees_formula_in_power_given_in_decibels(bench, radar):
    db, _, power, _ = radar
    call = {"operator": "lt", "value": -15, "lee_window": 5, "looks": 4.9}
    result = bench("threshold", raster=db, **call)
    made = bench.pixels(result.artifacts["filtered"].handle)[0][0]
    for r, c in ((50, 60), (0, 0), (30, 20), (119, 129)):
        part = power[max(0, r - 2) : r + 3, max(0, c - 2) : c + 3]
        mean, variance = part.mean(), part.var()
        signal = max(0.0, (variance - mean**2 / 4.9) / (1 + 1 / 4.9))
        expected = mean + signal / (signal + mean**2 / 4.9) * (power[r, c] - mean)
        assert made[r, c] == pytest.approx(10 * np.log10(expected), abs=1e-3)
    mask = bench.pixels(result.artifacts["mask"].handle)[0][0]
    assert np.array_equal(mask == 1, made < -15)
    small = bench.using(block_pixels=1)("threshold", raster=db, **call)
    again = bench.pixels(small.artifacts["filtered"].handle)[0][0]
    assert np.allclose(again, made, atol=1e-4)
    assert "as given" in result.assumptions[0]


def test_the_lee_filter_is_for_backscatter_of_one_image(bench, radar, places):
    db, *_ = radar
    other = bench.image(np.ones((4, 4), "float32"), places["utm"], name="x.tif")
    with pytest.raises(InputError, match="speckle is filtered in radar backscatter"):
        bench("threshold", raster=other, operator="gt", value=0, lee_window=7)
    with pytest.raises(InputError, match="window of 4 x 4"):
        bench("threshold", raster=db, operator="gt", value=0, lee_window=4)
    assert "looks goes with lee_window" in bench.refused(
        "threshold", raster=db, rule="water", looks=4
    )
    assert "backscatter of one image" in bench.refused("threshold", raster=db, bit=1, lee_window=7)
