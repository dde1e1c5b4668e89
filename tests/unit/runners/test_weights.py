"""Installed weights: brought in from a file, checked, pinned, verified, removed."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from eoagent.contracts.card import UNKNOWN, WeightsSource
from eoagent.contracts.errors import InputError, ModelError, ModelMissing, NotFound, SourceError
from eoagent.runners.weights import ModelStore
from eoagent.runners.weightsfile import pinned


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tree(folder):
    return sorted(
        str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"
    )


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "home")


@pytest.fixture
def card(make_card):
    return make_card()


def test_a_file_is_installed_with_a_record_that_pins_it(store, card, tiny, tmp_path):
    reports = []
    found = store.import_weights(card, tiny.path, progress=lambda *one: reports.append(one))
    assert found.weights.read_bytes() == tiny.path.read_bytes()
    assert found.weights != tiny.path
    assert found.record.weights.sha256 == _sha256(tiny.path)
    assert found.record.weights.size_bytes == tiny.path.stat().st_size
    assert found.record.source == str(tiny.path)
    assert found.record.revision == UNKNOWN
    assert store.installed("tiny") == found
    assert store.require("tiny") == found
    assert store.verify("tiny") == ()
    assert pinned(card, found.record).weights.sha256 == _sha256(tiny.path)
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    digits = _sha256(tiny.path)[:16]
    assert _tree(tmp_path / "home" / "models") == [f"tiny/{digits}/tiny.pt", "tiny/record.json"]
    assert json.loads((store.folder("tiny") / "record.json").read_text())["card"] == "tiny"


def test_what_is_not_installed_says_both_commands(store):
    assert store.installed("tiny") is None
    with pytest.raises(ModelMissing, match="the weights of tiny are not installed") as caught:
        store.require("tiny")
    assert caught.value.command == "eoagent models pull tiny"
    assert "eoagent models import tiny PATH" in caught.value.hint
    with pytest.raises(ModelMissing):
        store.verify("tiny")
    assert store.remove("tiny") is False


def test_another_hash_than_the_cards_is_refused(store, make_card, tiny, tmp_path):
    card = make_card(weights=WeightsSource(file="tiny.pt", sha256="b" * 64))
    with pytest.raises(ModelError, match=f"{_sha256(tiny.path)}.*for tiny its card says bbbb"):
        store.import_weights(card, tiny.path)
    assert _tree(tmp_path / "home") == []


def test_the_first_import_pins_the_hash(store, card, tiny, make_model, tmp_path):
    found = store.import_weights(card, tiny.path)
    other = tmp_path / "other.pt"
    torch.save(make_model("tiny-quickgelu", seed=9).state_dict(), other)
    with pytest.raises(ModelError, match=f"the installed one has {_sha256(tiny.path)}") as caught:
        store.import_weights(card, other)
    assert "remove the model first" in caught.value.hint
    assert store.installed("tiny") == found
    assert store.import_weights(card, tiny.path).record.weights == found.record.weights
    assert store.remove("tiny") is True
    assert store.installed("tiny") is None
    assert store.import_weights(card, other).record.weights.sha256 == _sha256(other)


def test_a_refusal_names_the_file_that_was_given_and_the_card(store, card, tmp_path):
    path = tmp_path / "from me.pt"
    path.write_text("<html>Please sign in</html>")
    with pytest.raises(ModelError) as refused:
        store.import_weights(card, path)
    assert str(refused.value) == f"{path} is a web page, not weights"
    assert refused.value.hint == "take the published file: eoagent models pull tiny"


@pytest.mark.parametrize("wrong", ["other network", "web page", "cut", "missing"])
def test_what_does_not_hold_leaves_everything_as_it_was(
    store, card, tiny, make_model, tmp_path, wrong
):
    path = tmp_path / "offered.pt"
    if wrong == "other network":
        torch.save(make_model("tiny-wide").state_dict(), path)
    elif wrong == "web page":
        path.write_text("<html>Please sign in</html>")
    elif wrong == "cut":
        path.write_bytes(tiny.path.read_bytes()[:-1000])
    with pytest.raises(NotFound if wrong == "missing" else ModelError):
        store.import_weights(card, path)
    assert _tree(tmp_path / "home") == []
    assert store.installed("tiny") is None


def test_the_suffix_of_a_repacked_file_is_kept(store, card, tiny, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({key: value.contiguous() for key, value in tiny.tensors.items()}, path)
    assert store.import_weights(card, path).weights.name == "tiny.safetensors"
    assert store.verify("tiny") == ()


def _archive(path, member, tensors):
    state = {f"module.{key}": value for key, value in tensors.items()}
    inner = path.with_name("epoch_20.pt")
    torch.save({"epoch": 20, "state_dict": state}, inner)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/params.txt", "lr: 1e-5")
        archive.write(inner, member)
    return inner


def test_the_archive_of_a_training_run_is_unpacked(store, make_card, tiny, tmp_path):
    member = "run/epoch_20.pt"
    inner = _archive(tmp_path / "run.zip", member, tiny.tensors)
    card = make_card(weights=WeightsSource(url="https://example.com/run.zip", file=member))
    found = store.import_weights(card, tmp_path / "run.zip")
    assert found.weights.name == "epoch_20.pt"
    assert found.record.weights.sha256 == _sha256(inner)
    store.remove("tiny")
    assert store.import_weights(card, inner).record.weights.sha256 == _sha256(inner)


def test_an_archive_that_would_grow_beyond_reason_is_refused(store, make_card, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/epoch_20.pt", bytes(5_000_000))
    card = make_card(weights=WeightsSource(url="https://example.com/x.zip", file="run/epoch_20.pt"))
    with pytest.raises(ModelError, match="bytes that would become 5000000"):
        store.import_weights(card, path)


def test_a_damaged_archive_is_refused(store, make_card, tiny, tmp_path):
    member, path = "run/epoch_20.pt", tmp_path / "run.zip"
    _archive(path, member, tiny.tensors)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    card = make_card(weights=WeightsSource(url="https://example.com/run.zip", file=member))
    with pytest.raises(ModelError, match="is cut or damaged"):
        store.import_weights(card, path)


def test_what_belongs_beside_the_weights_must_be_there(store, make_card, tiny, tmp_path):
    card = make_card(options={"beside": ["tokenizer.json"]})
    path = tmp_path / "tiny.pt"
    path.write_bytes(tiny.path.read_bytes())
    with pytest.raises(NotFound, match=r"tiny needs tokenizer\.json beside its weights") as caught:
        store.import_weights(card, path)
    assert "someone/tiny" in caught.value.hint
    (tmp_path / "tokenizer.json").write_text("{}")
    found = store.import_weights(card, path)
    assert (found.weights.parent / "tokenizer.json").read_text() == "{}"
    (found.weights.parent / "tokenizer.json").write_text("[]")
    assert "tokenizer.json has the sha256" in store.verify("tiny")[0]


def test_verify_names_every_file_that_changed(store, card, tiny):
    found = store.import_weights(card, tiny.path)
    data = bytearray(found.weights.read_bytes())
    data[-100] ^= 1
    found.weights.write_bytes(data)
    (problem,) = store.verify("tiny")
    assert str(found.weights) in problem
    assert found.record.weights.sha256 in problem
    found.weights.write_bytes(data[:-1])
    (problem,) = store.verify("tiny")
    assert f"has {len(data) - 1} bytes, {len(data)} were installed" in problem
    with pytest.raises(SourceError, match="bytes"):
        store.installed("tiny")
    found.weights.unlink()
    assert "is missing" in store.verify("tiny")[0]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '{"card": "tiny", "weights": {"path": "../../../etc/passwd"}}'],
)
def test_a_damaged_record_is_refused(store, card, tiny, text):
    store.import_weights(card, tiny.path)
    record = store.folder("tiny") / "record.json"
    record.write_text(text)
    with pytest.raises(SourceError, match="is no record of weights") as caught:
        store.installed("tiny")
    assert "pull or import it again" in caught.value.hint


def test_a_record_cannot_point_out_of_its_folder(store, card, tiny):
    store.import_weights(card, tiny.path)
    record = store.folder("tiny") / "record.json"
    about = json.loads(record.read_text())
    for path in ("../tiny.pt", "/etc/passwd", "0123456789abcdef/../../x", "0123456789abcdef/.x"):
        about["weights"]["path"] = path
        record.write_text(json.dumps(about))
        with pytest.raises(SourceError, match="is no record of weights"):
            store.installed("tiny")


@pytest.mark.parametrize("name", ["", "../x", ".download", "A", "a/b", "-x"])
def test_a_name_that_is_no_id_is_refused(store, name):
    with pytest.raises(InputError, match="is no id of a model"):
        store.installed(name)


def test_a_disk_that_refuses_leaves_the_installed_model_alone(
    store, card, tiny, tmp_path, monkeypatch
):
    """Every call that moves or makes something fails once; the old state stands each time."""
    found = store.import_weights(card, tiny.path)
    for name, nth in itertools.product(("replace", "mkdir", "fsync"), range(1, 6)):
        calls = []
        real = getattr(os, name)

        def fail(*args, _real=real, _nth=nth, _calls=calls, **more):
            _calls.append(1)
            if len(_calls) == _nth:
                raise OSError(28, "No space left on device")
            return _real(*args, **more)

        with monkeypatch.context() as patched:
            patched.setattr(os, name, fail)
            said = ""
            try:
                store.import_weights(card, tiny.path)
            except SourceError as error:
                said = str(error)
        assert ("no space left" in said) == (len(calls) >= nth)
        now = store.installed("tiny")
        assert now is not None
        assert now.record.weights == found.record.weights
        assert store.verify("tiny") == ()
    assert not list((tmp_path / "home" / "models" / ".staging").iterdir())
