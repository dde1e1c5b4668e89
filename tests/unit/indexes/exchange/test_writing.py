"""What is written out comes back in the same, and others can read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import NotFound, SourceError
from eoagent.io.featureset import FeatureLimits
from eoagent.io.geoparquet import parse_geoparquet
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.segment_write import write_segment
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.writer import IndexWriter

ENCODER = EncoderFingerprint(
    card="small", weights_sha256="ab" * 32, architecture="ViT", activation="gelu",
    preprocessing="fast", precision="half", input_px=224, dimensions=6,
)  # fmt: skip


def _tiles(seed, count, *, bare=0):
    """Return a table of made-up tiles and their vectors; the first `bare` have no place or time."""
    random = np.random.default_rng(seed)
    west = random.uniform(-179, 178, count)
    south = random.uniform(-80, 79, count)
    moments = [
        datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=int(s))
        for s in random.integers(0, 10**8, count)
    ]
    rows = [
        {
            "tile_id": random.bytes(16).hex(),
            "collection": f"c{random.integers(3)}",
            "item_id": f"item {n}",
            "item_href": "/data/item.json",
            "href": f"/data/{n}.tif",
            "asset_key": "visual",
            "col": 224 * n, "row": 7, "width": 224, "height": 200,
            "geometry": None if n < bare else shapely.to_wkb(shapely.box(west[n], south[n], west[n] + 0.5, south[n] + 0.5)),
            "bbox": None if n < bare else {"xmin": west[n], "ymin": south[n], "xmax": west[n] + 0.5, "ymax": south[n] + 0.5},
            "start": None if n < bare else moments[n],
            "end": None if n < bare else moments[n] + timedelta(hours=1),
            "gsd_m": None if n < bare else 10.0,
            "cloud_pct": None if n < bare else float(random.uniform(0, 100)),
            "nodata_pct": None if n < bare else 0.5,
            "sensor": "S2", "recipe": "s2-tci", "unit": f"u{n}", "chip_px": 224,
        }
        for n in range(count)
    ]  # fmt: skip
    vectors = random.normal(size=(count, ENCODER.dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pa.Table.from_pylist(rows, schema=TILE_SCHEMA), vectors


def _index(folder, *parts, drop=()):
    for table, vectors in parts:
        with IndexWriter(folder, encoder=ENCODER) as writer:
            writer.commit(add=[write_segment(folder, table, vectors, encoder=ENCODER)])
    if drop:
        with IndexWriter(folder, encoder=ENCODER) as writer:
            writer.commit(drop_tiles=drop)


def _held(folder):
    with Snapshot.open(folder) as snapshot:
        return {
            row["tile_id"]: (row, vector.tobytes())
            for segment in snapshot.segments
            for row, vector in zip(
                segment.table(np.flatnonzero(segment.live)).to_pylist(),
                segment.vectors(np.flatnonzero(segment.live)),
                strict=True,
            )
        }, snapshot.manifest.encoder


@settings(
    max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(seed=st.integers(0, 2**32 - 1), counts=st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_what_is_written_out_comes_back_the_same(tmp_path_factory, seed, counts):
    from eoagent.contracts.index import Surroundings
    from eoagent.io.origin import OriginGuard
    from eoagent_indexes.exchange.tile_exchange import TileExchange

    home = tmp_path_factory.mktemp("round")
    around = Surroundings(origins=OriginGuard(typed=[str(home)]))
    parts = [_tiles(seed + n, count, bare=n) for n, count in enumerate(counts)]
    gone = parts[0][0].column("tile_id").to_pylist()[1:2]
    _index(home / "one", *parts, drop=gone)
    count = TileExchange(home / "one", around).write_out(home / "out.parquet")
    report = TileExchange(home / "two", around).bring_in(home / "out.parquet")
    assert count == report.added == sum(counts) - len(gone)
    assert report.quarantined == ()
    assert _held(home / "two") == _held(home / "one")


def test_the_file_is_geoparquet_that_others_read(tmp_path, exchange):
    table, vectors = _tiles(1, 40)
    _index(tmp_path / "indexes/made", (table, vectors))
    assert exchange().write_out(tmp_path / "out.parquet") == 40
    file = pq.ParquetFile(tmp_path / "out.parquet")
    names = file.schema_arrow.names
    assert names[:2] == ["id", "embedding"]
    assert {"geometry", "bbox", "start_datetime", "end_datetime", "collection", "href"} <= set(
        names
    )
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert geo["version"] == "1.1.0"
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert column["geometry_types"] == ["Polygon"]
    emb = json.loads(file.schema_arrow.metadata[b"emb"])
    assert emb["version"] == "0.0.1"
    assert emb["dimensions"] == 6
    assert emb["model"]["card"] == "small"
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    with (tmp_path / "out.parquet").open("rb") as handle:
        raw = parse_geoparquet(handle, "out.parquet", FeatureLimits())
    assert len(raw.geometries) == 40
    order = {name: n for n, name in enumerate(table.column("tile_id").to_pylist())}
    stored = [order[name] for name in file.read(["id"]).column("id").to_pylist()]
    expected = vectors[stored].astype(np.float16).astype(np.float32)
    found = np.array(file.read(["embedding"]).column("embedding").to_pylist(), dtype=np.float32)
    assert np.array_equal(found, expected)


def test_rows_are_written_in_the_order_they_are_stored(tmp_path, exchange):
    _index(tmp_path / "indexes/made", _tiles(1, 30), _tiles(2, 30))
    exchange().write_out(tmp_path / "out.parquet")
    written = pq.read_table(tmp_path / "out.parquet", columns=["id"]).column("id").to_pylist()
    with Snapshot.open(tmp_path / "indexes/made") as snapshot:
        stored = [
            name
            for segment in snapshot.segments
            for name in segment.table(np.arange(segment.rows), ["tile_id"]).column(0).to_pylist()
        ]
    assert written == stored


def test_small_row_groups_change_nothing(tmp_path, exchange, monkeypatch):
    _index(tmp_path / "indexes/made", _tiles(3, 23))
    exchange().write_out(tmp_path / "whole.parquet")
    monkeypatch.setattr("eoagent_indexes.exchange.writing._MOST_GROUP_ROWS", 5)
    exchange().write_out(tmp_path / "parts.parquet")
    assert pq.ParquetFile(tmp_path / "parts.parquet").num_row_groups == 5
    assert pq.read_table(tmp_path / "parts.parquet").equals(
        pq.read_table(tmp_path / "whole.parquet")
    )


def test_an_index_that_is_not_there_and_a_folder_that_cannot_be_written_are_told(
    tmp_path, exchange
):
    with pytest.raises(NotFound, match="there is no index 'made'"):
        exchange().write_out(tmp_path / "out.parquet")
    _index(tmp_path / "indexes/made", _tiles(1, 3))
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written") as caught:
        exchange().write_out(tmp_path / "file/out.parquet")
    assert caught.value.hint == "name another file"


def test_a_forged_own_file_brings_no_odd_ids(tmp_path, write, exchange):
    emb = {"layout": "eoagent-tiles", "model": ENCODER.to_dict()}
    vector = np.eye(6)[0]
    file = write({"id": ["../../etc", "ab" * 16], "embedding": [vector, vector]}, emb=emb)
    report = exchange().bring_in(file)
    assert report.added == 1
    assert report.skipped == {"its id is no tile id": 1}
