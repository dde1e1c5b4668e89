"""Weights files: what is read, what is refused, and that no code of a file is ever run."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

from eoagent.contracts.errors import InputError, ModelError, NotFound, SourceError
from eoagent.io.atomic import hash_file
from eoagent.runners.remotesam import RemoteSam, convert_checkpoint


class Canary:
    """Makes a file when it is unpickled by a reader that runs code."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch '{self.path}'",))


class CanarySetState:
    """The same by way of its state."""

    def __init__(self, path):
        self.path = path

    def __setstate__(self, state):
        Path(state["path"]).touch()


def _run(network, config):
    side = config["side"]
    random = torch.Generator().manual_seed(3)
    pixels = torch.randn(1, 3, side, side, generator=random)
    with torch.inference_mode():
        return network(pixels, torch.tensor([[2, 5, 9, 3]]), torch.tensor([[1, 1, 1, 1]]))


def test_a_published_file_gives_the_network_that_its_tensors_make(
    tiny_file, tiny_state, tiny_config
):
    from eoagent.runners.remotesam.names import published

    network = RemoteSam.from_checkpoint(tiny_file, tiny_config)
    for name, value in network.state_dict().items():
        assert torch.equal(value, tiny_state[published(name)]), name
    out = _run(network, tiny_config)
    assert out.shape == (1, 2, 64, 64)
    assert not network.training
    assert not any(value.requires_grad for value in network.parameters())
    assert not any(value.is_meta for value in (*network.parameters(), *network.buffers()))


def test_the_network_keeps_its_values_when_the_file_is_cut_short_later(tiny_file, tiny_config):
    network = RemoteSam.from_checkpoint(tiny_file, tiny_config)
    before = _run(network, tiny_config)
    os.truncate(tiny_file, 100)
    assert torch.equal(_run(network, tiny_config), before)


def test_parts_that_lead_nowhere_and_constants_may_be_there(
    tiny_state, tiny_config, tmp_path, as_published
):
    more = OrderedDict(tiny_state)
    more["text_encoder.embeddings.position_ids"] = torch.arange(32)[None]
    more["text_encoder.pooler.dense.weight"] = torch.zeros(32, 32)
    more["backbone.layers.3.res_gate.0.weight"] = torch.zeros(128, 128)
    at = torch.arange(16)
    down = at[:, None] // 4 - at[None, :] // 4 + 3
    right = at[:, None] % 4 - at[None, :] % 4 + 3
    more["backbone.layers.0.blocks.1.attn.relative_position_index"] = 7 * down + right
    for name in [name for name in more if name.endswith("num_batches_tracked")]:
        del more[name]
    path = as_published(more, tmp_path / "more.pth")
    plain = RemoteSam.from_checkpoint(as_published(tiny_state, tmp_path / "plain.pth"), tiny_config)
    assert torch.equal(
        _run(RemoteSam.from_checkpoint(path, tiny_config), tiny_config), _run(plain, tiny_config)
    )


def test_a_bare_state_dict_and_the_old_form_are_read_too(tiny_state, tiny_config, tmp_path):
    torch.save(tiny_state, tmp_path / "bare.pth")
    torch.save({"model": tiny_state}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    bare = RemoteSam.from_checkpoint(tmp_path / "bare.pth", tiny_config)
    old = RemoteSam.from_checkpoint(tmp_path / "old.pth", tiny_config)
    assert torch.equal(_run(bare, tiny_config), _run(old, tiny_config))


@pytest.mark.parametrize("canary", [Canary, CanarySetState])
@pytest.mark.parametrize("where", ["model", "optimizer", "args"])
@pytest.mark.parametrize("is_zip", [True, False])
def test_a_file_with_code_is_refused_before_it_runs(
    tiny_state, tiny_config, tmp_path, as_published, canary, where, is_zip
):
    trap = tmp_path / "sprung"
    held = {"model": tiny_state, "optimizer": {}, "args": None, where: canary(trap)}
    if where == "model":
        held["model"] = {**tiny_state, "extra": canary(trap)}
    path = tmp_path / "trap.pth"
    torch.save(held, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(ModelError, match="trap.pth could not be read as weights") as caught:
        RemoteSam.from_checkpoint(path, tiny_config)
    assert "no code is run" in caught.value.hint
    assert not trap.exists()


def test_a_plain_pickle_with_code_is_refused_before_it_runs(tmp_path, tiny_config):
    trap = tmp_path / "sprung"
    path = tmp_path / "RemoteSAMv1.pth"
    path.write_bytes(pickle.dumps({"model": Canary(trap)}))
    with pytest.raises(ModelError, match="could not be read as weights"):
        RemoteSam.from_checkpoint(path, tiny_config)
    with pytest.raises(ModelError, match="could not be read as weights"):
        convert_checkpoint(path, tmp_path / "slim.safetensors", config=tiny_config)
    assert not trap.exists()


def test_the_trap_of_these_tests_would_spring(tmp_path):
    trap = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Canary(trap)))
    assert trap.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 and nothing", b"\x80\x02", b"no weights at all", b"\x08" + bytes(7) + b"{"],
)
def test_a_damaged_file_is_refused(tmp_path, tiny_config, content):
    path = tmp_path / "bad.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="bad.pth could not be read as weights"):
        RemoteSam.from_checkpoint(path, tiny_config)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tiny_file, tiny_config, share):
    os.truncate(tiny_file, int(tiny_file.stat().st_size * share))
    with pytest.raises(ModelError, match="could not be read as weights"):
        RemoteSam.from_checkpoint(tiny_file, tiny_config)


