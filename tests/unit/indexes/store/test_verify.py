"""A check finds each damage, says where it is, and finds nothing in a sound index."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from eoagent.contracts.errors import NotFound
from eoagent_indexes import segment_write
from eoagent_indexes.layout import IndexLayout
from eoagent_indexes.pointer import store_manifest, swap
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter


def test_a_sound_index_has_no_problems(index):
    report = verify(index)
    assert report.problems == ()
    assert (report.version, report.rows, report.files) == (2, 100, 14)
    assert (report.orphans, report.orphan_bytes > 0) == (1, True)  # the manifest of version 1


def test_every_file_that_is_changed_is_named(index):
    with Snapshot.open(index, pin=False) as snapshot:
        paths = [index / file.path for file in snapshot.manifest.files()]
        paths += [index / "segments" / s.id / "SEG.json" for s in snapshot.manifest.segments]
    paths += [index / "CURRENT", index / "manifests" / "00000002.json"]
    for path in paths:
        data = path.read_bytes()
        for wrong in (data[:-1] + bytes([data[-1] ^ 1]), data[:-1], b""):
            path.write_bytes(wrong)
            (problem,) = verify(index).problems
            assert str(path) in problem
        path.unlink()
        assert verify_or_missing(index, path)
        path.write_bytes(data)
    assert verify(index).problems == ()


def verify_or_missing(index, path):
    """Whether a missing file is told; without CURRENT there is no index at all."""
    if path.name == "CURRENT":
        with pytest.raises(NotFound):
            verify(index)
        return True
    return any(str(path) in problem for problem in verify(index).problems)


def test_several_damages_are_all_told(index):
    with Snapshot.open(index, pin=False) as snapshot:
        files = [segment.file("vectors.npy") for segment in snapshot.manifest.segments]
    for file in files:
        data = bytearray((index / file.path).read_bytes())
        data[300] ^= 1
        (index / file.path).write_bytes(data)
    problems = verify(index).problems
    assert len(problems) == 2
    assert all("in 1 blocks, at bytes 0" in problem for problem in problems)


def forged(index, made, monkeypatch, change, seed=8):
    """Commit a segment whose writer had a bug, so that all hashes are right and the rows wrong."""
    from eoagent_indexes import segment_facts

    with monkeypatch.context() as patched:
        change(patched, segment_facts.SegmentFacts)
        entry = made.write(index, seed, 20)
    with IndexWriter(index) as writer:
        writer.commit(add=[entry])
    return [problem.split(": ", 1)[1] for problem in verify(index).problems]


def test_filter_columns_that_do_not_agree_are_told(index, made, monkeypatch):
    def swapped(patched, facts):
        real = facts.columns

        def columns(self):
            hot = real(self)
            return type(hot)(
                **{n: getattr(hot, n) for n in hot.__dataclass_fields__ if n != "cloud_pct"},
                cloud_pct=hot.cloud_pct[::-1],
            )

        patched.setattr(facts, "columns", columns)

    (problem,) = forged(index, made, monkeypatch, swapped)
    assert problem.endswith("rows of columns.bin differ from tiles.parquet")


def test_ids_that_do_not_agree_are_told(index, made, monkeypatch):
    from eoagent_indexes.ids import SortedIds, id_words

    def other(patched, facts):
        patched.setattr(facts, "ids", lambda _: SortedIds.of(id_words(made.ids_of(99, 20))))

    assert forged(index, made, monkeypatch, other) == [
        "20 rows of ids.bin name another tile than tiles.parquet"
    ]


def test_an_entry_that_does_not_agree_is_told(index, made, monkeypatch):
    def narrower(patched, facts):
        real = facts.entry

        def entry(self, *arguments, **about):
            made_entry = real(self, *arguments, **about)
            return made_entry.model_copy(update={"without_place": 0, "bbox": None})

        patched.setattr(facts, "entry", entry)

    problems = forged(index, made, monkeypatch, narrower)
    # The patch is gone when the index is checked.
    assert any(problem.startswith("its bbox is stated as None") for problem in problems)
    assert any(problem.startswith("its without_place is stated as 0") for problem in problems)


def test_footers_that_do_not_agree_are_told(index, made, monkeypatch):
    real = segment_write.footers
    with monkeypatch.context() as patched:
        patched.setattr(
            segment_write, "footers", lambda *a: {**real(*a), b"emb": json.dumps({}).encode()}
        )
        entry = made.write(index, 8, 20)
    with IndexWriter(index) as writer:
        writer.commit(add=[entry])
    (problem,) = verify(index).problems
    assert "the footer emb of tiles.parquet does not agree" in problem


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.0, 0.0])
def test_vectors_that_are_none_are_told(index, made, monkeypatch, value):
    from eoagent_indexes import segment_facts

    def spoil(chunks):
        for table, vectors in chunks:
            wrong = vectors.copy()
            wrong[1, :] = value
            yield table, wrong

    real = segment_write.stream_segment
    with monkeypatch.context() as patched:
        patched.setattr(segment_facts, "NORM_RANGE", (-np.inf, np.inf))
        patched.setattr(segment_facts, "norms_of", lambda v: np.ones(len(v), dtype=np.float32))
        patched.setattr(segment_write, "stream_segment", lambda f, c, **o: real(f, spoil(c), **o))
        entry = made.write(index, 8, 20)
    with IndexWriter(index) as writer:
        writer.commit(add=[entry])
    (problem,) = verify(index).problems
    assert "lengths from 0.99 to 1.01 are stored" in problem


def test_a_tile_that_is_there_twice_is_told(index, made):
    layout = IndexLayout(index)
    entry = made.write(index, 2, 40)
    with Snapshot.open(index, pin=False) as snapshot:
        base = snapshot.manifest
    forged_one = base.model_copy(update={"version": 3, "segments": (*base.segments, entry)})
    swap(layout, store_manifest(layout, forged_one))
    assert verify(index).problems == ("40 tiles are there twice",)


def test_what_an_interrupted_commit_left_is_counted_and_is_no_problem(index, made):
    before = verify(index)
    entry = made.write(index, 5, 10)
    report = verify(index)
    assert report.problems == ()
    assert report.orphans == before.orphans + len(entry.files) + 1
    expected = sum(path.stat().st_size for path in (index / "segments" / entry.id).iterdir())
    assert report.orphan_bytes - before.orphan_bytes == expected


def test_samples_are_live_tiles_with_their_vectors(index, made):
    seen = []

    def resample(table, vectors):
        assert isinstance(table, pa.Table)
        for name, vector in zip(table.column("tile_id").to_pylist(), vectors, strict=True):
            seen.append((name, vector.tobytes()))
        return [f"tile {table.column('tile_id')[0].as_py()} differs"]

    report = verify(index, samples=30, resample=resample)
    assert len(report.problems) == 2  # one a segment
    expected = {}
    for seed, count in ((1, 60), (2, 40)):
        vectors = made.unit_vectors(seed, count).astype(np.float16)
        expected.update(zip(made.ids_of(seed, count), (v.tobytes() for v in vectors), strict=True))
    for name in made.ids_of(1, 60)[:7]:
        del expected[name]
    assert len(dict(seen)) == 30
    assert dict(seen).items() <= expected.items()


def test_more_samples_than_tiles_take_all(index):
    counted = []
    verify(index, samples=10**6, resample=lambda table, _: counted.append(table.num_rows) or ())
    assert sum(counted) == 93
