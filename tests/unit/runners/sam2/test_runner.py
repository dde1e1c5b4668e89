"""SAM 2 in process: its answers are those of transformers, and what is no weights is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from eoagent.contracts.errors import InputError, ModelError, ModelMissing, NotFound
from eoagent.contracts.runner import Placement
from eoagent.io.atomic import hash_file
from eoagent.runners.registry import card_by_id, kind_of
from eoagent.runners.sam2.kind import KIND
from eoagent.runners.weights import ModelStore

BOXES = np.array([[10.0, 5.0, 60.0, 50.0], [40.5, 30.0, 130.0, 90.0], [0.0, 0.0, 8.0, 90.0]])
POINTS = np.array([[30.0, 20.0], [85.25, 60.0], [4.0, 45.0]])


@pytest.fixture(scope="module")
def card():
    """The card of the smallest one."""
    return card_by_id("sam2.1-hiera-tiny")


@pytest.fixture(scope="session")
def published(tiny_sam2, tmp_path_factory):
    """The tiny one in the layout of the hub; not to be written to."""
    return tiny_sam2.write(tmp_path_factory.mktemp("sam2"))


@pytest.fixture
def folder(published, tmp_path):
    """A copy of the published folder that a test may change."""
    for path in published.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture(scope="module")
def runner(card, published):
    """The tiny one, loaded."""
    return KIND.load(card, published, Placement())


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(3).integers(0, 255, (90, 130, 3), dtype=np.uint8)


def items(picture, boxes=BOXES, points=POINTS):
    return [(picture, box, point) for box, point in zip(boxes, points, strict=True)]


def load(folder, card):
    return KIND.load(card, folder / "model.safetensors", Placement())


def change(path, **said):
    """Change entries of a JSON file; a name with dots goes into what lies within."""
    held = json.loads(path.read_text())
    for name, value in said.items():
        *outer, last = name.split("__")
        part = held
        for key in outer:
            part = part[key]
        part[last] = value
    path.write_text(json.dumps(held))


def test_cards_say_what_is_published():
    cards = {card.id: card for card in KIND.cards()}
    assert list(cards) == [f"sam2.1-hiera-{size}" for size in ("large", "small", "tiny")]
    for card in cards.values():
        assert kind_of(card) is KIND
        assert card.tasks == ("outline",)
        assert card.licence == "Apache-2.0"
        assert card.weights.repository == f"facebook/{card.id}"
        assert card.weights.sha256 == "unknown"
        assert card.dimensions == 0


def test_masks_are_those_of_transformers_at_the_pictures_own_size(runner, picture, tiny_sam2):
    found = runner.run("outline", items(picture, BOXES[:2], POINTS[:2]))
    direct = tiny_sam2.direct(picture, BOXES[:2], POINTS[:2])
    assert direct.shape == (2, 90, 130)
    assert 0 < direct.mean() < 1
    assert found[0].dtype == np.bool_
    np.testing.assert_array_equal(np.stack(found), direct)


def test_a_point_matters_besides_its_box(runner, picture):
    one, other = (
        runner.run("outline", [(picture, BOXES[1], np.array(at))])[0]
        for at in ([60.0, 40.0], [120.0, 85.0])
    )
    assert (one != other).any()


def test_boxes_of_several_passes_give_the_same_and_the_picture_is_looked_at_once(
    card, published, picture, tiny_sam2, monkeypatch
):
    runner = KIND.load(card, published, Placement())
    calls = []
    look = runner._network.get_image_embeddings
    monkeypatch.setattr(
        runner._network, "get_image_embeddings", lambda pixels: calls.append(1) or look(pixels)
    )
    found = [runner.run("outline", [item])[0] for item in items(picture)]
    np.testing.assert_array_equal(np.stack(found), tiny_sam2.direct(picture, BOXES, POINTS))
    assert len(calls) == 1


def test_pictures_of_one_batch_are_kept_apart_and_results_in_order(runner, picture, tiny_sam2):
    other = np.ascontiguousarray(picture[:64, ::-1])
    mixed = [(picture, BOXES[0], POINTS[0]), (other, BOXES[0], POINTS[0])] * 2
    found = runner.run("outline", mixed)
    assert [mask.shape for mask in found] == [(90, 130), (64, 130)] * 2
    np.testing.assert_array_equal(found[1], tiny_sam2.direct(other, BOXES[:1], POINTS[:1])[0])
    np.testing.assert_array_equal(found[0], found[2])


def test_what_follows_objects_through_videos_is_left_aside(published, runner):
    names = set(load_file(published))
    assert "memory_encoder.projection.weight" in names
    assert json.loads((published.parent / "config.json").read_text())["model_type"] == "sam2_video"
    assert runner.memory_mb == 1
    assert runner.card.id == "sam2.1-hiera-tiny"


def test_a_file_that_holds_a_shared_tensor_once_is_taken(folder, card, picture, runner):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["prompt_encoder.shared_embedding.positional_embedding"]
    tensors["shared_image_embedding.positional_embedding"] += 0.5
    save_file(tensors, path)
    one = load(folder, card).run("outline", items(picture))
    tensors["prompt_encoder.shared_embedding.positional_embedding"] = tensors[
        "shared_image_embedding.positional_embedding"
    ].clone()
    save_file(tensors, path)
    both = load(folder, card).run("outline", items(picture))
    np.testing.assert_array_equal(one, both)
    assert (np.stack(one) != np.stack(runner.run("outline", items(picture)))).any()


def test_the_folder_that_transformers_writes_for_videos_is_read(
    tiny_sam2, tmp_path, card, published, picture
):
    from transformers import Sam2VideoConfig, Sam2VideoModel

    small = {
        "memory_attention_hidden_size": 32,
        "memory_attention_feed_forward_hidden_size": 32,
        "memory_attention_num_layers": 1,
        "memory_attention_rope_feat_sizes": [16, 16],
        "memory_encoder_hidden_size": 32,
        "memory_encoder_output_channels": 16,
        "mask_downsampler_embed_dim": 32,
        "memory_fuser_embed_dim": 32,
        "memory_fuser_intermediate_dim": 32,
        "memory_fuser_num_layers": 1,
    }
    video = Sam2VideoModel(Sam2VideoConfig(**tiny_sam2.sizes(), **small))
    video.load_state_dict(tiny_sam2.network().state_dict(), strict=False)
    video.save_pretrained(tmp_path)
    preparation = published.with_name("preprocessor_config.json").read_bytes()
    (tmp_path / "preprocessor_config.json").write_bytes(preparation)
    found = load(tmp_path, card).run("outline", items(picture))
    np.testing.assert_array_equal(np.stack(found), tiny_sam2.direct(picture, BOXES, POINTS))


def test_a_weights_file_with_another_hash_is_refused(published, card):
    weights = card.weights.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ModelError, match="is known by 0000") as caught:
        KIND.load(card.model_copy(update={"weights": weights}), published, Placement())
    assert hash_file(published)[0] in str(caught.value)
    assert "models pull sam2.1-hiera-tiny" in caught.value.hint


def test_the_right_hash_is_taken(published, card):
    weights = card.weights.model_copy(update={"sha256": hash_file(published)[0]})
    KIND.load(card.model_copy(update={"weights": weights}), published, Placement()).close()


def test_a_checkpoint_that_could_hold_code_is_refused_unread(folder, card):
    torch.save({"a": torch.zeros(2)}, folder / "sam2.pt")
    with pytest.raises(ModelError, match="is no safetensors file"):
        KIND.load(card, folder / "sam2.pt", Placement())


def test_a_cut_file_is_damaged(folder, card):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="is cut or damaged"):
        load(folder, card)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_file_that_asks_for_code_is_refused(folder, card, name):
    change(folder / name, auto_map={"AutoModel": "evil.Model"})
    with pytest.raises(ModelError, match="code of its own \\(auto_map\\), and none was run"):
        load(folder, card)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_missing_file_beside_the_weights_is_named_with_the_command(folder, card, name):
    (folder / name).unlink()
    with pytest.raises(ModelMissing, match=f"needs {name} beside its weights") as caught:
        load(folder, card)
    assert caught.value.command == "eoagent models pull sam2.1-hiera-tiny"


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b" " * 2**20 + b"{}"]
)
def test_a_config_that_is_none_is_an_error_of_the_model(folder, card, data):
    (folder / "config.json").write_bytes(data)
    with pytest.raises(ModelError, match=r"config\.json"):
        load(folder, card)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"model_type": "llama"}, "is of a network of type 'llama'"),
        ({"vision_config__model_type": "llama"}, "a part of type 'llama'"),
        ({"vision_config": "x"}, "does not say the sizes of vision_config"),
        ({"mask_decoder_config__num_hidden_layers": 5000}, "5005 layers, more than 256"),
        ({"mask_decoder_config__mlp_dim": 10**9}, "states mlp_dim as 1000000000"),
        ({"mask_decoder_config__mlp_dim": "many"}, "make no network of SAM 2"),
        ({"vision_config__fpn_hidden_size": 16}, "of another shape"),
        ({"mask_decoder_config__num_hidden_layers": 1}, "unexpected"),
        ({"mask_decoder_config__num_hidden_layers": 3}, "missing"),
    ],
)
def test_sizes_that_are_not_those_of_the_weights_are_refused(folder, card, said, message):
    change(folder / "config.json", **said)
    with pytest.raises(ModelError, match=message):
        load(folder, card)


def test_pictures_prepared_to_another_size_are_refused(folder, card):
    change(folder / "preprocessor_config.json", size={"height": 128, "width": 128})
    with pytest.raises(ModelError, match="pictures of 128 x 128 pixels, and the network takes 256"):
        load(folder, card)


def test_weights_that_are_not_finite_or_no_floats_are_refused(folder, card):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = "mask_decoder.iou_token.weight"
    for value, message in ((float("nan"), "not finite"), (1, "int64")):
        said = torch.full_like(tensors[name], value) if value != 1 else tensors[name].long()
        save_file({**tensors, name: said}, path)
        with pytest.raises(ModelError, match=message):
            load(folder, card)


def test_a_file_that_is_not_there_is_not_found(tmp_path, card):
    with pytest.raises(NotFound, match="there is no weights file"):
        load(tmp_path, card)


def test_what_it_cannot_do_and_what_is_no_item_is_said(runner, picture):
    with pytest.raises(InputError, match="knows no task 'segment'"):
        runner.run("segment", [])
    bad = [
        (picture, BOXES[0]),
        (picture, BOXES[:2], POINTS[0]),
        (picture[..., :2], BOXES[0], POINTS[0]),
        (picture, BOXES[0] * np.nan, POINTS[0]),
        "box",
    ]
    for item in bad:
        with pytest.raises(InputError):
            runner.run("outline", [item])
    assert runner.run("outline", []) == []


def test_a_closed_model_holds_nothing_and_is_not_asked_again(card, published, picture):
    runner = KIND.load(card, published, Placement())
    runner.close()
    assert runner.memory_mb == 0
    with pytest.raises(ModelError, match="was closed"):
        runner.run("outline", items(picture))


def test_an_import_keeps_what_lies_beside_the_weights(card, published, tmp_path):
    installed = ModelStore(tmp_path / "home").import_weights(card, published)
    names = sorted(Path(kept.path).name for _, kept in installed.files)
    assert names == ["config.json", "model.safetensors", "preprocessor_config.json"]
    KIND.load(card, installed.weights, Placement()).close()