def test_a_slim_file_cut_short_is_refused(tiny_file, tiny_config, tmp_path):
    slim = tmp_path / "slim.safetensors"
    convert_checkpoint(tiny_file, slim, config=tiny_config)
    os.truncate(slim, slim.stat().st_size // 2)
    with pytest.raises(ModelError, match="could not be read as weights"):
        RemoteSam.from_checkpoint(slim)


def test_what_is_no_checkpoint_is_refused(tmp_path, tiny_config):
    for held, said in [
        ([1, 2], "holds a list"),
        ({"model": 5}, "holds no tensors by name"),
        ({"model": {"a": "text"}}, "holds what is no tensor: a"),
    ]:
        torch.save(held, tmp_path / "odd.pth")
        with pytest.raises(ModelError, match=said):
            RemoteSam.from_checkpoint(tmp_path / "odd.pth", tiny_config)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFound, match="no weights file at .*absent.pth"):
        RemoteSam.from_checkpoint(tmp_path / "absent.pth")


def test_another_hash_is_refused_before_the_file_is_read(tmp_path, tiny_config):
    path = tmp_path / "RemoteSAMv1.pth"
    path.write_bytes(b"not even weights")
    with pytest.raises(ModelError, match="sha256 0{64} was expected, [0-9a-f]{64} was found"):
        RemoteSam.from_checkpoint(path, tiny_config, sha256="0" * 64)


def test_the_right_hash_is_taken_in_either_case(tiny_file, tiny_config):
    right = hash_file(tiny_file)[0]
    RemoteSam.from_checkpoint(tiny_file, tiny_config, sha256=right.upper())


def _refused(state, config, tmp_path, as_published):
    path = as_published(state, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="does not hold the weights of this network") as caught:
        RemoteSam.from_checkpoint(path, config)
    return caught.value


def test_missing_unexpected_and_misshapen_tensors_are_counted_and_named(
    tiny_state, tiny_config, tmp_path, as_published
):
    state = OrderedDict(tiny_state)
    del state["backbone.patch_embed.norm.bias"]
    state["backbone.strange"] = torch.zeros(2)
    state["classifier.conv1_1.bias"] = torch.zeros(3)
    said = str(_refused(state, tiny_config, tmp_path, as_published))
    assert "1 missing (backbone.patch_embed.norm.bias)" in said
    assert "1 unexpected (backbone.strange)" in said
    assert "1 of another shape (classifier.conv1_1.bias is (3,) and not (2,))" in said


def test_another_size_is_refused_and_told(tiny_state, tiny_config, tmp_path, as_published):
    other = {**tiny_config, "depths": [2, 1, 2, 1]}
    error = _refused(tiny_state, other, tmp_path, as_published)
    assert "missing" in str(error)
    assert error.hint == "the file has embed_dim 16, window 4 and depths [2, 1, 1, 1]"


def test_the_published_sizes_are_taken_where_none_are_given(tiny_file):
    with pytest.raises(ModelError, match="does not hold the weights of this network"):
        RemoteSam.from_checkpoint(tiny_file)


def test_other_architectures_are_refused_with_the_reason(
    tiny_state, tiny_config, tmp_path, as_published
):
    foreign = OrderedDict({"image_encoder.patch_embed.proj.weight": torch.zeros(2, 3, 4, 4)})
    assert "no file of RemoteSAM" in _refused(foreign, tiny_config, tmp_path, as_published).hint
    textless = {k: v for k, v in tiny_state.items() if not k.startswith("text_encoder.")}
    assert "no text encoder" in _refused(textless, tiny_config, tmp_path, as_published).hint
    lavt = {k: v for k, v in tiny_state.items() if ".cim." not in k}
    assert "cross-scale" in _refused(lavt, tiny_config, tmp_path, as_published).hint


