"""A1: kill -9 at random moments; store and ledger open afterwards at state n or n + 1."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from eoagent.contracts.plan import StepRecord
from eoagent.io.ledger import Ledger
from eoagent.io.prune import prune
from eoagent.io.store import FileStore

QUICK, FULL = 12, 40

_COMMIT = """
import itertools, sys
from pathlib import Path
from eoagent.contracts.plan import StepRecord
from eoagent.io.ledger import Ledger
from eoagent.io.store import FileStore

root = Path(sys.argv[1])
store = FileStore(root)
ledger = Ledger.open(root / "ledger.sqlite")
run = ledger.start_run("commit until killed", "offline")
print(run, flush=True)
for n in itertools.count(1):
    file = store.scratch(".bin")
    file.write_bytes(f"{run} {n}".encode() * 500)
    made = store.put("mask", title=str(n), payload={"path": "", "n": n}, preview={}, file=file)
    record = StepRecord(n=n, tool="t", arguments={}, references={}, status="done",
                        artifacts=(made.handle,))
    ledger.append(run, record, [], [])
    print(n, flush=True)
"""

_PRUNE = """
import itertools, sys
from datetime import timedelta
from pathlib import Path
from eoagent.contracts.plan import StepRecord
from eoagent.io.ledger import Ledger
from eoagent.io.prune import prune
from eoagent.io.store import FileStore

root = Path(sys.argv[1])
store = FileStore(root)
ledger = Ledger.open(root / "ledger.sqlite")
print("ready", flush=True)
for n in itertools.count(1):
    run = ledger.start_run("commit and prune until killed", "offline")
    for part in range(3):
        file = store.scratch(".bin")
        file.write_bytes(f"{run} {n % 4} {part}".encode() * 500)
        made = store.put("mask", title="", payload={"path": ""}, preview={}, file=file)
        record = StepRecord(n=part + 1, tool="t", arguments={}, references={}, status="done",
                            artifacts=(made.handle,))
        ledger.append(run, record, [], [])
    ledger.finish_run(run, "answered", None)
    prune(ledger, store, keep_last=2, grace=timedelta(0))
    print(n, flush=True)
"""


def lines_until_killed(code, root, seed):
    """Run a child, kill it at a random moment of its loop, and return what it had printed."""
    wait_s = random.Random(seed).uniform(0.0, 0.15)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE, text=True
    ) as child:
        first = child.stdout.readline().strip()
        time.sleep(wait_s)
        child.kill()
        rest = child.stdout.read()
    assert child.returncode == -9
    return [first, *(line for line in rest.splitlines(keepends=True) if line.endswith("\n"))]


def check_everything(store, ledger):
    """Every record has its intact file, and every handle that a run links to is there."""
    for handle in store.handles():
        store.verify(handle)
    ledger.file.check()
    for run in ledger.list_runs():
        ledger.calls(run.id)
        for handle in ledger.get_run(run.id).handles:
            store.get(handle)


def next_write_works(store, ledger):
    file = store.scratch(".bin")
    file.write_bytes(b"after the crash")
    made = store.put("mask", title="t", payload={"path": ""}, preview={}, file=file)
    run = ledger.start_run("q", "offline")
    record = StepRecord(n=1, tool="t", arguments={}, references={}, status="done")
    ledger.append(run, record, [], [made.handle])
    ledger.finish_run(run, "answered", None)
    assert store.verify(made.handle) == made
    assert ledger.list_runs(1)[0].calls == 1


def commit_trial(root, seed):
    run, *confirmed = lines_until_killed(_COMMIT, root, seed)
    n = len(confirmed)
    assert [int(line) for line in confirmed] == list(range(1, n + 1))
    store = FileStore(root)
    ledger = Ledger.open(root / "ledger.sqlite")
    calls = ledger.calls(run)
    assert [call.record.n for call in calls] in (
        list(range(1, n + 1)),
        list(range(1, n + 2)),
    )
    for call in calls:
        (handle,) = call.record.artifacts
        artifact = store.verify(handle)
        assert artifact.payload["n"] == call.record.n
        content = store.locate(artifact.path).read_bytes()
        assert content == f"{run} {call.record.n}".encode() * 500
    assert ledger.get_run(run).summary.status == "interrupted"
    assert len(store.handles()) - len(calls) in (0, 1)  # put, and killed before the append
    next_write_works(store, ledger)
    check_everything(store, ledger)
    assert list(store.layout.scratch.glob("*/*")) == []
    ledger.close()
    store.close()
    return n


def prune_trial(root, seed):
    lines_until_killed(_PRUNE, root, seed)
    store = FileStore(root)
    ledger = Ledger.open(root / "ledger.sqlite")
    check_everything(store, ledger)
    next_write_works(store, ledger)
    prune(ledger, store, keep_last=1)
    assert len(ledger.list_runs()) == 1
    check_everything(store, ledger)
    ledger.close()
    store.close()


def test_a_killed_commit_loop_leaves_state_n_or_n_plus_1(tmp_path):
    committed = [commit_trial(tmp_path / str(seed), seed) for seed in range(QUICK)]
    assert sum(committed) > 0


def test_a_killed_prune_loop_leaves_no_record_without_its_file(tmp_path):
    for seed in range(QUICK // 2):
        prune_trial(tmp_path, seed)


@pytest.mark.full
def test_forty_killed_commit_loops_leave_state_n_or_n_plus_1(tmp_path):
    for seed in range(100, 100 + FULL):
        commit_trial(tmp_path / str(seed), seed)


@pytest.mark.full
def test_forty_killed_prune_loops_leave_no_record_without_its_file(tmp_path):
    for seed in range(100, 100 + FULL):
        prune_trial(tmp_path, seed)
