"""The contour model, beside transformers and PIL; what its files must hold and may not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from eoagent.contracts.errors import InputError, ModelError, ModelMissing, NotFound
from eoagent.contracts.models import NoModels
from eoagent.contracts.runner import Placement
from eoagent.io.contours import contour_model, contour_note, contour_probability
from eoagent.runners.cardfile import read_cards
from eoagent.runners.choosing import choose_segmenter
from eoagent.runners.pool import ModelPool
from eoagent.runners.registry import card_by_id, kind_of
from eoagent.runners.segformer.kind import KIND
from eoagent.runners.weights import ModelStore


def _picture(height=70, width=90, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _copied(checkpoint, folder, **changes):
    """Copy a checkpoint, with other entries in its configuration; None removes one."""
    shutil.copytree(checkpoint, folder, dirs_exist_ok=True)
    path = folder / "config.json"
    held = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in held.items() if value is not None}))
    return folder / "model.safetensors"


@pytest.fixture
def runner(card, checkpoint):
    return KIND.load(card, checkpoint / "model.safetensors", Placement())


@pytest.mark.parametrize("shape", [(64, 64), (70, 90), (33, 128)])
def test_contours_are_those_of_transformers(runner, checkpoint, shape):
    from PIL import Image
    from torchvision.transforms import functional as transforms
    from transformers import SegformerForSemanticSegmentation

    network = SegformerForSemanticSegmentation.from_pretrained(
        checkpoint, dtype=torch.float32, local_files_only=True
    ).eval()
    picture = _picture(*shape)
    values = transforms.to_tensor(transforms.resize(Image.fromarray(picture), [64, 64]))
    values = transforms.normalize(values, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.inference_mode():
        logits = network(values[None]).logits
        exact = torch.nn.functional.interpolate(logits, shape, mode="bilinear")[0, 0].numpy()
    (found,) = runner.run("contours", [(picture, "contour")])
    assert found.shape == shape
    assert found.dtype == np.float32
    assert np.abs(found - exact).max() < 1e-4
    assert exact.std() > 0.01


def test_half_precision_is_near(card, checkpoint, runner):
    half = KIND.load(card, checkpoint / "model.safetensors", Placement(dtype="bfloat16"))
    item = (_picture(), "contour")
    (exact,), (found,) = runner.run("contours", [item]), half.run("contours", [item])
    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).max() < 0.2 * np.abs(exact).max()


def test_each_picture_has_its_own_map_in_order(runner):
    one, other = _picture(seed=1), _picture(40, 50, seed=2)
    found = runner.run("contours", [(one, "contour"), (other, "contour"), (one, "contour")])
    assert [part.shape for part in found] == [(70, 90), (40, 50), (70, 90)]
    assert np.array_equal(found[0], found[2])


def test_it_finds_contours_and_nothing_else(runner):
    with pytest.raises(InputError, match="it was asked for 'ships'") as caught:
        runner.run("contours", [(_picture(), "ships")])
    assert caught.value.hint == "ask for the phrase 'contour'"
    with pytest.raises(InputError, match="knows no task 'segment'"):
        runner.run("segment", [])
    with pytest.raises(InputError, match="got float32 of"):
        runner.run("contours", [(_picture().astype(np.float32), "contour")])


def test_a_closed_model_holds_nothing(runner):
    assert runner.memory_mb >= 0
    runner.close()
    assert runner.memory_mb == 0
    with pytest.raises(ModelError, match="was closed"):
        runner.run("contours", [(_picture(), "contour")])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"auto_map": {"AutoModel": "theirs.Model"}}, "names code of its own"),
        ({"model_type": "vit"}, "is of a 'vit' network, not of segformer"),
        ({"id2label": {"0": "a", "1": "b"}}, "has 2 labels, and a model of contours has 1"),
        ({"depths": [1, 1, 1, 10**9]}, "has the size depths ="),
        ({"hidden_sizes": [8, 16, 24, 40]}, "make no SegFormer"),
        ({"hidden_sizes": "many"}, "make no SegFormer"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(card, checkpoint, tmp_path, changes, said):
    weights = _copied(checkpoint, tmp_path, **changes)
    with pytest.raises(ModelError, match=said):
        KIND.load(card, weights, Placement())


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_each_file_is_needed(card, checkpoint, tmp_path, name):
    weights = _copied(checkpoint, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(NotFound, match=name.replace(".", r"\.")):
        KIND.load(card, weights, Placement())


@pytest.mark.parametrize("text", ["{", "[1]", '{"size": {"height": 512, "width": 512}}', "{}"])
def test_preparations_that_do_not_fit_are_refused(card, checkpoint, tmp_path, text):
    weights = _copied(checkpoint, tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(text)
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        KIND.load(card, weights, Placement())


def test_weights_that_do_not_fit_are_refused(card, checkpoint, tmp_path):
    weights = _copied(checkpoint, tmp_path)
    held = load_file(weights)
    less = {key: value for key, value in held.items() if key != "decode_head.classifier.bias"}
    cases = {
        r"it lacks decode_head\.classifier\.bias": less,
        "it holds besides more": held | {"more": torch.zeros(2)},
        "that are not finite": held | {"decode_head.classifier.bias": torch.tensor([np.nan])},
    }
    for said, tensors in cases.items():
        save_file(tensors, weights)
        with pytest.raises(ModelError, match=said):
            KIND.load(card, weights, Placement())
    weights.write_bytes(b"\x80\x04 no tensors at all")
    with pytest.raises(ModelError, match="is no safetensors file, or damaged"):
        KIND.load(card, weights, Placement())


def test_another_file_than_the_known_one_is_refused(card, checkpoint):
    known = card.model_copy(
        update={"weights": card.weights.model_copy(update={"sha256": "0" * 64})}
    )
    with pytest.raises(ModelError, match=f"is known by {'0' * 64}"):
        KIND.load(known, checkpoint / "model.safetensors", Placement())


def test_the_card_that_comes_with_us_is_the_one_that_is_asked_for():
    card = card_by_id("directsam-entityseg-1024")
    assert kind_of(card) is KIND
    assert KIND.cards() == (card,)
    assert card.licence == "unknown"
    assert card.tasks == ("contours",)
    assert choose_segmenter([card], card=card.id).card is card
    with pytest.raises(NotFound, match="the segmenter 'remotesam-v1' is not there"):
        choose_segmenter([card])
    assert read_cards([], kind="segformer") == ()


def test_where_it_is_not_installed_that_is_said(tmp_path, card):
    with ModelPool(tmp_path, cards=lambda: (card,)) as pool:
        for models in (pool, NoModels()):
            assert contour_model(models) is None
            assert contour_note(models).endswith("eoagent models pull directsam-entityseg-1024")
        with pytest.raises(ModelMissing):
            pool.segmenter(card.id)


def test_installed_it_gives_probabilities_through_the_pool(tmp_path, card, checkpoint, runner):
    ModelStore(tmp_path).import_weights(card, checkpoint / "model.safetensors")
    picture = _picture()
    (logits,) = runner.run("contours", [(picture, "contour")])
    with ModelPool(tmp_path, cards=lambda: (card,), device="cpu") as pool:
        model = contour_model(pool)
        assert model is not None
        found = contour_probability(model, picture)
        assert contour_note(pool).startswith("objects that touch are parted where")
        with pytest.raises(InputError, match="finds contours and nothing else"):
            list(model.segment(picture, ["ships"]))
    assert np.abs(found - 1 / (1 + np.exp(-logits.astype(float)))).max() < 1e-6
