"""A6: two writers and four readers at once, and a writer killed while it holds the lock."""

from __future__ import annotations

import contextlib
import importlib.util
import time
from pathlib import Path

import pytest

from eoagent.contracts.errors import SourceError
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.vacuum import vacuum
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter

_spec = importlib.util.spec_from_file_location(
    "index_tiles", Path(__file__).with_name("index_tiles.py")
)
index_tiles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(index_tiles)


@pytest.fixture(scope="module")
def nursery():
    made = index_tiles.Nursery()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("commits", "opens"), [(8, 40), pytest.param(50, 250, marks=pytest.mark.full)]
)
def test_two_writers_and_four_readers_see_committed_versions_only(
    tmp_path, nursery, commits, opens
):
    folder = tmp_path / "index"
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        index_tiles.commit_unit(writer, 1)
    children = [nursery.start("turns", folder, commits) for _ in range(2)]
    children += [nursery.start("open", folder, opens) for _ in range(4)]
    for _ in range(5):  # takes replaced versions from under readers, as far as they let it
        with contextlib.suppress(SourceError):  # a writer is at work
            vacuum(folder, keep_s=0, dry_run=False)
        time.sleep(0.02)
    statuses = [nursery.wait(child) for child in children]
    assert [index_tiles.complaints(folder, child) for child in children] == [""] * 6
    assert statuses == [0] * 6
    with Snapshot.open(folder) as snapshot:
        done = index_tiles.assert_whole(snapshot)
        assert max(done) == 2 * commits + 1
        assert len(snapshot.units()) == 2 * commits + 1
    assert verify(folder).problems == ()


def test_a_writer_killed_while_it_holds_the_lock_blocks_nobody(tmp_path, nursery):
    folder = tmp_path / "index"
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        index_tiles.commit_unit(writer, 1)
    child = nursery.start("hold", folder)
    for _ in range(3000):
        if index_tiles.said(folder, child):
            break
        time.sleep(0.01)
    with (
        pytest.raises(SourceError, match=f"being written by process {child} on "),
        IndexWriter(folder),
    ):
        pass
    with Snapshot.open(folder) as snapshot:  # readers do not wait
        assert index_tiles.assert_whole(snapshot) == [1]
    nursery.kill(child)
    assert (folder / "writer.json").exists()
    with IndexWriter(folder) as writer:
        fence = index_tiles.commit_unit(writer, 2).fence
    assert fence == 3  # 2 was the one that was killed
    assert verify(folder).orphans == 7  # its segment, and the first manifest
    vacuum(folder, keep_s=0, dry_run=False)
    assert verify(folder).orphans == 0
