"""Tests of Otsu's threshold against brute force over the values, and of the two-class check."""

import math

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.spectral.otsu import ONE_CLASS_D, Histogram, bimodality, otsu


def _brute_force(values, edges):
    """Return the largest between-class variance over all edges, from the values themselves."""
    best = -1.0
    for edge in edges[1:-1]:
        low, high = values[values < edge], values[values >= edge]
        if len(low) and len(high):
            best = max(best, len(low) * len(high) * (low.mean() - high.mean()) ** 2)
    return best


def test_threshold_has_the_largest_between_class_variance():
    rng = np.random.default_rng(3)
    values = np.floor(np.concatenate([rng.normal(60, 12, 400), rng.normal(150, 20, 250)])) + 0.5
    counts, edges = np.histogram(values, bins=256, range=(0, 256))
    cut = otsu(counts, edges)
    low, high = values[values < cut], values[values >= cut]
    found = len(low) * len(high) * (low.mean() - high.mean()) ** 2
    assert found == pytest.approx(_brute_force(values, edges))


def test_empty_bins_between_the_classes_are_cut_in_the_middle():
    assert otsu([5, 0, 0, 0, 5], [0, 1, 2, 3, 4, 5]) == 2.5


def test_two_neighbouring_bins_are_cut_at_their_edge():
    assert otsu([0, 5, 5, 0], [0, 1, 2, 3, 4]) == 2


@pytest.mark.parametrize("counts", [[0, 0, 0], [0, 9, 0]])
def test_one_filled_bin_has_no_threshold(counts):
    with pytest.raises(InputError, match="all values lie in one bin"):
        otsu(counts, [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("counts", "edges"),
    [([1, 2], [0, 1]), ([1], [0, 1]), ([1, 2], [0, 2, 1]), ([[1, 2]], [0, 1, 2])],
)
def test_what_is_no_histogram_is_refused(counts, edges):
    with pytest.raises(InputError, match="make no histogram"):
        otsu(counts, edges)


@pytest.mark.parametrize("counts", [[1, -1], [1, math.nan]])
def test_negative_and_missing_counts_are_refused(counts):
    with pytest.raises(InputError, match="negative or missing counts"):
        otsu(counts, [0, 1, 2])


def test_d_of_one_normal_population_is_the_worked_value():
    edges = np.linspace(-6, 6, 2401)
    counts = np.exp(-(((edges[:-1] + edges[1:]) / 2) ** 2) / 2)
    check = bimodality(counts, edges, otsu(counts, edges))
    mean = math.sqrt(2 / math.pi)  # of a half normal
    assert check.d == pytest.approx(2 * mean / math.sqrt(1 - mean**2), rel=1e-3)
    assert check.d < ONE_CLASS_D
    assert not check.is_bimodal
    assert check.share_above == pytest.approx(0.5, abs=1e-3)


def test_d_of_a_uniform_population_is_the_limit():
    counts, edges = np.ones(1000), np.linspace(0, 1, 1001)
    assert bimodality(counts, edges, 0.5).d == pytest.approx(ONE_CLASS_D, rel=1e-6)


def test_two_clean_classes_are_bimodal():
    edges = np.linspace(-1, 1, 401)
    centres = (edges[:-1] + edges[1:]) / 2
    near, far = (np.exp(-0.5 * ((centres - place) / 0.1) ** 2) for place in (-0.4, 0.5))
    counts = 1000 * (near + 0.2 * far)
    check = bimodality(counts, edges, otsu(counts, edges))
    assert check.is_bimodal
    assert check.d == pytest.approx(9.0, rel=0.02)  # sqrt(2) 0.9 / sqrt(2 * 0.1^2)
    assert (check.mean_below, check.mean_above) == pytest.approx((-0.4, 0.5), abs=0.01)
    assert check.share_above == pytest.approx(1 / 6, abs=0.01)
    assert check.dip > 0.9


def test_a_sharp_peak_with_a_long_tail_is_one_class():
    counts = np.ones(200)
    counts[20] = 10_000
    check = bimodality(counts, np.arange(201), otsu(counts, np.arange(201)))
    assert check.d > ONE_CLASS_D
    assert check.dip == 0
    assert not check.is_bimodal


def test_few_values_show_no_dip_beyond_their_noise():
    rng = np.random.default_rng(5)
    counts, edges = np.histogram(rng.uniform(0, 1, 60), bins=100, range=(0, 1))
    assert bimodality(counts, edges, otsu(counts, edges)).dip == 0


def test_bins_of_different_width_are_refused():
    with pytest.raises(InputError, match="bins differ in width"):
        bimodality([1, 2], [0, 1, 3], 1)


def test_a_speck_is_no_class():
    counts = np.zeros(100)
    counts[10], counts[90] = 99_999, 1
    assert not bimodality(counts, np.arange(101), 50).is_bimodal


@pytest.mark.parametrize("threshold", [-1.0, 9.0])
def test_threshold_outside_the_values_is_refused(threshold):
    with pytest.raises(InputError, match="all values lie on one side"):
        bimodality([1, 2, 3], [0, 1, 2, 3], threshold)


def test_histogram_leaves_out_what_is_not_finite_and_counts_what_it_clips():
    histogram = Histogram(0, 10, 10)
    histogram.add([[np.nan, np.inf, -3.0], [0.0, 10.0, 12.0]])
    assert histogram.total == 4
    assert histogram.clipped == 2
    assert histogram.counts[0] == 2
    assert histogram.counts[-1] == 2


def test_histogram_respects_the_mask():
    histogram = Histogram(0, 1, 2)
    histogram.add([0.1, 0.9], [True, False])
    assert histogram.counts.tolist() == [1, 0]
    with pytest.raises(InputError, match=r"mask of shape \(1,\)"):
        histogram.add([0.1, 0.9], [True])


def test_histograms_of_other_edges_do_not_merge():
    with pytest.raises(InputError, match="different edges"):
        Histogram(0, 1, 2).merge(Histogram(0, 1, 3))


@pytest.mark.parametrize("args", [(1, 1, 10), (0, 1, 1), (0, math.inf, 10), (math.nan, 1, 10)])
def test_impossible_histograms_are_refused(args):
    with pytest.raises(InputError, match="a histogram from"):
        Histogram(*args)
