"""A1: kill -9 at random moments of a commit loop; the index opens at version n or n + 1."""

from __future__ import annotations

import importlib.util
import random
import time
from pathlib import Path

import pytest

from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.vacuum import vacuum
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter

QUICK, FULL = 12, 200

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


def trial(nursery, folder, seed):
    """Kill a writer at a random moment, check what is left, and go on; returns what it did."""
    chance = random.Random(seed)
    commits, wait_s = chance.randrange(3), chance.uniform(0.0, 0.12)
    child = nursery.start("commit", folder)
    for _ in range(6000):
        if index_tiles.said(folder, child)[commits - 1 :] or not commits:
            break
        time.sleep(0.005)
    time.sleep(wait_s)
    assert nursery.kill(child) == -9
    confirmed = [int(line) for line in index_tiles.said(folder, child)]
    if not (folder / "CURRENT").exists():
        assert confirmed == []
    else:
        with Snapshot.open(folder) as snapshot:
            done = index_tiles.assert_whole(snapshot)
        if confirmed:
            assert max(done) - confirmed[-1] in (0, 1)
        assert verify(folder).problems == ()
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        before = writer.snapshot.units() if writer.snapshot else {}
        index_tiles.commit_unit(writer, max((int(u[1:]) for u in before), default=0) + 1)
    with Snapshot.open(folder) as snapshot:
        assert len(snapshot.units()) == len(before) + 1
        index_tiles.assert_whole(snapshot)
    return len(confirmed)


def test_a_killed_commit_loop_leaves_version_n_or_n_plus_1(tmp_path, nursery):
    # Several trials go on in one folder, so that each meets what the killed one before it left.
    done = [trial(nursery, tmp_path / str(seed % 3), seed) for seed in range(QUICK)]
    assert sum(done) > 0
    for folder in (tmp_path / "0", tmp_path / "1", tmp_path / "2"):
        vacuum(folder, dry_run=False, keep_s=0)
        report = verify(folder)
        assert (report.problems, report.orphans) == ((), 0)


@pytest.mark.full
def test_two_hundred_killed_commit_loops_leave_version_n_or_n_plus_1(tmp_path, nursery):
    for seed in range(1000, 1000 + FULL):
        trial(nursery, tmp_path / str(seed % 20), seed)
    for number in range(20):
        vacuum(tmp_path / str(number), dry_run=False, keep_s=0)
        assert verify(tmp_path / str(number)).orphans == 0
