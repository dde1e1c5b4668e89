"""What the folder of a model says of itself, and what is refused before anything is loaded."""

from __future__ import annotations

import json
import shutil

import pytest

from eoagent.contracts.errors import ModelError, NotFound
from eoagent.contracts.runner import Placement
from eoagent.runners.filelist import hash_files, write_list
from eoagent.runners.qwenvl import kind as kinds
from eoagent.runners.qwenvl.kind import KIND
from eoagent.runners.qwenvl.layout import read_layout


@pytest.fixture
def folder(scripted, tmp_path):
    return shutil.copytree(scripted, tmp_path / "copy")


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _change(path, **entries):
    document = json.loads(path.read_text()) | entries
    path.write_text(json.dumps(document))


def test_a_folder_tells_how_replies_are_written_and_where_the_weights_lie(folder):
    layout = read_layout(folder, _names(folder))
    assert layout.shards == tuple(sorted(path.name for path in folder.glob("*.safetensors")))
    assert layout.repetition_penalty == 1.05
    assert layout.stop_ids == (258, 256)
    (folder / "generation_config.json").unlink()
    bare = read_layout(folder, _names(folder))
    assert bare.repetition_penalty == 1.0
    assert bare.generation == {}


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "preprocessor_config.json",
        "tokenizer_config.json",
        "generation_config.json",
        "processor_config.json",
    ],
)
def test_a_file_that_names_code_is_refused_before_anything_is_loaded(
    folder, name, tiny_reasoner, monkeypatch
):
    path = folder / name
    held = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(held | {"deep": [{"auto_map": {"AutoModel": "evil.Model"}}]}))
    names = _names(folder)
    listed = write_list(folder, hash_files(folder, names))
    monkeypatch.setattr(kinds, "_part", lambda _: pytest.fail("something was loaded"))
    for act in (
        lambda card: KIND.check(card, listed),
        lambda card: KIND.load(card, listed, Placement()),
    ):
        with pytest.raises(ModelError, match=rf"{name} asks for code of its own \(auto_map\)"):
            act(tiny_reasoner.reasoner_card())


@pytest.mark.parametrize(
    "entries",
    [
        {"attn_implementation": "somebody/kernel"},
        {"_attn_implementation": {"": "sdpa", "text_config": "somebody/kernel:run"}},
        {"text_config": {"_attn_implementation_internal": "somebody/kernel"}},
        {"experts_implementation": ["a/b"]},
    ],
)
def test_compiled_code_of_a_hub_is_refused_as_code_is(folder, entries):
    _change(folder / "config.json", **entries)
    with pytest.raises(
        ModelError, match=r"config\.json asks for code of its own \(.*_implementation"
    ):
        read_layout(folder, _names(folder))


def test_attention_is_that_of_torch_whatever_the_configuration_says(folder):
    from eoagent.runners.qwenvl.loading import empty_network, load_network

    _change(folder / "config.json", attn_implementation="eager")
    layout = read_layout(folder, _names(folder))
    for network in (empty_network(layout), load_network(layout, Placement())):
        assert network.config._attn_implementation == "sdpa"
        assert network.config.get_text_config()._attn_implementation == "sdpa"


def test_another_kind_of_model_is_refused_by_its_name(folder):
    _change(folder / "config.json", model_type="qwen3_vl")
    with pytest.raises(ModelError, match="a model of the type 'qwen3_vl', not 'qwen2_5_vl'"):
        read_layout(folder, _names(folder))


def test_quantised_weights_are_refused(folder):
    _change(folder / "config.json", text_config={"quantization_config": {"quant_method": "awq"}})
    with pytest.raises(ModelError, match="holds quantised weights"):
        read_layout(folder, _names(folder))
    _change(folder / "config.json", quantization_config={"quant_method": "awq"})
    with pytest.raises(ModelError, match="holds quantised weights") as caught:
        read_layout(folder, _names(folder))
    assert 'quantise = "4bit"' in caught.value.hint


def test_what_is_missing_or_damaged_is_told(folder):
    with pytest.raises(NotFound, match=r"has no config\.json"):
        read_layout(folder, ["model.safetensors"])
    with pytest.raises(NotFound, match="holds no safetensors"):
        read_layout(folder, ["config.json"])
    _change(folder / "generation_config.json", repetition_penalty="much")
    with pytest.raises(ModelError, match="states a repetition_penalty of 'much'"):
        _ = read_layout(folder, _names(folder)).repetition_penalty
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer_config\.json is no JSON"):
        read_layout(folder, _names(folder))
    (folder / "tokenizer_config.json").write_text("[" * 40 + "]" * 40)
    with pytest.raises(ModelError, match="nested too deep to be looked through"):
        read_layout(folder, _names(folder))
    (folder / "config.json").write_text("[]")
    (folder / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ModelError, match="is no mapping"):
        read_layout(folder, _names(folder))
