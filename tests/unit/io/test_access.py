"""Keys of hosts: sent where they are set for, and nowhere else, whoever leads there."""

from __future__ import annotations

import json
import pickle

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Outgoing
from eoagent.io.access import AccessBook
from eoagent.io.access_advice import advise
from eoagent.io.access_rules import read_rules
from eoagent.io.dataset import open_dataset
from eoagent.io.origin import OriginGuard
from eoagent.io.remote import RemoteLimits, open_remote, read_bytes
from eoagent.io.stac import open_catalog

TOKEN = "canary33token"
FAST = RemoteLimits(backoff_s=0.01, deadline_s=5)


def wants_token(inner):
    """Answer like `inner`, but only who shows the token."""

    def answer(exchange):
        if exchange.headers.get("authorization") == f"Bearer {TOKEN}":
            inner(exchange)
        else:
            exchange.reply(401, b"who are you?")

    return answer


def host_of(server):
    return server.origin.removeprefix("http://")


def book_of(*servers, auth="bearer", **section):
    section = section or {"token": TOKEN}
    return AccessBook(
        read_rules({host_of(server): {"auth": auth, **section} for server in servers}), environ={}
    )


def guard_of(*typed, access=None):
    typed = [f"{server.origin}/" for server in typed]
    return OriginGuard(typed, access=access, allow_hosts=["127.0.0.1"])


@pytest.fixture
def vault(servers):
    """A server that wants the token."""
    with servers.Server(bytes(range(256)) * 40) as server:
        server.answer = wants_token(lambda exchange: exchange.right())
        yield server


@pytest.fixture
def stranger(servers):
    """Another host: the same machine, another port."""
    with servers.Server(b"elsewhere") as server:
        yield server


def test_documents_and_ranges_are_asked_for_with_the_token_of_their_host(vault):
    guard = guard_of(vault, access=book_of(vault))
    admitted = guard.admit(vault.url())
    assert read_bytes(admitted, guard) == vault.body
    with open_remote(admitted, guard, limits=RemoteLimits(block_bytes=1024)) as file:
        file.seek(7000)
        assert file.read(50) == vault.body[7000:7050]
    assert TOKEN not in repr(admitted)


def test_a_host_without_a_key_is_shown_none(vault, stranger):
    guard = guard_of(vault, stranger, access=book_of(vault))
    read_bytes(guard.admit(stranger.url()), guard)
    assert "authorization" not in stranger.requests[-1].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("auth", ["bearer", "earthdata"])
def test_the_token_does_not_follow_a_redirect_to_another_host(vault, stranger, status, auth):
    signed = stranger.url("/signed.tif?X-Amz-Signature=abc")
    vault.answer = wants_token(lambda exchange: exchange.reply(status, Location=signed))
    guard = guard_of(vault, stranger, access=book_of(vault, auth=auth, token=TOKEN))
    assert read_bytes(guard.admit(vault.url()), guard) == b"elsewhere"
    assert "authorization" not in stranger.requests[-1].headers
    assert stranger.requests[-1].path == "/signed.tif?X-Amz-Signature=abc"


def test_ranges_go_on_at_the_signed_address_and_come_back_for_another_when_it_lapses(
    vault, stranger
):
    stranger.body = bytes(range(256)) * 40
    lapsed = []

    def signed(exchange):
        if exchange.path.endswith("sig=1") and lapsed:
            exchange.reply(403)
        else:
            exchange.right()

    stranger.answer = signed
    vault.answer = wants_token(
        lambda exchange: exchange.reply(303, Location=stranger.url(f"/x?sig={len(lapsed) + 1}"))
    )
    guard = guard_of(vault, stranger, access=book_of(vault, auth="earthdata", token=TOKEN))
    limits = RemoteLimits(block_bytes=1024, backoff_s=0.01)
    with open_remote(guard.admit(vault.url()), guard, limits=limits) as file:
        assert file.read(2000) == stranger.body[:2000]
        assert len(vault.requests) == 1
        lapsed.append(True)
        assert file.read(3000) == stranger.body[2000:5000]
    assert len(vault.requests) == 2
    assert not any("authorization" in exchange.headers for exchange in stranger.requests)


