"""Tiny models of the kind of Qwen2.5-VL, in their folders, installed, and loaded."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("transformers")

from eoagent.contracts.runner import Placement
from eoagent.runners.qwenvl.kind import KIND
from eoagent.runners.weights import ModelStore
from eoagent.runners.weightsfile import pinned


@pytest.fixture(scope="session")
def scripted(tiny_reasoner, tmp_path_factory):
    """Folder of the model that always says REPLY."""
    return tiny_reasoner.make_reasoner(
        tmp_path_factory.mktemp("scripted"), reply=tiny_reasoner.REPLY
    )


@pytest.fixture(scope="session")
def noisy(tiny_reasoner, tmp_path_factory):
    """Folder of the model whose weights are random, which punishes repetition hard."""
    return tiny_reasoner.make_reasoner(
        tmp_path_factory.mktemp("noisy"), positions=1024, repetition_penalty=1.3
    )


@pytest.fixture(scope="session")
def make_loaded(tiny_reasoner, tmp_path_factory):
    """Install a folder and load it, with changes to the options of its card."""

    def make(folder, **options):
        store = ModelStore(tmp_path_factory.mktemp("home"))
        plain = tiny_reasoner.reasoner_card()
        card = plain.model_copy(update={"options": {**plain.options, **options}})
        installed = store.import_weights(card, folder)
        known = pinned(card, installed.record)
        runner = KIND.load(known, installed.weights, Placement())
        return SimpleNamespace(runner=runner, card=known, installed=installed, folder=folder)

    return make


@pytest.fixture(scope="session")
def talker(make_loaded, scripted):
    """The scripted model, loaded."""
    return make_loaded(scripted).runner


@pytest.fixture(scope="session")
def babbler(make_loaded, noisy):
    """The random model, loaded."""
    return make_loaded(noisy).runner


@pytest.fixture
def picture():
    """Return random pictures of a height and width."""
    rng = np.random.default_rng(3)
    return lambda height=84, width=56: rng.integers(0, 255, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def item():
    """Return an item of the task `chat`, a user's words and pictures."""

    def make(*parts, max_tokens=60, **more):
        return {"messages": [("user", parts)], "max_tokens": max_tokens, **more}

    return make
