"""Pinned addresses: what is connected to, what is sent, and what TLS must prove."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest

from eoagent.contracts.errors import InternalError, SourceError
from eoagent.contracts.store import Admitted
from eoagent.io.origin import OriginGuard
from eoagent.io.remote import RemoteLimits, Wires, read_bytes
from eoagent.io.wire import Deadline

LIMITS = RemoteLimits(deadline_s=5, attempts=1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for `good.example`, signed by itself, and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    command = [
        program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=good.example",
        "-addext", "subjectAltName=DNS:good.example",
        "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def server(servers, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    names = []
    context.sni_callback = lambda _link, name, _context: names.append(name)
    with servers.Server(b"over TLS", tls=context) as running:
        running.names = names
        yield running


@pytest.fixture
def plain(servers):
    with servers.Server(b"in the clear") as running:
        yield running


def place(server, host):
    return Admitted(
        scheme="https",
        href=f"https://{host}:{server.port}/x",
        typed=False,
        addresses=("127.0.0.1",),
    )


def test_the_host_name_is_asked_for_and_verified_at_the_pinned_address(server, certificate):
    with Wires(tls=ssl.create_default_context(cafile=certificate[0])) as wires:
        assert read_bytes(place(server, "good.example"), limits=LIMITS, wires=wires) == b"over TLS"
    assert server.names == ["good.example"]


def test_a_certificate_for_another_host_is_refused(server, certificate):
    with (
        Wires(tls=ssl.create_default_context(cafile=certificate[0])) as wires,
        pytest.raises(SourceError, match="certificate verify failed"),
    ):
        read_bytes(place(server, "other.example"), limits=LIMITS, wires=wires)
    assert server.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(server):
    with pytest.raises(SourceError, match="certificate verify failed"):
        read_bytes(place(server, "good.example"), limits=LIMITS)
    assert server.requests == []


def test_a_place_without_addresses_is_our_own_fault():
    bare = Admitted(scheme="http", href="http://example.org/", typed=False)
    with pytest.raises(InternalError, match="admitted without an address"):
        read_bytes(bare, limits=LIMITS)


def test_a_deadline_runs_down_to_nothing():
    now = [0.0]
    deadline = Deadline(2.0, clock=lambda: now[0])
    assert deadline.left_s == 2.0
    now[0] = 5.0
    assert deadline.left_s == 0.0


def test_the_pinned_address_is_connected_to_and_the_host_name_sent(plain):
    place = Admitted(
        scheme="http",
        href=f"http://no-such-host.example:{plain.port}/x?y=1",
        typed=False,
        addresses=("127.0.0.1",),
    )
    assert read_bytes(place) == b"in the clear"
    sent = plain.requests[-1]
    assert sent.headers["host"] == f"no-such-host.example:{plain.port}"
    assert sent.headers["accept-encoding"] == "identity"
    assert sent.path == "/x?y=1"
    assert not {"cookie", "authorization", "referer"} & set(sent.headers)


def test_the_next_address_is_tried_when_one_takes_no_connection(plain):
    place = Admitted(
        scheme="http",
        href=f"http://two.example:{plain.port}/x",
        typed=False,
        addresses=("::1", "127.0.0.1"),
    )
    assert read_bytes(place) == b"in the clear"


def test_no_proxy_of_the_environment_is_used(plain, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    guard = OriginGuard([plain.url()])
    assert read_bytes(guard.admit(plain.url()), guard) == b"in the clear"