def test_a_redirect_to_the_login_page_is_no_document(vault):
    login = "https://urs.earthdata.nasa.gov/oauth/authorize?client_id=x"
    vault.answer = lambda exchange: exchange.reply(302, Location=login)
    for access, hint in (
        (None, 'set [stac."'),
        (book_of(vault, auth="earthdata", token=TOKEN), "is not taken: check that it is whole"),
    ):
        guard = guard_of(vault, access=access)
        with pytest.raises(SourceError, match="it asks for a login") as caught:
            read_bytes(guard.admit(vault.url()), guard)
        assert hint in caught.value.hint
        assert TOKEN not in caught.value.explain()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_host_and_the_setting_to_make(vault, status):
    vault.answer = lambda exchange: exchange.reply(status)
    guard = guard_of(vault)
    with pytest.raises(SourceError, match=f"answers {status}") as caught:
        read_bytes(guard.admit(vault.url()), guard, limits=FAST)
    assert f'[stac."{host_of(vault)}"] auth = "bearer"' in caught.value.hint
    assert len(vault.requests) == 1


def test_a_token_that_is_not_taken_is_told_once_and_not_shown(vault):
    guard = guard_of(vault, access=book_of(vault, token="canary33wrong"))
    with pytest.raises(SourceError, match="answers 401") as caught:
        read_bytes(guard.admit(vault.url()), guard, limits=FAST)
    assert f'the key of [stac."{host_of(vault)}"] is not taken' in caught.value.hint
    assert len(vault.requests) == 1
    assert "canary33" not in caught.value.explain()


@pytest.mark.parametrize(
    ("url", "status", "expected"),
    [
        ("https://naipeuwest.blob.core.windows.net/naip/a", 409, 'auth = "planetary-computer"'),
        ("https://naipeuwest.blob.core.windows.net/naip/a", 404, 'auth = "planetary-computer"'),
        ("https://data.lpdaac.earthdatacloud.nasa.gov/a", 401, 'auth = "earthdata"'),
        ("https://n5eil01u.earthdata.nasa.gov/a", 401, "EARTHDATA_TOKEN"),
        ("https://naip.s3.us-west-2.amazonaws.com/a", 403, 'auth = "requester-pays"'),
        ("https://s3.amazonaws.com/naip/a", 403, 'auth = "requester-pays"'),
        ("https://user:pw@a.example:8443/a?k=1", 403, '[stac."a.example:8443"] auth = "bearer"'),
        ("https://notearthdata.nasa.gov.example/a", 401, 'auth = "bearer"'),
        ("https://a.example/a", 404, ""),
        ("https://a.example/a", 500, ""),
    ],
)
def test_known_hosts_have_a_setting_of_their_own(url, status, expected):
    told = advise(url, status)
    assert expected in told
    assert bool(expected) == bool(told)
    assert "pw" not in told


def test_a_key_is_not_sent_over_plain_http_to_the_public_internet():
    access = AccessBook(read_rules({"a.example": {"auth": "bearer", "token": TOKEN}}))
    public = OriginGuard(
        ["http://a.example/"], access=access, resolver=lambda *_: ["93.184.216.34"]
    )
    with pytest.raises(SourceError, match="plain http would show it on the way") as caught:
        public.admit("http://a.example/x")
    assert TOKEN not in caught.value.explain()
    private = OriginGuard(["http://a.example/"], access=access, resolver=lambda *_: ["10.0.0.7"])
    assert private.admit("http://a.example/x").access is not None


