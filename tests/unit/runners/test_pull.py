"""Pulling weights from a hub on this machine that speaks the API of the public one."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile

import pytest
import torch

from eoagent.contracts.card import WeightsSource
from eoagent.contracts.errors import ModelError, NotFound, SourceError
from eoagent.io.origin import OriginGuard
from eoagent.runners import download as downloading
from eoagent.runners.weights import ModelStore

COMMIT = "0123456789abcdef0123456789abcdef01234567"
STEP = 1 << 20


class Hub:
    """Answers as the hub does; `spoil` may answer in its place and says so with True."""

    def __init__(self, files):
        self.files = files
        self.spoil = lambda exchange, name: False
        self.asked = []
        self.cdn = None

    def __call__(self, exchange):
        found = re.fullmatch(r"/someone/tiny/resolve/([^/]+)/([^?]+)", exchange.path)
        if exchange.path.startswith("/cdn/"):
            name = exchange.path.removeprefix("/cdn/")
        elif found is None:
            exchange.reply(404, X_Error_Code="RepoNotFound")
            return
        else:
            name = found[2]
        start = exchange.range[0] if exchange.range else 0
        self.asked.append((exchange.method, found[1] if found else "cdn", name, start))
        if self.spoil(exchange, name):
            return
        if found is not None and found[1] not in {"main", COMMIT}:
            exchange.reply(404, X_Error_Code="RevisionNotFound")
        elif name not in self.files:
            exchange.reply(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        else:
            self._give(exchange, name, is_hub=found is not None)

    def _give(self, exchange, name, *, is_hub):
        body = self.files[name]
        sha256 = hashlib.sha256(body).hexdigest()
        linked = {
            "X-Repo-Commit": COMMIT,
            "X-Linked-Etag": f'"{sha256}"',
            "X-Linked-Size": len(body),
            "Location": self.cdn.url(f"/cdn/{name}"),
            "Content-Length": 0,
        }
        if is_hub:
            exchange.head(302, linked)
            return
        first, stop = (int(part) for part in exchange.headers["range"][6:].split("-"))
        part = body[first : stop + 1]
        exchange.head(
            206,
            {
                "ETag": f'"{sha256}"',
                "Content-Length": len(part),
                "Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(body)}",
            },
        )
        exchange.send(part)


@pytest.fixture
def hub(tiny):
    return Hub({"tiny.pt": tiny.path.read_bytes()})


@pytest.fixture
def server(servers, hub, monkeypatch):
    small = downloading.WEIGHTS_LIMITS
    monkeypatch.setattr(downloading, "_STEP", STEP)
    monkeypatch.setattr(
        downloading.download,
        "__kwdefaults__",
        {
            **downloading.download.__kwdefaults__,
            "limits": type(small)(
                attempts=2,
                backoff_s=0.01,
                block_bytes=1 << 18,
                cache_bytes=1 << 18,
                request_bytes=STEP,
                silence_s=5,
                deadline_s=10,
            ),
        },
    )
    with servers.Server(answer=hub) as made, servers.Server(answer=hub) as cdn:
        hub.cdn = cdn  # the hub keeps large files on other hosts
        yield made


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "home")


def _pull(store, card, server, **more):
    cdn = server.answer.cdn.origin
    origins = OriginGuard(typed=[f"{server.origin}/"], allow_hosts=[cdn.removeprefix("http://")])
    return store.pull(card, endpoint=server.origin, origins=origins, **more)


def test_a_pull_pins_the_commit_that_it_saw(store, make_card, server, hub, tiny):
    reports = []
    found = _pull(store, make_card(), server, progress=lambda *one: reports.append(one))
    assert found.weights.read_bytes() == tiny.path.read_bytes()
    assert found.record.revision == COMMIT
    assert found.record.source == "someone/tiny/tiny.pt"
    assert found.record.weights.sha256 == hashlib.sha256(tiny.path.read_bytes()).hexdigest()
    assert hub.asked[0] == ("HEAD", "main", "tiny.pt", 0)
    assert {revision for method, revision, _, _ in hub.asked if method == "GET"} == {COMMIT, "cdn"}
    assert any("of 7 MB" in what for _, what in reports)
    assert all(0 <= done <= 1 for done, _ in reports)
    assert not (store.folder("tiny").parent / ".download" / "tiny").exists()


def test_what_is_installed_is_not_asked_for_again(store, make_card, server, hub):
    first = _pull(store, make_card(), server)
    hub.asked.clear()
    assert _pull(store, make_card(), server) == first
    assert store.pull(make_card(), offline=True) == first
    assert hub.asked == []


def test_a_pull_that_was_cut_goes_on_where_it_stopped(store, make_card, server, hub):
    size = len(hub.files["tiny.pt"])
    cut_at = size // 2

    def cut(exchange, name):
        if (
            exchange.path.startswith("/cdn/")
            and int(exchange.headers["range"][6:].split("-")[0]) >= cut_at
        ):
            exchange.head(206, {"Content-Length": 100, "Content-Range": "bytes 0-99/100"})
            exchange.drop()
            return True
        return False

    hub.spoil = cut
    with pytest.raises(SourceError):
        _pull(store, make_card(), server)
    assert store.installed("tiny") is None
    parts = list((store.folder("tiny").parent / ".download" / "tiny").glob("*.part"))
    got = parts[0].stat().st_size
    assert STEP <= got <= cut_at + STEP
    hub.spoil = lambda exchange, name: False
    hub.asked.clear()
    fetched = []
    original = hub._give

    def count(exchange, name, *, is_hub):
        if not is_hub:
            fetched.append(int(exchange.headers["range"][6:].split("-")[0]))
        original(exchange, name, is_hub=is_hub)

    hub._give = count
    found = _pull(store, make_card(), server)
    assert found.weights.read_bytes() == hub.files["tiny.pt"]
    assert [
        start for start in fetched[1:] if start < got - (1 << 18)
    ] == []  # the first byte probes


def test_a_cut_pull_begins_anew_when_the_file_is_another(
    store, make_card, server, hub, tiny, make_model, tmp_path
):
    hub.spoil = lambda exchange, name: (
        exchange.path.startswith("/cdn/")
        and not exchange.headers["range"].startswith("bytes=0-")
        and (exchange.reply(404) or True)
    )
    with pytest.raises(SourceError):
        _pull(store, make_card(), server)
    other = tmp_path / "other.pt"
    torch.save(make_model("tiny-quickgelu", seed=5).state_dict(), other)
    hub.files["tiny.pt"] = other.read_bytes()
    hub.spoil = lambda exchange, name: False
    assert _pull(store, make_card(), server).weights.read_bytes() == other.read_bytes()


def test_a_file_with_another_hash_than_the_cards_is_refused_and_forgotten(store, make_card, server):
    card = make_card(
        weights=WeightsSource(repository="someone/tiny", file="tiny.pt", sha256="c" * 64)
    )
    with pytest.raises(ModelError, match="its card says cccc"):
        _pull(store, card, server)
    assert store.installed("tiny") is None
    assert not (store.folder("tiny").parent / ".download" / "tiny").exists()


def test_bytes_that_are_not_what_the_hub_says_are_refused(store, make_card, server, hub):
    real = hub._give

    def lie(exchange, name, *, is_hub):
        if is_hub:
            exchange.head(
                302,
                {
                    "X-Repo-Commit": COMMIT,
                    "X-Linked-Etag": '"' + "d" * 64 + '"',
                    "X-Linked-Size": len(hub.files[name]),
                    "Location": hub.cdn.url(f"/cdn/{name}"),
                    "Content-Length": 0,
                },
            )
        else:
            real(exchange, name, is_hub=False)

    hub._give = lie
    with pytest.raises(ModelError, match="its source says dddd"):
        _pull(store, make_card(), server)


@pytest.mark.parametrize(
    ("status", "headers", "error", "message"),
    [
        (
            404,
            {"X_Error_Code": "EntryNotFound", "X_Repo_Commit": COMMIT},
            NotFound,
            "someone/tiny has no file tiny.pt",
        ),
        (404, {"X_Error_Code": "RepoNotFound"}, SourceError, "answers 404 .* no such repository"),
        (404, {"X_Error_Code": "RevisionNotFound"}, SourceError, "answers 404 .* or revision"),
        (401, {}, SourceError, "answers 401 .* it wants a login"),
        (403, {"X_Error_Code": "GatedRepo"}, SourceError, "answers 403 .* it refuses access"),
        (500, {}, SourceError, "answers 500 .* it failed"),
    ],
)
def test_a_refusal_of_the_hub_is_a_typed_error(
    store, make_card, server, hub, status, headers, error, message
):
    hub.spoil = lambda exchange, name: (
        exchange.head(
            status, {k.replace("_", "-"): v for k, v in headers.items()} | {"Content-Length": 0}
        )
        or True
    )
    with pytest.raises(error, match=message) as caught:
        _pull(store, make_card(), server)
    assert caught.value.hint
    assert store.installed("tiny") is None


def test_a_hub_that_names_no_commit_is_refused(store, make_card, server, hub):
    hub.spoil = lambda exchange, name: (
        exchange.head(200, {"ETag": '"x"', "Content-Length": 5}) or True
    )
    with pytest.raises(SourceError, match="served without a commit"):
        _pull(store, make_card(), server)


def test_another_commit_than_the_pinned_one_is_refused(store, make_card, server):
    weights = WeightsSource(repository="someone/tiny", file="tiny.pt", revision="f" * 40)
    with pytest.raises(SourceError, match="answers 404"):
        _pull(store, make_card(weights=weights), server)


def test_a_hub_that_is_not_there_is_a_typed_error(store, make_card, server):
    with pytest.raises(SourceError, match="could not be asked for") as caught:
        store.pull(make_card(), endpoint="http://127.0.0.1:9")
    assert "eoagent models import ID PATH" in caught.value.hint


def test_the_network_is_left_alone_when_that_is_asked(store, make_card, server, hub, monkeypatch):
    with pytest.raises(SourceError, match="the network is to be left alone") as caught:
        _pull(store, make_card(), server, offline=True)
    assert "eoagent models import tiny PATH" in caught.value.hint
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SourceError, match="the network is to be left alone"):
        _pull(store, make_card(), server)
    assert hub.asked == []


def test_the_environment_names_another_hub_or_none(server, tmp_path, hub):
    code = (
        "from pathlib import Path; import sys\n"
        "from eoagent.contracts.errors import EoAgentError\n"
        "from eoagent.runners.hub import hub_endpoint, is_offline, locate\n"
        "print(is_offline(), locate('someone/tiny', 'tiny.pt', revision='unknown', "
        "endpoint=hub_endpoint()).url)\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": server.origin, "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [
        "False",
        f"{server.origin}/someone/tiny/resolve/{COMMIT}/tiny.pt",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "from eoagent.runners.hub import is_offline; print(is_offline())"],
        env={**environment, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["True"]


def test_a_redirect_to_a_private_host_is_refused(store, make_card, server, hub, servers, tiny):
    with servers.Server(body=tiny.path.read_bytes()) as elsewhere:
        hub.spoil = lambda exchange, name: (
            exchange.head(
                302,
                {
                    "X-Repo-Commit": COMMIT,
                    "X-Linked-Etag": '"x"',
                    "X-Linked-Size": 5,
                    "Location": elsewhere.url("/secret"),
                    "Content-Length": 0,
                },
            )
            or True
        )
        with pytest.raises(SourceError, match="redirects to a place that is not open"):
            _pull(store, make_card(), server)
        assert elsewhere.requests == []


def test_the_other_name_of_a_file_is_tried(store, make_card, server, hub):
    weights = WeightsSource(repository="someone/tiny", file="tiny.safetensors")
    options = {"other_files": ["tiny.pt"], "beside": ["tokenizer.json"]}
    hub.files["tokenizer.json"] = b'{"x": 1}'
    found = _pull(store, make_card(weights=weights, options=options), server)
    assert found.record.source == "someone/tiny/tiny.pt"
    assert found.weights.name == "tiny.pt"
    assert (found.weights.parent / "tokenizer.json").read_bytes() == b'{"x": 1}'
    assert [kept.path.rpartition("/")[2] for kept in found.record.beside] == ["tokenizer.json"]


def test_the_usual_guard_trusts_the_hub_itself_and_no_other_private_host(
    store, make_card, server, hub
):
    with pytest.raises(SourceError, match="redirects to a place that is not open"):
        store.pull(make_card(), endpoint=server.origin)
    hub.spoil = lambda exchange, name: (
        exchange.method == "GET" and (hub._give(exchange, name, is_hub=False) or True)
    )
    found = store.pull(make_card(), endpoint=f"{server.origin}/")
    assert found.weights.read_bytes() == hub.files["tiny.pt"]


def test_an_archive_at_an_address_is_brought_through_the_guard(
    store, make_card, server, hub, tiny, tmp_path
):
    path = tmp_path / "run.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tiny.path, "run/epoch_20.pt")
    hub.files["run.zip"] = path.read_bytes()
    url = hub.cdn.url("/cdn/run.zip")
    card = make_card(weights=WeightsSource(url=url, file="run/epoch_20.pt"))
    with pytest.raises(SourceError, match="run.zip"):
        store.pull(card)  # a card may name public https hosts only
    assert hub.asked == []
    found = store.pull(card, origins=OriginGuard(typed=[url]))
    assert found.weights.read_bytes() == tiny.path.read_bytes()
    assert found.record.source == url


def test_a_card_without_a_place_says_how_else(store, make_card):
    with pytest.raises(NotFound, match="does not say where its weights are published") as caught:
        store.pull(make_card(weights=WeightsSource(file="tiny.pt")))
    assert "eoagent models import tiny PATH" in caught.value.hint
