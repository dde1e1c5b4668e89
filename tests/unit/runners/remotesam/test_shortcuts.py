"""What is computed in a shorter way than published, beside the long way in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch.nn import functional

from eoagent.runners.remotesam import checkpoint
from eoagent.runners.remotesam.decoder import Conv, Norm
from eoagent.runners.remotesam.fusion import _normalised_sum
from eoagent.runners.remotesam.rotation import RotatedConv
from eoagent.runners.remotesam.shape import TextShape
from eoagent.runners.remotesam.text import TextEncoder
from eoagent.runners.remotesam.winograd import conv3x3, pays

SIDES = st.integers(1, 19)


@settings(deadline=None, max_examples=40)
@given(SIDES, SIDES, st.integers(1, 5), st.integers(1, 4), st.booleans())
@torch.inference_mode()
def test_the_short_convolution_is_the_plain_one(height, across, channels, batch, is_shared):
    torch.manual_seed(height * 100 + across)
    grid = torch.randn(batch, channels, height, across)
    kernels = torch.randn(1 if is_shared else batch, 3, channels, 3, 3)
    found = conv3x3(grid, kernels)
    for number in range(batch):
        kernel = kernels[number % len(kernels)].double()
        exact = functional.conv2d(grid[number].double(), kernel, padding=1)
        assert torch.allclose(found[number].double(), exact, atol=2e-4, rtol=0)


@torch.inference_mode()
def test_strips_of_a_large_map_join_without_a_seam():
    torch.manual_seed(2)
    grid = torch.randn(1, 64, 150, 131).contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(1, 96, 64, 3, 3) / 24
    found = conv3x3(grid, kernel)
    exact = functional.conv2d(grid.double(), kernel[0].double(), padding=1)
    error = (found.double() - exact).abs()
    assert error.max() < 5e-5
    assert found.is_contiguous(memory_format=torch.channels_last) or found.shape[-1] % 4


def test_it_is_taken_only_where_it_is_exact_enough_and_needs_no_gradient():
    grid = torch.zeros(1, 64, 4, 4)
    assert not pays(grid), "gradients are asked for"
    with torch.inference_mode():
        assert pays(grid)
        assert not pays(grid[:, :63])
        assert not pays(grid.bfloat16())
        with torch.autocast("cpu", torch.bfloat16):
            assert not pays(grid)


@pytest.mark.parametrize("make", [lambda: Conv(64, 80), lambda: RotatedConv(64)])
def test_both_ways_of_a_decoder_layer_agree(make):
    torch.manual_seed(3)
    layer = make()
    for parameter in layer.parameters():
        parameter.data.normal_(std=0.2)
    grid = torch.randn(2, 64, 14, 14)
    with torch.inference_mode():
        short = layer(grid)
    plain = layer(grid).detach()
    assert short.shape == plain.shape
    assert torch.allclose(short, plain, atol=1e-4 * float(plain.abs().max()))


def test_both_ways_of_the_normalisation_agree():
    torch.manual_seed(4)
    layer = Norm(5).eval()
    for values in (layer.weight.data, layer.bias.data, layer.running_mean):
        values.normal_()
    layer.running_var.uniform_(0.1, 3)
    grid = torch.randn(2, 5, 3, 4)
    plain = layer(grid).detach()
    with torch.inference_mode():
        assert torch.allclose(layer(grid.clone()), plain, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 2), st.integers(2, 40), st.integers(1, 20), st.integers(1, 9))
@torch.inference_mode()
def test_normalising_before_the_sum_is_normalising_after_it(batch, tokens, words, width):
    torch.manual_seed(tokens * 31 + words)
    shares = torch.softmax(torch.randn(batch, tokens, words) * 2, dim=-1)
    values = torch.randn(batch, words, width)
    sums = (shares.double() @ values.double()).transpose(1, 2)
    exact = functional.instance_norm(sums, eps=1e-5).transpose(1, 2)
    assert torch.allclose(_normalised_sum(shares, values).double(), exact, atol=1e-4)


@torch.inference_mode()
def test_the_text_encoder_is_that_of_transformers():
    from transformers import BertConfig, BertModel

    torch.manual_seed(5)
    sizes = {
        "vocab_size": 50, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
        "intermediate_size": 40, "max_position_embeddings": 16,
    }  # fmt: skip
    theirs = BertModel(BertConfig(**sizes, hidden_act="gelu"), add_pooling_layer=False).eval()
    ours = TextEncoder(TextShape(**sizes)).eval()
    wanted = theirs.state_dict()
    short = {"out": "attention.output.dense", "out_norm": "attention.output.LayerNorm"}
    short |= {"wide": "intermediate.dense", "narrow": "output.dense"}
    short |= {"narrow_norm": "output.LayerNorm"}
    short |= {name: f"attention.self.{name}" for name in ("query", "key", "value")}
    state = {}
    for name in ours.state_dict():
        if name.startswith("layers."):
            _, layer, part, leaf = name.split(".")
            state[name] = wanted[f"encoder.layer.{layer}.{short[part]}.{leaf}"]
        else:
            state[name] = wanted[name.replace(".norm.", ".LayerNorm.")]
    assert len(state) == len([name for name in wanted if "position_ids" not in name])
    ours.load_state_dict(state)
    ids = torch.randint(0, 50, (3, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    exact = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
    found = ours(ids, mask)
    assert torch.allclose(found[mask > 0], exact[mask > 0], atol=1e-5)


def test_a_slim_file_is_read_whole_however_little_is_mapped(tmp_path, monkeypatch):
    held = {f"part{n}": torch.full((7, n + 1), float(n)) for n in range(9)}
    save_file(held, tmp_path / "w.safetensors")
    monkeypatch.setattr(checkpoint, "_MOST_MAPPED", 40)
    found = checkpoint.read_weights(tmp_path / "w.safetensors").tensors
    assert sorted(found) == sorted(held)
    assert len(found) == 9
    assert all(torch.equal(found[name], value) for name, value in held.items())
    assert "part9" not in found
