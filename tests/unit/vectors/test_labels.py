"""Zero-shot labels, neighbours, probes and few shots beside scikit-learn and brute force."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.vectors.fewshot import class_means, draw_shots, few_shot
from eoagent.vectors.neighbours import knn_votes, nearest_labels
from eoagent.vectors.probe import fit_probe
from eoagent.vectors.unit import unit_vectors
from eoagent.vectors.zeroshot import class_vectors, zero_shot

CLASSES = 4


@pytest.fixture(scope="module")
def labelled():
    """Vectors of four overlapping classes in a narrow cone, and their labels."""
    random = np.random.default_rng(7)
    labels = random.integers(0, CLASSES, size=240)
    centres = random.normal(size=(CLASSES, 24))
    rows = 2.0 + centres[labels] * 0.6 + random.normal(size=(240, 24)) * 0.7
    return unit_vectors(rows, "made"), labels


def test_class_vectors_are_normalised_means_of_their_prompts():
    prompts = np.random.default_rng(0).normal(size=(5, 3, 8))
    prompts /= np.linalg.norm(prompts, axis=2, keepdims=True)
    means = prompts.mean(axis=0)
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    assert np.allclose(class_vectors(prompts), expected, atol=1e-6)


def test_prompts_of_another_shape_or_that_cancel_out_are_refused():
    with pytest.raises(InputError, match=r"\(prompts, classes, d\); these have \(2, 3\)"):
        class_vectors(np.ones((2, 3)))
    row = np.array([1.0, 0.0])
    with pytest.raises(InputError, match="means of prompts: 1 of 1 vectors have no direction"):
        class_vectors(np.stack([row, -row])[:, None])


def test_zero_shot_takes_the_nearest_classes_with_margin_and_z(labelled):
    pictures, _ = labelled
    classes = unit_vectors(np.random.default_rng(3).normal(size=(CLASSES, 24)), "classes")
    scores = pictures.astype(np.float64) @ classes.astype(np.float64).T
    found = zero_shot(pictures, classes, k=3, background=pictures[:50])
    order = np.argsort(-scores, axis=1, kind="stable")
    assert np.array_equal(found.classes, order[:, :3])
    ranked = np.take_along_axis(scores, order, axis=1)
    assert np.allclose(found.cosines, ranked[:, :3], atol=1e-6)
    assert np.allclose(found.margins, ranked[:, 0] - ranked[:, 1], atol=1e-6)
    means, stds = scores[:50].mean(axis=0), scores[:50].std(axis=0)
    zs = (ranked[:, :3] - means[found.classes]) / stds[found.classes]
    assert np.allclose(found.zs, zs, atol=1e-4)


def test_a_single_class_is_no_choice(labelled):
    with pytest.raises(InputError, match="1 class was given; a label is a choice"):
        zero_shot(labelled[0], labelled[0][:1])
    with pytest.raises(InputError, match="the best 0 rows"):
        zero_shot(labelled[0], labelled[0][:2], k=0)


def test_of_equal_classes_the_first_named_wins(labelled):
    pictures, _ = labelled
    found = zero_shot(pictures, np.repeat(pictures[:1], 3, axis=0))
    assert set(found.classes[:, 0].tolist()) == {0}
    assert np.all(found.margins == 0)
    assert found.zs is None


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("weighting", ["cosine", "equal"])
def test_neighbours_vote_as_in_scikit_learn(labelled, k, weighting):
    neighbors = pytest.importorskip("sklearn.neighbors")
    rows, labels = labelled
    train, own, asked = rows[:160], labels[:160], rows[160:]
    other = neighbors.KNeighborsClassifier(
        n_neighbors=k,
        metric="cosine",
        algorithm="brute",
        weights="uniform" if weighting == "equal" else lambda distance: np.maximum(1 - distance, 0),
    ).fit(train.astype(np.float64), own)
    votes = knn_votes(asked, train, own, classes=CLASSES, k=k, weighting=weighting)
    shares = votes / votes.sum(axis=1, keepdims=True)
    assert np.allclose(shares, other.predict_proba(asked.astype(np.float64)), atol=1e-5)
    assert np.array_equal(nearest_labels(votes), np.argmax(shares, axis=1))


def test_a_negative_cosine_casts_no_vote_and_all_vote_where_there_are_few():
    train = np.array([[1.0, 0], [-1, 0]])
    votes = knn_votes(np.array([[1.0, 0]]), train, np.array([0, 1]), classes=2)
    assert votes.tolist() == [[1, 0]]
    with pytest.raises(InputError, match="0 neighbours were asked for"):
        knn_votes(train, train, np.array([0, 1]), classes=2, k=0)
    with pytest.raises(InputError, match="pictures: vectors of 2 dimensions"):
        knn_votes(np.ones((1, 1)), train, np.array([0, 1]), classes=2)


@pytest.mark.parametrize("strength", [0.1, 1.0, 100.0])
def test_a_probe_is_the_logistic_regression_of_scikit_learn(labelled, strength):
    linear = pytest.importorskip("sklearn.linear_model")
    rows, labels = labelled
    other = linear.LogisticRegression(C=strength, tol=1e-10, max_iter=10_000)
    other.fit(rows.astype(np.float64), labels)
    probe = fit_probe(rows, labels, classes=CLASSES, strength=strength)
    assert probe.has_converged
    assert np.allclose(probe.weights, other.coef_, atol=2e-3 * np.abs(other.coef_).max())
    mine, theirs = (
        scores - scores.mean(axis=1, keepdims=True)
        for scores in (probe.scores(rows), other.decision_function(rows.astype(np.float64)))
    )
    assert np.abs(mine - theirs).max() < 5e-3
    assert np.array_equal(probe.labels(rows), other.predict(rows.astype(np.float64)))


def test_a_probe_parts_what_can_be_parted_and_two_classes_too():
    rows = unit_vectors(np.array([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]]), "made")
    probe = fit_probe(rows, np.array([0, 0, 1, 1]), classes=2)
    assert probe.labels(rows).tolist() == [0, 0, 1, 1]


def test_a_probe_refuses_what_it_cannot_be_fitted_to(labelled):
    rows, labels = labelled
    with pytest.raises(InputError, match="class 4 has no vector"):
        fit_probe(rows, labels, classes=5)
    with pytest.raises(InputError, match="a choice takes two"):
        fit_probe(rows, np.zeros(len(rows), int), classes=1)
    with pytest.raises(InputError, match=r"a strength of 0 was given"):
        fit_probe(rows, labels, classes=CLASSES, strength=0)
    probe = fit_probe(rows, labels, classes=CLASSES)
    with pytest.raises(InputError, match="vectors of 24 dimensions are needed"):
        probe.scores(np.ones((1, 1)))


def test_shots_are_drawn_evenly_by_seed(labelled):
    _, labels = labelled
    rows = draw_shots(labels, 8, classes=CLASSES, seed=1)
    assert np.bincount(labels[rows]).tolist() == [8] * CLASSES
    assert len(set(rows.tolist())) == len(rows)
    assert np.array_equal(rows, draw_shots(labels, 8, classes=CLASSES, seed=1))
    assert not np.array_equal(rows, draw_shots(labels, 8, classes=CLASSES, seed=2))


def test_more_shots_than_the_smallest_class_has_are_refused():
    with pytest.raises(InputError, match="3 pictures of each class were asked for; class 1 has 2"):
        draw_shots(np.array([0, 0, 0, 1, 1]), 3, classes=2, seed=0)
    with pytest.raises(InputError, match="0 pictures of each class"):
        draw_shots(np.array([0, 1]), 0, classes=2, seed=0)


def test_class_means_are_those_of_numpy(labelled):
    rows, labels = labelled
    expected = np.stack([rows[labels == one].mean(axis=0) for one in range(CLASSES)])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(class_means(rows, labels, classes=CLASSES), expected, atol=1e-6)


@pytest.mark.parametrize("method", ["means", "probe"])
def test_few_shots_label_better_the_more_there_are(labelled, method):
    rows, labels = labelled
    found = few_shot(
        rows[:160], labels[:160], rows[160:], labels[160:],
        classes=CLASSES, shots=(1, 16), seeds=(0, 1, 2, 3), method=method,
    )  # fmt: skip
    assert [own.shots for own in found] == [1, 16]
    assert found[1].mean > found[0].mean > 1 / CLASSES
    assert len(found[0].accuracies) == 4
    assert found[0].std == pytest.approx(np.std(found[0].accuracies))


def test_few_shots_by_means_are_the_nearest_centroid_of_scikit_learn(labelled):
    neighbors = pytest.importorskip("sklearn.neighbors")
    rows, labels = labelled
    (found,) = few_shot(
        rows[:160], labels[:160], rows[160:], labels[160:],
        classes=CLASSES, shots=(4,), seeds=(5,),
    )  # fmt: skip
    drawn = draw_shots(labels[:160], 4, classes=CLASSES, seed=5)
    other = neighbors.KNeighborsClassifier(n_neighbors=1, metric="cosine", algorithm="brute")
    other.fit(class_means(rows[drawn], labels[drawn], classes=CLASSES), np.arange(CLASSES))
    assert found.accuracies[0] == np.mean(other.predict(rows[160:]) == labels[160:])