def test_another_count_of_window_positions_is_refused(
    tiny_state, tiny_config, tmp_path, as_published
):
    state = OrderedDict(tiny_state)
    state["backbone.layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(16, 16).long()
    path = as_published(state, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="counts the positions in its windows in another way"):
        RemoteSam.from_checkpoint(path, tiny_config)


def test_values_that_are_not_finite_or_no_floats_are_refused(
    tiny_state, tiny_config, tmp_path, as_published
):
    name = "backbone.norm1.weight"
    state = OrderedDict(tiny_state)
    state[name] = torch.full_like(tiny_state[name], torch.nan)
    path = as_published(state, tmp_path / "nan.pth")
    with pytest.raises(ModelError, match=f"{name} that are not finite"):
        RemoteSam.from_checkpoint(path, tiny_config)
    state[name] = torch.ones_like(tiny_state[name]).long()
    path = as_published(state, tmp_path / "whole.pth")
    with pytest.raises(ModelError, match="as torch.int64, not as floats"):
        RemoteSam.from_checkpoint(path, tiny_config)


def test_a_slim_copy_holds_the_network_only_and_gives_the_same(tiny_file, tiny_config, tmp_path):
    slim = tmp_path / "deep" / "slim.safetensors"
    sha256 = convert_checkpoint(tiny_file, slim, config=tiny_config)
    assert sha256 == hash_file(slim)[0]
    assert [path.name for path in slim.parent.iterdir()] == ["slim.safetensors"]
    assert not any("num_batches" in name for name in load_file(slim))
    before = RemoteSam.from_checkpoint(tiny_file, tiny_config)
    after = RemoteSam.from_checkpoint(slim, sha256=sha256)  # it states its sizes itself
    assert after.shape == before.shape
    assert torch.equal(_run(after, tiny_config), _run(before, tiny_config))


def test_a_half_slim_copy_is_smaller_and_gives_nearly_the_same(tiny_file, tiny_config, tmp_path):
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    convert_checkpoint(tiny_file, whole, config=tiny_config)
    convert_checkpoint(tiny_file, half, config=tiny_config, dtype="float16")
    assert half.stat().st_size < 0.7 * whole.stat().st_size
    kinds = {name: value.dtype for name, value in load_file(half).items()}
    assert kinds["backbone.patch_embed.proj.weight"] is torch.float16
    assert kinds["backbone.cim.bn.running_var"] is torch.float32
    exact = _run(RemoteSam.from_checkpoint(whole), tiny_config)
    near = _run(RemoteSam.from_checkpoint(half), tiny_config)
    assert 0 < (exact - near).abs().max() < 0.05


def test_values_too_large_for_half_are_refused(tiny_state, tiny_config, tmp_path, as_published):
    state = OrderedDict(tiny_state)
    state["classifier.conv1_1.weight"] = torch.full((2, 64, 1, 1), 1e6)
    path = as_published(state, tmp_path / "large.pth")
    with pytest.raises(ModelError, match="too large for float16"):
        convert_checkpoint(path, tmp_path / "half.safetensors", config=tiny_config, dtype="float16")
    assert not (tmp_path / "half.safetensors").exists()


def test_a_slim_copy_has_its_ending(tiny_file, tmp_path):
    with pytest.raises(InputError, match="ends in .safetensors, got slim.pth"):
        convert_checkpoint(tiny_file, tmp_path / "slim.pth")


def test_a_slim_copy_that_cannot_be_written_leaves_nothing(tiny_file, tiny_config, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match="cannot be written"):
        convert_checkpoint(tiny_file, tmp_path / "file" / "s.safetensors", config=tiny_config)


def test_sizes_that_a_slim_copy_states_wrongly_are_refused(tiny_file, tiny_config, tmp_path):
    slim = tmp_path / "slim.safetensors"
    convert_checkpoint(tiny_file, slim, config=tiny_config)
    tensors = load_file(slim)
    with safe_open(slim, framework="pt") as file:
        stated = file.metadata()
    for config, kind in [("[1]", ModelError), ("{", ModelError), ('{"embed_dim": -1}', InputError)]:
        save_file(tensors, slim, metadata={**stated, "config": config})
        with pytest.raises(kind):
            RemoteSam.from_checkpoint(slim)
    save_file(
        tensors,
        slim,
        metadata={**stated, "config": json.dumps({**tiny_config, "embed_dim": 32})},
    )
    with pytest.raises(ModelError, match="does not hold the weights of this network"):
        RemoteSam.from_checkpoint(slim)


def test_the_published_form_is_a_zip_whose_optimiser_is_not_read(
    tiny_file, tiny_state, tiny_config
):
    """The bytes of a moment are spoilt; the network does not notice."""
    data = bytearray(tiny_file.read_bytes())
    with zipfile.ZipFile(tiny_file) as held:
        entries = [one for one in held.infolist() if "/data/" in one.filename]
        assert len(entries) > sum(value.is_floating_point() for value in tiny_state.values())
        # the tensors of the network come first, those of the optimiser after them
        last = [one for one in entries if one.file_size > 1000][-1]
    header = data[last.header_offset : last.header_offset + 30]
    at = (
        last.header_offset + 30 + sum(int.from_bytes(header[n : n + 2], "little") for n in (26, 28))
    )
    before = _run(RemoteSam.from_checkpoint(tiny_file, tiny_config), tiny_config)
    data[at : at + last.file_size] = b"\xff" * last.file_size
    tiny_file.write_bytes(data)
    with pytest.raises(zipfile.BadZipFile), zipfile.ZipFile(tiny_file) as held:
        held.read(last.filename)  # it is spoilt indeed
    after = _run(RemoteSam.from_checkpoint(tiny_file, tiny_config), tiny_config)
    assert torch.equal(after, before)
