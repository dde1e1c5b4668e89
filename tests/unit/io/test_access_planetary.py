"""The Planetary Computer: a token for each container, asked for when it is needed, kept nowhere."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Outgoing
from eoagent.io.access import AccessBook
from eoagent.io.access_planetary import container_of
from eoagent.io.access_rules import read_rules
from eoagent.io.origin import OriginGuard
from eoagent.io.remote import RemoteLimits, open_remote, read_bytes

FAST = RemoteLimits(backoff_s=0.01, deadline_s=5)
KEY = "canary55key"


class Planet:
    """The service that gives tokens, and the storage that believes only the newest of them."""

    def __init__(self, servers):
        self.server = servers.Server(bytes(range(256)) * 20, answer=self.answer)
        self.asked = []
        self.reads = []
        self.given = 0
        self.lives = timedelta(hours=1)
        self.spoil = None
        self.believes = True

    @property
    def token(self):
        return f"st=2026&se=2027&sp=r&sig=canary55sas{self.given}%3D"

    def answer(self, exchange):
        if exchange.path.startswith("/api/"):
            self.asked.append(exchange)
            self.sign(exchange)
            return
        self.reads.append(exchange.path)
        if self.believes and exchange.path.partition("?")[2].endswith(self.token):
            exchange.right()
        else:
            exchange.reply(403, b"AuthenticationFailed")

    def sign(self, exchange):
        if self.spoil is not None:
            self.spoil(exchange)
            return
        self.given += 1
        expiry = (datetime.now(tz=UTC) + self.lives).isoformat().replace("+00:00", "Z")
        body = json.dumps({"msft:expiry": expiry, "token": self.token})
        exchange.reply(200, body.encode(), Content_Type="application/json")


@pytest.fixture
def planet(servers):
    made = Planet(servers)
    with made.server:
        yield made


def guard_of(planet, **more):
    section = {
        "auth": "planetary-computer",
        "endpoint": planet.server.url("/api/sas/v1/token"),
        "blobs": [planet.server.origin.removeprefix("http://")],
    }
    rules = read_rules({"planetarycomputer.microsoft.com": section | more})
    return OriginGuard([planet.server.origin + "/"], access=AccessBook(rules, environ={}))


def blob(planet, name="a/b.tif", container="items"):
    return planet.server.url(f"/sentinel2/{container}/{name}")


def test_a_file_is_read_by_signed_ranges_while_every_record_stays_unsigned(planet, caplog):
    caplog.set_level(logging.DEBUG)
    guard = guard_of(planet)
    admitted = guard.admit(blob(planet))
    with open_remote(admitted, guard, limits=RemoteLimits(block_bytes=1024)) as file:
        file.seek(3000)
        assert file.read(100) == planet.server.body[3000:3100]
        told = f"{admitted!r} {file.gdal_name} {file.etag} {caplog.text}"
    assert all("sig=canary55sas1%3D" in path for path in planet.reads)
    assert [exchange.path for exchange in planet.asked] == ["/api/sas/v1/token/sentinel2/items"]
    assert admitted.href == admitted.url == blob(planet)
    assert "canary55" not in told


def test_one_token_serves_a_container_and_each_container_has_its_own(planet):
    guard = guard_of(planet)
    for name in ("1.tif", "2.tif", "3.tif"):
        read_bytes(guard.admit(blob(planet, name)), guard)
    read_bytes(guard.admit(blob(planet, container="other")), guard)
    assert [exchange.path.rpartition("/")[2] for exchange in planet.asked] == ["items", "other"]


def test_readers_side_by_side_ask_for_one_token(planet):
    guard = guard_of(planet)
    places = [guard.admit(blob(planet, f"{n}.tif")) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert len({*pool.map(lambda place: read_bytes(place, guard), places)}) == 1
    assert len(planet.asked) == 1


def test_a_token_is_renewed_shortly_before_it_lapses(planet):
    planet.lives = timedelta(seconds=150)
    guard = guard_of(planet)
    access = guard.admit(blob(planet)).access
    now = [datetime.now(tz=UTC)]
    access._clock = lambda: now[0]
    asked = Outgoing(url=blob(planet))
    first = access.sign(asked, left_s=5).url
    now[0] += timedelta(seconds=60)
    assert access.sign(asked, left_s=5).url == first
    now[0] += timedelta(seconds=60)
    assert access.sign(asked, left_s=5).url != first


def test_a_token_that_was_called_back_is_asked_for_anew_once(planet):
    guard = guard_of(planet)
    read_bytes(guard.admit(blob(planet)), guard)
    planet.given += 1  # what was given before is not believed any more
    assert read_bytes(guard.admit(blob(planet)), guard, limits=FAST) == planet.server.body
    assert len(planet.asked) == 2


def test_a_file_that_stays_refused_is_told_without_hammering(planet):
    guard = guard_of(planet)
    planet.believes = False
    with pytest.raises(SourceError, match="answers 403, it refuses access") as caught:
        read_bytes(guard.admit(blob(planet)), guard, limits=FAST)
    assert '[stac."planetarycomputer.microsoft.com"]' in caught.value.hint
    assert (len(planet.asked), len(planet.reads)) == (2, 2)


def test_the_subscription_key_goes_to_the_service_alone(planet):
    guard = guard_of(planet, key=KEY)
    read_bytes(guard.admit(blob(planet)), guard)
    sent = [
        exchange.headers.get("ocp-apim-subscription-key") for exchange in planet.server.requests
    ]
    assert sent == [KEY, None]


def test_an_address_that_is_signed_already_is_left_alone(planet):
    guard = guard_of(planet)
    planet.given = 7
    assert read_bytes(guard.admit(f"{blob(planet)}?{planet.token}"), guard) == planet.server.body
    assert planet.asked == []


def test_a_container_that_the_service_does_not_know_is_read_unsigned(planet):
    planet.spoil = lambda exchange: exchange.reply(404, b"{}")
    guard = guard_of(planet)
    with pytest.raises(SourceError, match="answers 403") as caught:
        read_bytes(guard.admit(blob(planet)), guard)
    assert planet.reads == ["/sentinel2/items/a/b.tif"]
    assert len(planet.asked) == 1
    assert "where that knows its container" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"", "the service that signs its address answers 401"),
        (302, b"", "the service that signs its address answers 302"),
        (200, b"not json", "gave no token that can be used"),
        (200, b"[" * 9000, "gave no token that can be used"),
        (200, b'{"token": "sig=abcdefgh"}', "gave no token that can be used"),
        (200, b'{"token": "a b\\r\\nX: y", "msft:expiry": "2030-01-01T00:00:00Z"}', "no token"),
        (200, b'{"token": 7, "msft:expiry": "2030-01-01T00:00:00Z"}', "gave no token"),
        (200, b'{"token": "sig=abcdefgh", "msft:expiry": "soon"}', "gave no token"),
        (503, b"", r"the service that signs its address answers 503 \(tried 4 times\)"),
    ],
)
def test_a_service_that_gives_no_token_is_told(planet, status, body, message):
    planet.spoil = lambda exchange: exchange.reply(status, body, Location="https://a.example/")
    guard = guard_of(planet, key=KEY)
    with pytest.raises(SourceError, match=message) as caught:
        read_bytes(guard.admit(blob(planet)), guard, limits=FAST)
    assert planet.reads == []
    assert KEY not in caught.value.explain()


def test_a_service_that_passes_a_busy_moment_is_asked_again(planet):
    def busy(exchange):
        planet.spoil = None
        exchange.reply(503)

    planet.spoil = busy
    guard = guard_of(planet)
    assert read_bytes(guard.admit(blob(planet)), guard, limits=FAST) == planet.server.body


def test_a_clock_that_runs_ahead_does_not_ask_for_every_read(planet):
    planet.lives = -timedelta(hours=5)
    guard = guard_of(planet)
    for _ in range(3):
        read_bytes(guard.admit(blob(planet)), guard)
    assert len(planet.asked) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://naipeuwest.blob.core.windows.net/naip/v002/a.tif", ("naipeuwest", "naip")),
        ("http://127.0.0.1:10000/account/container/a.tif", ("account", "container")),
        ("https://naipeuwest.blob.core.windows.net/naip", None),
        ("https://naipeuwest.blob.core.windows.net/", None),
    ],
)
def test_account_and_container_are_read_from_the_address(url, expected):
    assert container_of(url) == expected


def test_by_default_every_host_of_azures_storage_is_signed_and_the_catalog_itself_is_not():
    rules = read_rules({"planetarycomputer.microsoft.com": {"auth": "planetary-computer"}})
    guard = OriginGuard(access=AccessBook(rules), resolver=lambda *_: ["20.60.1.1"])
    base = "https://planetarycomputer.microsoft.com/api/stac/v1"
    assert guard.admit(base, base=base).access is None
    url = "https://naipeuwest.blob.core.windows.net/naip/a.tif"
    assert guard.admit(url, base=base).access is not None
    assert guard.admit("https://blob.core.windows.net/a/b", base=base).access is None
