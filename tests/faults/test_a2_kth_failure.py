"""A2: every write, fsync, rename, mkdir, open and lock of the store fails once, one at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os

import pytest

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.io.atomic import write_atomic
from eoagent.io.store import FileStore
from eoagent.io.store_removal import remove_orphans, remove_records

CALLS = [(os, name) for name in ("open", "write", "fsync", "replace", "mkdir", "unlink", "chmod")]
CALLS.append((fcntl, "flock"))
ERRORS = [errno.EIO, errno.ENOSPC, errno.EROFS]


@contextlib.contextmanager
def failing(monkeypatch, k):
    """Let the k-th counted call fail (none if k is None); yields the list of calls made."""
    made = []

    def shim(real, name):
        def call(*args, **kwargs):
            made.append(name)
            if len(made) == k:
                code = ERRORS[k % len(ERRORS)]
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patched:
        for module, name in CALLS:
            patched.setattr(module, name, shim(getattr(module, name), name))
        yield made


def put_file(store, data):
    file = store.scratch(".bin")
    file.write_bytes(data)
    return store.put("mask", title="t", payload={"path": ""}, preview={}, file=file)


def put_reference(store, data):
    return store.put("raster", title="t", payload={"href": data.decode()}, preview={})


def prune_old(store, _data):
    remove_records(store.layout, store.handles(), unused_since=float("inf"))
    remove_orphans(store.layout)


def check(store, old):
    """All that is there is whole, the old artifacts included."""
    for artifact in old:
        assert store.verify(artifact.handle) == artifact
    for handle in store.handles():
        store.verify(handle)


@pytest.mark.parametrize("is_used", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("put", [put_file, put_reference])
def test_each_failure_of_a_put_is_typed_and_leaves_the_old_state(
    tmp_path, monkeypatch, put, is_used
):
    for k in itertools.count(1):
        store = FileStore(tmp_path / str(k))
        old = [put_file(store, b"old"), put_reference(store, b"old")] if is_used else []
        with failing(monkeypatch, k) as made:
            try:
                put(store, b"new")
                error = None
            except SourceError as caught:
                error = caught
        if len(made) < k:
            assert error is None
            break
        # Only clearing away a temporary file may fail in silence.
        assert error is not None or made[k - 1] == "unlink", made
        assert error is None or str(store.layout.root) in error.href
        check(store, old)
        extra = set(FileStore(store.layout.root).handles()) - {a.handle for a in old}
        assert len(extra) <= 1
        left = [p for p in store.layout.scratch.glob("*/*") if made[k - 1] != "unlink"]
        assert left == [], made[:k]
        again = put(store, b"new")
        check(store, [*old, again])
        store.close()
    assert k > 10


def test_each_failure_of_a_removal_leaves_no_record_without_its_file(tmp_path, monkeypatch):
    for k in itertools.count(1):
        store = FileStore(tmp_path / str(k))
        made_before = [put_file(store, b"one"), put_file(store, b"two")]
        with failing(monkeypatch, k) as made:
            try:
                prune_old(store, b"")
                error = None
            except SourceError as caught:
                error = caught
        if len(made) < k:
            break
        assert error is not None
        check(store, [])
        prune_old(store, b"")
        assert store.handles() == ()
        assert list(store.layout.object_files()) == []
        for artifact in made_before:
            with pytest.raises(NotFound):
                store.get(artifact.handle)
        store.close()
    assert k > 5


def test_each_failure_of_a_read_is_typed(tmp_path, monkeypatch):
    store = FileStore(tmp_path)
    artifact = put_file(store, b"data")
    for k in itertools.count(1):
        with failing(monkeypatch, k) as made, contextlib.suppress(SourceError):
            assert store.get(artifact.handle) == artifact
        if len(made) < k:
            break
    store.close()


def test_each_failure_of_an_atomic_write_keeps_the_old_bytes_or_the_new(tmp_path, monkeypatch):
    for k in itertools.count(1):
        target = tmp_path / f"{k}" / "a.json"
        write_atomic(target, b"old")
        with failing(monkeypatch, k) as made, contextlib.suppress(SourceError):
            write_atomic(target, b"new")
            assert len(made) < k or made[k - 1] == "unlink"
        assert target.read_bytes() in (b"old", b"new")
        if len(made) < k:
            break
        if made[k - 1] != "unlink":
            assert [p.name for p in target.parent.iterdir()] == ["a.json"]
    assert k > 5
