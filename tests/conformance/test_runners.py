"""The exam for runners: every kind that is installed keeps to its protocol and to its cards."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from eoagent import plugins
from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import ModelError, NotFound
from eoagent.contracts.runner import Placement

NAMES = list(plugins.find("eoagent.runners"))


@pytest.fixture(params=NAMES)
def kind(request):
    return request.param, plugins.load("eoagent.runners", request.param)


def test_there_is_a_kind_of_runner():
    assert "clip" in NAMES


def test_a_kind_has_cards_of_its_own_name(kind):
    name, loaded = kind
    cards = loaded.cards()
    assert cards
    assert all(isinstance(card, ModelCard) and card.kind == name for card in cards)
    assert [card.id for card in cards] == sorted({card.id for card in cards})
    for card in cards:
        assert card.summary.endswith("."), card.id
        assert card.licence, card.id
        assert card.homepage.startswith("https://"), card.id
        assert ModelCard.model_validate_json(card.model_dump_json()) == card


def test_a_file_that_is_not_there_is_not_found(kind, tmp_path):
    _, loaded = kind
    for card in loaded.cards():
        with pytest.raises(NotFound):
            loaded.load(card, tmp_path / "none.pt", Placement())


@pytest.mark.parametrize("data", [b"", b"<html></html>", b"\x80\x04}.", b"PK\x03\x04", b"x" * 100])
def test_a_file_that_holds_no_weights_is_an_error_of_the_model(kind, tmp_path, data):
    _, loaded = kind
    path = tmp_path / "weights.pt"
    path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        loaded.load(loaded.cards()[0], path, Placement())
    assert str(path) in str(caught.value)


def test_reading_all_cards_imports_nothing_heavy():
    heavy = ["torch", "torchvision", "open_clip", "transformers", "huggingface_hub", "safetensors"]
    code = (
        "import json, sys; from eoagent.runners.registry import all_cards; all_cards();"
        f"print(json.dumps([m for m in {heavy!r} if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == []


def test_without_torch_the_command_that_adds_it_is_named(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"\x80\x02}.")
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['open_clip'] = None\n"
        "from eoagent.contracts.errors import ModelMissing\n"
        "from eoagent.runners.clip import load_encoder\n"
        "try:\n"
        "    load_encoder('remoteclip-vit-b-32', sys.argv[1])\n"
        "except ModelMissing as error:\n"
        "    print(error.command)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "weights.pt")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "pip install 'eoagent[models]'"
