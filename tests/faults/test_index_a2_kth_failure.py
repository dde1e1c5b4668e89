"""A2: every write, fsync, rename, mkdir, open and lock of an index fails once, one at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.util
import itertools
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from eoagent.contracts.errors import SourceError
from eoagent_indexes.compaction import compact
from eoagent_indexes.parts import UnitRecord
from eoagent_indexes.removal import remove_index
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.vacuum import vacuum
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter

_spec = importlib.util.spec_from_file_location(
    "index_tiles", Path(__file__).with_name("index_tiles.py")
)
index_tiles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(index_tiles)

CALLS = [(os, n) for n in ("open", "write", "fsync", "replace", "mkdir", "unlink", "rmdir")]
CALLS.append((fcntl, "flock"))
ERRORS = [errno.EIO, errno.ENOSPC, errno.EROFS]
CLEARING = {"unlink", "rmdir"}
"""Calls that only clear away; their failure may stay silent, and leaves garbage at most."""


@contextlib.contextmanager
def failing(monkeypatch, k):
    """Let the k-th counted call fail; yields the list of calls made."""
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


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Bring nothing to the disk, which takes long; the calls are made, and fail, all the same."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """An index of one segment with deleted rows, and of one without."""
    folder = tmp_path_factory.mktemp("a2") / "index"
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        writer.commit(add=[index_tiles.write(folder, seed, 9) for seed in (1, 2)])
        writer.commit(
            drop_tiles=index_tiles.ids_of(1, 3), ledger=[UnitRecord(unit="a", state="done")]
        )
    return folder


def counts(step):
    """Which calls fail: all of them, or a few from each part of the work, a quick test's share."""
    return itertools.count(1) if step == 1 else itertools.count(2, step)


every_call = pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.full)])


def live(folder):
    """Version and number of live tiles, after checking everything."""
    assert verify(folder).problems == ()
    with Snapshot.open(folder) as snapshot:
        return snapshot.version, snapshot.manifest.live


def commit(folder):
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        writer.commit(
            add=[index_tiles.write(folder, 3, 9)],
            drop_tiles=index_tiles.ids_of(2, 4),
            ledger=[UnitRecord(unit="b", state="done")],
        )


def merge(folder):
    with IndexWriter(folder) as writer:
        compact(writer)


@every_call
@pytest.mark.parametrize(
    ("work", "tiles_after"), [(commit, 20), (merge, 15)], ids=["commit", "compaction"]
)
def test_each_failure_is_typed_and_leaves_the_old_version_or_the_new_one(
    tmp_path, monkeypatch, template, work, tiles_after, step
):
    for k in counts(step):
        folder = tmp_path / str(k)
        shutil.copytree(template, folder)
        with failing(monkeypatch, k) as made:
            try:
                work(folder)
                error = None
            except SourceError as caught:
                error = caught
        if len(made) < k:
            assert error is None
            break
        assert error is not None or made[k - 1] in CLEARING, made[:k]
        assert error is None or str(folder) in error.href
        version, tiles = live(folder)
        assert (version, tiles) in ((2, 15), (3, tiles_after)), (k, made[k - 1])
        if made[k - 1] not in CLEARING:
            assert list(folder.rglob("*.part")) == [], made[:k]
        work(folder)  # the next attempt works, and finds what the failed one finished
        assert live(folder)[1] == tiles_after
        vacuum(folder, keep_s=0, dry_run=False)
        assert verify(folder).orphans == 0
    assert k > 30


@every_call
def test_the_first_commit_makes_an_index_or_none(tmp_path, monkeypatch, step):
    for k in counts(step):
        folder = tmp_path / str(k) / "new"
        with failing(monkeypatch, k) as made, contextlib.suppress(SourceError):
            commit(folder)
        if len(made) < k:
            break
        if (folder / "CURRENT").exists():
            assert live(folder) == (1, 9)
        commit(folder)
        assert live(folder)[1] == 9
    assert k > 20


@every_call
def test_a_commit_that_failed_can_be_tried_again_by_the_same_writer(
    tmp_path, monkeypatch, template, step
):
    for k in counts(step):
        folder = tmp_path / str(k)
        shutil.copytree(template, folder)
        with IndexWriter(folder) as writer:
            entry = index_tiles.write(folder, 3, 9)
            with failing(monkeypatch, k) as made, contextlib.suppress(SourceError):
                writer.commit(add=[entry])
            if len(made) < k:
                break
            if entry not in writer.snapshot.manifest.segments:
                writer.commit(add=[entry])
            assert writer.snapshot.manifest.live == 24
        assert live(folder)[1] == 24
    assert k > 10


@every_call
def test_each_failure_of_a_read_is_typed(tmp_path, monkeypatch, template, step):
    shutil.copytree(template, tmp_path / "index")
    for k in counts(step):
        with (
            failing(monkeypatch, k) as made,
            contextlib.suppress(SourceError),
            Snapshot.open(tmp_path / "index") as snapshot,
        ):
            assert snapshot.find(index_tiles.ids_of(2, 9)).is_there.all()
            assert snapshot.segments[1].table(np.arange(3)).num_rows == 3
            assert sorted(snapshot.units_done()) == ["a"]
        if len(made) < k:
            break
    assert k > 5
    assert verify(tmp_path / "index").problems == ()


@every_call
def test_each_failure_of_a_vacuum_or_a_removal_leaves_a_whole_index_or_none(
    tmp_path, monkeypatch, template, step
):
    for k in counts(step):
        folder = tmp_path / str(k) / "index"
        shutil.copytree(template, folder)
        merge(folder)
        with failing(monkeypatch, k) as made, contextlib.suppress(SourceError):
            vacuum(folder, keep_s=0, dry_run=False)
        assert live(folder) == (3, 15)
        if len(made) < k:
            break
    vacuums = k
    for k in counts(step):
        folder = tmp_path / f"removal {k}" / "index"
        shutil.copytree(template, folder)
        with failing(monkeypatch, k) as made, contextlib.suppress(SourceError):
            remove_index(folder)
        if folder.exists():
            assert live(folder) == (2, 15)
        if len(made) < k:
            assert list(folder.parent.iterdir()) == []
            break
    assert vacuums > 5
    assert k > 3


def test_every_file_and_its_folder_is_on_the_disk_before_current_names_it(
    tmp_path, monkeypatch, template
):
    folder = tmp_path / "index"
    shutil.copytree(template, folder)
    synced, swapped = [], []
    real = os.replace

    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)

    def replace(source, target):
        real(source, target)
        if Path(target) == folder / "CURRENT":
            swapped.append(len(synced))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    before = {path for path in folder.rglob("*") if path.is_file()}
    commit(folder)
    (moment,) = swapped
    fresh = {path for path in folder.rglob("*") if path.is_file()} - before
    fresh -= {folder / "writer.lock", folder / "writer.json"}
    assert len(fresh) == 9  # six of the segment, deleted rows, ledger, manifest
    for path in fresh:
        assert path.stat().st_ino in synced[:moment], path
        assert path.parent.stat().st_ino in synced[:moment], path.parent
    assert folder.stat().st_ino in synced[moment:], "the new name itself"
