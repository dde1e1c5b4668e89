"""What a client that is no person may have read, whatever it names."""

from __future__ import annotations

import json
import socket

import pytest

from eoagent.app.fence import Fence
from eoagent.contracts.errors import InputError, NotFound, SourceError

PUBLIC = "93.184.216.34"


def _resolver(address=PUBLIC):
    def resolve(host, port):
        return (address,)

    return resolve


def _never(host, port):
    raise AssertionError(f"{host} was asked for")


@pytest.fixture
def land(tmp_path):
    """Two folders, one open and one not, with a file each and links between them."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "deep", outside):
        folder.mkdir(parents=True)
        (folder / "a.tif").write_text("x")
    (inside / "b.tif").write_text("x")
    (inside / "leak.tif").symlink_to(outside / "a.tif")
    (inside / "way").symlink_to(outside)
    (inside / "catalog.json").write_text(json.dumps({"href": str(outside / "a.tif")}))
    return inside, outside


def test_files_below_a_root_are_read_by_any_spelling(land):
    inside, outside = land
    fence = Fence([inside], resolver=_never)
    for href in (
        str(inside / "b.tif"),
        f"file://{inside}/b.tif",
        "b.tif",
        "./deep/../b.tif",
        f"{outside}/../inside/b.tif",
    ):
        fence.require(href)
        assert fence.admit(href).href == str(inside / "b.tif")
    assert fence.admit("deep").href == str(inside / "deep")  # a folder may be listed


def test_nothing_else_on_this_machine_is_read(land, monkeypatch):
    inside, outside = land
    monkeypatch.setenv("HOME", str(outside))
    fence = Fence([inside], resolver=_never)
    for href in (
        str(outside / "a.tif"),
        "../outside/a.tif",
        "leak.tif",
        "way/a.tif",
        "~/a.tif",
        f"file://{outside}/a.tif",
        f"{inside}-not/a.tif",
        "/etc/passwd",
        "/etc/there-is-none",
        "/",
    ):
        for ask in (fence.admit, fence.require):
            with pytest.raises(SourceError, match="outside of the folders open here") as error:
                ask(href)
            assert "--root" in error.value.hint
            assert not isinstance(error.value, NotFound)


def test_a_document_does_not_widen_the_roots(land):
    inside, outside = land
    fence = Fence([inside], resolver=_never)
    base = str(inside / "catalog.json")
    assert fence.admit("deep/a.tif", base=base).href == str(inside / "deep" / "a.tif")
    for href in (str(outside / "a.tif"), "../outside/a.tif", "leak.tif"):
        fence.remember([href], base=base)
        with pytest.raises(SourceError, match="outside of the folders"):
            fence.admit(href, base=base)
        with pytest.raises(SourceError, match="outside of the folders"):
            fence.admit(href)
    fence.type_in(str(outside))  # a path is not typed by whoever calls tools
    with pytest.raises(SourceError, match="outside of the folders"):
        fence.admit(str(outside / "a.tif"))
    with pytest.raises(SourceError):
        fence.admit(f"file://{inside}/b.tif", base="https://h.example/catalog.json")


def test_relative_paths_count_from_the_first_root(land):
    inside, outside = land
    fence = Fence([outside, inside], resolver=_never)
    assert fence.admit("a.tif").href == str(outside / "a.tif")
    assert fence.admit(str(inside / "b.tif")).href == str(inside / "b.tif")
    assert fence.admit(str(inside / "leak.tif")).href == str(outside / "a.tif")  # both are open
    with pytest.raises(NotFound, match="there is no file"):
        fence.admit("b.tif")


def test_public_https_is_open_and_the_rest_of_the_network_is_not(land):
    fence = Fence(land[:1], resolver=_resolver())
    fence.require("https://h.example/a.tif")
    admitted = fence.admit("https://h.example/a.tif?sig=CANARY")
    assert admitted.addresses == (PUBLIC,)
    assert "CANARY" not in admitted.href
    assert fence.admit(admitted.href).url == admitted.url  # as a result of ours names it
    assert fence.admit("b.tif", base="https://h.example/x/catalog.json").url.endswith("/x/b.tif")
    with pytest.raises(SourceError, match="plain http") as error:
        fence.admit("http://h.example/a.tif")
    assert "--allow-host HOST" in error.value.hint
    with pytest.raises(SourceError):
        fence.admit("ftp://h.example/a.tif")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1"])
def test_private_hosts_are_read_only_where_they_are_listed(land, address):
    fence = Fence(land[:1], resolver=_resolver(address))
    with pytest.raises(SourceError, match="not on the public internet") as error:
        fence.admit("https://h.example/a.tif")
    assert "--allow-host HOST" in error.value.hint
    assert "yourself" not in error.value.hint
    listed = Fence(land[:1], allow_hosts=["h.example:8080"], resolver=_resolver(address))
    assert listed.admit("http://h.example:8080/a.tif").addresses == (address,)
    with pytest.raises(SourceError):
        listed.admit("http://h.example:8081/a.tif")


def test_without_network_no_host_is_asked_for_listed_or_not(land):
    fence = Fence(land[:1], allow_hosts=["127.0.0.1"], network=False, resolver=_never)
    base = str(land[0] / "catalog.json")
    fence.remember(["https://h.example/a.tif"], base=base)
    fence.type_in("https://h.example/")
    for href in ("https://h.example/a.tif", "http://127.0.0.1/a.tif", "https://127.0.0.1/a.tif"):
        for ask in (fence.admit, fence.require, lambda h: fence.admit(h, base=base)):
            with pytest.raises(SourceError, match="reads nothing from the network"):
                ask(href)
    assert fence.admit("b.tif").scheme == "file"


def test_an_address_of_a_setting_may_be_private(land):
    fence = Fence(land[:1], resolver=_resolver("10.0.0.7"))
    fence.type_in("http://places.example/search")
    assert fence.admit("http://places.example/search?q=a").addresses == ("10.0.0.7",)


def test_a_name_that_is_not_known_says_so(land):
    def unknown(host, port):
        raise socket.gaierror("no such host")

    with pytest.raises(SourceError, match="could not be resolved") as error:
        Fence(land[:1], resolver=unknown).admit("https://h.example/a.tif")
    assert "check the name" in error.value.hint


@pytest.mark.parametrize("roots", [[], ["none"], ["inside/b.tif"], ["a\0b"]])
def test_a_root_is_a_folder(land, roots, monkeypatch):
    monkeypatch.chdir(land[0].parent)
    with pytest.raises(InputError) as error:
        Fence(roots)
    assert error.value.hint
