"""The pixels at which a model looks: chosen by its card, averaged exactly."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import reproject

from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import pixel_to_crs
from eoagent.geo.sampling import choose_sampling, mean_over, scale_grid


def card(finest=0.1, coarsest=3.0):
    return ModelCard(
        id="stub-one", kind="stub", title="Stub", summary="finds", licence="none", homepage="none",
        weights=WeightsSource(file="none"), architecture="none", input_px=896, memory_mb=1,
        gsd_min_m=finest, gsd_max_m=coarsest, gsd_reason="made up",
    )  # fmt: skip


def utm(pixel, width=100, height=80, angle=0.0):
    turn = np.radians(angle)
    a, d = pixel * np.cos(turn), pixel * np.sin(turn)
    return Grid(width=width, height=height, crs="EPSG:32633", transform=(a, d, 5e5, d, -a, 5e6))


def test_pixels_that_the_model_can_take_are_left_as_they_are():
    grid = utm(0.5)
    found = choose_sampling(grid, card())
    assert found.grid == grid
    assert found.is_own
    assert found.notes == ()
    assert found.gsd_m == pytest.approx(0.5, rel=1e-3)


def test_pixels_that_are_too_fine_are_taken_together_and_it_is_said():
    found = choose_sampling(utm(0.05), card(finest=0.2))
    assert (found.rows_per_px, found.cols_per_px) == (4, 4)
    assert (found.grid.width, found.grid.height) == (25, 20)
    (note,) = found.notes
    assert note == (
        "the image was looked at in pixels of 0.2 m, each the mean of 4 x 4 of its own, which are "
        "0.05002 x 0.05002 m"
    )


def test_an_image_that_is_too_coarse_is_refused_with_the_reason():
    with pytest.raises(InputError, match="Stub is for 0.1 to 3 m per pixel, and 10") as caught:
        choose_sampling(utm(10), card(), gsd_m=1.0)
    assert caught.value.hint == "take an image of finer pixels, or another model"


def test_a_wish_that_the_model_does_not_allow_is_refused():
    with pytest.raises(InputError, match="and 5 m is coarser: made up") as caught:
        choose_sampling(utm(0.5), card(), gsd_m=5.0)
    assert "ask for another ground sampling distance" in caught.value.hint


def test_pixels_far_finer_than_the_file_are_refused():
    with pytest.raises(InputError, match=r"pixels of 0\.1 m were asked for") as caught:
        choose_sampling(utm(0.5), card(), gsd_m=0.1)
    assert caught.value.hint == "ask for 0.125 m or coarser: finer ones show nothing more"


def test_pixels_far_coarser_than_the_file_are_refused():
    with pytest.raises(InputError, match=r"pixels of 2\.5 m were asked for") as caught:
        choose_sampling(utm(0.02), card(finest=0.0), gsd_m=2.5)
    assert caught.value.hint == "ask for 2 m or finer, or take a coarser image"


def test_a_wish_for_a_picture_of_unknown_pixel_size_is_refused():
    with pytest.raises(InputError, match="the image has no georeference"):
        choose_sampling(Grid(width=10, height=10), card(), gsd_m=1.0)


def test_a_picture_of_unknown_pixel_size_is_taken_as_it_is():
    found = choose_sampling(Grid(width=10, height=10), card())
    assert found.is_own
    assert found.gsd_m is None


def test_a_picture_whose_pixel_size_is_stated_is_scaled_with_it():
    found = choose_sampling(Grid(width=10, height=7, gsd_m=0.5), card(), gsd_m=1.0)
    assert found.grid == Grid(width=5, height=4, gsd_m=1.0)


def test_pixels_that_are_not_square_on_the_ground_become_so():
    # at 60 degrees a degree of longitude is half as long as one of latitude
    step = 1e-5
    grid = Grid(width=90, height=50, crs="EPSG:4326", transform=(step, 0, 10, 0, -step, 60))
    found = choose_sampling(grid, card())
    assert found.rows_per_px == 1
    assert found.cols_per_px == pytest.approx(2, rel=0.01)
    assert found.grid.height == 50
    assert found.gsd_m == pytest.approx(1.114, rel=0.01)


@pytest.mark.parametrize("angle", [0.0, 33.0])
def test_the_lattice_begins_at_the_corner_and_its_pixels_are_as_many_times_larger(angle):
    grid = utm(0.5, angle=angle)
    scaled = scale_grid(grid, rows_per_px=2, cols_per_px=3)
    rows, cols = np.array([0.0, 7.0, 40.0]), np.array([0.0, 5.0, 33.0])
    np.testing.assert_allclose(
        pixel_to_crs(scaled, rows, cols), pixel_to_crs(grid, rows * 2, cols * 3)
    )
    assert (scaled.height, scaled.width) == (40, 34)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 6), st.integers(1, 6))
def test_whole_ratios_are_the_means_of_blocks(seed, k, height, width):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (2, height * k, width * k)).astype(np.float32)
    valid = np.ones(values.shape[1:], bool)
    rows, cols = np.arange(height + 1.0) * k, np.arange(width + 1.0) * k
    means, share = mean_over(values, valid, rows=rows, cols=cols)
    blocks = values.astype(np.float64).reshape(2, height, k, width, k).mean(axis=(2, 4))
    np.testing.assert_array_equal(means, blocks.astype(np.float32))
    np.testing.assert_array_equal(share, 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 4.0))
def test_any_ratio_gives_the_means_by_area_of_gdal(seed, ratio):
    rng = np.random.default_rng(seed)
    values = rng.random((1, 24, 24), np.float32)
    count = int(24 / ratio)
    if count < 1:
        return
    edges = np.arange(count + 1) * ratio
    means, share = mean_over(values, np.ones((24, 24), bool), rows=edges, cols=edges)
    if ratio >= 1:
        wanted = np.zeros((count, count), np.float32)
        with rasterio.Env():
            reproject(
                values[0], wanted,
                src_transform=Affine.identity(), dst_transform=Affine.scale(ratio),
                src_crs="EPSG:32633", dst_crs="EPSG:32633", resampling=Resampling.average,
            )  # fmt: skip
        np.testing.assert_allclose(means[0], wanted, atol=2e-3)
    fine = np.repeat(np.repeat(values[0].astype(float), 50, 0), 50, 1)
    cell = fine[: round(ratio * 50), : round(ratio * 50)]
    assert means[0, 0, 0] == pytest.approx(cell.mean(), abs=0.05)
    np.testing.assert_allclose(share, 1, rtol=1e-9)


def test_pixels_that_are_not_valid_do_not_count_and_the_share_says_how_many():
    values = np.array([[[1.0, 5.0, np.nan, 9.0]]], np.float32)
    valid = np.array([[True, True, False, True]])
    cells = np.array([0.0, 2, 4, 6])
    means, share = mean_over(values, valid, rows=np.array([0.0, 1.0]), cols=cells)
    assert means.tolist() == [[[3.0, 9.0, 0.0]]]
    assert share.tolist() == [[1.0, 0.5, 0.0]]
