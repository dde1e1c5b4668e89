"""A commit does all that it was asked for or nothing, and no tile is ever there twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent_indexes.ann_write import write_ann
from eoagent_indexes.draft import MOST_PARTS
from eoagent_indexes.parts import UnitRecord
from eoagent_indexes.segment_write import write_segment
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter

NAMES = [f"{n:032x}" for n in range(30)]


def put(made, folder, names):
    """Write a segment of tiles with these ids; vectors are made from the id."""
    vectors = np.concatenate([made.unit_vectors(int(name, 16), 1) for name in names])
    table = made.tiles(0, len(names), ids=list(names))
    return write_segment(folder, table, vectors, encoder=made.ENCODER)


def live_ids(snapshot):
    """Ids of all live tiles, read from the Parquet files."""
    found = []
    for segment in snapshot.segments:
        rows = np.flatnonzero(segment.live)
        found += segment.table(rows, ["tile_id"]).column("tile_id").to_pylist()
    return found


SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=8, unique=True)
STEP = st.tuples(st.lists(SOME, max_size=2), st.lists(st.sampled_from(NAMES), max_size=6))


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=4))
def test_commits_keep_the_set_of_live_tiles_that_a_python_set_keeps(made, tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("model") / "index"
    expected = set()
    with IndexWriter(folder, encoder=made.ENCODER) as writer:
        for added, dropped in steps:
            writer.commit(
                add=[put(made, folder, names) for names in added], drop_tiles=dropped, state={}
            )
            expected = (expected - set(dropped)).union(*added)
            there = live_ids(writer.snapshot)
            assert sorted(there) == sorted(expected)
            assert writer.snapshot.manifest.live == len(expected)
            assert writer.snapshot.find(NAMES).is_there.tolist() == [n in expected for n in NAMES]
    with Snapshot.open(folder) as snapshot:
        assert sorted(live_ids(snapshot)) == sorted(expected)
    assert verify(folder).problems == ()


def test_a_tile_that_is_there_already_is_marked_as_deleted_in_the_new_segment(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        first = put(made, tmp_path, NAMES[:5])
        writer.commit(add=[first])
        second = put(made, tmp_path, NAMES[3:8])
        manifest = writer.commit(add=[second])
        assert [(t.segment, t.rows) for t in manifest.tombstones] == [(second.id, 2)]
        assert writer.snapshot.find(NAMES[:8]).segments.tolist() == [0] * 5 + [1] * 3


def test_a_tile_that_is_dropped_and_added_in_one_commit_is_the_new_one(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        writer.commit(add=[put(made, tmp_path, NAMES[:5])])
        manifest = writer.commit(add=[put(made, tmp_path, NAMES[:2])], drop_tiles=NAMES[:3])
        assert manifest.live == 4
        assert writer.snapshot.find(NAMES[:5]).segments.tolist() == [1, 1, -1, 0, 0]


def test_a_segment_without_a_live_tile_is_not_kept(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        writer.commit(add=[put(made, tmp_path, NAMES[:5])])
        manifest = writer.commit(add=[put(made, tmp_path, NAMES[:5])])
        assert len(manifest.segments) == 1
        manifest = writer.commit(drop_tiles=NAMES[:5])
        assert (manifest.segments, manifest.tombstones, manifest.live) == ((), (), 0)


def test_versions_follow_each_other_and_name_their_parents(index):
    with Snapshot.open(index) as snapshot:
        manifest = snapshot.manifest
        assert (manifest.version, manifest.parent) == (2, 1)
        assert manifest.recipe == {"source": "catalog"}
        before = manifest.fence
    with IndexWriter(index) as writer:
        after = writer.commit(recipe={"source": "other"}, state={"page": 3})
    assert (after.version, after.parent, after.parent_sha256) == (3, 2, snapshot.pointer.sha256)
    assert after.fence > before
    assert (after.recipe, after.state) == ({"source": "other"}, {"page": 3})
    with IndexWriter(index) as writer:
        assert writer.commit() == after
        assert writer.commit(ledger=[UnitRecord(unit="x", state="done")]).state == {"page": 3}


def test_a_new_index_may_be_empty(made, tmp_path):
    with IndexWriter(tmp_path / "new", encoder=made.ENCODER) as writer:
        assert writer.snapshot is None
        assert writer.commit().live == 0
    with Snapshot.open(tmp_path / "new") as snapshot:
        assert snapshot.find(NAMES).is_there.sum() == 0
    assert verify(tmp_path / "new").problems == ()


def test_a_search_structure_comes_and_goes_with_its_segment(index, made):
    with IndexWriter(index) as writer:
        segments = writer.snapshot.manifest.segments
        entries = {
            s.id: write_ann(
                index, s, b"bytes of " + s.id.encode(), kind="Flat", calibration={"r": 1}
            )
            for s in segments
        }
        manifest = writer.commit(ann=entries)
        assert {entry.segment for entry in manifest.ann} == set(entries)
        segment = writer.snapshot.segments[0]
        assert segment.calibration == {"r": 1}
        assert segment.ann_bytes().tobytes() == b"bytes of " + segment.entry.id.encode()
        assert len(writer.commit(ann={segments[0].id: None}).ann) == 1
        assert writer.commit(drop_segments=[segments[1].id]).ann == ()


def test_many_parts_of_the_ledger_become_one(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        for n in range(MOST_PARTS + 2):
            manifest = writer.commit(ledger=[UnitRecord(unit=f"u{n % 50}", state="done", tiles=n)])
        assert len(manifest.ledger) == 2
        units = writer.snapshot.units_done()
    assert {key: unit.tiles for key, unit in units.items()} == {
        f"u{n % 50}": n for n in range(MOST_PARTS + 2)
    }


def test_an_index_of_another_encoder_is_refused(index):
    other = EncoderFingerprint(card="other", dimensions=512)
    with (
        pytest.raises(
            InputError, match=r"made by another encoder \(dimensions: 16, 512\)"
        ) as caught,
        IndexWriter(index, encoder=other),
    ):
        pass
    assert "build a second index" in caught.value.hint


def test_a_segment_of_other_dimensions_is_refused_and_the_old_version_stands(index, made):
    narrow = EncoderFingerprint(card="narrow", dimensions=8)
    entry = write_segment(index, made.tiles(9, 4), made.unit_vectors(9, 4, 8), encoder=narrow)
    with IndexWriter(index) as writer:
        with pytest.raises(InputError, match="has not the 16 dimensions of the encoder"):
            writer.commit(add=[entry])
        assert writer.snapshot.version == 2
    assert verify(index).problems == ()


def test_a_segment_that_was_not_finished_is_refused(index, made):
    entry = made.write(index, 5, 10)
    seal = index / "segments" / entry.id / "SEG.json"
    with IndexWriter(index) as writer:
        for damage, message in (
            (lambda: seal.write_text("{}"), "is not what the segment's entry says"),
            (seal.unlink, "is missing: the segment was not finished"),
        ):
            damage()
            with pytest.raises(SourceError, match=message):
                writer.commit(add=[entry])
    assert verify(index).version == 2


def test_what_is_dropped_must_be_a_tile_id(index):
    with IndexWriter(index) as writer, pytest.raises(InputError, match="'nonsense' is no tile id"):
        writer.commit(drop_tiles=["nonsense"])


def test_a_writer_without_an_encoder_needs_an_index(tmp_path):
    with pytest.raises(NotFound, match="there is no index 'new'"), IndexWriter(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()
