"""A compaction changes where tiles lie and nothing else."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import BudgetExceeded, SourceError
from eoagent_indexes.cells import curve_keys
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


def test_what_is_large_and_whole_stays_until_a_quarter_as_much_lies_over_it(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        large = made.write(tmp_path, 1, 90)
        worn = made.write(tmp_path, 2, 20)
        small = [made.write(tmp_path, seed, 3) for seed in (3, 4)]
        writer.commit(add=[large, worn, *small])
        writer.commit(drop_tiles=made.ids_of(2, 20)[:5])
        groups = groups_to_merge(writer.snapshot.segments, 100)
        assert [{s.entry.id for s in group} for group in groups] == [
            {worn.id, small[0].id, small[1].id}
        ]
        assert compact(writer, target_rows=100).live == 111
        assert [entry.rows for entry in writer.snapshot.manifest.segments] == [90, 21]
        assert compact(writer, target_rows=100) is None
        writer.commit(add=[made.write(tmp_path, 5, 2)])
        assert compact(writer, target_rows=200).live == 113
        assert [entry.rows for entry in writer.snapshot.manifest.segments] == [113]


def cells_and_keys(segment):
    """Rows of a segment by collection and month, with their places on the curve."""
    found = {}
    rows = segment.table(np.arange(segment.rows), ["collection", "start"]).to_pylist()
    keys = curve_keys(segment.columns, slice(None)).tolist()
    for row, key in zip(rows, keys, strict=True):
        month = row["start"] and (row["start"].year, row["start"].month)
        found.setdefault((row["collection"], month), []).append(key)
    return found


def within(times, years):
    """Times of half a century, brought nearer to its start."""
    near = np.nan_to_num(times.cast("int64").to_numpy(zero_copy_only=False) * years // 50)
    known = times.is_valid().to_numpy()
    return pa.array(near.astype(np.int64), pa.timestamp("us", "UTC"), mask=~known)


@settings(max_examples=12, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=4, max_size=9),
    years=st.sampled_from([0.1, 1, 50]),
    target=st.integers(164, 260),
    places=st.booleans(),
)
def test_segments_of_a_month_lie_apart_on_the_curve_and_are_few(
    made, tmp_path_factory, sizes, years, target, places
):
    folder = tmp_path_factory.mktemp("apart") / "index"
    with IndexWriter(folder, encoder=made.ENCODER) as writer:
        for seed, size in enumerate(sizes):
            table = made.tiles(seed, size, holes=places)
            times = within(table.column("start"), years)
            for name in ("start", "end"):
                table = table.set_column(table.column_names.index(name), name, times)
            vectors = made.unit_vectors(seed, size)
            writer.commit(add=[write_segment(folder, table, vectors, encoder=made.ENCODER)])
        before = content(writer.snapshot)
        compact(writer, target_rows=target)
        assert content(writer.snapshot) == before
        assert compact(writer, target_rows=target) is None
        segments = writer.snapshot.segments
        assert len(segments) == 1 or sum(sizes) > target
        assert max(s.rows for s in segments) <= target
        assert len(segments) <= 2 * (sum(sizes) // target) + 1
        for one, other in itertools.combinations(map(cells_and_keys, segments), 2):
            for cell in one.keys() & other.keys():
                assert max(one[cell]) <= min(other[cell]) or max(other[cell]) <= min(one[cell])
        rows = [{cell: len(keys) for cell, keys in cells_and_keys(s).items()} for s in segments]
        for cell in set().union(*rows):  # it is cut only where it fills more than one
            holding = [one for one in rows if cell in one]
            assert len(holding) == 1 or sum(one[cell] for one in holding) > target
    assert verify(folder).problems == ()


def test_tiles_that_share_one_place_are_cut_where_they_must_be(made, tmp_path):
    table = made.tiles(1, 90, holes=False)
    same = table.take(([4] * 9 + [5]) * 9).set_column(0, "tile_id", table.column("tile_id"))
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        for part in np.array_split(np.arange(90), 9):
            vectors = made.unit_vectors(1, 90)[part]
            writer.commit(
                add=[write_segment(tmp_path, same.take(part), vectors, encoder=made.ENCODER)]
            )
        before = content(writer.snapshot)
        entries = compact(writer, target_rows=41).segments
        assert sorted(entry.rows for entry in entries) == [9, 40, 41]
        assert content(writer.snapshot) == before
        assert compact(writer, target_rows=41) is None


def test_a_build_that_goes_on_merges_small_segments_and_leaves_large_ones(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        large = made.write(tmp_path, 1, 40)
        writer.commit(add=[large, *(made.write(tmp_path, seed, 5) for seed in range(2, 12))])
        entries = compact(writer, target_rows=100, small_only=True).segments
        assert [entry.rows for entry in entries] == [40, 50]
        assert entries[0] == large
        assert compact(writer, target_rows=100, small_only=True) is None
        assert [entry.rows for entry in compact(writer, target_rows=100).segments] == [90]


def test_what_a_build_has_merged_as_it_came_is_put_in_order_of_place_at_its_end(made, tmp_path):
    with IndexWriter(tmp_path, encoder=made.ENCODER) as writer:
        for seed in range(16):
            table = made.tiles(seed, 24, holes=False)
            same = within(table.column("start"), 0.001)
            names = pa.array(["landsat"] * 24)
            for name, column in (("start", same), ("end", same), ("collection", names)):
                table = table.set_column(table.column_names.index(name), name, column)
            vectors = made.unit_vectors(seed, 24)
            writer.commit(add=[write_segment(tmp_path, table, vectors, encoder=made.ENCODER)])
            if seed % 8 == 7:
                compact(writer, target_rows=100, small_only=True)
        before = content(writer.snapshot)
        spans = sorted(entry.curve for entry in writer.snapshot.manifest.segments)
        assert len(spans) == 4
        assert any(low < end for (_, end), (low, _) in itertools.pairwise(spans))
        entries = compact(writer, target_rows=100).segments
        assert len(entries) in {4, 5}
        spans = sorted(entry.curve for entry in entries)
        assert all(low >= end for (_, end), (low, _) in itertools.pairwise(spans))
        assert content(writer.snapshot) == before
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
