"""Stored numbers to values: nodata in every type, scale and offset under the mask."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eoagent.io.pixels import is_stored_valid, to_values, value_dtype


@given(
    hnp.arrays(np.int16, (3, 4), elements=st.integers(-3, 3)),
    st.floats(allow_nan=True, allow_infinity=True) | st.integers(-4, 4).map(float),
)
def test_integers_are_valid_where_they_differ_from_nodata(stored, nodata):
    expected = [[float(v) != nodata for v in row] for row in stored]
    np.testing.assert_array_equal(is_stored_valid(stored, nodata), expected)


@pytest.mark.parametrize("nodata", [-9999.0, 256.0, 0.5, math.nan, math.inf, None])
def test_nodata_that_bytes_cannot_hold_matches_nothing(nodata):
    stored = np.arange(256, dtype=np.uint8)
    assert is_stored_valid(stored, nodata).all()


def test_nan_and_infinity_are_never_valid():
    stored = np.array([1.0, np.nan, np.inf, -np.inf, 0.0], dtype=np.float32)
    np.testing.assert_array_equal(is_stored_valid(stored, None), [True, False, False, False, True])


@pytest.mark.parametrize("nodata", [-3.4028234663852886e38, -3.40282e38, -3.4e38, -1.7e308])
def test_the_lowest_float_is_nodata_however_it_is_written(nodata):
    stored = np.array([np.finfo(np.float32).min, -3.39e38, -9999, 0, 3e38], dtype=np.float32)
    np.testing.assert_array_equal(is_stored_valid(stored, nodata), [False, False, True, True, True])


def test_a_float32_nodata_is_compared_in_float32():
    stored = np.array([0.1, 0.2], dtype=np.float32)
    np.testing.assert_array_equal(is_stored_valid(stored, 0.1), [False, True])


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (["uint8", "int16"], np.float32),
        (["uint16", "float32"], np.float32),
        (["uint8", "int32"], np.float64),
        (["float64"], np.float64),
        (["uint32"], np.float64),
    ],
)
def test_values_are_float64_where_float32_would_lose_digits(dtypes, expected):
    assert value_dtype(dtypes) is expected


def test_values_are_stored_times_scale_plus_offset():
    stored = np.array([0, 7273, 43636], dtype=np.uint16)
    values = to_values(stored, scale=0.0000275, offset=-0.2, dtype=np.float32)
    np.testing.assert_allclose(values, stored * 0.0000275 - 0.2, atol=1e-6)
    assert values.dtype == np.float32
