"""The parity files, the weights that their rule makes, and files in the published form."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

_ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def parity():
    """Folder of the parity files, beside that of the shared imagery."""
    data = Path(os.environ.get("EOAGENT_SHARED_DATA", _ROOT.parent / "shared" / "data"))
    folder = data.parent / "parity" / "remotesam"
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"no parity files at {folder}; set EOAGENT_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def manifest(parity):
    return json.loads((parity / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def expected(parity):
    with np.load(parity / "expected.npz", allow_pickle=False) as held:
        return dict(held)


@pytest.fixture(scope="session")
def rule(parity):
    """The module that makes weights and pictures, the same on every machine."""
    spec = importlib.util.spec_from_file_location("remotesam_parity_rule", parity / "rule.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def state_of(manifest, rule):
    """Return the state dict of a model of the manifest, with weights of the rule."""

    def make(model, *, salt=""):
        state = OrderedDict()
        for part in manifest["models"][model]["state_dict"].values():
            for key, (shape, kind) in part.items():
                state[key] = _tensor(rule, key, tuple(shape), kind, salt)
        return state

    return make


def _tensor(rule, key, shape, kind, salt):
    if kind == "float32":
        stem, _, leaf = key.rpartition(".")
        named = f"{stem}{salt}.{leaf}" if salt else key
        return torch.from_numpy(rule.weight(named, shape)).reshape(shape)
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    edge = round(shape[0] ** 0.5)
    at = np.stack(np.meshgrid(np.arange(edge), np.arange(edge), indexing="ij")).reshape(2, -1)
    down, right = at[:, :, None] - at[:, None, :] + edge - 1
    return torch.from_numpy(down * (2 * edge - 1) + right)


def save_as_published(state, path, **changes):
    """Write a training checkpoint: the network beside optimiser, arguments and schedule."""
    moments = {
        number: {
            "step": torch.tensor(9.0),
            "exp_avg": torch.zeros(value.shape),
            "exp_avg_sq": torch.zeros(value.shape),
        }
        for number, value in enumerate(list(state.values())[:40])
        if value.numel() < 100_000
    }
    held = {
        "model": OrderedDict(state),
        "optimizer": {
            "state": moments,
            "param_groups": [{"lr": 5e-5, "betas": (0.9, 0.999), "params": list(moments)}],
        },
        "epoch": 39,
        "args": argparse.Namespace(
            model="lavt_one", swin_type="base", window12=True, mha="", fusion_drop=0.0
        ),
        "lr_scheduler": {"last_epoch": 40, "_step_count": 41, "base_lrs": [5e-5]},
    }
    torch.save(held | changes, path)
    return path


@pytest.fixture(scope="session")
def as_published():
    return save_as_published


@pytest.fixture(scope="session")
def small_config(manifest):
    return manifest["models"]["small"]["config"]


@pytest.fixture(scope="session")
def small_state(state_of):
    return state_of("small")


@pytest.fixture(scope="session")
def small_file(small_state, tmp_path_factory):
    """The small model as a file in the published form."""
    return save_as_published(small_state, tmp_path_factory.mktemp("weights") / "small.pth")


@pytest.fixture(scope="session")
def small(small_file, small_config):
    """The small network, read from that file."""
    from eoagent.runners.remotesam import RemoteSam

    return RemoteSam.from_checkpoint(small_file, small_config)


@pytest.fixture(scope="session")
def inputs(manifest, rule):
    """Return picture, tokens and mask of a text of a model of the manifest."""

    def make(model, text):
        entry = manifest["models"][model]
        tokens = entry["inputs"]["tokens"][text]
        return SimpleNamespace(
            pixels=torch.from_numpy(rule.image(entry["config"]["side"])),
            ids=torch.tensor([tokens["ids"]]),
            mask=torch.tensor([tokens["mask"]]),
        )

    return make


TINY_CONFIG = {
    "embed_dim": 16,
    "depths": [2, 1, 1, 1],
    "num_heads": [1, 2, 2, 4],
    "window": 4,
    "side": 64,
    "bert": {
        "vocab_size": 40,
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "max_position_embeddings": 32,
    },
}


@pytest.fixture(scope="session")
def tiny_config():
    """Sizes of a network so small that it can be made many times."""
    return TINY_CONFIG


@pytest.fixture(scope="session")
def tiny_state(tiny_config):
    """A state dict of the tiny network, by published names, with seeded values."""
    from eoagent.runners.remotesam.names import published
    from eoagent.runners.remotesam.network import RemoteSam
    from eoagent.runners.remotesam.shape import NetworkShape

    network = RemoteSam(NetworkShape.of(tiny_config))
    random = torch.Generator().manual_seed(5)
    state = OrderedDict()
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            state[published(name)] = value
            continue
        drawn = torch.randn(value.shape, generator=random)
        if value.ndim == 1:
            around = 1.0 if name.endswith(("weight", "running_var")) else 0.0
            drawn = around + 0.1 * drawn
        else:  # a kernel of five dimensions begins with an axis of length 1
            one = value[0, 0] if value.ndim == 5 else value[0]
            drawn *= one.numel() ** -0.5
        state[published(name)] = drawn
    return state


@pytest.fixture
def tiny_file(tiny_state, tmp_path):
    return save_as_published(tiny_state, tmp_path / "tiny.pth")


@pytest.fixture(scope="session")
def tiny_words():
    """Entries of a vocabulary for the tiny network, in order."""
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = ["ship", "harbour", "air", "##plane", "in", "the", "image", "a", ".", "big", "##s"]
    return marks + words + [f"word{n}" for n in range(40 - len(marks) - len(words))]
