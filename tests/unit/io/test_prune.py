"""Pruning: what goes, what stays, and that an interruption leaves nothing half removed."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.plan import StepRecord
from eoagent.contracts.tool import ToolResult
from eoagent.io import prune as prune_module
from eoagent.io.ledger import Ledger
from eoagent.io.prune import GRACE, PruneReport, prune
from eoagent.io.store import FileStore

DAY = timedelta(days=1)
NONE = timedelta(0)


class House:
    """A store and a ledger whose clock can be set."""

    def __init__(self, home):
        self.now = datetime.now(UTC)
        self.store = FileStore(home)
        self.ledger = Ledger.open(home / "ledger.sqlite", clock=lambda: self.now)

    def put(self, name, size=1000):
        file = self.store.scratch(".bin")
        file.write_bytes(name.encode().ljust(size, b"."))
        return self.store.put(
            "mask", title=name, payload={"path": "", "name": name}, preview={}, file=file
        )

    def run(self, *artifacts, age=NONE, finish=True):
        """Write down a run that began `age` ago and linked artifacts."""
        real, self.now = self.now, self.now - age
        run = self.ledger.start_run("q", "offline")
        record = StepRecord(n=1, tool="t", arguments={}, references={}, status="done")
        self.ledger.append(run, record, [], [a.handle for a in artifacts])
        if finish:
            self.ledger.finish_run(run, "answered", None)
        self.now = real
        return run

    def settle(self, age_s=7200.0):
        """Let all artifacts look unused for some time."""
        for handle in self.store.handles():
            then = time.time() - age_s
            os.utime(self.store.layout.record_path(handle), (then, then))

    def prune(self, **limits):
        return prune(self.ledger, self.store, **limits)

    def runs(self):
        return [run.id for run in self.ledger.list_runs()]


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.ledger.close()
    house.store.close()


def test_an_empty_house_has_nothing_to_prune(house):
    assert house.prune(keep_last=0) == PruneReport(runs=(), artifacts=(), bytes=0)


def test_without_a_limit_runs_stay_and_left_overs_go(house):
    kept, loose = house.put("kept"), house.put("loose")
    run = house.run(kept, age=400 * DAY)
    house.settle()
    report = house.prune()
    assert (report.runs, report.artifacts) == ((), (loose.handle,))
    assert house.runs() == [run]
    assert house.store.handles() == (kept.handle,)


def test_the_last_runs_are_kept_and_the_others_go_with_their_artifacts(house):
    artifacts = [house.put(f"a{i}") for i in range(4)]
    runs = [house.run(artifact) for artifact in artifacts]
    house.settle()
    report = house.prune(keep_last=2)
    assert report.runs == (runs[1], runs[0])
    assert set(report.artifacts) == {a.handle for a in artifacts[:2]}
    assert house.runs() == [runs[3], runs[2]]
    for artifact in artifacts[2:]:
        house.store.verify(artifact.handle)
    for run in runs[:2]:
        with pytest.raises(NotFound, match="no run"):
            house.ledger.calls(run)


def test_an_artifact_that_a_kept_run_links_to_stays(house):
    shared, own = house.put("shared"), house.put("own")
    old, new = house.run(shared, own), house.run(shared)
    house.settle()
    report = house.prune(keep_last=1)
    assert (report.runs, report.artifacts) == ((old,), (own.handle,))
    assert house.ledger.get_run(new).handles == (shared.handle,)
    house.store.verify(shared.handle)


def test_a_file_that_a_kept_artifact_shares_stays(house):
    file = house.store.scratch(".bin")
    file.write_bytes(b"kept".ljust(1000, b"."))
    twin = house.store.put("mask", title="t", payload={"path": ""}, preview={}, file=file)
    kept = house.put("kept")
    house.run(twin)
    house.run(kept)
    house.settle()
    assert house.prune(keep_last=1).artifacts == (twin.handle,)
    assert twin.path == kept.path
    house.store.verify(kept.handle)


def test_the_bytes_of_the_report_are_those_that_the_folder_lost(house):
    for i in range(3):
        house.run(house.put(f"a{i}", size=10_000 * (i + 1)))
    house.settle()

    def size():
        folders = (house.store.layout.objects, house.store.layout.records)
        return sum(p.stat().st_size for f in folders for p in f.rglob("*") if p.is_file())

    before = size()
    report = house.prune(keep_last=1)
    assert report.bytes == before - size()
    assert report.bytes > 30_000


def test_old_runs_go_and_newer_ones_stay(house):
    old, edge, new = (house.run(house.put(str(d)), age=d * DAY) for d in (31, 29, 1))
    house.settle()
    assert house.prune(older_than=30 * DAY).runs == (old,)
    assert house.runs() == [new, edge]


def test_the_last_runs_are_kept_even_if_old(house):
    runs = [house.run(house.put(str(i)), age=60 * DAY) for i in range(3)]
    house.settle()
    assert house.prune(older_than=30 * DAY, keep_last=1).runs == (runs[1], runs[0])


def test_the_newest_runs_that_fit_into_the_bytes_are_kept(house):
    runs = [house.run(house.put(str(i), size=100_000)) for i in range(5)]
    house.settle()
    assert house.prune(max_bytes=250_000).runs == tuple(runs[2::-1])
    stored = sum(size for _, _, size in house.store.layout.object_files())
    assert stored == 200_000


def test_shared_files_are_counted_once(house):
    shared = house.put("shared", size=100_000)
    runs = [house.run(shared) for _ in range(5)]
    assert house.prune(max_bytes=150_000).runs == ()
    assert house.runs() == runs[::-1]


def test_no_bytes_means_no_runs_with_artifacts(house):
    house.run(house.put("a"))
    house.settle()
    house.prune(max_bytes=0)
    assert house.runs() == []
    assert house.store.handles() == ()


def test_a_living_run_stays_and_so_does_what_was_used_since_it_began(house):
    made = house.put("made before it was linked")
    house.settle()
    past = house.put("unlinked and from before")
    os.utime(house.store.layout.record_path(past.handle), (0, 0))
    run = house.run(age=3 * DAY, finish=False)
    report = house.prune(keep_last=0, older_than=DAY)
    assert report.runs == ()
    assert report.artifacts == (past.handle,)
    assert house.runs() == [run]
    house.store.verify(made.handle)


def test_an_interrupted_run_goes_like_any_other(house, tmp_path):
    other = Ledger.open(tmp_path / "ledger.sqlite")
    run = other.start_run("q", "offline")
    other.close()
    assert house.prune(keep_last=0).runs == (run,)


def test_what_was_used_just_now_stays(house):
    put, got = house.put("put"), house.put("got")
    house.settle()
    house.store.get(got.handle)
    assert house.prune(keep_last=0).artifacts == (put.handle,)
    assert house.prune(keep_last=0, grace=-GRACE).artifacts == (got.handle,)


def test_cached_results_go_with_their_artifacts(house):
    gone, kept = house.put("gone"), house.put("kept")
    house.run(kept)
    for key, artifact in (("g", gone), ("k", kept)):
        house.ledger.cache_put(key, ToolResult(artifacts={"out": artifact}))
    house.settle()
    house.prune()
    with house.ledger.file.reading() as connection:
        assert connection.execute("SELECT key FROM cache").fetchall() == [("k",)]
    assert house.ledger.cache_get("k", house.store) is not None


def test_old_cached_results_go_too(house):
    house.ledger.cache_put("old", ToolResult())
    house.now += 40 * DAY
    house.ledger.cache_put("new", ToolResult())
    house.prune(older_than=30 * DAY)
    assert house.ledger.cache_get("old", house.store) is None
    assert house.ledger.cache_get("new", house.store) == ToolResult()


def test_the_ledger_file_shrinks(house):
    for _ in range(30):
        run = house.ledger.start_run("q" * 50_000, "offline")
        house.ledger.finish_run(run, "answered", None)
    house.prune()
    before = house.ledger.file.path.stat().st_size
    house.prune(keep_last=0)
    assert house.ledger.file.path.stat().st_size < before / 5


def test_files_without_a_record_and_dead_scratch_are_cleared(house):
    artifact = house.put("a")
    house.run(artifact)
    orphan = house.store.layout.objects / "ab" / ("ab" * 32 + ".tif")
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"x" * 500)
    assert house.prune().bytes == 500
    assert not orphan.exists()
    house.store.verify(artifact.handle)


def test_the_file_of_a_damaged_record_that_a_run_links_to_stays(house):
    artifact = house.put("a")
    house.run(artifact)
    record = house.store.layout.record_path(artifact.handle)
    record.write_bytes(record.read_bytes()[:-10])
    house.settle()
    house.prune()
    assert house.store.locate(artifact.path).is_file()
    assert house.put("a") == artifact


@pytest.mark.parametrize("limit", [{"keep_last": -1}, {"max_bytes": -1}, {"older_than": -DAY}])
def test_a_negative_limit_is_refused(house, limit):
    run = house.run()
    with pytest.raises(InputError, match="negative limit"):
        house.prune(**limit)
    assert house.runs() == [run]


@pytest.mark.parametrize("stage", ["_remove_runs", "_remove_unlinked", "remove_records"])
def test_an_interrupted_prune_is_finished_by_the_next(house, monkeypatch, stage):
    artifacts = [house.put(str(i)) for i in range(3)]
    runs = [house.run(artifact) for artifact in artifacts]
    house.settle()
    real = getattr(prune_module, stage)

    def interrupted(*args, **kwargs):
        real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(prune_module, stage, interrupted)
        with pytest.raises(KeyboardInterrupt):
            house.prune(keep_last=1)
    for handle in house.store.handles():
        house.store.verify(handle)
    for run in house.runs():
        for handle in house.ledger.get_run(run).handles:
            house.store.verify(handle)
    house.settle()
    house.prune(keep_last=1)
    assert house.runs() == [runs[2]]
    assert house.store.handles() == (artifacts[2].handle,)
    assert len(list(house.store.layout.object_files())) == 1


def test_a_damaged_ledger_is_not_pruned(house, monkeypatch):
    house.run(house.put("a"))
    house.settle()

    def damaged():
        raise SourceError("the ledger is damaged", href="x")

    monkeypatch.setattr(house.ledger.file, "check", damaged)
    with pytest.raises(SourceError):
        house.prune(keep_last=0)
    assert len(house.store.handles()) == 1
