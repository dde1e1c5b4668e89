"""One writer at a time: on one machine by the lock, elsewhere by signs of life and the fence."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime

import pytest

from eoagent.contracts.errors import SourceError
from eoagent_indexes.layout import IndexLayout
from eoagent_indexes.pointer import read_pointer, store_manifest, swap
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.writer import IndexWriter

SINCE = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


def another_machine(index, fence=40, pid=4711):
    """Leave the mark of a writer that runs on another machine."""
    mark = {
        "boot": "another boot",
        "fence": fence,
        "host": "bigbox",
        "pid": pid,
        "since": SINCE.isoformat(),
        "token": "0" * 16,
    }
    (index / "writer.json").write_text(json.dumps(mark))


def test_a_second_writer_is_told_who_writes_and_since_when(index):
    with (
        IndexWriter(index, now=lambda: SINCE),
        pytest.raises(SourceError, match="index 'coast' is being written by process") as caught,
        IndexWriter(index),
    ):
        pass
    message = str(caught.value)
    assert f"process {os.getpid()} on " in message
    assert message.endswith("since 2026-11-21 08:30:00 UTC")
    assert caught.value.hint == "wait for it, or end it; searches go on meanwhile"


def test_a_writer_gives_the_right_back(index):
    for _ in range(3):
        with IndexWriter(index):
            assert (index / "writer.json").exists()
        assert not (index / "writer.json").exists()


def test_a_failed_start_gives_the_right_back(index):
    manifest = index / "manifests" / "00000002.json"
    data = manifest.read_bytes()
    manifest.write_bytes(b"damage")
    with pytest.raises(SourceError, match="has other bytes"), IndexWriter(index):
        pass
    manifest.write_bytes(data)
    with IndexWriter(index) as writer:
        assert writer.snapshot.version == 2


def test_the_mark_of_a_dead_writer_of_this_machine_is_taken_over(index):
    with IndexWriter(index) as writer:
        left = (index / "writer.json").read_bytes()
        fence = writer.commit(state={"a": 1}).fence
    (index / "writer.json").write_bytes(left)  # as kill -9 would leave it
    with IndexWriter(index) as writer:
        assert writer.commit(state={"a": 2}).fence > fence


def test_a_living_writer_of_another_machine_is_not_disturbed(index):
    another_machine(index)
    with (
        pytest.raises(SourceError, match="process 4711 on bigbox since 2026-11-21 08:30:00 UTC"),
        IndexWriter(index),
    ):
        pass


def test_a_writer_of_another_machine_without_a_sign_of_life_is_followed(index):
    another_machine(index)
    old = time.time() - 120
    os.utime(index / "writer.json", (old, old))
    with IndexWriter(index) as writer:
        assert writer.commit(state={"a": 1}).fence == 41


def test_the_sign_of_life_is_renewed(index):
    with IndexWriter(index, stale_s=0.04):
        old = time.time() - 120
        os.utime(index / "writer.json", (old, old))
        for _ in range(500):
            if (index / "writer.json").stat().st_mtime > old + 60:
                break
            time.sleep(0.01)
        else:
            pytest.fail("the mark was not touched")


def test_a_writer_that_was_overtaken_aborts_at_the_swap(index, made):
    with IndexWriter(index) as writer:
        entry = made.write(index, 5, 10)
        another_machine(index)
        with pytest.raises(SourceError, match="was taken over by process 4711 on bigbox") as caught:
            writer.commit(add=[entry], drop_tiles=made.ids_of(2, 5))
    assert caught.value.hint == "run the command again; what was committed before is kept"
    with Snapshot.open(index, pin=False) as snapshot:
        assert snapshot.version == 2
    assert [path.name for path in sorted((index / "manifests").iterdir())] == [
        "00000001.json",
        "00000002.json",
    ]
    assert len(list((index / "deletes").iterdir())) == 1
    assert (index / "writer.json").exists(), "the mark of the other writer stays"


def test_a_writer_whose_mark_was_taken_away_aborts(index):
    with IndexWriter(index) as writer:
        (index / "writer.json").unlink()
        with pytest.raises(SourceError, match="taken over by another process, which has finished"):
            writer.commit(state={"a": 1})


def test_a_version_that_another_writer_made_meanwhile_is_not_undone(index):
    layout = IndexLayout(index)
    with IndexWriter(index) as writer:
        base = writer.snapshot.manifest
        theirs = base.model_copy(update={"version": 3, "parent": 2, "state": {"theirs": 1}})
        swap(layout, store_manifest(layout, theirs))
        with pytest.raises(SourceError, match="was changed by another process while a version"):
            writer.commit(state={"mine": 1})
    assert read_pointer(layout).version == 3
    with Snapshot.open(index, pin=False) as snapshot:
        assert snapshot.manifest.state == {"theirs": 1}


def test_two_writers_never_take_the_same_version(index):
    layout = IndexLayout(index)
    with Snapshot.open(index, pin=False) as snapshot:
        manifest = snapshot.manifest.model_copy(update={"version": 3})
    store_manifest(layout, manifest)
    with pytest.raises(FileExistsError):
        store_manifest(layout, manifest)
    with IndexWriter(index) as writer:  # goes round what a killed writer left
        assert writer.commit(state={"a": 1}).version == 4


def test_a_mark_that_is_none_is_nobody(index):
    (index / "writer.json").write_bytes(b"\xff not JSON")
    with IndexWriter(index) as writer:
        assert writer.commit(state={"a": 1}).version == 3
