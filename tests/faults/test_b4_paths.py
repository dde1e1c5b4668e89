"""Hostile paths: none is admitted, no canary server is asked, no byte of a canary file is read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from eoagent.contracts.errors import EoAgentError, NotFound, SourceError
from eoagent.io.origin import OriginGuard
from eoagent.io.remote import RemoteLimits, read_bytes

SECRET = b"CANARY-7f3a"
LIMITS = RemoteLimits(deadline_s=2.0, silence_s=1.0, attempts=1)
NETWORK = "https://catalog.example/items/one.json"
PUBLIC = "93.184.216.34"
NAMES = {
    "catalog.example": (PUBLIC,),
    "public.example": (PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"),
    "loop.example": ("127.0.0.1",),
    "mixed.example": (PUBLIC, "127.0.0.1"),
    "six.example": ("::1",),
    "mapped.example": ("::ffff:10.0.0.1",),
    "zone.example": ("fe80::1%eth0",),
    "nat.example": ("64:ff9b::7f00:1",),
    "good.example": ("127.0.0.1",),
    "localhost": ("127.0.0.1",),
}


def look_up(host: str, port: int) -> tuple[str, ...]:
    """Resolve a few names; all others have no address."""
    if host not in NAMES:
        raise OSError("no such host")
    return NAMES[host]


@dataclass
class World:
    """A folder with a document, a canary file outside it, and a canary server."""

    root: Path
    canary: Path
    server: Any
    servers: ModuleType

    @property
    def document(self) -> str:
        return str(self.root / "item.json")

    def guard(self, *typed: str, **options: Any) -> OriginGuard:
        return OriginGuard(typed, resolver=look_up, **options)

    def fill(self, href: str) -> str:
        """Put the canaries' places into a pattern."""
        return (
            href.replace("{port}", str(self.server.port))
            .replace("{canary}", str(self.canary))
            .replace("{name}", self.canary.name)
            .replace("{root}", str(self.root))
        )


@pytest.fixture(scope="module")
def canary_server(servers):
    with servers.Server(SECRET) as server:
        yield server


@pytest.fixture
def world(tmp_path, servers, canary_server):
    root = tmp_path / "typed"
    (root / "sub").mkdir(parents=True)
    (root / "item.json").write_text("{}")
    (root / "scene.tif").write_bytes(b"scene")
    (root / "sub" / "band.tif").write_bytes(b"band")
    canary = tmp_path / "outside" / "canary.tif"
    canary.parent.mkdir()
    canary.write_bytes(SECRET)
    (root / "leak.tif").symlink_to(canary)
    (root / "leakdir").symlink_to(canary.parent)
    (root / "hop.tif").symlink_to(root / "leak.tif")
    (root / "inner.tif").symlink_to(root / "scene.tif")
    os.mkfifo(root / "pipe.tif")
    yield World(root, canary, canary_server, servers)
    assert canary_server.connections == 0, "the canary server was asked"


