"""Models that are published as several files: imported, pulled, pinned, verified, refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace

import pytest

pytest.importorskip("transformers")

from eoagent.contracts.errors import ModelError, NotFound, SourceError
from eoagent.contracts.runner import Placement
from eoagent.io.origin import OriginGuard
from eoagent.runners import download as downloading
from eoagent.runners.filelist import (
    LIST_NAME,
    check_list,
    hash_files,
    read_list,
    shards_of,
    write_list,
)
from eoagent.runners.qwenvl.kind import KIND
from eoagent.runners.weights import ModelStore
from eoagent.runners.weightsfile import pinned

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHARD = "model-00002-of-00003.safetensors"


@pytest.fixture(scope="module")
def made(tiny_reasoner, tmp_path_factory):
    return tiny_reasoner.make_reasoner(tmp_path_factory.mktemp("made"), reply=tiny_reasoner.REPLY)


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "folder")


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "home")


@pytest.fixture
def card(tiny_reasoner):
    return tiny_reasoner.reasoner_card()


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_is_installed_with_the_hash_of_each_file(store, card, folder):
    (folder / "README.md").write_text("not of the model")
    (folder / "evil.py").write_text("raise SystemExit")
    reports = []
    found = store.import_weights(card, folder, progress=lambda *one: reports.append(one))
    wanted = {path.name for path in folder.iterdir()} - {"README.md", "evil.py"}
    kept = {path.name: one for path, one in found.files}
    assert set(kept) == wanted | {LIST_NAME}
    for name in wanted:
        assert kept[name].sha256 == _sha256(folder / name)
        assert kept[name].size_bytes == (folder / name).stat().st_size
    assert found.weights.name == LIST_NAME
    assert found.record.weights.sha256 == _sha256(found.weights)
    assert {one.name: one.sha256 for one in read_list(found.weights)} == {
        name: one.sha256 for name, one in kept.items() if name != LIST_NAME
    }
    assert store.verify(card.id) == ()
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert pinned(card, found.record).weights.sha256 == found.record.weights.sha256


def test_the_same_files_give_the_same_hash_from_wherever_they_come(store, card, folder, made):
    first = store.import_weights(card, folder)
    again = store.import_weights(card, made / "config.json")
    assert again.record.weights == first.record.weights


def test_a_file_that_was_changed_is_found_and_not_loaded(store, card, folder):
    found = store.import_weights(card, folder)
    path = found.weights.parent / SHARD
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    (problem,) = store.verify(card.id)
    assert SHARD in problem
    with pytest.raises(ModelError, match=f"{SHARD} is not the file that was installed"):
        KIND.load(pinned(card, found.record), found.weights, Placement())


def test_a_list_that_was_changed_is_not_loaded(store, card, folder):
    found = store.import_weights(card, folder)
    known = pinned(card, found.record)
    path = found.weights.parent / "config.json"
    path.write_text(path.read_text() + " ")
    names = [one.name for one in read_list(found.weights)]
    write_list(found.weights.parent, hash_files(found.weights.parent, names))
    with pytest.raises(ModelError, match=r"files\.json is not the file that was installed"):
        KIND.load(known, found.weights, Placement())


def test_other_files_than_the_installed_ones_are_refused(store, card, folder, tiny_reasoner):
    store.import_weights(card, folder)
    tiny_reasoner.make_reasoner(folder, reply="something else")
    with pytest.raises(ModelError, match="does not hold the files of tiny-reasoner that are") as no:
        store.import_weights(card, folder)
    assert "model-0000" in str(no.value)
    assert "remove the model" in no.value.hint
    assert store.verify(card.id) == ()


def test_a_hash_that_the_card_states_is_that_of_the_list(store, card, folder, tmp_path):
    wrong = card.model_copy(
        update={"weights": card.weights.model_copy(update={"sha256": "b" * 64})}
    )
    with pytest.raises(ModelError, match=r"for tiny-reasoner its card says bbbb"):
        store.import_weights(wrong, folder)
    found = store.import_weights(card, folder)
    other = ModelStore(tmp_path / "other")
    assert other.import_weights(pinned(card, found.record), folder).record.weights


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", SHARD])
def test_a_file_that_must_be_there_is_named(store, card, folder, name):
    (folder / name).unlink()
    with pytest.raises(NotFound, match=f"tiny-reasoner needs {name}, and there is no"):
        store.import_weights(card, folder)
    assert store.installed(card.id) is None


def test_weights_that_are_no_safetensors_are_refused(store, card, folder):
    for path in folder.glob("model*"):
        path.unlink()
    with pytest.raises(NotFound, match="holds no weights of tiny-reasoner: there is no model"):
        store.import_weights(card, folder)
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(NotFound) as caught:
        store.import_weights(card, folder)
    assert "only safetensors are loaded" in caught.value.hint
    with pytest.raises(NotFound, match="there is no folder"):
        store.import_weights(card, folder / "nowhere")


def test_one_weights_file_does_as_well(store, card, tiny_reasoner, tmp_path):
    folder = tiny_reasoner.make_reasoner(tmp_path / "one", reply="a", shard_size="10MB")
    assert not (folder / "model.safetensors.index.json").exists()
    found = store.import_weights(card, folder)
    assert "model.safetensors" in {path.name for path, _ in found.files}


def test_what_does_not_hold_the_model_is_not_installed(store, card, folder):
    document = json.loads((folder / "config.json").read_text())
    document["text_config"]["hidden_size"] = 32
    (folder / "config.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match=re.escape(f"the weights in {folder} are not those")):
        store.import_weights(card, folder)
    assert store.installed(card.id) is None
    assert not any((store.folder(card.id).parent / ".staging").iterdir())


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ("{}", "is no index of weights files: KeyError"),
        ("[", "is no index of weights files"),
        ('{"weight_map": {}}', "names 0 files"),
        ('{"weight_map": {"a": "../x.safetensors"}}', "names '../x.safetensors'"),
        ('{"weight_map": {"a": "x.bin"}}', "names 'x.bin'"),
        ('{"weight_map": {"a": "/etc/passwd"}}', "names '/etc/passwd'"),
    ],
)
def test_an_index_may_name_safetensors_beside_it_only(tmp_path, index, said):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(index)
    with pytest.raises(ModelError, match=said):
        shards_of(path)


def test_a_list_says_what_is_wrong_with_it(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    listed = write_list(tmp_path, hash_files(tmp_path, ["a"]))
    assert check_list(listed) == ("a",)
    (tmp_path / "a").unlink()
    with pytest.raises(NotFound, match="a is missing"):
        check_list(listed)
    document = json.loads(listed.read_text())
    document["files"] *= 2
    listed.write_text(json.dumps(document))
    with pytest.raises(ModelError, match="names a file twice"):
        read_list(listed)
    document["files"] = [document["files"][0] | {"name": "../a"}]
    listed.write_text(json.dumps(document))
    with pytest.raises(ModelError, match="is no list of the files of a model"):
        read_list(listed)
    with pytest.raises(NotFound, match="there is no list of files"):
        read_list(tmp_path / "nothing")


class Hub:
    """Answers as the hub does for one repository; large files have a hash, small ones none."""

    def __init__(self, folder):
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.asked = []
        self.lies = {}
        self.broken = set()

    def __call__(self, exchange):
        found = re.fullmatch(r"/someone/tiny-reasoner/resolve/([^/]+)/([^?]+)", exchange.path)
        name = found[2]
        self.asked.append((exchange.method, found[1], name))
        if name not in self.files:
            exchange.reply(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
            return
        if name in self.broken and exchange.method != "HEAD":
            exchange.reply(503)
            return
        body = self.files[name]
        is_large = name.endswith(".safetensors")
        sha256 = self.lies.get(name, hashlib.sha256(body).hexdigest())
        about = {"X-Repo-Commit": COMMIT, "ETag": f'"{sha256 if is_large else "small"}"'}
        if exchange.method == "HEAD":
            exchange.head(200, {**about, "Content-Length": len(body)})
            return
        first, stop = (int(part) for part in exchange.headers["range"][6:].split("-"))
        part = body[first : stop + 1]
        stated = f"bytes {first}-{first + len(part) - 1}/{len(body)}"
        exchange.head(206, {**about, "Content-Length": len(part), "Content-Range": stated})
        exchange.send(part)


@pytest.fixture
def hub(made):
    return Hub(made)


@pytest.fixture
def server(servers, hub, monkeypatch):
    patience = downloading.WEIGHTS_LIMITS
    quick = replace(patience, attempts=2, backoff_s=0.01)
    settings = {**downloading.download.__kwdefaults__, "limits": quick}
    monkeypatch.setattr(downloading.download, "__kwdefaults__", settings)
    with servers.Server(answer=hub) as one:
        yield one


def _pull(store, card, server):
    origins = OriginGuard(typed=[f"{server.origin}/"])
    return store.pull(card, endpoint=server.origin, origins=origins)


def test_a_pull_brings_all_files_of_one_commit(store, card, server, hub, made):
    found = _pull(store, card, server)
    kept = {path.name: path for path, _ in found.files}
    assert set(kept) == {path.name for path in made.iterdir()} | {LIST_NAME}
    for name, path in kept.items():
        if name != LIST_NAME:
            assert path.read_bytes() == hub.files[name]
    assert found.record.revision == COMMIT
    assert found.record.source == "someone/tiny-reasoner/model.safetensors.index.json"
    gets = {(revision, name) for method, revision, name in hub.asked if method == "GET"}
    assert gets == {(COMMIT, name) for name in hub.files}
    assert not (store.folder(card.id).parent / ".download" / card.id).exists()
    assert store.import_weights(card, made).record.weights == found.record.weights


def test_a_pull_that_broke_goes_on_where_it_was(store, card, server, hub):
    hub.broken = {SHARD}
    with pytest.raises(SourceError):
        _pull(store, card, server)
    first = [name for method, _, name in hub.asked if method == "GET"]
    assert "model-00001-of-00003.safetensors" in first
    hub.broken, hub.asked = set(), []
    _pull(store, card, server)
    again = [name for method, _, name in hub.asked if method == "GET"]
    assert "model-00001-of-00003.safetensors" not in again
    assert SHARD in again


def test_a_shard_that_is_not_what_the_hub_says_is_refused(store, card, server, hub):
    hub.lies = {SHARD: "c" * 64}
    with pytest.raises(ModelError, match=f"{SHARD} of tiny-reasoner .* its source says cccc"):
        _pull(store, card, server)
    assert store.installed(card.id) is None
