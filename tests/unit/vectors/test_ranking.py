"""Rank, cosine and z beside numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eoagent.contracts.errors import InputError
from eoagent.vectors.likeness import query_vector
from eoagent.vectors.ranking import (
    Background,
    background_of,
    background_rows,
    best_rows,
    cosines,
    rank_rows,
)
from eoagent.vectors.unit import unit_vectors


def _vectors(count, dimensions=16, seed=0):
    return unit_vectors(np.random.default_rng(seed).normal(size=(count, dimensions)), "made")


def test_cosines_are_the_products_of_numpy_over_several_blocks():
    queries, rows = _vectors(3, 2048), _vectors(2500, 2048, seed=1)
    expected = queries.astype(np.float64) @ rows.astype(np.float64).T
    assert np.abs(cosines(queries, rows) - expected).max() < 1e-7


def test_equal_vectors_have_equal_scores_wherever_they_stand():
    rows = np.repeat(_vectors(1, 512), 999, axis=0)
    assert len(np.unique(cosines(_vectors(1, 512, seed=2), rows))) == 1


def test_ranking_is_that_of_a_stable_sort():
    query, rows = _vectors(1)[0], _vectors(200, seed=1)
    expected = np.argsort(-(rows.astype(np.float64) @ query.astype(np.float64)), kind="stable")
    assert rank_rows(query, rows, k=30).rows.tolist() == expected[:30].tolist()
    assert rank_rows(query, rows, k=500).rows.tolist() == expected.tolist()


def test_z_is_that_of_scipy():
    query, rows = _vectors(1)[0], _vectors(300, seed=1)
    background = background_of(query, rows)
    found = rank_rows(query, rows, k=300, background=background)
    expected = stats.zscore(cosines(query[None], rows)[0].astype(np.float64))
    assert np.allclose(found.zs, expected[found.rows])
    assert background.count == 300


def test_a_background_without_spread_gives_no_z():
    assert Background(mean=0.5, std=0.0, count=9).z(np.ones(2)) is None
    rows = np.repeat(_vectors(1), 5, axis=0)
    assert rank_rows(rows[0], rows, k=2, background=background_of(rows[0], rows)).zs is None


def test_of_equal_scores_the_lower_row_comes_first():
    assert best_rows(np.array([1.0, 3, 3, 2, 3]), 2).tolist() == [1, 2]
    assert best_rows(np.array([5, 5, 5], dtype=np.uint8), 9).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("scores", "k", "said"),
    [
        (np.ones(3), 0, "the best 0 rows were asked for"),
        (np.ones(0), 1, r"shape \(0,\)"),
        (np.ones((2, 2)), 1, r"shape \(2, 2\)"),
        (np.array([1.0, np.nan]), 1, "without NaN"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused(scores, k, said):
    with pytest.raises(InputError, match=said):
        best_rows(scores, k)


def test_a_sample_is_the_same_for_a_seed_and_repeats_no_row():
    rows = background_rows(1000, 100, seed=3)
    assert np.array_equal(rows, background_rows(1000, 100, seed=3))
    assert not np.array_equal(rows, background_rows(1000, 100, seed=4))
    assert len(set(rows.tolist())) == 100
    assert np.all(np.diff(rows) > 0)
    assert background_rows(5, 100, seed=0).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(InputError, match=r"a sample of 0 out of 5 rows"):
        background_rows(5, 0, seed=0)


def test_a_query_is_the_mean_of_the_like_less_half_that_of_the_unlike():
    like, unlike = _vectors(3), _vectors(2, seed=5)
    expected = like.mean(axis=0) - 0.5 * unlike.mean(axis=0)
    assert np.allclose(query_vector(like, unlike), expected / np.linalg.norm(expected), atol=1e-6)
    assert np.allclose(query_vector(like[:1], np.zeros((0, 16))), like[0], atol=1e-6)


def test_a_query_that_cancels_out_is_refused():
    rows = _vectors(1)
    with pytest.raises(InputError, match="cancel out"):
        query_vector(rows, rows, less=1.0)
    with pytest.raises(InputError, match="what is looked for: there is no vector"):
        query_vector(np.zeros((0, 4)))
    with pytest.raises(InputError, match="what is not: vectors of 16 dimensions"):
        query_vector(rows, _vectors(1, 8))
