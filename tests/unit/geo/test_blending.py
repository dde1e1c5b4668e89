"""Blended tiles are what explicit weights give on the whole scene at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InternalError
from eoagent.geo.blending import Blend
from eoagent.geo.scenetiles import passing, tile_scene


@st.composite
def scenes(draw):
    tile = draw(st.integers(2, 16))
    return tile_scene(
        draw(st.integers(1, 50)),
        draw(st.integers(1, 50)),
        tile_px=tile,
        overlap_px=draw(st.integers(0, max(0, 3 * tile // 4 - 1))),
        edge_share=draw(st.sampled_from([0.0, 0.25, 0.4, 0.5])),
    )


def blended(tiles, value_of, layers=1):
    blend = Blend(tiles, layers)
    strips = []
    for row in range(len(tiles.rows)):
        for col in range(len(tiles.cols)):
            for layer in range(layers):
                blend.add(layer, value_of(row, col, layer).astype(np.float32))
        window, values = blend.finish_row()
        assert window.row == sum(s.shape[1] for s in strips)
        strips.append(values.copy())
    return np.concatenate(strips, axis=1)


def axis_weights(starts, side, length, share):
    """Weight of each tile at each place along an axis, one tile laid over the next."""
    weights = np.zeros((len(starts), length))
    for number, start in enumerate(starts):
        own = np.ones(side)
        if number:
            overlap = starts[number - 1] + side - start
            own[:overlap] = passing(overlap, share)
        weights[:number, start : start + side] *= 1 - own
        weights[number, start : start + side] = own
    return weights


@settings(max_examples=80, deadline=None)
@given(scenes(), st.integers(0, 2**32 - 1))
def test_values_are_the_sums_of_tiles_times_weights_that_sum_to_one(tiles, seed):
    rng = np.random.default_rng(seed)
    shape = (len(tiles.rows), len(tiles.cols), 2, tiles.tile_height, tiles.tile_width)
    values = rng.random(shape).astype(np.float32)
    found = blended(tiles, lambda r, c, layer: values[r, c, layer], 2)
    down = axis_weights(tiles.rows, tiles.tile_height, tiles.height, tiles.edge_share)
    across = axis_weights(tiles.cols, tiles.tile_width, tiles.width, tiles.edge_share)
    np.testing.assert_allclose(down.sum(axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(across.sum(axis=0), 1, atol=1e-6)
    wanted = np.zeros((2, tiles.height, tiles.width))
    for r, top in enumerate(tiles.rows):
        for c, left in enumerate(tiles.cols):
            rows, cols = slice(top, top + tiles.tile_height), slice(left, left + tiles.tile_width)
            weight = down[r, rows, None] * across[c, None, cols]
            wanted[:, rows, cols] += values[r, c] * weight
    np.testing.assert_allclose(found, wanted, atol=2e-6)


@settings(max_examples=80, deadline=None)
@given(scenes(), st.floats(0, 1, width=32))
def test_a_constant_stays_what_it_is_to_the_last_bit(tiles, value):
    shape = tiles.tile_height, tiles.tile_width
    found = blended(tiles, lambda *_: np.full(shape, value, np.float32))
    assert (found == np.float32(value)).all()


@settings(max_examples=60, deadline=None)
@given(scenes(), st.integers(0, 2**32 - 1))
def test_what_all_tiles_agree_on_is_kept_exactly(tiles, seed):
    truth = np.random.default_rng(seed).random((tiles.height, tiles.width), np.float32)

    def cut(row, col, _):
        w = tiles.window(row, col)
        return truth[w.row : w.row + w.height, w.col : w.col + w.width]

    np.testing.assert_array_equal(blended(tiles, cut)[0], truth)


def test_a_tile_of_another_size_is_our_own_fault():
    blend = Blend(tile_scene(10, 10, tile_px=6, overlap_px=2), 1)
    with pytest.raises(InternalError, match=r"values \(6, 5\) came as tile 0 of a row of 2 tiles"):
        blend.add(0, np.zeros((6, 5), np.float32))


def test_a_row_with_a_missing_tile_cannot_be_closed():
    blend = Blend(tile_scene(10, 10, tile_px=6, overlap_px=2), 1)
    blend.add(0, np.zeros((6, 6), np.float32))
    with pytest.raises(InternalError, match="row 0 of 2 rows of tiles is not complete"):
        blend.finish_row()


def test_a_row_takes_no_more_tiles_than_it_has():
    blend = Blend(tile_scene(6, 6, tile_px=6, overlap_px=2), 1)
    blend.add(0, np.zeros((6, 6), np.float32))
    with pytest.raises(InternalError, match="came as tile 1 of a row of 1 tiles"):
        blend.add(0, np.zeros((6, 6), np.float32))
