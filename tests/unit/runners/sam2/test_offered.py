"""What SAM 2 is given: the folder that it is published as, and pictures of a few pixels."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import NotFound
from eoagent.contracts.runner import Placement
from eoagent.runners.registry import card_by_id
from eoagent.runners.sam2.kind import KIND
from eoagent.runners.weights import ModelStore


@pytest.fixture(scope="module")
def card():
    """The card of the smallest one."""
    return card_by_id("sam2.1-hiera-tiny")


@pytest.fixture
def folder(tiny_sam2, tmp_path):
    """The tiny one in the layout of the hub."""
    return tiny_sam2.write(tmp_path / "published").parent


@pytest.fixture(scope="module")
def runner(card, tiny_sam2, tmp_path_factory):
    """The tiny one, loaded."""
    return KIND.load(card, tiny_sam2.write(tmp_path_factory.mktemp("sam2")), Placement())


def test_the_folder_of_a_model_of_one_file_is_taken_for_that_file(folder, card, tmp_path):
    store = ModelStore(tmp_path / "home")
    assert store.import_weights(card, folder).weights.name == "model.safetensors"
    assert store.verify(card.id) == ()
    (folder / "model.safetensors").unlink()
    with pytest.raises(NotFound, match=r"there is no file .*model\.safetensors") as caught:
        store.import_weights(card, folder)
    assert "the folder that holds it" in caught.value.hint


@pytest.mark.parametrize("size", [(3, 40), (1, 1), (3, 3), (1, 60)])
def test_the_colours_of_a_picture_a_few_pixels_high_are_not_taken_for_its_rows(runner, size):
    high, wide = size
    picture = np.zeros((high, wide, 3), np.uint8)
    picture[..., 0] = 250
    box, point = np.array([0.0, 0, wide, high]), np.array([wide / 2, high / 2])
    pixels = []
    look = runner._network.get_image_embeddings
    runner._network.get_image_embeddings = lambda given: pixels.append(given) or look(given)
    try:
        (mask,) = runner.run("outline", [(picture, box, point)])
    finally:
        runner._network.get_image_embeddings = look
    assert mask.shape == size
    expected = (np.array([250, 0, 0]) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    given = pixels[0][0].reshape(3, -1).numpy()
    np.testing.assert_allclose(given.min(axis=1), expected, atol=1e-5)
    np.testing.assert_allclose(given.max(axis=1), expected, atol=1e-5)
