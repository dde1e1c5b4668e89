"""A text tower with a tokenizer of its own: built without a network, read as data."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from eoagent.contracts.errors import ModelError, ModelMissing
from eoagent.contracts.runner import Placement
from eoagent.runners.clip import KIND
from eoagent.runners.clip.architecture import model_settings
from eoagent.runners.clip.tokens import make_tokenizer

WORDS = ["a", "harbour", "ein", "hafen", "mit", "schiffen", "un", "puerto", "con", "barcos", "港"]
TEXTS = ["a  harbour", "ein hafen mit schiffen", "un puerto con barcos", "港", "a " * 200]
STRICT = Placement(preprocessing="strict")


def _write_tokenizer(path):
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(path))


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory):
    """A small network with a text tower of XLM-RoBERTa, in the layout of the open_clip hub."""
    folder = tmp_path_factory.mktemp("multilingual")
    tower = folder / "tower"
    tower.mkdir()
    about = {
        "model_type": "xlm-roberta",
        "vocab_size": 40,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 90,
        "type_vocab_size": 1,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
    }
    (tower / "config.json").write_text(json.dumps(about))
    text = {
        "hf_model_name": str(tower),
        "hf_tokenizer_name": str(folder),
        "hf_pooler_type": "mean_pooler",
    }
    vision = {"image_size": 64, "layers": 2, "width": 64, "head_width": 16, "patch_size": 16}
    settings = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text}
    (folder / "tiny-xlm.json").write_text(json.dumps(settings))
    open_clip.add_model_config(folder / "tiny-xlm.json")
    _write_tokenizer(folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "pad_token": "<pad>",
                "bos_token": "<s>",
                "eos_token": "</s>",
                "unk_token": "<unk>",
            }
        )
    )
    torch.manual_seed(3)
    model = open_clip.create_model("tiny-xlm", pretrained_text=False).eval()
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return SimpleNamespace(
        folder=folder, model=model, weights=folder / "open_clip_pytorch_model.bin"
    )


@pytest.fixture
def card(make_card):
    return make_card(id="tiny-xlm", architecture="tiny-xlm", activation="gelu")


def test_vectors_of_a_multilingual_model_are_those_of_open_clip(multilingual, card, photos):
    ours = KIND.load(card, multilingual.weights, STRICT)
    tokens = open_clip.tokenizer.HFTokenizer(str(multilingual.folder), context_length=77)(TEXTS)
    transform = open_clip.image_transform(64, is_train=False)
    pixels = torch.stack([transform(Image.fromarray(photo)) for photo in photos])
    with torch.inference_mode():
        texts = torch.nn.functional.normalize(multilingual.model.encode_text(tokens), dim=-1)
        images = torch.nn.functional.normalize(multilingual.model.encode_image(pixels), dim=-1)
    assert torch.equal(make_tokenizer(card, multilingual.folder)(TEXTS), tokens)
    assert (ours.encode_texts(TEXTS) * texts.numpy()).sum(axis=1).min() >= 0.999_999
    assert (ours.encode_images(photos) * images.numpy()).sum(axis=1).min() >= 0.999_999


def test_half_precision_of_a_multilingual_model_is_close(multilingual, card):
    ours = KIND.load(card, multilingual.weights, STRICT).encode_texts(TEXTS)
    half = KIND.load(card, multilingual.weights, Placement(dtype="bfloat16")).encode_texts(TEXTS)
    assert (ours * half).sum(axis=1).min() >= 0.999


def test_position_numbers_of_older_files_are_left_out(multilingual, card, tmp_path):
    tensors = dict(multilingual.model.state_dict())
    tensors["text.transformer.embeddings.position_ids"] = torch.arange(90)[None]
    torch.save(tensors, tmp_path / "old.bin")
    _write_tokenizer(tmp_path / "tokenizer.json")
    ours = KIND.load(card, tmp_path / "old.bin", STRICT)
    expected = KIND.load(card, multilingual.weights, STRICT)
    assert np.array_equal(ours.encode_texts(TEXTS), expected.encode_texts(TEXTS))


def test_a_missing_tokenizer_is_named_with_the_command(multilingual, card, tmp_path):
    with pytest.raises(ModelMissing, match="tokenizer of its own, and there is no") as caught:
        make_tokenizer(card, tmp_path)
    assert caught.value.command == "eoagent models pull tiny-xlm"
    assert "put tokenizer.json of someone/tiny beside the weights" in caught.value.hint


@pytest.mark.parametrize("text", ["", "<html>", "{}", '{"version": "1.0", "model": 3}'])
def test_a_file_that_is_no_tokenizer_is_refused(card, tmp_path, text, multilingual):
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(ModelError, match="is no tokenizer"):
        make_tokenizer(card, tmp_path)


def test_no_configuration_beside_the_weights_is_followed(multilingual, card, tmp_path):
    """What would have other libraries run code of a repository is not even looked at."""
    canary = tmp_path / "canary"
    code = f"import os\nos.mkdir({str(canary)!r})\n"
    for name in ("modeling_evil.py", "tokenization_evil.py", "configuration_evil.py"):
        (tmp_path / name).write_text(code)
    evil = {
        "auto_map": {
            "AutoConfig": "configuration_evil.Evil",
            "AutoModel": "modeling_evil.Evil",
            "AutoTokenizer": ["tokenization_evil.Evil", None],
        },
        "trust_remote_code": True,
        "model_cfg": {"embed_dim": 9, "text_cfg": {"hf_model_name": "someone/evil"}},
    }
    for name in ("config.json", "open_clip_config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text(json.dumps(evil))
    _write_tokenizer(tmp_path / "tokenizer.json")
    weights = tmp_path / "open_clip_pytorch_model.bin"
    weights.write_bytes(multilingual.weights.read_bytes())
    ours = KIND.load(card, weights, STRICT)
    expected = KIND.load(card, multilingual.weights, STRICT)
    assert np.array_equal(ours.encode_texts(TEXTS), expected.encode_texts(TEXTS))
    assert not canary.exists()


def test_a_tokenizer_without_padding_is_refused(card, tmp_path, multilingual):
    Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ModelError, match="no token <pad>"):
        make_tokenizer(card, tmp_path)


def test_the_published_multilingual_network_needs_no_network_to_be_laid_out():
    """Its settings name a text tower of the hub; the sizes of that tower come with us."""
    card = next(card for card in KIND.cards() if card.id == "rs-m-clip")
    with torch.device("meta"):
        model = open_clip.CustomTextCLIP(**model_settings(card))
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    # Source: the configuration of xlm-roberta-base, and the two projections of open_clip.
    assert shapes["text.transformer.embeddings.word_embeddings.weight"] == (250_002, 768)
    assert shapes["text.transformer.embeddings.position_embeddings.weight"] == (514, 768)
    assert shapes["text.proj.2.weight"] == (512, 640)
    assert "text.transformer.encoder.layer.11.output.dense.weight" in shapes
    assert sum(v.numel() for v in model.parameters()) * 4 / 1e6 == pytest.approx(
        card.memory_mb, rel=0.01
    )
