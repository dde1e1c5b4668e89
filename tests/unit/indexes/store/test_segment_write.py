"""What is written is what is read: rows, vectors, order, footers; and nonsense is refused."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox
from eoagent.io.featureset import FeatureLimits
from eoagent.io.geoparquet import parse_geoparquet
from eoagent_indexes.extent import centres, hull
from eoagent_indexes.hilbert import hilbert_keys
from eoagent_indexes.hot import boxes_of
from eoagent_indexes.ids import id_words
from eoagent_indexes.layout import SEAL, TILES, VECTORS
from eoagent_indexes.manifest import SegmentEntry
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.segment import Segment, SegmentFiles
from eoagent_indexes.segment_write import write_segment


def opened(folder, entry):
    return Segment(SegmentFiles(folder, entry))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 80), st.randoms(use_true_random=False))
def test_what_is_read_is_what_was_written_whatever_order_it_came_in(made, count, random):
    table, vectors = made.tiles(count, count), made.unit_vectors(count, count)
    order = list(range(count))
    random.shuffle(order)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = write_segment(folder, table, vectors, encoder=made.ENCODER)
        mixed = write_segment(
            folder, table.take(pa.array(order)), vectors[order], encoder=made.ENCODER
        )
        hashes = [[file.sha256 for file in entry.files] for entry in (first, mixed)]
        assert hashes[0] == hashes[1]
        segment = opened(folder, first)
        rows = segment.find(id_words(table.column("tile_id").to_pylist()))
        assert sorted(rows.tolist()) == list(range(count))
        assert segment.table(rows).equals(table)
        np.testing.assert_array_equal(segment.vectors(rows), vectors.astype(np.float16))
        np.testing.assert_array_equal(
            segment.vector_range(0, count), np.load(folder / first.file(VECTORS).path)
        )


def test_rows_stand_in_order_of_collection_place_and_time(tmp_path, made):
    entry = made.write(tmp_path, 3, 200)
    table = opened(tmp_path, entry).table(np.arange(200))
    places = hilbert_keys(*centres(boxes_of(table))).tolist()
    times = [moment or -1 for moment in table.column("start").cast(pa.int64()).to_pylist()]
    keys = list(zip(table.column("collection").to_pylist(), places, times, strict=True))
    assert keys == sorted(keys)


def test_the_entry_tells_ranges_that_brute_force_finds(tmp_path, made):
    table = made.tiles(9, 100)
    entry = write_segment(tmp_path, table, made.unit_vectors(9, 100), encoder=made.ENCODER)
    starts = [moment for moment in table.column("start").to_pylist() if moment]
    ends = [moment for moment in table.column("end").to_pylist() if moment]
    assert (entry.time.start, entry.time.end) == (min(starts), max(ends))
    assert entry.bbox == hull(boxes_of(table))
    assert entry.collections == ("landsat", "sentinel-2")
    assert entry.without_place == table.column("bbox").null_count
    assert entry.without_time == table.column("start").null_count
    assert entry.norms == pytest.approx((1, 1), abs=2e-3)
    sealed = (tmp_path / "segments" / entry.id / SEAL).read_text(encoding="utf-8")
    assert SegmentEntry.model_validate_json(sealed) == entry


def test_a_tile_id_that_comes_twice_is_written_once(tmp_path, made):
    table = pa.concat_tables([made.tiles(1, 6), made.tiles(1, 6)])
    vectors = np.concatenate([made.unit_vectors(1, 6)] * 2)
    assert write_segment(tmp_path, table, vectors, encoder=made.ENCODER).rows == 6


def test_tiles_without_any_place_or_time_are_written(tmp_path, made):
    table = made.tiles(1, 4)
    for name in ("geometry", "bbox", "start", "end"):
        at, field = TILE_SCHEMA.get_field_index(name), TILE_SCHEMA.field(name)
        table = table.set_column(at, field, pa.nulls(4, field.type))
    entry = write_segment(tmp_path, table, made.unit_vectors(1, 4), encoder=made.ENCODER)
    assert (entry.bbox, entry.time, entry.without_place, entry.without_time) == (None, None, 4, 4)


def test_the_tile_file_is_geoparquet_with_its_footers(tmp_path, made):
    table = made.tiles(4, 50, holes=False)
    entry = write_segment(tmp_path, table, made.unit_vectors(4, 50), encoder=made.ENCODER)
    path = tmp_path / entry.file(TILES).path
    with path.open("rb") as file:
        features = parse_geoparquet(file, str(path), FeatureLimits())
    stored = opened(tmp_path, entry).table(np.arange(50))
    expected = shapely.from_wkb(stored.column("geometry").to_numpy(zero_copy_only=False))
    assert shapely.equals_exact(features.geometries, expected).all()
    footer = pq.read_schema(path).metadata
    geo, emb, stac = (json.loads(footer[key]) for key in (b"geo", b"emb", b"stac-geoparquet"))
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
    assert geo["columns"]["geometry"]["geometry_types"] == ["Polygon"]
    west, south, east, north = geo["columns"]["geometry"]["bbox"]
    assert BBox(west=west, south=south, east=east, north=north) == entry.bbox
    assert emb["version"] == "0.0.1"
    assert emb["model"] == made.ENCODER.to_dict()
    assert emb["embedding"]["dim"] == made.DIMENSIONS
    assert (stac["version"], sorted(stac["collections"])) == ("1.1.0", ["landsat", "sentinel-2"])
    group = pq.read_metadata(path).row_group(0)
    assert {group.column(n).compression for n in range(group.num_columns)} == {"LZ4"}


def test_a_killed_write_leaves_no_seal(tmp_path, made, monkeypatch):
    from eoagent_indexes import segment_write

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(segment_write, "seal_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        made.write(tmp_path, 1, 5)
    assert list(tmp_path.rglob(SEAL)) == []
    assert list(tmp_path.rglob(".*.part")) == []


def changed(table, name, value):
    at, field = table.column_names.index(name), TILE_SCHEMA.field(name)
    values = table.column(name).to_pylist()
    values[2] = value
    kind = field.with_nullable(True)
    return table.set_column(at, kind, pa.array(values, field.type))


BAD_TABLES = {
    "no tile id": (lambda t: changed(t, "tile_id", "7"), "'7' is no tile id"),
    "a null": (lambda t: changed(t, "href", None), "column href of a tile table has 1 nulls"),
    "a column less": (lambda t: t.drop_columns(["unit"]), r"missing: \['unit'\], unknown: \[\]"),
    "a column more": (
        lambda t: t.append_column("x", pa.array([0] * 5)),
        r"missing: \[\], unknown: \['x'\]",
    ),
    "another type": (
        lambda t: t.set_column(0, "tile_id", pa.array([{"a": 1}] * 5)),
        "does not fit TILE_SCHEMA",
    ),
    "a box upside down": (
        lambda t: changed(t, "bbox", {"xmin": 0.0, "ymin": 9.0, "xmax": 1.0, "ymax": 8.0}),
        r"a tile has the box \[0.0, 9.0, 1.0, 8.0\], which is not west, south, east, north",
    ),
    "a box off the globe": (
        lambda t: changed(t, "bbox", {"xmin": 0.0, "ymin": 0.0, "xmax": 200.0, "ymax": 8.0}),
        "a tile has the box",
    ),
    "a box of half": (
        lambda t: changed(t, "bbox", {"xmin": None, "ymin": 0.0, "xmax": 1.0, "ymax": 8.0}),
        "a tile has the box",
    ),
    "an infinite box": (
        lambda t: changed(t, "bbox", {"xmin": 0.0, "ymin": 0.0, "xmax": 1.0, "ymax": np.inf}),
        "a tile has the box",
    ),
    "no geometry": (lambda t: changed(t, "geometry", b"nonsense"), "is no WKB"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_table_that_is_none_is_refused(tmp_path, made, name):
    change, message = BAD_TABLES[name]
    table = change(made.tiles(1, 5, holes=False))
    with pytest.raises(InputError, match=message):
        write_segment(tmp_path, table, made.unit_vectors(1, 5), encoder=made.ENCODER)
    assert list(tmp_path.rglob(SEAL)) == []


def scaled(vectors, factor):
    made = vectors.copy()
    made[3] *= factor
    return made


BAD_VECTORS = {
    "too few": (lambda v: v[:4], r"5 tiles came with vectors of \(4, 16\), where \(5, 16\)"),
    "too short": (lambda v: v[:, :8], r"vectors of \(5, 8\)"),
    "whole numbers": (lambda v: v.astype(np.int32), "vectors are int32, no floating-point"),
    "not of length 1": (lambda v: scaled(v, 2), "has length 1.99996; lengths from 0.99 to 1.01"),
    "zero": (lambda v: scaled(v, 0), "has length 0"),
    "not a number": (lambda v: scaled(v, np.nan), "has length nan"),
    "infinite": (lambda v: scaled(v, 1e30), "has length inf"),
}


@pytest.mark.parametrize("name", BAD_VECTORS)
def test_vectors_that_are_none_are_refused(tmp_path, made, name):
    change, message = BAD_VECTORS[name]
    vectors = change(made.unit_vectors(1, 5))
    with pytest.raises(InputError, match=message):
        write_segment(tmp_path, made.tiles(1, 5), vectors, encoder=made.ENCODER)


def test_a_segment_of_no_tiles_is_refused(tmp_path, made):
    empty = made.tiles(1, 5).slice(0, 0)
    with pytest.raises(InputError, match="a segment of no tiles"):
        write_segment(tmp_path, empty, np.empty((0, 16), np.float32), encoder=made.ENCODER)
