"""`align` against GDAL's warper (rasterio.warp.reproject) and numpy's median."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.enums import Resampling
from rasterio.warp import reproject

from eoagent.contracts.errors import InputError

RNG = np.random.default_rng(12)


def smooth(height, width, seed=0.0):
    """Return a field without steps, so that methods differ by curvature only."""
    rows, cols = np.mgrid[:height, :width]
    return (np.sin(rows / 7 + seed) * 20 + np.cos(cols / 9) * 30 + rows).astype("float32")


def warped(source, place, target, shape, how):
    """Return what GDAL makes of an array."""
    out = np.full(shape, np.nan, "float32")
    reproject(
        source,
        out,
        src_transform=place[1],
        src_crs=place[0],
        dst_transform=target[1],
        dst_crs=target[0],
        src_nodata=np.nan,
        dst_nodata=np.nan,
        resampling=how,
        tolerance=0.0,
    )
    return out


@pytest.mark.parametrize("how", ["nearest", "bilinear", "cubic"])
def test_a_raster_comes_to_another_coordinate_system_as_gdal_brings_it(bench, places, how):
    source = smooth(90, 110)
    crs, transform = places["utm"]
    target = ("EPSG:4326", Affine(0.0003, 0, 13.735, 0, -0.00022, 45.145))
    one = bench.image(source, places["utm"], name="one.tif")
    onto = bench.image(np.zeros((80, 95), "float32"), target, name="onto.tif")
    result = bench("align", rasters=[one], onto=onto, resampling=how)
    made = bench.pixels(result.artifacts["raster"].handle)[0][0]
    expected = warped(source, (crs, transform), target, (80, 95), Resampling[how])
    both = np.isfinite(made) & np.isfinite(expected)
    assert both.sum() > 3000
    assert (np.isfinite(made) != np.isfinite(expected)).mean() < 0.01
    if how == "nearest":
        assert (made == expected)[both].mean() > 0.99
    else:
        inner = both.copy()
        inner[:4], inner[-4:], inner[:, :4], inner[:, -4:] = False, False, False, False
        assert np.abs(made - expected)[inner].max() < 0.02
    assert "brought to the grid of onto.tif" in result.assumptions[0]


@pytest.mark.parametrize("factor", [3, 4])
def test_average_onto_larger_pixels_is_the_mean_of_the_valid_ones_below(bench, places, factor):
    source = smooth(48, 60)
    source[5:9, 10:14] = np.nan
    crs, transform = places["utm"]
    one = bench.image(source, places["utm"], name="one.tif")
    target = (crs, transform @ Affine.scale(factor))
    onto = bench.image(np.zeros((48 // factor, 60 // factor), "float32"), target, name="onto.tif")
    made = bench.pixels(bench.handle("align", rasters=[one], onto=onto, resampling="average"))[0][0]
    cut = source.reshape(48 // factor, factor, 60 // factor, factor)
    seen = np.isfinite(cut).sum(axis=(1, 3))
    mean = np.nansum(cut, axis=(1, 3), dtype="float64") / np.maximum(seen, 1)
    assert np.allclose(made[seen > 0], mean[seen > 0], rtol=1e-6)
    assert np.isnan(made[seen == 0]).all()


def test_average_onto_pixels_of_any_size_is_near_that_of_gdal(bench, places):
    source = smooth(96, 120)
    crs, transform = places["utm"]
    target = (crs, transform @ Affine.translation(1.3, 2.7) @ Affine.scale(5.4, 6.2))
    one = bench.image(source, places["utm"], name="one.tif")
    onto = bench.image(np.zeros((14, 20), "float32"), target, name="onto.tif")
    made = bench.pixels(bench.handle("align", rasters=[one], onto=onto, resampling="average"))[0][0]
    expected = warped(source, (crs, transform), target, (14, 20), Resampling.average)
    assert np.abs(made - expected).max() < 0.3


def test_small_blocks_give_the_same_pixels_as_large_ones(bench, places):
    source = smooth(90, 110)
    target = ("EPSG:4326", Affine(0.0011, 0, 13.735, 0, -0.0009, 45.145))
    one = bench.image(source, places["utm"], name="one.tif")
    onto = bench.image(np.zeros((25, 30), "float32"), target, name="onto.tif")
    for how in ("bilinear", "average", "cubic"):
        call = {"rasters": [one], "onto": onto, "resampling": how}
        whole = bench.pixels(bench.handle("align", **call))[0]
        parts = bench.pixels(bench.using(block_pixels=300).handle("align", **call))[0]
        # positions between coordinate systems are true to 0.005 pixels, in any cut
        assert np.nanmax(np.abs(whole - parts)) < (0.2 if how == "average" else 0.02)
        assert (np.isnan(whole) == np.isnan(parts)).all()


def test_between_pixels_a_nodata_pixel_takes_no_part(bench, places):
    source = np.full((8, 8), 5.0, "float32")
    source[3, 3] = -9999
    crs, transform = places["utm"]
    one = bench.image(source, places["utm"], name="one.tif", nodata=-9999)
    target = (crs, transform @ Affine.translation(0.4, 0.4))
    onto = bench.image(np.zeros((7, 7), "float32"), target, name="onto.tif")
    for how in ("bilinear", "cubic"):
        made = bench.pixels(bench.handle("align", rasters=[one], onto=onto, resampling=how))[0][0]
        assert np.isnan(made[3, 3])
        assert np.allclose(made[np.isfinite(made)], 5.0)
        assert np.isfinite(made).sum() == 48


def test_a_stack_holds_the_bands_of_all_and_numbers_those_of_one_name(bench, places):
    a, b = RNG.random((2, 2, 9, 11)).astype("float32")
    one = bench.image(a, places["utm"], name="one.tif", bands=["red", "nir"])
    two = bench.image(b, places["utm"], name="two.tif", bands=["red", "green"])
    result = bench("align", rasters=[one, two])
    handle = result.artifacts["raster"].handle
    ref = bench.services.store.get(handle).payload
    assert [band["name"] for band in ref["bands"]] == ["red_1", "nir", "red_2", "green"]
    assert np.array_equal(bench.pixels(handle)[0], np.concatenate([a, b]))
    difference = bench.handle("band_math", raster=handle, expression="red_2 - red_1")
    assert np.allclose(bench.pixels(difference)[0][0], b[0] - a[0], atol=1e-6)


def test_in_a_mosaic_the_first_valid_pixel_wins_on_the_union_of_footprints(bench, places):
    crs, transform = places["utm"]
    a, b = RNG.random((2, 10, 12)).astype("float32")
    a[:, 9:] = -1
    one = bench.image(a, places["utm"], name="one.tif", nodata=-1)
    shifted = (crs, transform @ Affine.translation(7, -4))
    two = bench.image(b, shifted, name="two.tif")
    result = bench("align", rasters=[one, two], operation="mosaic")
    made, profile = bench.pixels(result.artifacts["raster"].handle)
    expected = np.full((14, 19), np.nan, "float32")
    expected[0:10, 7:19] = b
    expected[4:14, 0:9] = a[:, :9]
    assert np.array_equal(made[0], expected, equal_nan=True)
    assert profile["transform"].almost_equals(transform @ Affine.translation(0, -4))
    values = {f.name: f.value for f in result.figures}
    assert values["valid_share"] == pytest.approx(100 * np.isfinite(expected).mean())
    back = bench("align", rasters=[two, one], operation="mosaic")
    again = bench.pixels(back.artifacts["raster"].handle)[0][0]
    assert np.array_equal(np.isfinite(again), np.isfinite(expected))
    assert np.array_equal(again[np.isfinite(again)].shape, expected[np.isfinite(expected)].shape)


def test_a_mosaic_joins_images_that_only_touch(bench, places):
    crs, transform = places["utm"]
    a, b = RNG.random((2, 6, 6)).astype("float32")
    one = bench.image(a, places["utm"], name="one.tif")
    two = bench.image(b, (crs, transform @ Affine.translation(6, 0)), name="two.tif")
    made = bench.pixels(bench.handle("align", rasters=[one, two], operation="mosaic"))[0][0]
    assert np.array_equal(made, np.hstack([a, b]))


@pytest.mark.parametrize("dates", [2, 3, 4, 5])
def test_a_composite_is_numpys_median_of_the_valid_dates(bench, places, dates):
    stack = RNG.random((dates, 2, 12, 13)).astype("float32")
    clouds = RNG.random((dates, 12, 13)) < 0.5
    rasters = []
    for n in range(dates):
        stored = np.where(clouds[n], -9999, stack[n]).astype("float32")
        rasters.append(bench.image(stored, places["utm"], name=f"d{n}.tif", nodata=-9999))
    result = bench("align", rasters=rasters, operation="composite")
    made = bench.pixels(result.artifacts["raster"].handle)[0]
    seen = (~clouds).any(axis=0)
    masked = np.ma.array(stack, mask=np.repeat(clouds[:, None], 2, axis=1))
    assert np.allclose(made[:, seen], np.ma.median(masked, axis=0).data[:, seen], atol=1e-6)
    assert np.isnan(made[:, ~seen]).all()
    values = {f.name: f.value for f in result.figures}
    assert values["valid_share"] == pytest.approx(100 * seen.mean())
    assert values["mean_valid"] == pytest.approx((~clouds).sum(axis=0).mean())


def test_the_greenest_composite_takes_all_bands_of_one_date(bench, places):
    stack = RNG.random((4, 3, 9, 9)).astype("float32") + 0.1
    clouds = RNG.random((4, 9, 9)) < 0.3
    rasters = [
        bench.image(
            np.where(c, -9999, s).astype("float32"),
            places["utm"],
            name=f"d{n}.tif",
            nodata=-9999,
            bands=["green", "red", "nir"],
        )
        for n, (s, c) in enumerate(zip(stack, clouds, strict=True))
    ]
    made = bench.pixels(
        bench.handle("align", rasters=rasters, operation="composite", rule="max_ndvi")
    )[0]
    for row, col in np.ndindex(9, 9):
        clear = [n for n in range(4) if not clouds[n, row, col]]
        if not clear:
            assert np.isnan(made[:, row, col]).all()
            continue
        ndvi = {n: np.float32(1) * _ndvi(stack[n, :, row, col]) for n in clear}
        assert np.array_equal(made[:, row, col], stack[max(ndvi, key=ndvi.get), :, row, col])


def test_clouds_flagged_by_a_quality_band_take_no_part_in_a_composite(bench, places):
    red = RNG.integers(100, 3000, (3, 8, 9)).astype("uint16")
    codes = RNG.choice(np.array([3, 4, 5, 6, 8, 9, 10, 11], "uint16"), (3, 8, 9))
    rasters = [
        bench.image(np.stack(pair), places["utm"], name=f"d{n}.tif", bands=["red", "scl"])
        for n, pair in enumerate(zip(red, codes, strict=True))
    ]
    result = bench("align", rasters=rasters, operation="composite")
    made = bench.pixels(result.artifacts["raster"].handle)[0]
    clear = np.isin(codes, [4, 5, 6, 11])
    expected = np.ma.median(np.ma.array(red.astype(float), mask=~clear), axis=0).filled(np.nan)
    assert made.shape == (1, 8, 9)
    assert np.allclose(made[0], expected, equal_nan=True)
    assert "pixels of d0.tif flagged as fill, saturated, cloud_shadow, cloud, cirrus" in " ".join(
        result.assumptions
    )


def _ndvi(pixel):
    return (pixel[2] - pixel[1]) / (pixel[2] + pixel[1])


def test_decibels_are_averaged_in_linear_power_and_that_is_said(bench, places):
    db = np.array([[-10.0, -20.0], [-10.0, -20.0]], "float32")
    crs, transform = places["utm"]
    one = bench.image(db, places["utm"], name="s1_vv_db.tif", bands=["vv"])
    onto = bench.image(
        np.zeros((1, 1), "float32"), (crs, transform @ Affine.scale(2)), name="onto.tif"
    )
    result = bench("align", rasters=[one], onto=onto, resampling="average")
    made = bench.pixels(result.artifacts["raster"].handle)[0]
    assert made[0, 0, 0] == pytest.approx(10 * np.log10(0.055), abs=1e-4)
    assert "in linear power, given in decibels again" in result.assumptions[0]


def test_two_pictures_without_georeference_go_together_only_in_one_size(bench):
    one = bench.image(np.ones((4, 5), "uint8"), name="one.tif")
    two = bench.image(np.zeros((4, 5), "uint8"), name="two.tif")
    other = bench.image(np.zeros((4, 6), "uint8"), name="other.tif")
    assert bench.pixels(bench.handle("align", rasters=[one, two]))[0].shape == (2, 4, 5)
    with pytest.raises(InputError, match="no georeference"):
        bench("align", rasters=[one, other])


def test_what_cannot_be_aligned_is_refused_with_a_reason(bench, places):
    crs, transform = places["utm"]
    one = bench.image(np.ones((4, 4), "float32"), places["utm"], name="one.tif")
    far = bench.image(
        np.ones((4, 4), "float32"), (crs, transform @ Affine.translation(9, 0)), name="far.tif"
    )
    away = ("EPSG:4326", Affine(1e-3, 0, 30, 0, -1e-3, -20))
    very_far = bench.image(np.ones((4, 4), "float32"), away, name="afar.tif")
    empty = bench.image(np.full((4, 4), -1, "float32"), places["utm"], name="e.tif", nodata=-1)
    with pytest.raises(InputError, match=r"far.tif does not overlap the grid"):
        bench("align", rasters=[one, far])
    with pytest.raises(InputError, match="more than 4,000,000,000 values"):
        bench("align", rasters=[one, very_far], operation="mosaic")
    with pytest.raises(InputError, match="no pixel would be valid"):
        bench("align", rasters=[empty], onto=one)
    with pytest.raises(InputError, match="has no band nir"):
        bench("align", rasters=[one, far], operation="composite", bands=["nir"])
    scl = bench.image(np.ones((4, 4), "uint8"), places["utm"], name="scl.tif", bands=["scl"])
    with pytest.raises(InputError, match="holds classes or bits"):
        bench("align", rasters=[scl], onto=one, resampling="bilinear")
    assert "give two or more rasters" in bench.refused("align", rasters=[one])
    assert "given twice" in bench.refused("align", rasters=[one, one])
    assert "rule goes with composite" in bench.refused("align", rasters=[one, far], rule="median")


def test_kinds_of_values_are_not_mixed(bench, places):
    db = bench.image(np.full((4, 4), -9, "float32"), places["utm"], name="a_db.tif", bands=["vv"])
    power = bench.image(np.full((4, 4), 0.1, "float32"), places["utm"], name="b.tif", bands=["vv"])
    for operation in ("mosaic", "composite", "stack"):
        with pytest.raises(InputError, match="backscatter_db and backscatter_power cannot be"):
            bench("align", rasters=[db, power], operation=operation)
