"""A vacuum takes what nobody needs, after a while, and nothing else."""

from __future__ import annotations

import time

import numpy as np
import pytest

from eoagent.contracts.errors import NotFound, SourceError
from eoagent_indexes.compaction import compact
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.vacuum import vacuum
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter


def stored(folder):
    """Every file below a folder, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def compacted(index):
    with IndexWriter(index) as writer:
        compact(writer)
    return index


def test_nothing_that_is_young_is_taken(compacted):
    before = stored(compacted)
    assert vacuum(compacted, dry_run=False) == ()
    assert stored(compacted) == before


def test_a_dry_run_tells_just_what_the_vacuum_then_takes(compacted):
    before = stored(compacted)
    told = vacuum(compacted, keep_s=0)
    assert stored(compacted) == before
    assert vacuum(compacted, keep_s=0, dry_run=False) == told
    after = stored(compacted)
    assert dict(told).items() == {n: s for n, s in before.items() if n not in after}.items()
    assert verify(compacted).problems == ()
    assert verify(compacted).orphans == 0
    # Nothing is left over but what the version consists of, the lock, and the pointer.
    needed = {name for name in after if not name.startswith("writer")}
    assert len([name for name in needed if name.startswith("segments/")]) == 6
    assert len(list((compacted / "segments").iterdir())) == 1
    assert vacuum(compacted, keep_s=0, dry_run=False) == ()


def test_a_version_that_a_reader_holds_stays(index, made):
    with Snapshot.open(index) as held:
        with IndexWriter(index) as writer:
            compact(writer)
            writer.commit(state={"a": 1})
        vacuum(index, keep_s=0, dry_run=False)
        assert held.find(made.ids_of(2, 40)).is_there.all()
        assert held.segments[0].table(np.arange(3)).num_rows == 3
        assert (index / "manifests" / "00000002.json").exists()
        assert not (index / "manifests" / "00000001.json").exists()
        assert not (index / "manifests" / "00000003.json").exists()
    vacuum(index, keep_s=0, dry_run=False)
    assert [path.name for path in (index / "manifests").iterdir()] == ["00000004.json"]


def test_the_mark_of_a_reader_that_died_holds_nothing(index):
    readers = index / "readers"
    readers.mkdir()
    (readers / f"{'a' * 16}-2.pin").touch()
    (readers / f"{'a' * 16}.lock").touch()
    with IndexWriter(index) as writer:
        compact(writer)
    vacuum(index, keep_s=0, dry_run=False)
    assert [path.name for path in (index / "manifests").iterdir()] == ["00000003.json"]
    assert list(readers.iterdir()) == []


def test_a_version_is_kept_for_a_while_after_it_was_replaced(compacted):
    """Its age counts from when it was replaced, not from when it was made."""
    now = time.time()
    later = vacuum(compacted, keep_s=3600, clock=lambda: now + 3500)
    assert later == ()
    gone = dict(vacuum(compacted, keep_s=3600, clock=lambda: now + 3700))
    assert {"manifests/00000001.json", "manifests/00000002.json"} <= set(gone)


def test_a_version_that_stood_for_long_and_was_replaced_just_now_stays(index):
    now = time.time() + 10 * 86_400
    from datetime import UTC, datetime

    with IndexWriter(index, now=lambda: datetime.fromtimestamp(now, UTC)) as writer:
        compact(writer)
    gone = dict(vacuum(index, keep_s=3600, clock=lambda: now + 10))
    assert "manifests/00000001.json" in gone
    assert "manifests/00000002.json" not in gone
    assert not any(name.startswith("segments/") for name in gone)


def test_what_was_interrupted_goes_once_it_is_old(index, made):
    entry = made.write(index, 5, 10)
    left = index / "segments" / entry.id
    (left / ".0123456789abcdef.part").write_bytes(b"half")
    (index / "manifests" / "00000009.json").write_bytes(b"{torn")
    (index / ".0123456789abcdef.part").write_bytes(b"half")
    assert vacuum(index, dry_run=False) == ()
    later = time.time() + 2 * 86_400
    gone = dict(vacuum(index, dry_run=False, clock=lambda: later))
    assert not left.exists()
    assert {"manifests/00000009.json", ".0123456789abcdef.part"} <= set(gone)
    assert verify(index).problems == ()


def test_what_others_put_into_the_folder_stays(index, tmp_path):
    (index / "notes.txt").write_text("mine")
    (index / "spool").mkdir()
    (index / "spool" / "a").write_text("a build's")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (index / "segments" / "link").symlink_to(outside)
    vacuum(index, keep_s=0, dry_run=False, clock=lambda: time.time() + 1e6)
    assert (index / "notes.txt").exists()
    assert (index / "spool" / "a").exists()
    assert (outside / "precious").exists()


def test_a_vacuum_waits_for_no_writer_and_no_writer_for_it(index):
    with IndexWriter(index):
        with pytest.raises(SourceError, match="is being written by process"):
            vacuum(index, dry_run=False)
        assert isinstance(vacuum(index, dry_run=True), tuple)


def test_a_folder_that_is_no_index_is_not_touched(tmp_path):
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "photo.jpg").write_text("x")
    with pytest.raises(NotFound, match="holds no committed version"):
        vacuum(tmp_path, dry_run=False, keep_s=0)
    assert [path.name for path in tmp_path.iterdir()] == ["segments"]


def test_a_held_version_that_is_damaged_stops_the_vacuum(index):
    with Snapshot.open(index):
        with IndexWriter(index) as writer:
            compact(writer)
        (index / "manifests" / "00000002.json").write_bytes(b"damage")
        before = stored(index)
        with pytest.raises(SourceError, match="has other bytes than were written"):
            vacuum(index, keep_s=0, dry_run=False)
        (index / "manifests" / "00000002.json").unlink()
        with pytest.raises(SourceError, match="is gone, but a reader holds version 2"):
            vacuum(index, keep_s=0, dry_run=False)
        assert set(before) - set(stored(index)) == {"manifests/00000002.json"}
