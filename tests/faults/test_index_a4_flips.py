"""A4: flipped bytes and truncated files; each is refused before a parser sees it, or is found."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest

from eoagent.contracts.errors import NotFound, SourceError
from eoagent_indexes.ann_write import write_ann
from eoagent_indexes.ids import id_words
from eoagent_indexes.parts import QuarantineRecord, UnitRecord
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter

_spec = importlib.util.spec_from_file_location(
    "index_tiles", Path(__file__).with_name("index_tiles.py")
)
index_tiles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(index_tiles)

KINDS = [
    "CURRENT",
    "manifests/",
    "tiles.parquet",
    "vectors.npy",
    "blocks.sha256",
    "columns.bin",
    "ids.bin",
    "SEG.json",
    "deletes/",
    ".faiss",
    "ann/",
    "ledger/",
    "quarantine/",
]
ROWS = 700


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    from datetime import UTC, datetime

    folder = tmp_path_factory.mktemp("a4") / "index"
    record = QuarantineRecord(unit="b", reason="r", when=datetime(2026, 1, 1, tzinfo=UTC))
    with IndexWriter(folder, encoder=index_tiles.ENCODER) as writer:
        entry = index_tiles.write(folder, 1, ROWS)
        ann = write_ann(folder, entry, bytes(range(256)) * 9, kind="Flat", calibration={"k": 10})
        writer.commit(
            add=[entry],
            ann={entry.id: ann},
            ledger=[UnitRecord(unit="a", state="done")],
            quarantine=[record],
        )
        writer.commit(drop_tiles=index_tiles.ids_of(1, 5))
    return folder


def use_everything(folder):
    """Open an index and read all there is."""
    with Snapshot.open(folder) as snapshot:
        (segment,) = snapshot.segments
        assert snapshot.find(index_tiles.ids_of(1, ROWS)).is_there.sum() == ROWS - 5
        assert segment.find(id_words(index_tiles.ids_of(1, ROWS)), deleted=True).min() == 0
        assert segment.table(np.arange(ROWS)).num_rows == ROWS
        assert segment.vector_range(0, ROWS).shape == (ROWS, 16)
        assert len(segment.columns.west) == ROWS
        assert len(segment.ann_bytes()) == 9 * 256
        assert segment.calibration == {"k": 10}
        assert len(snapshot.units_done()) == len(snapshot.quarantine()) == 1


def file_of(folder, kind):
    """The file of a kind that the version that stands needs."""
    found = [
        path for path in folder.rglob("*")
        if path.is_file() and kind in path.relative_to(folder).as_posix()
    ]  # fmt: skip
    return max(found)


def damages(data, kind, flips, cuts):
    """Yield damaged forms of some bytes."""
    chance = random.Random(kind)
    for _ in range(flips):
        at, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        yield data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
    for _ in range(cuts):
        yield data[: chance.randrange(len(data))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("flips", "cuts"), [(25, 6), pytest.param(300, 60, marks=pytest.mark.full)]
)
def test_damage_of_any_file_is_refused_when_it_is_used_and_found_by_a_check(
    index, kind, flips, cuts
):
    use_everything(index)
    path = file_of(index, kind)
    data = path.read_bytes()
    try:
        for number, wrong in enumerate(damages(data, kind, flips, cuts)):
            path.write_bytes(wrong)
            if kind != "SEG.json":  # a search does not need it
                with pytest.raises(SourceError) as caught:
                    use_everything(index)
                assert caught.value.hint
                assert str(path) in str(caught.value) or kind == "CURRENT"
            if number % 10 == 0:
                assert verify(index).problems
    finally:
        path.write_bytes(data)
    use_everything(index)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_of_any_kind_is_told(index, kind):
    path = file_of(index, kind)
    data = path.read_bytes()
    path.unlink()
    try:
        if kind == "CURRENT":
            with pytest.raises(NotFound):
                use_everything(index)
        else:
            (problem,) = verify(index).problems[:1]
            assert str(path) in problem
            if kind in {".faiss", "ann/"}:  # derived: a search goes on without it
                with Snapshot.open(index) as snapshot:
                    assert snapshot.find(index_tiles.ids_of(1, ROWS)).is_there.any()
                with pytest.raises(SourceError, match="is missing"):
                    use_everything(index)
            elif kind != "SEG.json":
                with pytest.raises(SourceError, match="is missing"):
                    Snapshot.open(index)
    finally:
        path.write_bytes(data)
