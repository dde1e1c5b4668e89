"""Comparing with stored vectors: bit moves against numpy's own conversion, order against sorting."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent_indexes.exact import best_of, precise_scores, scan, widened


class Kept:
    def __init__(self, vectors):
        self.all = vectors

    def vectors(self, rows, out=None):
        return np.take(self.all, rows, axis=0, out=out)


def test_every_finite_half_is_widened_exactly():
    bits = np.arange(2**16, dtype=np.uint16)
    halves = bits.view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(1, -1)
    wide = widened(halves).astype(np.float64) * 2.0**112
    assert (wide == halves.astype(np.float64)).all()


def test_a_buffer_is_used_and_gives_the_same():
    halves = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float16)
    buffer = np.empty((5, 8), np.int32)
    wide = widened(halves, buffer)
    assert np.shares_memory(wide, buffer)
    assert (wide == widened(halves)).all()


@pytest.mark.parametrize("rows", [0, 1, 511, 2047, 2048, 2049, 4500])
def test_scores_are_the_products_in_the_order_of_the_rows(made, rows):
    random = np.random.default_rng(1)
    stored = made.clusters(5000, random).astype(np.float16)
    query = made.unit(random.standard_normal(made.DIMENSIONS))
    chosen = random.permutation(5000)[:rows]
    expected = stored[chosen].astype(np.float64) @ query.astype(np.float64)
    found = scan(Kept(stored), chosen, query)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_the_best_are_those_of_a_sort_and_what_is_as_good():
    scores = np.array([0.1, 0.9, 0.5, 0.5, 0.3, 0.9], np.float32)
    assert best_of(scores, 3).tolist() == [1, 2, 3, 5]
    assert best_of(scores, 2).tolist() == [1, 5]
    assert best_of(scores, 6).tolist() == list(range(6))
    assert best_of(scores, 60).tolist() == list(range(6))


def test_lengths_that_differ_widen_what_may_be_best():
    scores = np.array([0.900, 0.895, 0.5], np.float32)
    assert best_of(scores, 1).tolist() == [0]
    assert best_of(scores, 1, (0.99, 1.01)).tolist() == [0, 1]


def test_precise_scores_are_cosines_whatever_the_stored_length(made):
    random = np.random.default_rng(2)
    vectors = made.clusters(50, random)
    query = made.unit(random.standard_normal(made.DIMENSIONS))
    stored = (vectors * random.uniform(0.99, 1.01, (50, 1))).astype(np.float16)
    found = precise_scores(stored, query)
    wide = stored.astype(np.float64)
    expected = [float(row @ query) / float(np.sqrt(row @ row)) for row in wide]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_equal_vectors_score_equal_to_the_last_bit(made):
    random = np.random.default_rng(3)
    one = made.clusters(1, random).astype(np.float16)
    query = made.unit(random.standard_normal(made.DIMENSIONS))
    alone = precise_scores(one, query)[0]
    assert set(precise_scores(np.repeat(one, 77, axis=0), query).tolist()) == {alone}
