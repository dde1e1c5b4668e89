"""The curve visits every cell once, and steps only to a neighbour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent_indexes.hilbert import BITS, curve_distance, hilbert_keys

SIDE = 16


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**BITS // SIDE - 1), st.integers(0, 2**BITS // SIDE - 1))
def test_an_aligned_square_is_one_stretch_of_the_curve_from_neighbour_to_neighbour(right, down):
    column, row = (axis.ravel() for axis in np.meshgrid(np.arange(SIDE), np.arange(SIDE)))
    column, row = column + SIDE * right, row + SIDE * down
    distance = curve_distance(column, row)
    order = np.argsort(distance)
    np.testing.assert_array_equal(np.diff(distance[order]), 1)
    steps = np.abs(np.diff(column[order])) + np.abs(np.diff(row[order]))
    np.testing.assert_array_equal(steps, 1)


def test_the_curve_begins_at_a_corner_and_ends_at_the_last_cell():
    top = 2**BITS - 1
    corners = curve_distance(np.array([0, 0, top, top]), np.array([0, top, 0, top]))
    assert min(corners.tolist()) == 0
    assert max(corners.tolist()) == 4**BITS - 1


def test_near_points_are_nearer_on_the_curve_than_far_ones():
    lon, lat = np.array([12.0, 12.001, -100.0]), np.array([45.0, 45.001, -40.0])
    here, near, far = hilbert_keys(lon, lat).tolist()
    assert abs(here - near) < abs(here - far)


def test_a_point_that_is_not_known_comes_after_all_others():
    keys = hilbert_keys(np.array([np.nan, 180.0]), np.array([0.0, 90.0]))
    assert keys[0] == 4**BITS
    assert keys[1] < 4**BITS


@pytest.mark.parametrize(("lon", "lat"), [(-180.0, -90.0), (180.0, 90.0), (0.0, 0.0)])
def test_edges_of_the_globe_lie_on_the_curve(lon, lat):
    (key,) = hilbert_keys(np.array([lon]), np.array([lat]))
    assert 0 <= key < 4**BITS
