"""Properties of rankings and labels that hold for any vectors."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.vectors.diversity import diverse_rows
from eoagent.vectors.duplicates import duplicate_groups, duplicate_pairs
from eoagent.vectors.likeness import query_vector
from eoagent.vectors.measures import average_precision, precision_at, top_accuracy
from eoagent.vectors.neighbours import knn_votes
from eoagent.vectors.ranking import best_rows, cosines
from eoagent.vectors.retrieval import measure_retrieval
from eoagent.vectors.unit import norms_of, unit_vectors
from eoagent.vectors.zeroshot import class_vectors, zero_shot

_SEEDS = st.integers(0, 2**32 - 1)


def _rows(seed, count, dimensions=6, distinct=None):
    """Return random unit vectors, some of which repeat."""
    random = np.random.default_rng(seed)
    rows = unit_vectors(random.normal(size=(distinct or count, dimensions)), "made")
    return rows[random.integers(0, len(rows), count)] if distinct else rows


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(1, 50))
def test_the_best_rows_are_the_head_of_a_stable_sort(scores, k):
    expected = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:k]
    assert best_rows(np.array(scores), k).tolist() == expected


@given(_SEEDS, st.floats(1e-3, 1e3))
def test_unit_vectors_do_not_depend_on_length_and_stay_as_they_are(seed, factor):
    rows = np.random.default_rng(seed).normal(size=(5, 6)) + 0.01
    once = unit_vectors(rows, "made")
    assert np.allclose(norms_of(once), 1, atol=1e-6)
    assert np.allclose(unit_vectors(rows * factor, "made"), once, atol=1e-6)
    assert np.allclose(unit_vectors(once, "made"), once, atol=1e-6)


@given(_SEEDS)
@settings(max_examples=30)
def test_cosines_are_symmetric_and_one_with_oneself(seed):
    rows = _rows(seed, 12)
    scores = cosines(rows, rows)
    assert np.array_equal(scores, scores.T)
    assert np.allclose(np.diag(scores), 1, atol=1e-6)


@given(_SEEDS, st.integers(1, 12))
@settings(max_examples=30)
def test_order_of_the_rows_does_not_change_who_is_found(seed, k):
    rows = _rows(seed, 20)
    scores = cosines(rows[:1], rows)[0]
    order = np.random.default_rng(seed).permutation(20)
    assert set(order[best_rows(scores[order], k)]) == set(best_rows(scores, k))


@given(_SEEDS)
@settings(max_examples=30)
def test_repeating_prompts_or_classes_changes_no_label(seed):
    prompts = np.stack([_rows(seed, 4), _rows(seed + 1, 4)])
    pictures = _rows(seed + 2, 8)
    once = class_vectors(prompts)
    twice = class_vectors(np.concatenate([prompts, prompts]))
    assert np.allclose(once, twice, atol=1e-6)
    found = zero_shot(pictures, once, k=4)
    assert np.all(found.margins >= 0)
    assert np.array_equal(np.sort(found.classes, axis=1), np.tile(np.arange(4), (8, 1)))


@given(_SEEDS, st.integers(1, 30))
@settings(max_examples=30)
def test_votes_are_never_negative_and_at_most_k(seed, k):
    train, labels = _rows(seed, 15), np.random.default_rng(seed).integers(0, 3, 15)
    votes = knn_votes(_rows(seed + 1, 6), train, labels, classes=3, k=k)
    assert votes.min() >= 0
    assert np.all(votes.sum(axis=1) <= min(k, 15) * 1.000001)


@given(_SEEDS)
@settings(max_examples=30)
def test_a_query_is_nearer_to_the_liked_than_to_the_unliked(seed):
    like, unlike = _rows(seed, 1), _rows(seed + 1, 1)
    query = query_vector(like, unlike)
    assert query @ like[0] >= query @ unlike[0] - 1e-6


@given(_SEEDS, st.integers(1, 9), st.floats(-0.5, 0.99))
@settings(max_examples=40)
def test_blocks_do_not_change_pairs_and_groups_have_one_lowest_row(seed, block, cosine):
    rows = _rows(seed, 14, distinct=5)
    whole = duplicate_pairs(rows, cosine=cosine)
    parts = duplicate_pairs(rows, cosine=cosine, block_rows=block)
    assert whole.first.tolist() == parts.first.tolist()
    assert whole.second.tolist() == parts.second.tolist()
    assert np.array_equal(whole.cosines, parts.cosines)
    groups = duplicate_groups(whole, 14)
    assert np.array_equal(groups[groups], groups)
    assert np.all(groups <= np.arange(14))
    assert np.array_equal(groups[whole.first], groups[whole.second])


@given(_SEEDS, st.integers(1, 12), st.floats(0, 1))
@settings(max_examples=40)
def test_diverse_rows_begin_with_the_best_and_repeat_none(seed, k, relevance):
    rows = _rows(seed, 10, distinct=6)
    scores = cosines(rows[:1], rows)[0]
    found = diverse_rows(scores, rows, k=k, relevance=relevance).tolist()
    assert found[0] == best_rows(scores, 1)[0]
    assert len(set(found)) == len(found) == min(k, 10)


@given(_SEEDS)
@settings(max_examples=30)
def test_recall_grows_with_depth_and_ends_at_one(seed):
    images, texts = _rows(seed, 6), _rows(seed + 1, 18)
    owners = np.random.default_rng(seed).permutation(np.repeat(np.arange(6), 3))
    found = measure_retrieval(images, texts, owners, depths=(1, 2, 6, 18))
    for recalls in (found.image_to_text, found.text_to_image):
        values = list(recalls.values())
        assert values == sorted(values)
        assert values[-1] == 1.0


@given(_SEEDS)
@settings(max_examples=30)
def test_measures_lie_within_zero_and_one_and_the_best_ranking_has_one(seed):
    random = np.random.default_rng(seed)
    relevant = np.append(random.random(12) < 0.4, True)
    scores = random.normal(size=13)
    assert 0 <= average_precision(scores, relevant) <= 1
    assert average_precision(relevant.astype(float), relevant) == 1
    assert precision_at(scores, relevant, k=13) == relevant.mean()
    truth = random.integers(0, 4, 9)
    table = random.normal(size=(9, 4))
    accuracies = [top_accuracy(table, truth, k=k) for k in (1, 2, 3, 4)]
    assert accuracies == sorted(accuracies)
    assert accuracies[-1] == 1
