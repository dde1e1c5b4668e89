"""A6: writers, readers and a prune at once, and a writer killed while it holds the lock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from eoagent.io.ledger import Ledger
from eoagent.io.store import FileStore

COMMITS = 50
READS = 250

_WRITER = """
import sys
from pathlib import Path
from eoagent.contracts.plan import StepRecord
from eoagent.io.ledger import Ledger
from eoagent.io.store import FileStore

root, name, commits = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = FileStore(root)
ledger = Ledger.open(root / "ledger.sqlite")
run = ledger.start_run(name, "offline")
for n in range(1, commits + 1):
    file = store.scratch(".bin")
    file.write_bytes(f"shared {n}".encode() * 500)
    made = store.put("mask", title=name, payload={"path": "", "n": n}, preview={}, file=file)
    record = StepRecord(n=n, tool="t", arguments={}, references={}, status="done",
                        artifacts=(made.handle,))
    ledger.append(run, record, [], [])
ledger.finish_run(run, "answered", None)
ledger.close()
store.close()
"""

_READER = """
import sys
from pathlib import Path
from eoagent.io.ledger import Ledger
from eoagent.io.store import FileStore

root, reads = Path(sys.argv[1]), int(sys.argv[2])
seen = 0
for _ in range(reads):
    ledger = Ledger.open(root / "ledger.sqlite")
    store = FileStore(root)
    for run in ledger.list_runs():
        calls = ledger.calls(run.id)
        assert [call.record.n for call in calls] == list(range(1, len(calls) + 1))
        assert len(calls) >= run.calls
        for call in calls[-2:]:
            store.verify(call.record.artifacts[0])
            seen += 1
    ledger.close()
print(seen)
"""

_PRUNER = """
import sys
from datetime import timedelta
from pathlib import Path
from eoagent.io.ledger import Ledger
from eoagent.io.prune import prune
from eoagent.io.store import FileStore

root, times = Path(sys.argv[1]), int(sys.argv[2])
store = FileStore(root)
ledger = Ledger.open(root / "ledger.sqlite")
for _ in range(times):
    prune(ledger, store, keep_last=2, grace=timedelta(seconds=30))
"""

_HOLDER = """
import sys, time
from pathlib import Path
from eoagent.io.ledger import Ledger
from eoagent.io.locks import hold
from eoagent.io.store import FileStore

root = Path(sys.argv[1])
store = FileStore(root)
ledger = Ledger.open(root / "ledger.sqlite")
with hold(store.layout.lock, exclusive=True), ledger.file.writing() as connection:
    connection.execute("INSERT INTO pruning VALUES ('half done')")
    print("held", flush=True)
    time.sleep(60)
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("reads", [40, pytest.param(READS, marks=pytest.mark.full)])
def test_two_writers_four_readers_and_a_prune_see_whole_states_only(tmp_path, reads):
    children = [start(_WRITER, tmp_path, name, COMMITS) for name in ("a", "b")]
    children += [start(_READER, tmp_path, reads) for _ in range(4)]
    children.append(start(_PRUNER, tmp_path, 5))
    faults = [child.communicate(timeout=120)[1] for child in children]
    assert faults == [""] * len(children)
    store = FileStore(tmp_path)
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    assert sorted(run.question for run in ledger.list_runs()) == ["a", "b"]
    for run in ledger.list_runs():
        assert run.status == "answered"
        assert [call.record.n for call in ledger.calls(run.id)] == list(range(1, COMMITS + 1))
        for handle in ledger.get_run(run.id).handles:
            store.verify(handle)
    assert len(store.handles()) == COMMITS  # both writers put the same content
    ledger.close()


def test_a_writer_killed_while_it_holds_the_locks_blocks_nobody(tmp_path):
    with start(_HOLDER, tmp_path) as child:
        assert child.stdout.readline() == "held\n"
        child.kill()
    store = FileStore(tmp_path)
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    made = store.put("raster", title="t", payload={"href": "a.tif"}, preview={})
    assert store.get(made.handle) == made
    run = ledger.start_run("q", "offline")
    with ledger.file.reading() as connection:
        assert connection.execute("SELECT count(*) FROM pruning").fetchone() == (0,)
    assert ledger.get_run(run).summary.status == "running"
    ledger.close()
    store.close()


def test_many_opens_of_a_new_ledger_make_one(tmp_path):
    code = (
        "import sys; from pathlib import Path; from eoagent.io.ledger import Ledger\n"
        "ledger = Ledger.open(Path(sys.argv[1]) / 'ledger.sqlite')\n"
        "run = ledger.start_run('q', 'offline'); ledger.finish_run(run, 'answered', None)\n"
    )
    children = [start(code, tmp_path) for _ in range(4)]
    assert [child.communicate(timeout=60)[1] for child in children] == [""] * 4
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    assert len(ledger.list_runs()) == 4
    ledger.close()
