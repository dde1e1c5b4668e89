"""Windows of a large image at several scales, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import Window
from eoagent.geo.pyramid import Spot, apart, beneath, coarsest_scale, overlap_share, spots_at

SIDES = st.integers(8, 400)


@given(height=SIDES, width=SIDES)
@settings(deadline=None)
def test_every_pixel_lies_in_a_window_of_every_scale(height, width):
    edge = 8
    scale = coarsest_scale(height, width, edge)
    while scale:
        seen = np.zeros((height, width), dtype=bool)
        for spot in spots_at(scale, height, width, edge):
            window = spot.window(edge, height, width)
            assert window.row + window.height <= height
            assert window.col + window.width <= width
            seen[
                window.row : window.row + window.height, window.col : window.col + window.width
            ] = True
        assert seen.all()
        scale //= 2


@given(height=SIDES, width=SIDES)
@settings(deadline=None)
def test_finer_windows_of_all_coarse_ones_are_all_finer_ones(height, width):
    edge = 8
    scale = coarsest_scale(height, width, edge)
    if scale == 1:
        assert all(
            beneath(spot, height, width, edge) == () for spot in spots_at(1, height, width, edge)
        )
        return
    finer = {
        s
        for spot in spots_at(scale, height, width, edge)
        for s in beneath(spot, height, width, edge)
    }
    assert finer == set(spots_at(scale // 2, height, width, edge))


@given(height=SIDES, width=SIDES)
def test_the_coarsest_scale_has_at_most_four_windows_side_by_side(height, width):
    scale = coarsest_scale(height, width, 8)
    longest = max(height, width)
    assert longest <= 4 * 8 * scale
    assert scale == 1 or longest > 4 * 8 * (scale // 2)


def test_an_image_smaller_than_a_window_is_refused():
    with pytest.raises(InputError, match="20 x 7 pixels is smaller than one window of 32"):
        coarsest_scale(7, 20, 32)


windows = st.builds(
    Window,
    row=st.integers(0, 40),
    col=st.integers(0, 40),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
)


def box(window):
    return shapely.box(
        window.col, window.row, window.col + window.width, window.row + window.height
    )


@given(a=windows, b=windows)
def test_overlap_is_what_shapely_says(a, b):
    share = box(a).intersection(box(b)).area / min(box(a).area, box(b).area)
    assert overlap_share(a, b) == pytest.approx(share)
    assert overlap_share(a, b) == overlap_share(b, a)


@given(st.lists(windows, max_size=12), st.integers(1, 5))
def test_what_is_kept_is_apart_and_what_is_dropped_is_covered(found, k):
    kept = apart(found, range(len(found)), most=0.25, k=k)
    assert len(kept) <= k
    assert kept == sorted(kept)
    for at, one in enumerate(kept):
        assert all(overlap_share(found[one], found[two]) <= 0.25 for two in kept[:at])
    last = kept[-1] if len(kept) == k else len(found) - 1
    for n in range(last + 1 if found else 0):
        if n not in kept:
            assert any(overlap_share(found[n], found[one]) > 0.25 for one in kept if one < n)


def test_a_window_larger_than_the_image_is_cut():
    assert Spot(2, 0, 0).window(32, 40, 50) == Window(row=0, col=0, height=40, width=50)
