"""Reading weights files: the forms that are published, and everything that must be refused."""

from __future__ import annotations

import os
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from eoagent.contracts.card import WeightsSource
from eoagent.contracts.errors import ModelError, NotFound
from eoagent.contracts.runner import Placement
from eoagent.runners.clip import KIND, load_encoder
from eoagent.runners.clip.checkpoint import read_tensors

STRICT = Placement(preprocessing="strict")


def _training_checkpoint(tensors):
    state = {f"module.{key}": value for key, value in tensors.items()}
    moments = {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(5)}}
    return {
        "epoch": 20,
        "name": "run",
        "state_dict": state,
        "optimizer": {"state": moments, "param_groups": [{"lr": 1e-5, "betas": (0.9, 0.98)}]},
    }


def _write(form, tensors, path):
    if form == "flat":
        torch.save(tensors, path)
    elif form == "training":
        torch.save(_training_checkpoint(tensors), path)
    elif form == "old":
        torch.save(tensors, path, _use_new_zipfile_serialization=False)
    elif form == "scale as a vector":
        torch.save({**tensors, "logit_scale": tensors["logit_scale"].reshape(1)}, path)
    elif form == "half":
        save_file({key: value.bfloat16() for key, value in tensors.items()}, path)
    else:
        save_file({key: value.contiguous() for key, value in tensors.items()}, path)


@pytest.mark.parametrize("form", ["flat", "training", "old", "scale as a vector", "safetensors"])
def test_every_published_form_gives_the_same_vectors(tiny, make_card, photos, tmp_path, form):
    path = tmp_path / "weights.any"  # the form is told by the bytes, not by the name
    _write(form, tiny.tensors, path)
    expected = KIND.load(make_card(), tiny.path, STRICT).encode_images(photos)
    assert (KIND.load(make_card(), path, STRICT).encode_images(photos) == expected).all()


def test_weights_in_half_precision_run_in_float32(tiny, make_card, photos, tmp_path):
    _write("half", tiny.tensors, tmp_path / "half.safetensors")
    ours = KIND.load(make_card(), tmp_path / "half.safetensors", STRICT)
    expected = KIND.load(make_card(), tiny.path, STRICT).encode_images(photos)
    assert (ours.encode_images(photos) * expected).sum(axis=1).min() > 0.999
    assert ours.fingerprint.precision == "float32"


def test_the_loaded_weights_do_not_hang_on_the_file(tiny, make_card, photos, tmp_path):
    path = tmp_path / "weights.pt"
    _write("flat", tiny.tensors, path)
    ours = KIND.load(make_card(), path, STRICT)
    before = ours.encode_images(photos)
    path.write_bytes(b"")  # a mapped file would end the process here
    assert (ours.encode_images(photos) == before).all()


class _Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["bare pickle", "torch", "old torch", "inside a checkpoint"])
def test_code_in_a_pickle_is_refused_before_it_runs(tiny, make_card, tmp_path, form):
    path, canary = tmp_path / "weights.pt", tmp_path / "canary"
    evil = _Canary(canary)
    if form == "bare pickle":
        path.write_bytes(pickle.dumps({"state_dict": evil}))
    elif form == "inside a checkpoint":
        torch.save({"state_dict": tiny.tensors, "optimizer": evil}, path)
    else:
        torch.save({"x": evil}, path, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(ModelError, match=r"(?s)holds more than tensors.*nothing of it was run"):
        KIND.load(make_card(), path, STRICT)
    assert not canary.exists()
    evil.__reduce__()[0](str(canary))  # the canary would have sung
    assert canary.exists()


def test_a_torchscript_program_is_refused(tmp_path):
    path = tmp_path / "program.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("program/data.pkl", b"")
        archive.writestr("program/constants.pkl", b"")
    with pytest.raises(ModelError, match="is a TorchScript program"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Sign in</html>", "is a web page, not weights"),
        (b"\n<html>Not found</html>", "is a web page, not weights"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            "pointer of a file kept by Git",
        ),
        (b"PK\x03\x04 and no more", "is cut or damaged"),
        (b"GGUF\x03\x00\x00\x00\x00\x00", "is neither a torch checkpoint nor safetensors"),
        ((10_000).to_bytes(8, "little") + b'{"a":', "it ends inside its header"),
        ((9).to_bytes(8, "little") + b'{"a":12}}', "is cut or damaged"),
        (b"\x80\x02}q\x00.", "is cut or damaged: Invalid magic number"),
        (b"\x80\x02]q\x00K\x01", "is cut or damaged"),
    ],
)
def test_what_is_no_weights_file_is_named_for_what_it_is(tmp_path, data, message):
    path = tmp_path / "weights.pt"
    path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        read_tensors(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("form", ["flat", "old", "safetensors"])
def test_a_file_that_is_cut_anywhere_is_refused(tiny, make_card, tmp_path, form):
    path = tmp_path / "weights"
    _write(form, tiny.tensors, path)
    whole = path.read_bytes()
    for share in (0.001, 0.1, 0.5, 0.9, 0.9999):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ModelError):
            KIND.load(make_card(), path, STRICT)


