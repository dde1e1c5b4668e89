"""A3: the disk is full at any size; the error says "no space" and the old version is whole."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eoagent.contracts.errors import SourceError
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.vacuum import vacuum
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter

_SCRIPT = Path(__file__).with_name("index_tiles.py")
_spec = importlib.util.spec_from_file_location("index_tiles", _SCRIPT)
index_tiles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(index_tiles)

SIZES = [0, 1, 64, 127, 130, 500, 1024, 2500, 6000, 9000]

_LIMITED = """
import importlib.util, json, resource, signal, sys
from pathlib import Path
from eoagent.contracts.errors import SourceError
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter

spec = importlib.util.spec_from_file_location("index_tiles", sys.argv[1])
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[2])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
with IndexWriter(folder, encoder=made.ENCODER) as writer:
    made.commit_unit(writer, 1)
    ready = made.write(folder, 900, 300)

def attempt(call):
    try:
        call()
    except SourceError as error:
        return str(error)
    return "done"

found = []
for size in json.loads(sys.argv[3]):
    with IndexWriter(folder) as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        segment = attempt(lambda: made.write(folder, 901, 300))
        commit = attempt(lambda: writer.commit(add=[ready], drop_tiles=made.ids_of(1, 2)))
        start = attempt(lambda: IndexWriter(folder / "x", encoder=made.ENCODER).__enter__())
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    with Snapshot.open(folder) as snapshot:
        state = [snapshot.version, snapshot.manifest.live, len(verify(folder).problems)]
    parts = [path.name for path in folder.rglob("*.part")]
    found.append([segment, commit, start, state, parts])
with IndexWriter(folder) as writer:
    last = writer.commit(add=[ready])
print(json.dumps({"found": found, "last": [last.live, len(verify(folder).problems)]}))
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """What a process found that could write files of at most each size."""
    folder = tmp_path_factory.mktemp("a3") / "index"
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(_SCRIPT), str(folder), json.dumps(SIZES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("position", range(len(SIZES)), ids=SIZES)
def test_a_file_size_limit_reads_no_space_and_leaves_the_old_version(limited, position):
    segment, commit, start, state, parts = limited["found"][position]
    assert segment.startswith("no space left to write ")
    if SIZES[position] < 2500:  # less than the manifest
        assert commit.startswith("no space left to write ")
        assert state == [1, index_tiles.PER_UNIT, 0]
    if SIZES[position] < 100:
        assert start.startswith("no space left to write ")
    assert state[2] == 0
    assert parts == []


def test_after_the_limit_the_next_commit_works(limited):
    assert limited["last"][0] >= 300
    assert limited["last"][1] == 0


def test_dev_full_reads_no_space(tmp_path, monkeypatch):
    folder = tmp_path / "index"
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        index_tiles.commit_unit(writer, 1)
        real = os.open

        def to_full(path, flags, *mode):
            is_new = flags & os.O_CREAT and flags & os.O_EXCL
            return real("/dev/full", os.O_WRONLY) if is_new else real(path, flags, *mode)

        with monkeypatch.context() as patched:
            patched.setattr(os, "open", to_full)
            with pytest.raises(SourceError, match=r"^no space left to write .*No space left"):
                index_tiles.write(folder, 5, 10)
            with pytest.raises(SourceError, match=r"^no space left to write .*No space left"):
                writer.commit(state={"a": 1})
    assert verify(folder).problems == ()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB, where this account may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.getuid() != 0 or mount is None:
        pytest.skip("only root can mount a small file system")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {done.stderr.decode()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(writer, done):
    for n in range(1, 100):
        entry = index_tiles.write(writer.layout.root, n, 3000)
        writer.commit(add=[entry], drop_tiles=index_tiles.ids_of(n - 1, 3000))
        done.append(n)


def test_a_full_disk_keeps_what_was_committed_and_a_vacuum_makes_room(small_disk):
    folder = small_disk / "index"
    done = []
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        with pytest.raises(SourceError, match=r"^no space left to write "):
            fill(writer, done)
        assert writer.snapshot.manifest.live == 3000
    committed = done[-1]
    assert committed > 3
    with Snapshot.open(folder) as snapshot:
        assert snapshot.find(index_tiles.ids_of(committed, 3000)).is_there.all()
    assert verify(folder).problems == ()
    assert sum(size for _, size in vacuum(folder, keep_s=0, dry_run=False)) > 4_000_000
    with IndexWriter(folder) as writer:
        assert writer.commit(add=[index_tiles.write(folder, 100, 3000)]).live == 6000
    assert verify(folder).problems == ()