@pytest.mark.parametrize(
    ("section", "url", "is_covered"),
    [
        ("a.example", "https://a.example/x", True),
        ("a.example", "https://A.Example:443/x", True),
        ("a.example", "https://a.example:8443/x", False),
        ("a.example:8443", "https://a.example:8443/x", True),
        ("a.example:8443", "https://a.example/x", False),
        ("a.example", "https://b.a.example/x", False),
        ("a.example", "https://nota.example/x", False),
        ("*.a.example", "https://b.a.example/x", True),
        ("*.a.example", "https://c.b.a.example/x", True),
        ("*.a.example", "https://a.example/x", False),
        ("*.a.example", "https://nota.example/x", False),
        ("[2606:4700::1]:8443", "https://[2606:4700::1]:8443/x", True),
    ],
)
def test_a_section_is_for_its_host_and_port_only(section, url, is_covered):
    access = AccessBook(read_rules({section: {"auth": "bearer", "token": TOKEN}}))
    guard = OriginGuard([url], access=access, resolver=lambda *_: ["93.184.216.34"])
    assert (guard.admit(url).access is not None) == is_covered


def test_the_section_that_names_a_host_most_exactly_is_the_one_that_holds():
    rules = {
        "*.a.example": {"auth": "bearer", "token": "wide"},
        "x.a.example": {"auth": "bearer", "token": "exact"},
        "*.b.a.example": {"auth": "bearer", "token": "narrow"},
    }
    guard = OriginGuard(access=AccessBook(read_rules(rules)), resolver=lambda *_: ["93.184.216.34"])

    def token(host):
        admitted = guard.admit(f"https://{host}/x", base="https://doc.example/")
        signed = admitted.access.sign(Outgoing(url=admitted.url), left_s=1)
        return signed.headers["Authorization"].removeprefix("Bearer ")

    assert [token(f"{name}.a.example") for name in ("x", "y", "z.b")] == ["exact", "wide", "narrow"]


def test_a_token_named_by_a_variable_is_looked_up_at_each_read(vault):
    environ = {}
    rules = read_rules({host_of(vault): {"auth": "bearer", "token_env": "MY_TOKEN"}})
    guard = guard_of(vault, access=AccessBook(rules, environ=environ))
    admitted = guard.admit(vault.url())
    with pytest.raises(SourceError, match="the variable that token_env names is not set") as caught:
        read_bytes(admitted, guard)
    assert "MY_TOKEN" not in caught.value.explain()  # people write the token itself there
    environ["MY_TOKEN"] = TOKEN + "\n"
    assert read_bytes(admitted, guard) == vault.body
    environ["MY_TOKEN"] = "two words"
    with pytest.raises(SourceError, match="holds spaces"):
        read_bytes(admitted, guard)


def test_a_book_that_is_sent_to_a_process_keeps_its_rules(vault):
    sent = pickle.loads(pickle.dumps(book_of(vault)))
    guard = guard_of(vault, access=sent)
    assert read_bytes(guard.admit(vault.url()), guard) == vault.body


def test_a_stac_api_that_wants_a_token_is_searched_with_it(stac_server):
    with stac_server.StacServer([stac_server.make_item("one")]) as api:
        inner = api.server.answer
        api.server.answer = wants_token(inner)
        guard = guard_of(api, access=book_of(api))
        found = open_catalog(api.url, guard)
        assert [scene.id for scene in found.scenes] == ["one"]
        with pytest.raises(SourceError, match="answers 401") as caught:
            open_catalog(api.url, guard_of(api))
        assert 'auth = "bearer"' in caught.value.hint


def test_an_item_and_its_asset_are_read_with_the_token(servers, stac_server, scene):
    item = stac_server.make_item("one")
    item["assets"]["data"]["href"] = "scene.tif"
    with servers.Server(scene.read_bytes()) as server:

        def answer(exchange):
            if exchange.path.endswith(".json"):
                exchange.reply(200, json.dumps(item).encode(), Content_Type="application/json")
            else:
                exchange.right()

        server.answer = wants_token(answer)
        guard = guard_of(server, access=book_of(server))
        scenes = open_catalog(server.url("/item.json"), guard).scenes
        href = scenes[0].assets[0].href
        with open_dataset(guard.admit(href, base=scenes[0].href), origins=guard) as file:
            assert (file.raw.width, file.raw.height) == (60, 40)
        assert TOKEN not in scenes[0].model_dump_json()