TRICKS = {
    # forms that GDAL or its wrappers would open, wherever they are written
    "vsicurl": "/vsicurl/http://127.0.0.1:{port}/x.tif",
    "vsicurl with header_file": "/vsicurl?header_file={canary}&url=http://127.0.0.1:{port}/x.tif",
    "vsicurl in capitals": "/VSICURL/http://127.0.0.1:{port}/x.tif",
    "vsizip over vsicurl": "/vsizip//vsicurl/http://127.0.0.1:{port}/x.zip/x.tif",
    "vsizip": "/vsizip/{canary}/x.tif",
    "vsisubfile": "/vsisubfile/0_10,{canary}",
    "vsi with more slashes": "//vsicurl/http://127.0.0.1:{port}/x.tif",
    "vsistdin": "/vsistdin/",
    "zip scheme": "zip://{canary}!x.tif",
    "zip over http": "zip+http://127.0.0.1:{port}/x.zip!x.tif",
    "vrt scheme": "vrt://{canary}?bands=1",
    "inline VRT": "<VRTDataset><SourceFilename>{canary}</SourceFilename></VRTDataset>",
    "inline GeoJSON": '{"type":"FeatureCollection","features":[]}',
    "GTIFF_DIR": "GTIFF_DIR:1:{canary}",
    "GTIFF_RAW": "GTIFF_RAW:{canary}",
    "DERIVED_SUBDATASET": "DERIVED_SUBDATASET:LOGAMPLITUDE:{canary}",
    "NETCDF subdataset": 'NETCDF:"{canary}":band',
    "s3": "s3://bucket/x.tif",
    "gs": "gs://bucket/x.tif",
    "ftp": "ftp://127.0.0.1:{port}/x.tif",
    "file with a host": "file://127.0.0.1{canary}",
    "UNC with backslashes": "\\\\127.0.0.1\\share\\x.tif",
    "UNC with slashes": "//127.0.0.1:{port}/x.tif",
    "Windows drive": "C:/canary.tif",
    "backslash before the host": "https:\\\\127.0.0.1:{port}\\x.tif",
    "backslash in the authority": "https://catalog.example\\@127.0.0.1:{port}/x.tif",
    "NUL": "{canary}\0.png",
    "encoded NUL": "{canary}%00.png",
    "line feed": "https://catalog.example/\r\nHost: 127.0.0.1",
    "tab in the scheme": "ht\ttp://127.0.0.1:{port}/x.tif",
    "leading space": " http://127.0.0.1:{port}/x.tif",
    "right-to-left override": "{canary}\u202efit.png",
    "empty": "",
    # hosts that are private, plain and in disguise
    "loopback": "http://127.0.0.1:{port}/x.tif",
    "loopback over https": "https://127.0.0.1:{port}/x.tif",
    "upper-case scheme": "HTTP://127.0.0.1:{port}/x.tif",
    "upper-case name": "HTTPS://LOCALHOST:{port}/x.tif",
    "localhost": "https://localhost:{port}/x.tif",
    "trailing dot": "https://localhost.:{port}/x.tif",
    "short form": "https://127.1:{port}/x.tif",
    "unspecified": "https://0.0.0.0:{port}/x.tif",
    "a single nought": "https://0:{port}/x.tif",
    "decimal": "https://2130706433:{port}/x.tif",
    "hexadecimal": "https://0x7f000001:{port}/x.tif",
    "octal": "https://0177.0.0.1:{port}/x.tif",
    "mixed bases": "https://0x7f.0.0.01:{port}/x.tif",
    "address with a trailing dot": "https://127.0.0.1.:{port}/x.tif",
    "wide digits": "https://１２７.０.０.１:{port}/x.tif",
    "ideographic dots": "https://127。0。0。1:{port}/x.tif",
    "IPv6 loopback": "https://[::1]:{port}/x.tif",
    "mapped IPv6": "https://[::ffff:127.0.0.1]:{port}/x.tif",
    "mapped IPv6 in hex": "https://[::ffff:7f00:1]:{port}/x.tif",
    "compatible IPv6": "https://[::127.0.0.1]:{port}/x.tif",
    "6to4": "https://[2002:7f00:1::]:{port}/x.tif",
    "NAT64": "https://[64:ff9b::7f00:1]:{port}/x.tif",
    "local NAT64": "https://[64:ff9b:1::7f00:1]:{port}/x.tif",
    "Teredo": "https://[2001:0:5ef5:79fd::1]/x.tif",
    "unique local": "https://[fc00::1]/x.tif",
    "zone id": "https://[fe80::1%25eth0]:{port}/x.tif",
    "link local": "https://169.254.169.254/latest/meta-data",
    "ten": "https://10.0.0.1/x.tif",
    "one nine two": "https://192.168.1.1/x.tif",
    "carrier grade": "https://100.64.0.1/x.tif",
    "multicast": "https://224.0.0.1/x.tif",
    "broadcast": "https://255.255.255.255/x.tif",
    "name of loopback": "https://loop.example:{port}/x.tif",
    "name with one private address": "https://mixed.example:{port}/x.tif",
    "name of IPv6 loopback": "https://six.example:{port}/x.tif",
    "name of a mapped address": "https://mapped.example/x.tif",
    "name of a link local address": "https://zone.example/x.tif",
    "name behind NAT64": "https://nat.example/x.tif",
    "name without address": "https://nowhere.example/x.tif",
    "plain http": "http://public.example/x.tif",
    # addresses that two readers read in two ways
    "credentials": "https://me:word@public.example/x.tif",
    "host as user name": "https://public.example@127.0.0.1:{port}/x.tif",
    "hash before the at sign": "https://127.0.0.1:{port}#@public.example/x.tif",
    "question mark before the at sign": "https://127.0.0.1:{port}?@public.example/x.tif",
    "no host": "https:///x.tif",
    "one slash": "https:/127.0.0.1:{port}/x.tif",
    "port that is none": "https://public.example:99999/x.tif",
    "encoded host": "https://127%2e0.0.1:{port}/x.tif",
    "encoded parent folders": "https://public.example/a/%2e%2e/%2e%2e/x.tif",
    "encoded backslash": "https://public.example/a%5c..%5cx.tif",
}

FROM_NETWORK = {
    "file scheme": "file://{canary}",
    "file scheme in capitals": "FILE://{canary}",
    "file with one slash": "file:{canary}",
    "file of localhost": "file://localhost{canary}",
    "protocol-relative": "//127.0.0.1:{port}/x.tif",
    "typed neighbour": "http://good.example:{port}/x.tif",
}

