"""Damage to the artifact store is noticed and mended."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.io.store import FileStore


@pytest.fixture
def store(tmp_path):
    store = FileStore(tmp_path / "store")
    yield store
    store.close()


def put_file(store, data=b"pixels", *, title="a mask", payload=None, suffix=".tif"):
    file = store.scratch(suffix)
    file.write_bytes(data)
    return store.put(
        "mask",
        title=title,
        payload={"path": ""} if payload is None else payload,
        preview={"share": 0.5},
        file=file,
        media_type="image/tiff",
    )


def put_reference(store, href="a.tif", **labels):
    labels = {"title": "an image", "preview": {}} | labels
    return store.put("raster", payload={"href": href}, **labels)


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x01
    path.write_bytes(data)


def test_each_flipped_bit_of_a_record_is_noticed(store):
    artifact = put_file(store)
    record = store.layout.record_path(artifact.handle)
    good = record.read_bytes()
    for position in range(len(good)):
        flip(record, position)
        with pytest.raises(SourceError, match=f"artifact {artifact.handle} is damaged: its record"):
            store.get(artifact.handle)
        record.write_bytes(good)
    assert store.get(artifact.handle) == artifact


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_record_that_is_none_is_noticed(store, data):
    artifact = put_reference(store)
    store.layout.record_path(artifact.handle).write_bytes(data)
    with pytest.raises(SourceError, match="its record cannot be read") as caught:
        store.get(artifact.handle)
    assert caught.value.hint == "run the step that made it again; it is then stored anew"


def test_a_record_under_another_handle_is_noticed(store):
    first, second = put_reference(store, "a.tif"), put_reference(store, "b.tif")
    shutil.copy(store.layout.record_path(first.handle), store.layout.record_path(second.handle))
    with pytest.raises(SourceError, match=f"{second.handle} is damaged: its record is not what"):
        store.get(second.handle)


def test_a_missing_file_is_noticed(store):
    artifact = put_file(store)
    store.locate(artifact.path).unlink()
    with pytest.raises(SourceError, match="its file is missing, 6 were written") as caught:
        store.get(artifact.handle)
    assert caught.value.href.endswith(artifact.path)


def test_a_truncated_file_is_noticed(store):
    artifact = put_file(store)
    os.truncate(store.locate(artifact.path), 3)
    with pytest.raises(SourceError, match="its file has 3 bytes, 6 were written"):
        store.get(artifact.handle)


def test_a_flipped_byte_of_a_file_is_noticed_by_verify(store):
    artifact = put_file(store)
    flip(store.locate(artifact.path), 2)
    with pytest.raises(SourceError, match="its file has other bytes than were written"):
        store.verify(artifact.handle)


def test_putting_again_mends_what_was_damaged(store):
    artifact = put_file(store)
    flip(store.locate(artifact.path), 2)
    flip(store.layout.record_path(artifact.handle), 5)
    assert put_file(store) == artifact
    assert store.verify(artifact.handle) == artifact
