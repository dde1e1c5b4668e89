"""Statistics of values in blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError, InternalError
from eoagent.geo.stats import RunningStats

BLOCKS = st.lists(st.lists(st.floats(-1e6, 1e6), max_size=20), min_size=1, max_size=6)


def fed(blocks, **options):
    stats = RunningStats(**options)
    for block in blocks:
        stats.add(np.array(block))
    return stats


@given(BLOCKS)
def test_blocks_give_what_numpy_gives_for_the_whole(blocks):
    whole = np.array([v for block in blocks for v in block])
    stats = fed(blocks)
    assert stats.count == len(whole)
    if len(whole) == 0:
        return
    assert stats.sum == pytest.approx(whole.sum(), abs=1e-6)
    assert stats.mean == pytest.approx(whole.mean(), abs=1e-6)
    assert stats.std == pytest.approx(whole.std(), abs=1e-6)
    assert (stats.minimum, stats.maximum) == (whole.min(), whole.max())
    assert stats.percentile(30) == pytest.approx(np.percentile(whole, 30), abs=1e-6)


@given(BLOCKS, BLOCKS)
def test_merging_is_adding(first, second):
    merged, other = fed(first), fed(second)
    merged.merge(other)
    whole = fed(first + second)
    assert merged.count == whole.count
    assert merged.sum == pytest.approx(whole.sum, abs=1e-6) or whole.sum is None
    assert merged.std == pytest.approx(whole.std, abs=1e-6) or whole.std is None
    assert (merged.minimum, merged.maximum) == (whole.minimum, whole.maximum)
    assert merged.percentile(70) == whole.percentile(70)


@given(st.lists(st.tuples(st.floats(-100, 100), st.integers(0, 4)), min_size=1, max_size=20))
def test_weights_count_as_repetitions(pairs):
    values, weights = (np.array(part) for part in zip(*pairs, strict=True))
    stats, repeated = RunningStats(), np.repeat(values, weights)
    stats.add(values, weights)
    assert stats.weight == len(repeated)
    if len(repeated) == 0:
        assert (stats.mean, stats.std, stats.percentile(50)) == (None, None, None)
        return
    assert stats.sum == pytest.approx(repeated.sum(), abs=1e-9)
    assert stats.mean == pytest.approx(repeated.mean(), abs=1e-9)
    assert stats.std == pytest.approx(repeated.std(), abs=1e-9)
    wanted = np.percentile(repeated, 40, method="inverted_cdf")
    assert stats.percentile(40) == wanted


def test_no_values_have_no_statistics():
    stats = RunningStats()
    stats.add([])
    found = (stats.sum, stats.mean, stats.std, stats.minimum, stats.maximum, stats.percentile(50))
    assert found == (None,) * 6
    assert stats.count == 0


def test_large_offsets_do_not_spoil_the_spread():
    values = 1e9 + np.random.default_rng(0).random(10_000)
    stats = fed(np.split(values, 10))
    assert stats.std == pytest.approx(values.std(), rel=1e-6)


def test_single_precision_values_are_summed_in_double():
    values = np.full(1_000_000, 0.1, dtype=np.float32)
    stats = RunningStats()
    stats.add(values)
    assert stats.mean == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_many_values_are_binned_over_the_known_range():
    values = np.random.default_rng(0).normal(0, 0.2, 5000).clip(-1, 1)
    stats = fed(np.split(values, 5), known_range=(-1, 1), keep=3000)
    assert stats.percentile_method == "histogram"
    assert stats.percentile_error == pytest.approx(2 / 65536)
    for percent in (0, 1, 25, 50, 99, 100):
        assert stats.percentile(percent) == pytest.approx(np.percentile(values, percent), abs=2e-3)


def test_few_values_are_exact_and_say_so():
    stats = fed([[1, 2, 3, 10]])
    assert (stats.percentile_method, stats.percentile_error) == ("exact", 0.0)
    assert stats.percentile(50) == 2.5


@pytest.mark.parametrize("keeps", [(3, 3), (3, 100), (100, 3), (100, 100)])
def test_binned_and_kept_values_merge(keeps):
    halves = [np.linspace(0, 0.5, 50), np.linspace(0.5, 1, 50)]
    one, two = (
        fed([half], known_range=(0, 1), keep=keep) for half, keep in zip(halves, keeps, strict=True)
    )
    one.merge(two)
    assert one.count == 100
    assert one.percentile(50) == pytest.approx(0.5, abs=0.02)
    assert two.count == 50


def test_many_values_without_a_range_have_no_percentile():
    stats = fed([[1, 2, 3]], keep=2)
    assert stats.mean == 2
    with pytest.raises(InputError, match="a percentile of 3 values was asked for") as caught:
        stats.percentile(50)
    assert "smaller area" in caught.value.hint


@pytest.mark.parametrize("percent", [-1, 100.5, math.nan])
def test_a_percentile_beyond_a_hundred_is_refused(percent):
    with pytest.raises(InputError, match=r"percentile .* was asked for"):
        fed([[1.0]]).percentile(percent)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_a_fault(value):
    with pytest.raises(InternalError, match="mask them first"):
        RunningStats().add([1.0, value])


@pytest.mark.parametrize("weights", [[1.0, -1.0], [1.0, math.nan]])
def test_bad_weights_are_a_fault(weights):
    with pytest.raises(InternalError, match="negative or not finite"):
        RunningStats().add([1.0, 2.0], weights)


def test_missing_weights_are_a_fault():
    with pytest.raises(InternalError, match="2 values came with 1 weights"):
        RunningStats().add([1.0, 2.0], [1.0])


def test_values_beyond_the_known_range_are_a_fault():
    with pytest.raises(InternalError, match="values from 0 to 2 entered"):
        RunningStats((0.0, 1.0)).add([0.0, 2.0])


def test_other_ranges_do_not_merge():
    with pytest.raises(InternalError, match="cannot be merged"):
        RunningStats((0.0, 1.0)).merge(RunningStats())
