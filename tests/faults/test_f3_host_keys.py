"""Fault row F3, keys of hosts: what signs a read is found in no byte that is written or shown.

Each of four hosts wants a key, and shouts what it was sent back in headers and bodies; the image
behind it is read, then refused. After that everything under the home and output folders, and
everything that was told, printed and logged, is searched for the keys, the tokens and the
signatures.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from eoagent import Agent
from eoagent.contracts.errors import EoAgentError

_TOKENS = {
    "bearer token of the file": "canaryB0b0b0zqXw",
    "earthdata token of a variable": "canaryE1e1e1zqXw",
    "subscription key": "canaryK2k2k2zqXw",
    "token of a container": "canaryS3s3s3zqXw",
    "id of a key of S3": "canaryI4i4i4zqXw",
    "key of S3": "canaryA5a5a5zqXw",
    "token of a session of S3": "canaryT6t6t6zqXw",
    "redirected signature": "canaryR7r7r7zqXw",
}
_VARIABLES = {
    "EARTHDATA_TOKEN": _TOKENS["earthdata token of a variable"],
    "PC_SDK_SUBSCRIPTION_KEY": _TOKENS["subscription key"],
    "AWS_ACCESS_KEY_ID": _TOKENS["id of a key of S3"],
    "AWS_SECRET_ACCESS_KEY": _TOKENS["key of S3"],
    "AWS_SESSION_TOKEN": _TOKENS["token of a session of S3"],
}

_QUESTION = "What is the mean NDVI?"
_ANSWER = "0.1253"
"""Of 20 of 60 columns of water at -0.5 (by hand), and of the rest in half the rows 0.765 and in half 0.111."""


class _Hosts:
    """A host for each kind of key; each believes its own and shouts what it was sent."""

    def __init__(self, servers, body):
        kinds = (self._vault, self._earth, self._sas, self._blob, self._bucket, self._open)
        self.all = [servers.Server(body, answer=answer) for answer in kinds]
        self.vault, self.earth, self.sas, self.blob, self.bucket, self.open = self.all
        self.is_shut = False
        self.signatures = set()

    def _admit(self, exchange, is_right):
        shout = json.dumps([exchange.path, exchange.headers])
        if is_right and not self.is_shut:
            exchange.right(X_Echo=shout)
        else:
            exchange.reply(403, shout.encode(), X_Echo=shout, WWW_Authenticate=shout)

    def _vault(self, exchange):
        token = _TOKENS["bearer token of the file"]
        self._admit(exchange, exchange.headers.get("authorization") == f"Bearer {token}")

    def _earth(self, exchange):
        token = _TOKENS["earthdata token of a variable"]
        if exchange.headers.get("authorization") != f"Bearer {token}" or self.is_shut:
            exchange.reply(302, Location=f"https://urs.earthdata.nasa.gov/oauth?t={token}")
        else:
            signed = self.open.url(f"/s.tif?X-Amz-Signature={_TOKENS['redirected signature']}")
            exchange.reply(303, Location=signed)

    def _open(self, exchange):
        self._admit(exchange, "authorization" not in exchange.headers)

    def _sas(self, exchange):
        is_right = exchange.headers.get("ocp-apim-subscription-key") == _TOKENS["subscription key"]
        expiry = (datetime.now(tz=UTC) + timedelta(hours=1)).isoformat()
        token = f"se=2030&sig={_TOKENS['token of a container']}"
        body = json.dumps({"msft:expiry": expiry, "token": token}).encode()
        exchange.reply(200 if is_right else 401, body)

    def _blob(self, exchange):
        self._admit(exchange, exchange.path.endswith(_TOKENS["token of a container"]))

    def _bucket(self, exchange):
        sent = exchange.headers.get("authorization", "")
        self.signatures.add(sent.rpartition("Signature=")[2])
        is_right = _TOKENS["id of a key of S3"] in sent and "x-amz-security-token" in sent
        self._admit(exchange, is_right)

    @property
    def settings(self):
        """What a user writes into `eoagent.toml`."""

        def host(server):
            return server.origin.removeprefix("http://")

        return f"""
            allow_hosts = ["127.0.0.1"]
            [stac."{host(self.vault)}"]
            auth = "bearer"
            token = "{_TOKENS["bearer token of the file"]}"
            [stac."{host(self.earth)}"]
            auth = "earthdata"
            [stac."planetarycomputer.microsoft.com"]
            auth = "planetary-computer"
            endpoint = "{self.sas.url("/api/sas/v1/token")}"
            blobs = ["{host(self.blob)}"]
            [stac."s3://naip"]
            auth = "requester-pays"
            region = "us-west-2"
            endpoint = "{self.bucket.origin}"
        """

    @property
    def images(self):
        """An image behind each kind of key."""
        return [
            self.vault.url("/a/scene.tif"),
            self.earth.url("/b/scene.tif"),
            self.blob.url("/account/items/scene.tif"),
            "s3://naip/c/scene.tif",
        ]


@pytest.fixture
def hosts(servers, scene, monkeypatch):
    for name, value in _VARIABLES.items():
        monkeypatch.setenv(name, value)
    made = _Hosts(servers, scene.read_bytes())
    with ExitStack() as stack:
        for server in made.all:
            stack.enter_context(server)
        yield made


def _search(canaries, texts, *folders):
    found = []
    for canary in canaries:
        found += [f"{canary} in {where}" for where, text in texts.items() if canary in text]
        found += [
            f"{canary} in {path.relative_to(folder)}"
            for folder in folders
            for path in sorted(folder.rglob("*"))
            # The settings are the user's own, and the one place where a key was written down.
            if path.is_file()
            and path.name != "eoagent.toml"
            and canary.encode() in path.read_bytes()
        ]
    return "\n".join(found)


def _ask(agent, href, out):
    """Ask about an image and return all that is shown, whatever comes of it."""
    try:
        events = list(agent.stream(_QUESTION, images=[href], out_dir=out))
    except EoAgentError as error:
        return f"{error!r} {error.explain()} {error.__cause__!r}"
    answer = events[-1].data
    answer.save(out)
    return f"{events!r} {answer.record!r} {answer.text} {answer.warnings} {answer._repr_html_()}"


def test_no_key_of_a_host_is_found_in_what_an_agent_leaves_or_shows(hosts, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG, logger="eoagent")
    home, out = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    (home / "eoagent.toml").write_text(hosts.settings, encoding="utf-8")
    agent = Agent("offline", home=home)
    told = {}
    for place, href in enumerate(hosts.images):
        told[f"read {place}"] = _ask(agent, href, out / f"read {place}")
        assert _ANSWER in told[f"read {place}"], told[f"read {place}"][-2000:]
    hosts.is_shut = True
    for place, href in enumerate(hosts.images):
        told[f"refused {place}"] = _ask(agent, f"{href}.other.tif", out / f"refused {place}")
        assert "[stac." in told[f"refused {place}"], told[f"refused {place}"][-2000:]
    shop = agent.workshop
    told |= {
        "agent": f"{vars(agent)!r} {shop!r} {shop.settings!r} {shop.settings.model_dump_json()}",
        "runs": repr([shop.ledger.get_run(run.id) for run in shop.ledger.list_runs()]),
        "log": caplog.text,
        "printed": "".join(capfd.readouterr()),
    }
    assert len(hosts.signatures) > 1
    found = _search({*_TOKENS.values(), *hosts.signatures} - {""}, told, home, out)
    assert not found, found


def test_no_key_of_a_host_is_found_in_what_the_command_line_leaves_or_shows(hosts, tmp_path):
    home, out, here = tmp_path / "home", tmp_path / "out", tmp_path / "here"
    for folder in (home, here):
        folder.mkdir()
    (here / "eoagent.toml").write_text(hosts.settings, encoding="utf-8")
    told = {}

    def run(name, *arguments):
        ended = subprocess.run(
            [sys.executable, "-m", "eoagent", *arguments],
            cwd=here,
            env={**os.environ, "EOAGENT_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        told[name] = ended.stdout + ended.stderr
        return told[name]

    images = [word for href in hosts.images for word in ("--image", href)]
    assert _ANSWER in run("read", "-v", "ask", _QUESTION, *images[:2], "--out", str(out))
    hosts.is_shut = True
    assert "[stac." in run("refused", "-v", "ask", _QUESTION, *images[4:6], "--out", str(out))
    (here / "eoagent.toml").write_text(
        f'[stac."a.example"]\nauth = "{_TOKENS["key of S3"]}"', encoding="utf-8"
    )
    assert "auth is none of those known" in run("settings", "ask", _QUESTION, *images[:2])
    found = _search({*_TOKENS.values(), *hosts.signatures} - {""}, told, home, out)
    assert not found, found
