"""Remote files and documents over a sound server, and the edges of their contract."""

from __future__ import annotations

import gzip
import io
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import SourceError
from eoagent.io.origin import OriginGuard
from eoagent.io.remote import RemoteLimits, Wires, open_remote, read_bytes

BODY = np.random.default_rng(3).integers(0, 256, 100_003, dtype=np.uint8).tobytes()
LIMITS = RemoteLimits(
    deadline_s=5, silence_s=2, backoff_s=0.01, block_bytes=4096, cache_bytes=20_000,
    request_bytes=12_000, whole_bytes=200_000,
)  # fmt: skip


@pytest.fixture(scope="module")
def server(servers):
    with servers.Server(BODY) as running:
        yield running


@pytest.fixture(scope="module")
def shared_file(server):
    guard = OriginGuard([server.url()])
    with open_remote(guard.admit(server.url()), guard, limits=LIMITS) as file:
        yield file


def opened(server, limits=LIMITS, **options):
    guard = OriginGuard([server.url()])
    return open_remote(guard.admit(server.url()), guard, limits=limits, **options)


def test_opening_takes_one_request_and_tells_size_and_version(server):
    before = len(server.requests)
    with opened(server) as file:
        assert (file.size, file.etag, file.last_modified) == (len(BODY), '"one"', "")
        assert (file.requests, file.bytes_read, file.tell()) == (1, 4096, 0)
    assert len(server.requests) == before + 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END]),
            st.integers(-120_000, 120_000),
            st.integers(-1, 40_000),
        ),
        max_size=5,
    )
)
def test_reads_and_seeks_are_those_of_a_file_in_memory(shared_file, steps):
    oracle = io.BytesIO(BODY)
    shared_file.seek(0)
    for whence, offset, count in steps:
        position = {0: 0, 1: oracle.tell(), 2: len(BODY)}[whence] + offset
        if position < 0:
            with pytest.raises(OSError, match="before its start"):
                shared_file.seek(offset, whence)
            continue
        assert shared_file.seek(offset, whence) == oracle.seek(offset, whence)
        assert shared_file.read(count) == oracle.read(count)
        assert shared_file.tell() == oracle.tell()
    assert shared_file.error is None


def test_other_readers_can_stand_on_the_file(shared_file):
    shared_file.seek(5)
    assert shared_file.readall() == BODY[5:]
    shared_file.seek(99_990)
    buffer = bytearray(100)
    assert shared_file.readinto(buffer) == 13
    assert bytes(buffer[:13]) == BODY[99_990:]
    assert shared_file.readable()
    assert shared_file.seekable()
    assert not shared_file.writable()
    shared_file.seek(0)
    buffered = io.BufferedReader(shared_file, 1000)
    assert buffered.read(3000) == BODY[:3000]
    buffered.detach()


def test_blocks_are_kept_and_fetched_in_runs(server):
    with opened(server, RemoteLimits(block_bytes=4096)) as file:
        assert file.read() == BODY
        assert file.requests == 2
        file.seek(50_000)
        file.read(1000)
        assert file.requests == 2
        assert file.bytes_read == len(BODY)


def test_old_blocks_give_way_to_new_ones(server):
    with opened(server) as file:
        file.read()
        before = file.bytes_read
        file.seek(0)
        assert file.read(10) == BODY[:10]
        assert file.bytes_read == before + 4096


def test_a_file_that_would_bring_in_too_much_is_refused(server):
    with (
        opened(server, RemoteLimits(block_bytes=4096, max_bytes=10_000)) as file,
        pytest.raises(SourceError, match="more than 10000 bytes would be brought in"),
    ):
        file.read()


def test_a_broken_file_stays_broken(servers):
    def answer(x):
        x.reply(404) if x.number == 2 else x.right()

    with servers.Server(BODY, answer) as server, opened(server) as file:
        file.seek(50_000)
        for _ in range(2):
            with pytest.raises(SourceError, match="answers 404"):
                file.read(10)
        with pytest.raises(SourceError, match="answers 404"):
            file.raise_error()
        assert len(server.requests) == 2


