"""Bringing one grid to another: positions against exact ones, sampling against indexing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.grid import lonlat_to_pixel, pixel_to_lonlat
from eoagent.io.resample import find_positions, sample_nearest, target_lines

UTM = Grid(width=500, height=400, crs="EPSG:32632", transform=(10, 0, 5e5, 0, -10, 5e6))
GRIDS = {
    "geographic": Grid(
        width=300, height=200, crs="EPSG:4326", transform=(2e-4, 0, 9.0, 0, -2e-4, 45.15)
    ),
    "mercator": Grid(
        width=300, height=200, crs="EPSG:3857", transform=(20, 0, 1_001_000, 0, -20, 5_643_000)
    ),
    "next zone": Grid(
        width=300, height=200, crs="EPSG:32633", transform=(20, 0, 27_000, 0, -20, 5_013_000)
    ),
    "turned": Grid(width=300, height=200, crs="EPSG:32632", transform=(8, 6, 5e5, 6, -8, 5e6)),
    "over the antimeridian": Grid(
        width=300, height=200, crs="EPSG:4326", transform=(1e-2, 0, 179, 0, -1e-2, 53)
    ),
}


@pytest.mark.parametrize("name", GRIDS)
def test_positions_are_true_to_the_stated_tolerance(name):
    target = GRIDS[name]
    source = UTM
    if name.startswith("over"):
        source = Grid(
            width=2000, height=2000, crs="EPSG:32660", transform=(100, 0, 6e5, 0, -100, 5.9e6)
        )
    rows, cols = target_lines(target.window, None)
    found = find_positions(target, source, rows, cols)
    at_rows, at_cols = np.meshgrid(rows, cols, indexing="ij")
    exact = lonlat_to_pixel(source, *pixel_to_lonlat(target, at_rows, at_cols))
    assert np.abs(found.rows - exact[0]).max() < 0.01
    assert np.abs(found.cols - exact[1]).max() < 0.01


def test_a_smaller_target_takes_the_centres_of_its_pixels():
    rows, cols = target_lines(Window(row=10, col=20, height=8, width=4), (2, 2))
    np.testing.assert_array_equal(rows, [12, 16])
    np.testing.assert_array_equal(cols, [21, 23])


@settings(max_examples=60, deadline=None)
@given(
    factor=st.sampled_from([0.5, 1.0, 2.0, 3.0]),
    shift=st.tuples(st.integers(-30, 30), st.integers(-30, 30)),
    max_pixels=st.sampled_from([50, 1_000_000]),
)
def test_sampling_on_a_common_grid_direction_is_indexing(factor, shift, max_pixels):
    source = Grid(width=24, height=18, crs="EPSG:32632", transform=(10, 0, 5e5, 0, -10, 5e6))
    target = Grid(
        width=20,
        height=16,
        crs="EPSG:32632",
        transform=(10 * factor, 0, 5e5 + 10 * shift[0], 0, -10 * factor, 5e6 - 10 * shift[1]),
    )
    stored = np.arange(1, 433, dtype=np.int32).reshape(1, 18, 24)
    asked = []

    def read(window):
        asked.append(window.pixels)
        return stored[:, window.row : window.row + window.height][
            ..., window.col : window.col + window.width
        ]

    positions = find_positions(target, source, *target_lines(target.window, None))
    pixels, inside = sample_nearest(positions, (18, 24), read, max_pixels=max_pixels)
    rows = np.floor(shift[1] + factor * (np.arange(16) + 0.5)).astype(int)
    cols = np.floor(shift[0] + factor * (np.arange(20) + 0.5)).astype(int)
    expected_inside = ((rows >= 0) & (rows < 18))[:, None] & ((cols >= 0) & (cols < 24))
    np.testing.assert_array_equal(inside, expected_inside)
    expected = stored[0][rows.clip(0, 17)][:, cols.clip(0, 23)]
    np.testing.assert_array_equal(pixels[0], np.where(inside, expected, 0))
    assert max(asked) <= max_pixels


def test_grids_without_georeference_are_refused_with_their_sizes():
    with pytest.raises(InputError, match="7 x 5 pixels cannot be laid on a grid of 500 x 400"):
        find_positions(UTM, Grid(width=7, height=5), np.arange(3.0), np.arange(3.0))
