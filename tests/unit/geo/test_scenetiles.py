"""Tiles cover a scene, and two of them pass evenly into each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.geo.scenetiles import passing, tile_scene


@st.composite
def cuts(draw):
    tile = draw(st.integers(5, 60))
    return (
        draw(st.integers(1, 300)),
        draw(st.integers(1, 300)),
        tile,
        draw(st.integers(0, tile - 1)),
    )


@settings(max_examples=60, deadline=None)
@given(cuts())
def test_tiles_cover_the_scene_and_share_what_was_asked(cut):
    height, width, tile, overlap = cut
    tiles = tile_scene(height, width, tile_px=tile, overlap_px=overlap)
    covered = np.zeros((height, width), bool)
    for row in range(len(tiles.rows)):
        for col in range(len(tiles.cols)):
            w = tiles.window(row, col)
            assert w.height == min(tile, height)
            assert w.row + w.height <= height
            assert w.col + w.width <= width
            covered[w.row : w.row + w.height, w.col : w.col + w.width] = True
    assert covered.all()
    assert tiles.least_overlap is None or tiles.least_overlap >= overlap
    assert (tiles.least_overlap is None) == (tiles.count == 1)


@settings(max_examples=60, deadline=None)
@given(cuts())
def test_there_is_no_tile_too_many_and_they_are_spread_evenly(cut):
    height, width, tile, overlap = cut
    tiles = tile_scene(height, width, tile_px=tile, overlap_px=overlap)
    for length, starts in ((height, tiles.rows), (width, tiles.cols)):
        least = 1
        while tile + (least - 1) * (tile - overlap) < length:
            least += 1
        assert len(starts) == least
        steps = [b - a for a, b in pairwise(starts)]
        assert max(steps, default=0) - min(steps, default=0) <= 1


@given(st.integers(1, 300), st.floats(0, 0.5))
def test_the_weight_of_the_later_tile_rises_and_is_the_same_from_both_ends(overlap, share):
    weight = passing(overlap, share)
    assert weight.shape == (overlap,)
    assert (np.diff(weight) >= 0).all()
    np.testing.assert_allclose(weight + weight[::-1], 1, atol=2e-4)
    edge = int(overlap * share)
    assert (weight[:edge] == 0).all()
    assert (weight[overlap - edge :] == 1).all()


def test_an_overlap_as_large_as_a_tile_is_refused():
    with pytest.raises(InputError, match="tiles of 8 pixels with an overlap of 8") as caught:
        tile_scene(10, 10, tile_px=8, overlap_px=8)
    assert caught.value.hint == (
        "give a tile of at least one pixel, and an overlap smaller than the tile"
    )


def test_more_than_half_of_an_overlap_cannot_be_left_out():
    with pytest.raises(InputError, match=r"0\.6 of an overlap was to be left out") as caught:
        tile_scene(10, 10, tile_px=8, overlap_px=2, edge_share=0.6)
    assert caught.value.hint == "give a share from 0 to 0.5"