FROM_LOCAL = {
    "link out of the root": "leak.tif",
    "dotted link out of the root": "./sub/../leak.tif",
    "link over a link": "hop.tif",
    "through a linked folder": "leakdir/{name}",
    "absolute path of the link": "{root}/leak.tif",
    "encoded parent folder": "%2e%2e/outside/{name}",
    "process memory": "/proc/self/environ",
    "device": "/dev/zero",
    "kernel": "/sys/kernel/notes",
    "named pipe": "pipe.tif",
    "folder": "sub",
    "home sign": "~/.bashrc-that-is-a-name",
}

UNTYPED = {
    "absolute": "{canary}",
    "file address": "file://{canary}",
    "out of the typed folder": "{root}/../outside/{name}",
    "link in the typed folder": "{root}/leak.tif",
    "linked folder in the typed one": "{root}/leakdir/{name}",
    "folder beside the typed one": "{root}/../outside",
    "process memory": "/proc/self/environ",
}


def assert_refused(guard: OriginGuard, href: str, base: str) -> None:
    """Refuse the href; were it admitted, reading it must not reach a canary."""
    with pytest.raises(EoAgentError) as caught:
        read_bytes(guard.admit(href, base=base), guard, limits=LIMITS)
    assert isinstance(caught.value, SourceError | NotFound)
    assert SECRET.decode() not in str(caught.value)
    assert "word@" not in str(caught.value)


@pytest.mark.parametrize("base", ["network", "local", "none"])
@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_refused_wherever_it_is_written(trick, base, world):
    if (base, trick) == ("network", "UNC with slashes"):
        trick = "loopback over https"  # in a network document it is the same thing, without scheme
    href = world.fill(TRICKS[trick])
    place = {"network": NETWORK, "local": world.document, "none": ""}[base]
    assert_refused(world.guard(str(world.root), NETWORK), href, place)


@pytest.mark.parametrize("trick", FROM_NETWORK)
def test_a_network_document_names_no_private_place(trick, world):
    typed = world.fill("http://good.example:{port}/x.tif")
    guard = world.guard(str(world.root), NETWORK, str(world.canary), typed)
    assert_refused(guard, world.fill(FROM_NETWORK[trick]), NETWORK)


@pytest.mark.parametrize("trick", FROM_LOCAL)
def test_a_local_document_names_no_hidden_file(trick, world):
    assert_refused(world.guard(str(world.root)), world.fill(FROM_LOCAL[trick]), world.document)


@pytest.mark.parametrize("trick", UNTYPED)
def test_a_path_that_nobody_typed_is_refused(trick, world):
    assert_refused(world.guard(str(world.root)), world.fill(UNTYPED[trick]), "")


@pytest.mark.parametrize("steps", [1, 3])
def test_a_chain_of_redirects_does_not_end_at_the_canary(steps, world):
    def answer(x: Any) -> None:
        n = int(x.path.rpartition("/")[2])
        x.reply(302, Location=f"/{n + 1}" if n < steps else world.server.url())

    with world.servers.Server(b"", answer) as server:
        assert_refused(world.guard(server.url("/1")), server.url("/1"), "")


@pytest.mark.parametrize(
    ("typed", "href", "base"),
    [
        ("{root}/scene.tif", "{root}/scene.tif", ""),
        ("{root}", "{root}/sub/band.tif", ""),
        ("file://{root}/scene.tif", "file://{root}/scene.tif", ""),
        ("{root}/leak.tif", "{root}/leak.tif", ""),
        ("{root}", "scene.tif", "{root}/item.json"),
        ("{root}", "../scene.tif", "{root}/sub/item.json"),
        ("{root}", "inner.tif", "{root}/item.json"),
        ("{root}", "{canary}", "{root}/item.json"),
        ("{root}", "{served}/x.tif?sig=a%2Fb", "{root}/item.json"),
        ("{served}/catalog.json", "{served}/catalog.json", ""),
        ("{served}/catalog.json", "./sub/x.tif?sig=1", "{served}/catalog.json"),
        ("{served}/catalog.json", "/elsewhere/x.tif", "{served}/catalog.json"),
        ("{served}/catalog.json", "http://good.example:{at}/x.tif", "{served}/catalog.json"),
    ],
)
def test_a_good_href_still_opens(typed, href, base, world):
    with world.servers.Server(b"served") as server:

        def fill(text: str) -> str:
            text = text.replace("{served}", server.origin).replace("{at}", str(server.port))
            return world.fill(text)

        is_listed = "sig=a" in href
        guard = world.guard(
            fill(typed), allow_hosts=["good.example", *(["127.0.0.1"] if is_listed else [])]
        )
        admitted = guard.admit(fill(href), base=fill(base))
        data = read_bytes(admitted, guard, limits=LIMITS)
    assert data in (b"scene", b"band", b"served", SECRET)
    assert (data == SECRET) == ("leak" in typed or "{canary}" in href)
