"""A build over hosts that want keys: it reads what they open, and no byte of the index holds one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from eoagent.contracts.indexing import BuildRequest
from eoagent.io.access import AccessBook
from eoagent.io.access_rules import read_rules
from eoagent.io.origin import OriginGuard
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.upkeep import TileUpkeep

KEYS = {
    "token": "canary88bearerZq",
    "AWS_ACCESS_KEY_ID": "canary88idZq",
    "AWS_SECRET_ACCESS_KEY": "canary88secretZq",
}


class Hosts:
    """A catalog that wants a token, and a bucket whose readers pay; both shout what they were sent."""

    def __init__(self, servers, pictures):
        self.vault = servers.Server(answer=self._vault)
        self.bucket = servers.Server(answer=self._bucket)
        self.pictures = [path.read_bytes() for path in sorted(pictures.iterdir())]
        self.signatures = set()
        self.is_shut = False

    def _give(self, exchange, is_right, body):
        exchange.server.body = body
        shout = json.dumps([exchange.path, exchange.headers])
        if is_right:
            exchange.right(X_Echo=shout)
        else:
            exchange.reply(403, shout.encode(), X_Echo=shout)

    def _vault(self, exchange):
        is_right = exchange.headers.get("authorization") == f"Bearer {KEYS['token']}"
        is_items = exchange.path.endswith(".json")
        body = json.dumps(self.items()).encode() if is_items else self.pictures[0]
        self._give(exchange, is_right, body)

    def _bucket(self, exchange):
        sent = exchange.headers.get("authorization", "")
        self.signatures.add(sent.rpartition("Signature=")[2])
        is_right = KEYS["AWS_ACCESS_KEY_ID"] in sent and not self.is_shut
        self._give(exchange, is_right, self.pictures[1])

    def items(self):
        hrefs = [self.vault.url("/a.tif"), "s3://naip/b.tif"]
        ring = [[15.0, 46.0], [15.1, 46.0], [15.1, 46.1], [15.0, 46.1], [15.0, 46.0]]
        return {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "stac_version": "1.0.0",
                    "id": f"item{number}",
                    "collection": "c",
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                    "bbox": [15.0, 46.0, 15.1, 46.1],
                    "properties": {"datetime": "2024-07-01T10:00:00Z"},
                    "links": [],
                    "assets": {"data": {"href": href, "type": "image/tiff; application=geotiff"}},
                }
                for number, href in enumerate(hrefs)
            ],
        }

    def surroundings(self, around):
        rules = read_rules(
            {
                self.vault.origin.removeprefix("http://"): {
                    "auth": "bearer",
                    "token": KEYS["token"],
                },
                "s3://naip": {
                    "auth": "requester-pays",
                    "region": "us-west-2",
                    "endpoint": self.bucket.origin,
                },
            }
        )
        hosts = ("127.0.0.1",)
        guard = OriginGuard([self.vault.url("/")], allow_hosts=hosts, access=AccessBook(rules))
        return replace(around(), origins=guard, host_access=rules, allow_hosts=hosts)


@pytest.fixture
def hosts(servers, pictures, monkeypatch):
    for name, value in KEYS.items():
        if name.isupper():
            monkeypatch.setenv(name, value)
    made = Hosts(servers, pictures)
    with made.vault, made.bucket:
        yield made


def leaks(hosts, folder):
    canaries = {*KEYS.values(), *hosts.signatures} - {""}
    return [
        (canary, path.relative_to(folder).as_posix())
        for path in folder.rglob("*")
        if path.is_file()
        for canary in canaries
        if canary.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_index_is_built_from_hosts_that_want_keys_and_holds_none(
    hosts, around, tmp_path, workers
):
    folder = tmp_path / "home" / "coast"
    upkeep = TileUpkeep(folder, hosts.surroundings(around))
    report = upkeep.build(BuildRequest(source=hosts.vault.url("/items.json"), workers=workers))
    assert (report.items, report.quarantined) == (2, ())
    assert report.added > 0
    assert len(hosts.signatures) > 0
    with Snapshot.open(folder) as snapshot:
        hrefs = {row for one in snapshot.segments for row in _hrefs(one)}
    assert hrefs == {hosts.vault.url("/a.tif"), f"{hosts.bucket.origin}/naip/b.tif"}
    assert leaks(hosts, tmp_path / "home") == []
    assert not [key for key in KEYS.values() if key in repr(report) + repr(upkeep)]


def _hrefs(segment):
    return segment.table(np.arange(segment.rows)).column("href").to_pylist()


def test_a_host_that_refuses_is_quarantined_with_the_setting_to_make_and_no_key(
    hosts, around, tmp_path
):
    hosts.is_shut = True
    folder = tmp_path / "home" / "coast"
    upkeep = TileUpkeep(folder, hosts.surroundings(around))
    report = upkeep.build(BuildRequest(source=hosts.vault.url("/items.json")))
    assert len(report.quarantined) == 1
    assert "403" in report.quarantined[0]
    assert leaks(hosts, tmp_path / "home") == []
    assert not [key for key in KEYS.values() if key in repr(report)]
