"""Measures of retrieval and labels beside scikit-learn and slow definitions."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.vectors.measures import average_precision, confusion, precision_at, top_accuracy
from eoagent.vectors.retrieval import measure_retrieval
from eoagent.vectors.unit import unit_vectors


def _vectors(count, dimensions=8, seed=0):
    return unit_vectors(np.random.default_rng(seed).normal(size=(count, dimensions)), "made")


def _slow_recall(scores, positives, k):
    hits = 0
    for row, own in zip(scores, positives, strict=True):
        order = sorted(range(len(row)), key=lambda i: (-row[i], i))
        hits += bool(set(order[:k]) & own)
    return hits / len(scores)


@pytest.mark.parametrize("captions_each", [1, 5])
def test_recall_is_that_of_the_definition_both_ways(captions_each):
    images = _vectors(30)
    owners = np.random.default_rng(1).permutation(np.repeat(np.arange(30), captions_each))
    noise = _vectors(len(owners), seed=2)
    texts = unit_vectors(images[owners] + 0.8 * noise, "texts")
    scores = (images.astype(np.float64) @ texts.astype(np.float64).T).astype(np.float32)
    found = measure_retrieval(images, texts, owners)
    of_image = [set(np.flatnonzero(owners == i).tolist()) for i in range(30)]
    of_text = [{int(own)} for own in owners]
    for k in (1, 5, 10):
        assert found.image_to_text[k] == _slow_recall(scores, of_image, k)
        assert found.text_to_image[k] == _slow_recall(scores.T, of_text, k)
    six = [*found.image_to_text.values(), *found.text_to_image.values()]
    assert found.mean_recall == pytest.approx(sum(six) / 6)


def test_ties_are_broken_by_the_order_of_the_lists():
    row = np.array([[1.0, 0.0]])
    images, texts = np.repeat(row, 2, axis=0), np.repeat(row, 2, axis=0)
    found = measure_retrieval(images, texts, np.array([0, 1]), depths=(1, 2))
    assert found.image_to_text == {1: 0.5, 2: 1.0}
    assert found.text_to_image == {1: 0.5, 2: 1.0}


def test_perfect_vectors_have_a_mean_recall_of_one():
    rows = np.eye(12)
    assert measure_retrieval(rows, rows, np.arange(12)).mean_recall == 1.0


def test_retrieval_that_cannot_be_measured_is_refused():
    rows = np.eye(3)
    with pytest.raises(InputError, match="picture 2 has no caption"):
        measure_retrieval(rows, rows, np.array([0, 1, 1]))
    with pytest.raises(InputError, match=r"depths are \(0,\)"):
        measure_retrieval(rows, rows, np.arange(3), depths=(0,))
    with pytest.raises(InputError, match="captions: vectors of 3 dimensions"):
        measure_retrieval(rows, np.ones((3, 1)), np.arange(3))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_accuracy_is_that_of_scikit_learn(k):
    metrics = pytest.importorskip("sklearn.metrics")
    scores = np.random.default_rng(0).normal(size=(60, 4))
    truth = np.random.default_rng(1).integers(0, 4, 60)
    expected = metrics.top_k_accuracy_score(truth, scores, k=k, labels=range(4))
    assert top_accuracy(scores, truth, k=k) == pytest.approx(expected)


def test_confusion_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    truth, told = np.random.default_rng(0).integers(0, 5, (2, 200))
    expected = metrics.confusion_matrix(truth, told, labels=range(5))
    assert np.array_equal(confusion(truth, told, classes=5), expected)


@pytest.mark.parametrize("levels", [3, 1000])
def test_average_precision_is_that_of_scikit_learn_ties_included(levels):
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(levels)
    scores = random.integers(0, levels, 120) / levels
    relevant = random.random(120) < 0.2
    expected = metrics.average_precision_score(relevant, scores)
    assert average_precision(scores, relevant) == pytest.approx(expected)


def test_precision_counts_the_best_and_a_short_list_is_no_better():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    relevant = np.array([True, False, True, True])
    assert precision_at(scores, relevant, k=2) == 0.5
    assert precision_at(scores, relevant, k=3) == pytest.approx(2 / 3)
    assert precision_at(scores, relevant, k=10) == 0.3


def test_measures_of_nothing_are_refused():
    with pytest.raises(InputError, match="nothing is relevant"):
        average_precision(np.ones(2), np.zeros(2, bool))
    with pytest.raises(InputError, match="relevance is true or false for each score"):
        precision_at(np.ones(2), np.ones(2), k=1)
    with pytest.raises(InputError, match="scores are rows of classes"):
        top_accuracy(np.ones(2), np.zeros(2, int))
    with pytest.raises(InputError, match="label 2 of row 0"):
        confusion(np.array([2]), np.array([0]), classes=2)
