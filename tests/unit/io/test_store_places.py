"""The store under several users at once, and in places that cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.io.store import FileStore


@pytest.fixture
def store(tmp_path):
    store = FileStore(tmp_path / "store")
    yield store
    store.close()


def put_file(store, data=b"pixels", *, title="a mask", payload=None, suffix=".tif"):
    file = store.scratch(suffix)
    file.write_bytes(data)
    return store.put(
        "mask",
        title=title,
        payload={"path": ""} if payload is None else payload,
        preview={"share": 0.5},
        file=file,
        media_type="image/tiff",
    )


def test_threads_may_put_the_same_and_different_content(store):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: put_file(store, b"%d" % (i % 5)).handle, range(60)))
    assert len(set(made)) == 5
    for handle in store.handles():
        store.verify(handle)


def test_scratch_of_a_dead_process_is_swept_and_of_a_living_one_left(store):
    code = (
        "import sys, os; from pathlib import Path; from eoagent.io.store import FileStore\n"
        "FileStore(Path(sys.argv[1])).scratch('.tif').write_bytes(b'left'); os._exit(1)"
    )
    mine = store.scratch(".tif")
    mine.write_bytes(b"mine")
    subprocess.run([sys.executable, "-c", code, str(store.layout.root)], check=False)
    assert len(list(store.layout.scratch.glob("*/*"))) == 2
    other = FileStore(store.layout.root)
    other.scratch(".tif")
    assert list(store.layout.scratch.glob("*/*")) == [mine]
    other.close()


def test_closing_removes_the_own_scratch_and_the_store_works_on(store):
    store.scratch(".tif").write_bytes(b"x")
    store.close()
    assert list(store.layout.scratch.iterdir()) == []
    put_file(store)


def test_an_empty_place_is_not_made_by_reading(tmp_path):
    store = FileStore(tmp_path / "none")
    assert store.handles() == ()
    with pytest.raises(NotFound):
        store.get("mask:0123456789ab")
    with pytest.raises(NotFound):
        store.locate("objects/aa/b.tif")
    assert not (tmp_path / "none").exists()


def test_a_root_that_is_a_file_is_a_typed_error(tmp_path):
    (tmp_path / "home").write_text("")
    for root in (tmp_path / "home", tmp_path / "home" / "store"):
        with pytest.raises(SourceError, match="cannot be written: Not a directory") as caught:
            FileStore(root).scratch(".tif")
        assert "EOAGENT_HOME" in caught.value.hint


@pytest.fixture
def open_folder():
    """A folder that every account may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


_READER = """
import json, os, sys
from pathlib import Path
from eoagent.contracts.errors import SourceError
from eoagent.io.store import FileStore

if os.getuid() == 0:
    os.setuid(65534)
store = FileStore(Path(sys.argv[1]))
got = store.verify(sys.argv[2]).handle
try:
    store.scratch(".tif")
except SourceError as error:
    print(json.dumps([got, str(error), error.hint]))
"""


def test_a_read_only_store_gives_what_it_holds_and_refuses_the_rest(open_folder):
    store = FileStore(open_folder / "store")
    artifact = put_file(store)
    store.close()
    root = store.layout.root
    for path in (root, *root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = subprocess.run(
        [sys.executable, "-c", _READER, str(root), artifact.handle],
        capture_output=True,
        text=True,
        check=False,
    )
    for path in (root, *root.rglob("*")):
        path.chmod(0o700)
    assert done.stderr == ""
    handle, message, hint = json.loads(done.stdout)
    assert handle == artifact.handle
    assert "cannot be written: Permission denied" in message
    assert hint == "set EOAGENT_HOME to a folder that can be written"