def test_the_opener_knows_one_name_and_ends_early_instead_of_raising(servers):
    def answer(x):
        x.right() if x.number == 1 else x.reply(404)

    with servers.Server(BODY, answer) as server, opened(server) as file:
        for name in ("test", file.gdal_name + ".aux.xml", "remote/scene.ovr", server.url()):
            with pytest.raises(FileNotFoundError):
                file.opener(name)
        with pytest.raises(FileNotFoundError):
            file.opener(file.gdal_name, mode="wb")
        handle = file.opener(file.gdal_name, mode="rb")
        assert handle.read(10) == BODY[:10]
        handle.seek(50_000)
        assert file.error is None
        assert handle.read(10) == b""
        assert isinstance(file.error, SourceError)
        handle.close()
        assert not file.closed


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/scene.tif?sig=SECRET/x", "remote/scene.tif"),
        ("/", "remote/file"),
        ("/a%20b,c.tif", "remote/a_20b_c.tif"),
    ],
)
def test_gdal_sees_a_plain_name_without_query(path, name, server):
    guard = OriginGuard([server.url(path)])
    with open_remote(guard.admit(server.url(path))) as file:
        assert file.gdal_name == name


def test_a_closed_file_cannot_be_read(server):
    file = opened(server)
    file.close()
    file.close()
    for use in (file.read, file.tell, lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_threads_may_share_a_source(server):
    results = {}
    with opened(server) as file:

        def read(start):
            handle = file.opener(file.gdal_name)
            handle.seek(start)
            results[start] = handle.read(5000)

        threads = [threading.Thread(target=read, args=(n * 9000,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(data == BODY[start : start + 5000] for start, data in results.items())
    assert len(results) == 8


def test_connections_can_be_shared_and_are_kept(servers):
    with servers.Server(b"{}") as server:
        guard = OriginGuard([server.url("/")])
        with Wires() as wires:
            for n in range(5):
                assert read_bytes(guard.admit(server.url(f"/{n}")), guard, wires=wires) == b"{}"
        assert (len(server.requests), server.connections) == (5, 1)


def test_without_a_guard_no_redirect_is_followed(servers):
    with servers.Server(b"", lambda x: x.reply(302, Location="/next?sig=SECRET")) as server:
        place = OriginGuard([server.url()]).admit(server.url())
        with pytest.raises(SourceError, match="which is not followed here") as caught:
            read_bytes(place)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("packing", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)],
)
def test_a_packed_document_is_unpacked(packing, pack, servers):
    def answer(x):
        x.reply(200, pack(b'{"a": 1}' * 100), Content_Encoding=packing)

    with servers.Server(b"", answer) as server:
        assert read_bytes(OriginGuard([server.url()]).admit(server.url())) == b'{"a": 1}' * 100


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda x: x.reply(200, b"x" * 1001), "1001 bytes large, more than 1000"),
        (lambda x: x.head(200, {"Content-Length": 10**15}), "bytes large, more than 1000"),
        (
            lambda x: x.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000),
            "larger than 1000 bytes",
        ),
        (
            lambda x: x.reply(200, gzip.compress(b"0" * 100_000), Content_Encoding="gzip"),
            "unpacks to more than 1000 bytes",
        ),
        (lambda x: x.reply(200, gzip.compress(b"0")[:-4], Content_Encoding="gzip"), "cut off"),
        (lambda x: x.reply(200, b"plain", Content_Encoding="gzip"), "came damaged"),
        (lambda x: x.reply(200, b"x", Content_Encoding="br"), "packed as 'br'"),
        (lambda x: (x.send(b"HTTP/1.0 200 OK\r\n\r\n{"), x.drop()), "where the document ends"),
        (lambda x: (x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), x.drop()), "tried 2"),
        (lambda x: x.reply(500), "answers 500"),
    ],
)  # fmt: skip
def test_a_document_that_is_too_large_or_not_whole_is_refused(answer, why, servers):
    limits = RemoteLimits(deadline_s=5, silence_s=1, attempts=2, backoff_s=0.01)
    with servers.Server(b"", answer) as server:
        place = OriginGuard([server.url()]).admit(server.url())
        with pytest.raises(SourceError, match=why):
            read_bytes(place, max_bytes=1000, limits=limits)


def test_a_deadline_can_be_given_for_one_document(servers):
    with servers.Server(b"", lambda x: x.hang()) as server:
        place = OriginGuard([server.url()]).admit(server.url())
        with pytest.raises(SourceError, match=r"the 0\.2 s that it may take"):
            read_bytes(place, deadline_s=0.2)


def test_a_local_document_is_read_up_to_its_limit(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"12345")
    place = OriginGuard([str(path)]).admit(str(path))
    assert read_bytes(place, max_bytes=5) == b"12345"
    with pytest.raises(SourceError, match="larger than 4 bytes"):
        read_bytes(place, max_bytes=4)
    with pytest.raises(SourceError, match="is a local file, not a web address"):
        open_remote(place)
    path.unlink()
    with pytest.raises(SourceError, match="could not be read"):
        read_bytes(place)
