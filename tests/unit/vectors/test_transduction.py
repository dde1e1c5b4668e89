"""Pictures that are labelled together correct each other's labels."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.vectors.transduction import joint_shares
from eoagent.vectors.unit import unit_vectors
from eoagent.vectors.zeroshot import class_vectors, zero_shot


@pytest.fixture
def clusters():
    """Three clusters of pictures, and prompts that lie well beside their centres."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(3, 32))
    labels = np.repeat(np.arange(3), 60)
    pictures = unit_vectors(centres[labels] + 0.5 * random.normal(size=(180, 32)), "pictures")
    beside = 0.02 * centres + 0.05 * random.normal(size=(3, 32)) + np.eye(1, 32)
    return pictures, unit_vectors(beside, "classes"), labels


def test_clusters_correct_what_prompts_get_wrong(clusters):
    pictures, classes, labels = clusters
    alone = np.mean(zero_shot(pictures, classes).classes[:, 0] == labels)
    together = np.mean(np.argmax(joint_shares(pictures, classes), axis=1) == labels)
    assert alone < 0.95
    assert together == 1.0


def test_shares_sum_to_one_and_follow_the_pictures_wherever_they_stand(clusters):
    pictures, classes, _ = clusters
    shares = joint_shares(pictures, classes)
    assert shares.min() >= 0
    assert np.allclose(shares.sum(axis=1), 1)
    order = np.random.default_rng(1).permutation(len(pictures))
    assert np.allclose(joint_shares(pictures[order], classes), shares[order], atol=1e-6)
    turned = joint_shares(pictures, classes[::-1])
    assert np.allclose(turned[:, ::-1], shares, atol=1e-6)


def test_one_picture_and_equal_pictures_are_labelled_by_their_prompts(clusters):
    pictures, classes, _ = clusters
    first = zero_shot(pictures[:1], classes).classes[0, 0]
    assert np.argmax(joint_shares(pictures[:1], classes)) == first
    shares = joint_shares(np.repeat(pictures[:1], 5, axis=0), classes)
    assert np.isfinite(shares).all()
    assert set(np.argmax(shares, axis=1)) == {first}


def test_a_single_class_is_no_choice(clusters):
    with pytest.raises(InputError, match="1 class was given"):
        joint_shares(clusters[0], clusters[1][:1])
    with pytest.raises(InputError, match="classes: vectors of 32 dimensions"):
        joint_shares(clusters[0], np.eye(2))


def test_real_scenes_are_labelled_better_together(shared_data):
    source = min((shared_data / "embeddings").glob("*.npz"))
    with np.load(source, allow_pickle=False) as arrays:
        images, labels, texts = (arrays[name] for name in ("images", "labels", "texts"))
    pictures = unit_vectors(images, "pictures")
    flat = unit_vectors(texts.reshape(-1, texts.shape[2]), "texts")
    classes = class_vectors(flat.reshape(texts.shape))
    alone = np.mean(zero_shot(pictures, classes).classes[:, 0] == labels)
    together = np.mean(np.argmax(joint_shares(pictures, classes), axis=1) == labels)
    assert alone == pytest.approx(0.952, abs=0.001)
    assert together > alone + 0.02