def test_a_packed_archive_is_not_taken_for_weights(tiny, tmp_path):
    path = tmp_path / "weights.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/epoch_20.pt", b"0" * 1000)
    with pytest.raises(ModelError, match="packed zip archive"):
        read_tensors(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", b"hello")
    with pytest.raises(ModelError, match="without a torch checkpoint in it"):
        read_tensors(path)


def test_entries_that_are_no_tensors_are_refused(tmp_path):
    path = tmp_path / "weights.pt"
    for nothing in ({}, [torch.zeros(2)], torch.zeros(2)):
        torch.save(nothing, path)
        with pytest.raises(ModelError, match="holds no tensors by name"):
            read_tensors(path)
    torch.save({"visual.proj": torch.zeros(2), "note": "hello"}, path)
    with pytest.raises(ModelError, match="1 entries that are no tensors, 'note' first"):
        read_tensors(path)


def test_keys_and_shapes_are_all_accounted_for(tiny, make_card, make_model, tmp_path):
    path = tmp_path / "weights.pt"
    spoiled = dict(tiny.tensors)
    del spoiled["ln_final.weight"]
    spoiled["extra.weight"] = torch.zeros(3)
    spoiled["text_projection"] = torch.zeros(32, 25)
    torch.save(spoiled, path)
    with pytest.raises(ModelError) as caught:
        KIND.load(make_card(), path, STRICT)
    said = str(caught.value)
    assert f"1 of {len(tiny.tensors)} tensors are missing (ln_final.weight)" in said
    assert "1 are not of this network (extra.weight)" in said
    assert "1 have another shape (text_projection is 32 x 25 and should be 32 x 24)" in said
    assert "https://example.com/tiny" in caught.value.hint


@pytest.mark.parametrize(
    ("keys", "likeness"),
    [
        ({"vision_model.embeddings.class_embedding": (8,)}, "in the layout of the transformers"),
        ({"image_backbone.proj": (8,)}, "a checkpoint of ITRA"),
        ({"visual.layer1.0.conv1.weight": (8,)}, "a ResNet CLIP"),
        (
            {"visual.conv1.weight": (1024, 3, 14, 14), "visual.positional_embedding": (577, 1024)},
            "a ViT-L-14 for 336 px",
        ),
        ({"text.transformer.embeddings.word_embeddings.weight": (9, 9)}, "a text tower of the"),
        ({"decoder.weight": (1,)}, "no CLIP (its first tensor is decoder.weight)"),
    ],
)
def test_a_foreign_file_is_told_by_its_keys(make_card, tmp_path, keys, likeness):
    path = tmp_path / "weights.pt"
    torch.save({key: torch.zeros(shape) for key, shape in keys.items()}, path)
    with pytest.raises(ModelError) as caught:
        KIND.load(make_card(), path, STRICT)
    assert likeness in str(caught.value)


def test_a_wider_network_is_recognised(make_card, make_model, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(make_model("tiny-wide").state_dict(), path)
    with pytest.raises(
        ModelError, match=r"It looks like a ViT-\(width 96\)-16 for 64 px, vectors of 24"
    ):
        KIND.load(make_card(), path, STRICT)


def test_another_hash_than_the_cards_is_refused_before_reading(make_card, tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"anything")
    card = make_card(weights=WeightsSource(file="tiny.pt", sha256="a" * 64))
    with pytest.raises(ModelError, match="has the sha256 ee0874.*known by aaaa"):
        KIND.load(card, path, STRICT)


def test_missing_files_and_cards_are_named(tmp_path):
    with pytest.raises(NotFound, match="there is no weights file"):
        load_encoder("remoteclip-vit-b-32", tmp_path / "none.pt")
    with pytest.raises(NotFound, match="there is no model 'clip'") as caught:
        load_encoder("clip", tmp_path / "none.pt")
    assert "remoteclip-rn50" in caught.value.hint


def test_an_unknown_architecture_is_a_typed_error(make_card, tiny):
    with pytest.raises(ModelError, match="is a ViT-Z-99, which open_clip"):
        KIND.load(make_card(architecture="ViT-Z-99"), tiny.path, STRICT)


def test_vectors_that_are_not_finite_are_refused(tiny, make_card, photos, tmp_path):
    path = tmp_path / "weights.pt"
    for value, word in ((float("nan"), "not finite"), (0.0, "is zero")):
        spoiled = dict(tiny.tensors)
        spoiled["visual.proj"] = torch.full_like(spoiled["visual.proj"], value)
        torch.save(spoiled, path)
        ours = KIND.load(make_card(), path, STRICT)
        with pytest.raises(ModelError, match=f"6 of 6 vectors without a direction.*{word}"):
            ours.encode_images(photos)


def test_a_failure_of_torch_is_a_typed_error(tiny, make_card, photos, monkeypatch):
    ours = KIND.load(make_card(), tiny.path, STRICT)

    def fail(pixels):
        raise torch.OutOfMemoryError("no room for 3 GiB\nmore words")

    monkeypatch.setattr(ours._network, "images", fail)
    with pytest.raises(ModelError, match="tiny failed on 6 images: no room for 3 GiB$"):
        ours.encode_images(photos)
    ours.close()
    with pytest.raises(ModelError, match="was closed"):
        ours.encode_texts(["a"])
