"""Tiles cover every pixel of an image, without padding and without gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent_indexes.build.tiling import make_tiling

_SIDE = st.integers(1, 120)


@settings(deadline=None)
@given(_SIDE, _SIDE, st.integers(4, 64), st.data(), st.floats(1, 4))
def test_every_pixel_is_covered_and_every_window_lies_inside(height, width, tile, data, shrink):
    stride = data.draw(st.integers(4, tile))
    tiling = make_tiling((height, width), tile_px=tile, stride_px=stride, shrink=shrink)
    seen = np.zeros((height, width), bool)
    for number in range(len(tiling)):
        w = tiling.window(number)
        assert w.row + w.height <= height
        assert w.col + w.width <= width
        seen[w.row : w.row + w.height, w.col : w.col + w.width] = True
    assert seen.all()


@settings(deadline=None)
@given(_SIDE, st.integers(4, 64))
def test_without_overlap_there_are_no_more_tiles_than_needed(side, tile):
    tiling = make_tiling((side, side), tile_px=tile, stride_px=tile)
    assert len(tiling) == max(1, -(-side // tile)) ** 2
    places = [(tiling.window(n).row, tiling.window(n).col) for n in range(len(tiling))]
    assert places == sorted(set(places))


def test_the_last_window_is_moved_inward():
    tiling = make_tiling((70, 100), tile_px=32, stride_px=32)
    assert tiling.rows == (0, 32, 38)
    assert tiling.cols == (0, 32, 64, 68)
    assert (tiling.height, tiling.width, tiling.out_shape) == (32, 32, None)


def test_an_image_smaller_than_a_tile_is_one_tile():
    tiling = make_tiling((20, 30), tile_px=32, stride_px=32)
    assert len(tiling) == 1
    assert tiling.window(0).pixels == 600


@pytest.mark.parametrize(("shrink", "edge", "out"), [(1.04, 32, None), (2.0, 64, (32, 32))])
def test_coarser_tiles_are_larger_windows_read_smaller(shrink, edge, out):
    tiling = make_tiling((200, 200), tile_px=32, stride_px=32, shrink=shrink)
    assert tiling.height == tiling.width == edge
    assert tiling.out_shape == out
