"""The network: built as the published configuration says, and filled with nothing but its weights."""

from __future__ import annotations

import importlib.util
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from eoagent.contracts.errors import InputError, ModelError, ModelMissing
from eoagent.contracts.runner import Placement
from eoagent.runners.qwenvl.layout import Layout, read_layout
from eoagent.runners.qwenvl.loading import (
    check_shapes,
    empty_network,
    load_network,
    load_processor,
)

# As the hub has it, flat: see https://huggingface.co/Qwen/Qwen2.5-VL-7B-Instruct
PUBLISHED_7B = {
    "model_type": "qwen2_5_vl",
    "architectures": ["Qwen2_5_VLForConditionalGeneration"],
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "max_position_embeddings": 128000,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "tie_word_embeddings": False,
    "image_token_id": 151655,
    "video_token_id": 151656,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "vision_config": {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 3584,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "window_size": 112,
        "patch_size": 14,
        "spatial_merge_size": 2,
    },
}


@pytest.fixture
def folder(scripted, tmp_path):
    return shutil.copytree(scripted, tmp_path / "copy")


def _layout(folder):
    return read_layout(folder, sorted(path.name for path in folder.iterdir()))


def test_the_published_configuration_gives_the_published_number_of_parameters(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED_7B))
    layout = Layout(folder=tmp_path, shards=(), config=PUBLISHED_7B, generation={})
    network = empty_network(layout)
    assert sum(one.numel() for one in network.parameters()) == 8_292_166_656
    assert {one.device.type for one in network.parameters()} == {"meta"}
    text = network.config.get_text_config()
    assert text.max_position_embeddings == 128_000
    assert text.rope_parameters["mrope_section"] == [16, 24, 24]


def test_weights_of_the_network_are_taken_as_they_are(scripted):
    network = load_network(_layout(scripted), Placement())
    files = [load_file(path) for path in sorted(scripted.glob("*.safetensors"))]
    held = {name: value for file in files for name, value in file.items()}
    assert torch.equal(network.lm_head.weight, held["lm_head.weight"])
    assert sum(one.numel() for one in network.parameters()) == sum(
        one.numel() for one in held.values()
    )
    assert not any(one.requires_grad for one in network.parameters())
    assert not network.training


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_that_of_the_placement(scripted, dtype, monkeypatch):
    from eoagent.runners.qwenvl import loading

    monkeypatch.setattr(loading, "arithmetic", lambda placement: placement.dtype)
    network = load_network(_layout(scripted), Placement(dtype=dtype))
    assert network.dtype == getattr(torch, dtype)


def test_shapes_are_compared_without_reading_the_weights(folder):
    check_shapes(_layout(folder))
    path = folder / "model-00003-of-00003.safetensors"
    held = load_file(path)
    first = min(held)
    save_file({**held, first: held[first][:-1].contiguous()}, path)
    with pytest.raises(
        ModelError, match="not those of its config.json: of 57 tensors 1 are missing, and 1 others"
    ):
        check_shapes(_layout(folder))
    save_file({name: one for name, one in held.items() if name != first}, path)
    with pytest.raises(
        ModelError, match="1 are missing, and 0 others are there; the first missing"
    ):
        check_shapes(_layout(folder))
    with pytest.raises(ModelError, match="1 missing"):
        load_network(_layout(folder), Placement())


def test_weights_that_are_no_floats_or_no_weights_are_refused(folder):
    path = folder / "model-00003-of-00003.safetensors"
    held = load_file(path)
    save_file({name: one.to(torch.int8) for name, one in held.items()}, path)
    with pytest.raises(ModelError, match="as I8"):
        check_shapes(_layout(folder))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="could not be read as weights"):
        check_shapes(_layout(folder))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_network(_layout(folder), Placement())


def test_a_tied_head_may_be_kept_once(folder):
    document = json.loads((folder / "config.json").read_text())
    document["tie_word_embeddings"] = True
    document["text_config"]["tie_word_embeddings"] = True
    (folder / "config.json").write_text(json.dumps(document))
    check_shapes(_layout(folder))
    for path in folder.glob("*.safetensors"):
        held = load_file(path)
        if held.pop("lm_head.weight", None) is not None:
            save_file(held, path, metadata={"format": "pt"}) if held else path.unlink()
    check_shapes(_layout(folder))


def test_a_configuration_that_cannot_be_built_is_refused(folder):
    document = json.loads((folder / "config.json").read_text())
    document["text_config"]["num_attention_heads"] = "many"
    (folder / "config.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match="cannot be built"):
        empty_network(_layout(folder))


def test_a_tokenizer_without_its_words_is_refused_and_not_made_up(folder, tiny_reasoner):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(
        ModelError, match=r"reads '<\|image_pad\|>' as \d+, and .* as \d+"
    ) as caught:
        load_processor(_layout(folder))
    assert "tokenizer.json" in caught.value.hint


def test_a_processor_needs_its_files(folder):
    assert load_processor(_layout(folder)).image_processor.patch_size == 14
    (folder / "chat_template.json").unlink()
    with pytest.raises(ModelError, match="reads no pictures or has no chat template"):
        load_processor(_layout(folder))
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match="the processor in .* cannot be loaded"):
        load_processor(_layout(folder))


def test_four_bits_need_libraries_that_are_named(scripted, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "bitsandbytes" else found(name, *more),
    )
    with pytest.raises(ModelMissing, match="weights in four bits need") as caught:
        load_network(_layout(scripted), Placement(), quantise="4bit")
    assert caught.value.command == "pip install bitsandbytes accelerate"
    with pytest.raises(InputError, match="cannot be kept as '2bit'"):
        load_network(_layout(scripted), Placement(), quantise="2bit")
