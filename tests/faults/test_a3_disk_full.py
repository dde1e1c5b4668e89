"""A3: the disk is full at any size; the error says "no space" and the old state is whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.contracts.plan import StepRecord
from eoagent.io.atomic import write_atomic
from eoagent.io.ledger import Ledger
from eoagent.io.prune import prune
from eoagent.io.store import FileStore

SIZES = [0, 1, 100, 511, 512, 1000, 4096, 10_000, 65_536, 150_000]

_LIMITED = """
import json, resource, signal, sys
from pathlib import Path
from eoagent.contracts.errors import SourceError
from eoagent.contracts.plan import StepRecord
from eoagent.io.ledger import Ledger
from eoagent.io.store import FileStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
root = Path(sys.argv[1])
store = FileStore(root)
ledger = Ledger.open(root / "ledger.sqlite")
old = store.put("raster", title="old", payload={"href": "old.tif"}, preview={})
run = ledger.start_run("q", "offline")
big = "x" * 200_000
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

def record(n, why):
    return StepRecord(n=n, tool="t", arguments={}, references={}, status="done", why=why)

def attempt(call):
    try:
        call()
    except SourceError as error:
        return str(error)
    return "done"

found = []
for n, size in enumerate(json.loads(sys.argv[2]), 1):
    payload = {"href": f"{size}.tif", "note": big}
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    put = attempt(lambda: store.put("raster", title="", payload=payload, preview={}))
    append = attempt(lambda: ledger.append(run, record(n, big), [], []))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    handles = store.handles()
    left = [p.name for p in store.layout.scratch.glob("*/*")]
    calls = [call.record.n for call in ledger.calls(run)]
    found.append([put, append, handles, left, calls])
    store.verify(old.handle)
new = store.put("raster", title="", payload={"href": "new.tif", "note": big}, preview={})
store.verify(new.handle)
ledger.append(run, record(99, big), [], [old.handle, new.handle])
ledger.finish_run(run, "answered", None)
ledger.file.check()
print(json.dumps({"old": old.handle, "found": found, "calls": len(ledger.calls(run))}))
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """What a process found that could write files of at most each size."""
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path_factory.mktemp("a3")), json.dumps(SIZES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("position", range(len(SIZES)), ids=SIZES)
def test_a_file_size_limit_reads_no_space_and_leaves_the_old_state(limited, position):
    put, append, handles, left, calls = limited["found"][position]
    assert put.startswith("no space left to write ")
    assert append.startswith("no space left to write the ledger ")
    assert append.endswith("or the disk fails: disk I/O error (SQLITE_IOERR_WRITE)")
    assert handles == [limited["old"]]
    assert left == []
    assert calls == []


def test_after_the_limit_the_next_write_works(limited):
    assert limited["calls"] == 1


def test_dev_full_reads_no_space(tmp_path, monkeypatch):
    write_atomic(tmp_path / "a.json", b"old")
    real = os.open

    def to_full(path, flags, *mode):
        return real("/dev/full", os.O_WRONLY) if flags & os.O_CREAT else real(path, flags, *mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", to_full)
        with pytest.raises(SourceError, match=r"^no space left to write .*/a.json: No space left"):
            write_atomic(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"old"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB, where this account may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.getuid() != 0 or mount is None:
        pytest.skip("only root can mount a small file system")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {done.stderr.decode()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(store, ledger, artifacts):
    for n in range(1000):
        payload = {"href": f"{n}.tif", "note": "x" * 50_000}
        run = ledger.start_run("q", "offline")
        made = store.put("raster", title="", payload=payload, preview={})
        record = StepRecord(n=1, tool="t", arguments={}, references={}, status="done")
        ledger.append(run, record, [], [made.handle])
        ledger.finish_run(run, "answered", None)
        artifacts.append(made)


def fill_ledger(ledger):
    for _ in range(1000):
        ledger.start_run("q" * 20_000, "offline")


def test_a_full_disk_keeps_what_was_stored_and_can_be_pruned_after_room_is_made(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"." * 300_000)
    store = FileStore(small_disk / "home")
    ledger = Ledger.open(small_disk / "home" / "ledger.sqlite")
    artifacts = []
    with pytest.raises(SourceError, match=r"^no space left to write ") as caught:
        fill(store, ledger, artifacts)
    assert "EOAGENT_HOME" in caught.value.hint
    run = ledger.list_runs()[-1].id
    with pytest.raises(SourceError, match=r"^no space left to write the ledger"):
        fill_ledger(ledger)
    assert len(artifacts) > 5
    assert set(store.handles()) == {a.handle for a in artifacts}
    assert [store.verify(a.handle) for a in artifacts] == artifacts
    assert ledger.get_run(run).handles == (artifacts[0].handle,)
    ledger.file.check()
    ballast.unlink()
    report = prune(ledger, store, keep_last=0)
    assert run in report.runs
    made = store.put("raster", title="", payload={"href": "new", "note": "x" * 50_000}, preview={})
    assert store.verify(made.handle) == made
    ledger.close()
    store.close()
