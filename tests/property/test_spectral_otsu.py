"""Properties of histograms, Otsu's threshold and the two-class check."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.spectral.otsu import Histogram, bimodality, otsu

_COUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=40).filter(
    lambda counts: sum(count > 0 for count in counts) >= 2
)


def _between(counts, edges, cut):
    centres = (edges[:-1] + edges[1:]) / 2
    low, high = counts * (centres < cut), counts * (centres > cut)
    if not low.sum() or not high.sum():
        return -1.0
    gap = (low * centres).sum() / low.sum() - (high * centres).sum() / high.sum()
    return low.sum() * high.sum() * gap**2


@given(_COUNTS, st.floats(-100, 100), st.floats(0.01, 10))
def test_no_other_edge_parts_the_values_better(numbers, start, width):
    counts = np.array(numbers, float)
    edges = start + width * np.arange(len(counts) + 1)
    best = max(_between(counts, edges, edge) for edge in edges)
    assert _between(counts, edges, otsu(counts, edges)) == pytest.approx(best, rel=1e-6)


@given(_COUNTS, st.integers(-50, 50), st.integers(1, 9))
def test_threshold_moves_with_the_values(numbers, shift, factor):
    edges = np.arange(len(numbers) + 1.0)
    moved = otsu(numbers, factor * edges + shift)
    assert moved == pytest.approx(factor * otsu(numbers, edges) + shift)


@given(_COUNTS, st.integers(2, 9))
def test_more_of_the_same_values_keep_d_and_make_a_dip_only_surer(numbers, factor):
    edges = np.arange(len(numbers) + 1.0)
    cut = otsu(numbers, edges)
    once, often = (bimodality(np.array(numbers) * n, edges, cut) for n in (1, factor))
    assert often.d == pytest.approx(once.d)
    assert often.dip >= once.dip - 1e-9


@given(
    st.lists(st.integers(0, 10**5), min_size=4, max_size=60), st.integers(0, 60), st.integers(1, 9)
)
def test_one_peak_is_not_two_classes(heights, peak, repeat):
    heights[0] += 1
    heights[-1] += 1
    one_peak = np.repeat(np.array(sorted(heights[:peak]) + sorted(heights[peak:])[::-1]), repeat)
    edges = np.arange(one_peak.size + 1.0)
    check = bimodality(one_peak, edges, otsu(one_peak, edges))
    assert check.dip == 0
    assert not check.is_bimodal


@given(
    shares=st.tuples(st.integers(500, 20_000), st.integers(500, 20_000)),
    spread=st.floats(0.02, 0.08),
    centre=st.floats(-0.3, 0.2),
)
def test_two_populations_ten_deviations_apart_are_two_classes(shares, spread, centre):
    edges = np.linspace(-1, 1, 401)
    middle = (edges[:-1] + edges[1:]) / 2
    counts = sum(
        share * np.exp(-0.5 * ((middle - place) / spread) ** 2)
        for share, place in zip(shares, (centre - 5 * spread, centre + 5 * spread), strict=True)
    )
    check = bimodality(counts, edges, otsu(counts, edges))
    assert check.is_bimodal
    assert check.threshold == pytest.approx(centre, abs=2.5 * spread)


@given(
    st.lists(st.floats(-2, 2) | st.just(np.nan), max_size=60),
    st.integers(0, 60),
    st.integers(2, 30),
)
def test_filling_by_blocks_equals_filling_at_once_and_merging(values, split, bins):
    array = np.array(values, float)
    whole, first, second = (Histogram(-1, 1, bins) for _ in range(3))
    whole.add(array)
    first.add(array[:split])
    second.add(array[split:])
    first.merge(second)
    assert first.counts.tolist() == whole.counts.tolist()
    assert first.clipped == whole.clipped
    assert whole.total == np.isfinite(array).sum()


@given(_COUNTS, st.integers(-50, 50), st.integers(1, 9))
def test_of_edges_that_part_equally_well_the_first_is_taken(half, shift, factor):
    mirrored = [*half, *half[::-1]]
    edges = np.arange(len(mirrored) + 1.0)
    cut = otsu(mirrored, edges)
    assert cut <= len(half)
    assert otsu(mirrored, factor * edges + shift) == pytest.approx(factor * cut + shift)
