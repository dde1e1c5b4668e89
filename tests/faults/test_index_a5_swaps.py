"""A5: files that are sound and belong elsewhere, pickles, and headers that lie."""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError, SourceError
from eoagent_indexes.layout import COLUMNS, IDS, TILES, VECTORS, IndexLayout
from eoagent_indexes.manifest import FileEntry
from eoagent_indexes.pointer import store_manifest, swap
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter

_spec = importlib.util.spec_from_file_location(
    "index_tiles", Path(__file__).with_name("index_tiles.py")
)
index_tiles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(index_tiles)


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "index"
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        writer.commit(add=[index_tiles.write(folder, 1, 50)])
        writer.commit(add=[index_tiles.write(folder, 2, 50)])
    return folder


def read_all(folder):
    with Snapshot.open(folder) as snapshot:
        for segment in snapshot.segments:
            segment.table(np.arange(segment.rows))
            segment.vector_range(0, segment.rows)
            assert len(segment.columns.west) == len(segment.live)
            snapshot.find(index_tiles.ids_of(1, 50))


@pytest.mark.parametrize("name", ["tiles.parquet", "vectors.npy", "columns.bin", "ids.bin"])
def test_files_of_two_segments_that_changed_places_are_refused(index, name):
    first, second = sorted(index.glob(f"segments/*/{name}"))
    aside = index / "aside"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    with pytest.raises(SourceError, match=r"has other bytes than were written|were written"):
        read_all(index)
    assert verify(index).problems


def test_the_manifest_of_another_version_is_refused(index):
    manifests = index / "manifests"
    shutil.copy(manifests / "00000001.json", manifests / "00000002.json")
    with pytest.raises(SourceError, match="has other bytes than were written"):
        Snapshot.open(index)


def test_an_older_pointer_opens_the_older_version(index):
    """A copy that was put back is a committed version, not a torn one."""
    data = (index / "manifests" / "00000001.json").read_bytes()
    (index / "CURRENT").write_text(f"00000001 {hashlib.sha256(data).hexdigest()}\n")
    read_all(index)
    with IndexWriter(index) as writer:
        assert writer.commit(state={"a": 1}).version == 3


def test_a_whole_segment_of_another_index_is_refused(index, tmp_path):
    other = tmp_path / "other"
    with IndexWriter(other, encoder=index_tiles.ENCODER) as writer:
        writer.commit(add=[index_tiles.write(other, 7, 50)])
    (foreign,) = (other / "segments").iterdir()
    mine = min((index / "segments").iterdir())
    shutil.rmtree(mine)
    shutil.copytree(foreign, mine)
    with pytest.raises(SourceError, match="were written"):
        read_all(index)


def restated(index, change, name=VECTORS):
    """Commit a manifest whose entry of a file of the first segment is made to fit, hashes too."""
    layout = IndexLayout(index)
    with Snapshot.open(index, pin=False) as snapshot:
        base = snapshot.manifest
    segment = base.segments[0]
    path = index / segment.file(name).path
    change(path)
    vectors = index / segment.file(VECTORS).path
    data = vectors.read_bytes()
    digests = b"".join(
        hashlib.sha256(data[at : at + segment.block_bytes]).digest()
        for at in range(0, len(data), segment.block_bytes)
    )
    blocks = vectors.with_name("blocks.sha256")
    blocks.write_bytes(digests)

    def entry_of(file):
        there = index / file.path
        if there not in {path, blocks}:
            return file
        raw = there.read_bytes()
        return FileEntry(path=file.path, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())

    files = tuple(entry_of(file) for file in segment.files)
    forged = segment.model_copy(update={"files": files})
    manifest = base.model_copy(update={"version": 3, "segments": (forged, *base.segments[1:])})
    swap(layout, store_manifest(layout, manifest))


class Canary:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_in_place_of_vectors_is_refused_and_never_run(index, tmp_path):
    canary = tmp_path / "canary"
    values = np.array([Canary(canary)] * 50, dtype=object)
    restated(index, lambda path: np.save(path.with_suffix(""), values, allow_pickle=True))
    with pytest.raises(SourceError, match=r"is not of 50 rows|does not start as 50 vectors"):
        read_all(index)
    assert verify(index).problems
    assert not canary.exists()
    pickle.loads(pickle.dumps(Canary(canary)))
    assert canary.exists(), "the canary works"


