"""Fingerprints of local and remote files."""

from __future__ import annotations

import hashlib
import io

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.io.fingerprint import fingerprint_file, fingerprint_remote


class Remote(io.BytesIO):
    def __init__(self, data: bytes, etag: str, last_modified: str) -> None:
        super().__init__(data)
        self.size = len(data)
        self.etag = etag
        self.last_modified = last_modified


def test_a_file_is_identified_by_its_sha256(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"earth" * 1000)
    found = fingerprint_file(path)
    assert (found.kind, found.value) == ("sha256", hashlib.sha256(b"earth" * 1000).hexdigest())


def test_a_file_over_the_limit_is_identified_by_size_time_and_pieces(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(40 << 20))
    first = fingerprint_file(path, whole_bytes=1000)
    assert first.kind == "size+mtime+hash"
    assert first.value.startswith(f"{40 << 20}-{path.stat().st_mtime_ns}-")
    assert fingerprint_file(path, whole_bytes=1000) == first


@pytest.mark.parametrize("place", [0, (40 << 20) - 1])
def test_a_change_at_either_end_of_a_large_file_shows(tmp_path, place):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(40 << 20))
    before = fingerprint_file(path, whole_bytes=1000).value.rpartition("-")[2]
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    assert fingerprint_file(path, whole_bytes=1000).value.rpartition("-")[2] != before


def test_a_missing_file_is_a_typed_error_that_names_it(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.bin' could not be read to identify it: No such"):
        fingerprint_file(tmp_path / "gone.bin")


def test_a_remote_file_is_identified_by_its_etag():
    found = fingerprint_remote(Remote(b"data", '"v1"', "yesterday"))
    assert (found.kind, found.value) == ("etag", '"v1"')


def test_a_remote_file_without_etag_is_identified_by_size_time_and_start():
    remote = Remote(b"data", "", "Tue, 16 Apr 2019 10:00:00 GMT")
    remote.seek(3)
    found = fingerprint_remote(remote)
    start = hashlib.sha256(b"data").hexdigest()
    assert found.kind == "size+mtime+hash"
    assert found.value == f"4-Tue, 16 Apr 2019 10:00:00 GMT-{start}"
    assert remote.tell() == 0
