"""A compaction changes where tiles lie and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import BudgetExceeded, SourceError
from eoagent_indexes.compaction import compact, groups_to_merge
from eoagent_indexes.ids import id_words
from eoagent_indexes.layout import VECTORS
from eoagent_indexes.segment_write import GROUP_ROWS, write_segment
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.verify import verify
from eoagent_indexes.writer import IndexWriter


def content(snapshot):
    """Id to row and vector of every live tile."""
    found = {}
    for segment in snapshot.segments:
        rows = np.flatnonzero(segment.live)
        vectors = segment.vectors(rows)
        for row, vector in zip(segment.table(rows).to_pylist(), vectors, strict=True):
            assert row["tile_id"] not in found
            found[row["tile_id"]] = (row, vector.tobytes())
    return found


@settings(max_examples=8, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    dropped=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 39)), max_size=40),
    target=st.integers(10, 200),
)
def test_a_compaction_keeps_every_live_tile_with_its_row_and_vector(
    made, tmp_path_factory, sizes, dropped, target
):
    folder = tmp_path_factory.mktemp("compact") / "index"
    ids = [made.ids_of(seed, size) for seed, size in enumerate(sizes)]
    gone = [ids[s][n] for s, n in dropped if s < len(ids) and n < len(ids[s])]
    with IndexWriter(folder, encoder=made.ENCODER) as writer:
        writer.commit(add=[made.write(folder, seed, size) for seed, size in enumerate(sizes)])
        writer.commit(drop_tiles=gone, state={})
        before = content(writer.snapshot)
        compact(writer, target_rows=target)
        assert content(writer.snapshot) == before
        for segment in writer.snapshot.segments:
            assert segment.rows - segment.live_rows <= 0.2 * segment.rows
    assert verify(folder).problems == ()


def test_a_merge_over_several_row_groups_gives_what_writing_all_at_once_gives(made, tmp_path):
    rows = GROUP_ROWS + 500
    whole = made.tiles(1, rows)
    vectors = made.unit_vectors(1, rows)
    once = write_segment(tmp_path / "once", whole, vectors, encoder=made.ENCODER)
    with IndexWriter(tmp_path / "parts", encoder=made.ENCODER) as writer:
        for part in range(3):
            mine = np.arange(part, rows, 3)
            entry = write_segment(
                tmp_path / "parts", whole.take(mine), vectors[mine], encoder=made.ENCODER
            )
            writer.commit(add=[entry])
        (merged,) = compact(writer).segments
    assert merged.rows == once.rows == rows
    with Snapshot.open(tmp_path / "parts") as snapshot:
        found = snapshot.find(whole.column("tile_id").to_pylist())
        stored = snapshot.segments[0].vectors(found.rows)
        np.testing.assert_array_equal(stored, vectors.astype(np.float16))
        assert snapshot.segments[0].table(found.rows).equals(whole)
    assert (merged.bbox, merged.time, merged.norms) == (once.bbox, once.time, once.norms)


def test_what_is_large_and_whole_stays(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        large = made.write(tmp_path, 1, 50)
        worn = made.write(tmp_path, 2, 50)
        small = [made.write(tmp_path, seed, 5) for seed in (3, 4)]
        writer.commit(add=[large, worn, *small])
        writer.commit(drop_tiles=made.ids_of(2, 50)[:11])
        groups = groups_to_merge(writer.snapshot.segments, 100)
        assert [{s.entry.id for s in group} for group in groups] == [
            {worn.id, small[0].id, small[1].id}
        ]
        assert compact(writer, target_rows=100).live == 99
        assert compact(writer, target_rows=100) is None


def test_a_single_small_segment_is_left_alone(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        assert compact(writer) is None
        writer.commit(add=[made.write(tmp_path, 1, 5)])
        assert compact(writer) is None


def test_old_readers_go_on_while_segments_are_merged(index, made):
    with Snapshot.open(index) as old:
        with IndexWriter(index) as writer:
            assert len(compact(writer).segments) == 1
        words = id_words(made.ids_of(2, 40))
        rows = old.segments[1].find(words)
        stored = old.segments[1].vectors(rows)
        np.testing.assert_array_equal(stored, made.unit_vectors(2, 40).astype(np.float16))


def test_a_damaged_source_stops_a_merge_and_the_old_version_stands(index):
    with Snapshot.open(index) as snapshot:
        path = index / snapshot.segments[0].entry.file(VECTORS).path
    data = bytearray(path.read_bytes())
    data[500] ^= 4
    path.write_bytes(data)
    with IndexWriter(index) as writer:
        with pytest.raises(SourceError, match="has other bytes than were written in 1 blocks"):
            compact(writer)
        assert writer.snapshot.version == 2
    assert len(list((index / "segments").glob("*/SEG.json"))) == 2


class Over:
    remaining_s = 0.0

    def check(self):
        raise BudgetExceeded("time is over")


def test_a_deadline_stops_before_the_next_merge(index):
    with IndexWriter(index) as writer:
        with pytest.raises(BudgetExceeded):
            compact(writer, deadline=Over())
        assert writer.snapshot.version == 2


def test_progress_ends_at_one(index):
    told = []
    with IndexWriter(index) as writer:
        compact(writer, progress=lambda done, what: told.append((done, what)))
    assert told == [(1.0, "merged 2 segments")]