LIES = {
    "other dimensions": b"(100, 8)",
    "rows without end": b"(1152921504606846976, 16)",
    "Fortran order": b"fortran",
    "another type": b"<f4",
    "a structure": b"record",
}


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_is_refused(index, name):
    lie = LIES[name]

    def change(path):
        data = bytearray(path.read_bytes())
        head = bytes(data[:128])
        if lie == b"fortran":
            head = head.replace(b"False", b"True ")
        elif lie == b"<f4":
            head = head.replace(b"<f2", lie)
        elif lie == b"record":
            head = head.replace(b"'<f2'", b"'|V2'")
        else:
            head = head.replace(b"(50, 16)", lie)[:127] + b"\n"
        assert head != bytes(data[:128])
        path.write_bytes(head[:128].ljust(128) + data[128:])

    restated(index, change)
    with pytest.raises(SourceError, match="does not start as 50 vectors of 16 float16 do"):
        read_all(index)


def test_rows_that_do_not_fit_the_vectors_are_refused(index):
    restated(index, lambda path: path.write_bytes(path.read_bytes()[:-32]))
    with pytest.raises(SourceError, match="is not of 50 rows, as its entry says"):
        read_all(index)


def test_filter_columns_that_count_unknown_collections_are_refused(index):
    restated(index, lambda path: path.write_bytes(path.read_bytes()[:-4] + b"\7\0\0\0"), COLUMNS)
    with pytest.raises(SourceError, match="counts collections that its entry does not list"):
        read_all(index)


def test_ids_of_rows_that_are_not_there_are_refused(index):
    restated(index, lambda path: path.write_bytes(path.read_bytes()[:-4] + b"\xff\0\0\0"), IDS)
    with pytest.raises(SourceError, match="names rows that 50 rows do not have"):
        read_all(index)


def no_parquet(path):
    path.write_bytes(b"PAR1" + bytes(500) + b"PAR1")


def fewer_rows(path):
    pq.write_table(pq.read_table(path).slice(0, 49), path, store_schema=False)


def fewer_columns(path):
    pq.write_table(pq.read_table(path).drop_columns(["unit"]), path, store_schema=False)


def other_types(path):
    table = pq.read_table(path)
    at = table.column_names.index("gsd_m")
    pq.write_table(table.set_column(at, "gsd_m", table.column("href")), path, store_schema=False)


def damaged_pages(path):
    data = bytearray(path.read_bytes())
    data[200:2000] = bytes(1800)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_parquet, "is no Parquet file"),
        (fewer_rows, "holds 49 rows, 50 vectors belong to it"),
        (fewer_columns, "has not the columns of a tile table"),
        (other_types, "has not the columns of a tile table"),
        (damaged_pages, "cannot be decoded"),
    ],
)
def test_a_tile_file_that_does_not_belong_to_its_vectors_is_refused(index, change, message):
    restated(index, change, TILES)
    with pytest.raises(SourceError, match=message):
        read_all(index)
    assert verify(index).problems


def test_a_segment_of_the_wrong_dimensions_is_refused(index):
    wide = EncoderFingerprint(card="wide", dimensions=32)
    with (
        pytest.raises(InputError, match="made by another encoder"),
        IndexWriter(index, encoder=wide),
    ):
        pass


_HUGE = """
import resource, sys
from pathlib import Path
import numpy as np
import hashlib
from eoagent.contracts.errors import SourceError
from eoagent_indexes.snapshot import Snapshot

index = Path(sys.argv[1])
path = index / "manifests" / "00000002.json"
text = path.read_bytes().replace(b'"rows":50', b'"rows":1152921504606846976')
path.write_bytes(text)
(index / "CURRENT").write_text("00000002 " + hashlib.sha256(text).hexdigest() + "\\n")
limit = 4 << 30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
with Snapshot.open(index) as snapshot:
    segment = snapshot.segments[0]
    for use in (lambda: segment.columns, lambda: segment.vector_range(0, 5)):
        try:
            use()
        except SourceError as error:
            print("refused:", error)
"""


def test_a_manifest_that_states_rows_without_end_is_refused_within_little_memory(index):
    done = subprocess.run(
        [sys.executable, "-c", _HUGE, str(index)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    columns, vectors = done.stdout.splitlines()
    assert columns.startswith("refused: ")
    assert columns.endswith("which are not 1152921504606846976 rows")
    assert "is not of 1152921504606846976 rows" in vectors
