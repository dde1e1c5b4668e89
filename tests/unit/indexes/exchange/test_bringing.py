"""Embeddings of others come in whole, or the index stays as it was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.footprint import box_around
from eoagent.plugins import load
from eoagent_indexes.snapshot import Snapshot

COLUMNS = ["tile_id", "item_id", "collection", "href", "item_href", "geometry", "bbox", "start", "end",
           "col", "row", "width", "height", "gsd_m", "cloud_pct", "recipe", "unit", "chip_px"]  # fmt: skip


def vectors(count: int, dimensions: int = 8, seed: int = 0) -> np.ndarray:
    """Return random unit vectors as float32."""
    made = np.random.default_rng(seed).normal(size=(count, dimensions))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def squares(count: int) -> list[bytes]:
    """Return squares of 0.1 degrees in a row along the equator."""
    return [shapely.to_wkb(shapely.box(n * 0.2, 0, n * 0.2 + 0.1, 0.1)) for n in range(count)]


def held(folder):
    """Return the live rows of an index by item, each with its vector."""
    with Snapshot.open(folder) as snapshot:
        found = {}
        for segment in snapshot.segments:
            rows = np.flatnonzero(segment.live)
            table = segment.table(rows, COLUMNS).to_pylist()
            for own, vector in zip(table, segment.vectors(rows), strict=True):
                found[own["item_id"]] = own | {"vector": vector}
        return found, snapshot.manifest


def test_a_plain_file_comes_in_with_ids_vectors_and_places(tmp_path, write, exchange):
    rows = vectors(20)
    file = write({
        "id": [f"t{n}" for n in range(20)],
        "embedding": list(rows),
        "geometry": squares(20),
        "datetime": [datetime(2024, 5, 1, tzinfo=UTC) + timedelta(days=n) for n in range(20)],
    })  # fmt: skip
    report = exchange().bring_in(file, card="some-encoder")
    assert (report.added, report.items, report.version) == (20, 20, 1)
    assert report.quarantined == ()
    found, manifest = held(tmp_path / "indexes/made")
    assert sorted(found) == sorted(f"t{n}" for n in range(20))
    for n in range(20):
        own = found[f"t{n}"]
        assert np.array_equal(own["vector"], rows[n].astype(np.float16))
        assert own["geometry"] == squares(20)[n]
        assert own["bbox"] == pytest.approx(
            {"xmin": n * 0.2, "ymin": 0, "xmax": n * 0.2 + 0.1, "ymax": 0.1}
        )
        assert own["start"] == own["end"] == datetime(2024, 5, 1, tzinfo=UTC) + timedelta(days=n)
    assert manifest.encoder.card == "some-encoder"
    assert manifest.encoder.dimensions == 8
    assert "weights_sha256" in manifest.encoder.unknowns
    assert any(
        "taken as those of some-encoder, named by the user; not known:" in said
        for said in report.assumptions
    )


def test_rounding_to_half_precision_is_measured_and_told(write, exchange):
    rows = vectors(30, 64)
    report = exchange().bring_in(
        write({"id": [*map(str, range(30))], "embedding": list(rows)}), card="e"
    )
    moved = np.linalg.norm(rows.astype(np.float64) - rows.astype(np.float16), axis=1).max()
    assert f"{moved:.1e}" in report.assumptions[-1]
    assert report.without_place == 30


def test_vectors_of_other_lengths_are_divided_and_said_to_be(tmp_path, write, exchange):
    rows = vectors(6)
    file = write(
        {"id": list("abcdef"), "embedding": list(rows * np.array([[1], [3], [1], [0.2], [1], [9]]))}
    )
    report = exchange().bring_in(file, card="e")
    assert "3 vectors were not of length 1 and were divided by theirs" in report.assumptions
    found, _ = held(tmp_path / "indexes/made")
    for n, name in enumerate("abcdef"):
        assert np.allclose(found[name]["vector"], rows[n], atol=1e-3)


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("shape", [pa.list_, pa.large_list, lambda kind: pa.list_(kind, 8)])
def test_every_list_of_numbers_is_read_alike(tmp_path, write, exchange, kind, shape):
    halves = vectors(9).astype(np.float16)
    column = pa.array([row.astype(kind.to_pandas_dtype()) for row in halves], type=shape(kind))
    exchange().bring_in(write({"id": [*map(str, range(9))], "embedding": column}), card="e")
    found, _ = held(tmp_path / "indexes/made")
    assert all(np.array_equal(found[str(n)]["vector"], halves[n]) for n in range(9))


@pytest.mark.parametrize("place", ["top", "embedding"])
def test_whole_numbers_are_read_by_scale_and_offset(tmp_path, write, exchange, place):
    scale, offset = 0.02, 0.1
    codes = np.random.default_rng(0).integers(-128, 128, (5, 8)).astype(np.int8)
    stated = {"scale": scale, "offset": offset, "quantized_dtype": "int8"}
    emb = {"version": "0.0.1", "model": {"id": "Some Model"}}
    emb |= (
        {"quantization": stated}
        if place == "top"
        else {"embedding": {"dim": 8, "quantization": stated}}
    )
    column = pa.array(list(codes), pa.list_(pa.int8()))
    report = exchange().bring_in(write({"id": list("abcde"), "embedding": column}, emb=emb))
    expected = codes * scale + offset
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found, manifest = held(tmp_path / "indexes/made")
    assert all(
        np.allclose(found[n]["vector"], row, atol=1e-3)
        for n, row in zip("abcde", expected, strict=True)
    )
    assert manifest.encoder.card == "some-model"
    assert any("named by the file" in said for said in report.assumptions)


def test_each_dimension_may_have_a_scale_of_its_own(tmp_path, write, exchange):
    codes = np.random.default_rng(1).integers(0, 256, (4, 8)).astype(np.uint8)
    scale, offset = np.linspace(0.01, 0.05, 8), np.linspace(-3, -1, 8)
    emb = {"emb:quantization": {"scale": scale.tolist(), "offset": offset.tolist()}}
    column = pa.array(list(codes), pa.list_(pa.uint8()))
    exchange().bring_in(write({"id": list("abcd"), "embedding": column}, emb=emb), card="e")
    expected = codes * scale + offset
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found, _ = held(tmp_path / "indexes/made")
    assert all(
        np.allclose(found[n]["vector"], row, atol=1e-3)
        for n, row in zip("abcd", expected, strict=True)
    )


def test_a_vector_of_absurd_length_is_refused(write, exchange):
    file = write({"id": ["a"], "embedding": [np.ones(70_000, np.float32)]})
    with pytest.raises(InputError, match="holds vectors of 70000 numbers; 65536 is most"):
        exchange().bring_in(file, card="e")


def test_bad_rows_are_quarantined_by_id_and_the_rest_comes_in(tmp_path, write, exchange):
    rows = [list(map(float, row)) for row in vectors(8)]
    rows[1][2], rows[2], rows[3], rows[4] = float("nan"), [0.0] * 8, None, rows[4][:5]
    ids = ["a", "nan", "zero", "none", "short", None, "wkb", "far"]
    places = squares(8)
    places[6], places[7] = b"no wkb", shapely.to_wkb(shapely.Point(0, 95))
    report = exchange().bring_in(
        write({"id": ids, "embedding": rows, "geometry": places}), card="e"
    )
    assert report.added == 1
    assert report.items == 8
    assert report.skipped == {
        "it has no id": 1,
        "it has no vector": 1,
        "its geometry is no WKB": 1,
        "its geometry lies beyond the degrees of longitude and latitude": 1,
        "its vector has 5 numbers, not 8": 1,
        "its vector holds a value that is not finite": 1,
        "its vector is zero": 1,
    }
    assert "nan: its vector holds a value that is not finite" in report.quarantined
    assert "7 of 8 rows were refused" in report.warnings
    with Snapshot.open(tmp_path / "indexes/made") as snapshot:
        kept = {own.item_id: own.reason for own in snapshot.quarantine()}
    assert kept["zero"] == "its vector is zero"
    assert len(kept) == 7


def test_of_rows_with_one_id_the_first_is_taken(tmp_path, write, exchange):
    rows = vectors(30)
    ids = [f"t{n % 20}" for n in range(30)]
    report = exchange().bring_in(write({"id": ids, "embedding": list(rows)}), card="e")
    assert report.added == 20
    assert report.skipped == {"its id stands in an earlier row": 10}
    found, _ = held(tmp_path / "indexes/made")
    assert np.array_equal(found["t3"]["vector"], rows[3].astype(np.float16))


def test_ids_are_told_apart_over_segments_too(tmp_path, write, exchange, monkeypatch):
    monkeypatch.setattr("eoagent_indexes.exchange.bringing._SEGMENT_ROWS", 5)
    monkeypatch.setattr("eoagent_indexes.exchange.opening._MOST_BATCH_ROWS", 4)
    rows = vectors(30)
    ids = [f"t{n % 20}" for n in range(30)]
    report = exchange().bring_in(write({"id": ids, "embedding": list(rows)}), card="e")
    assert (report.added, report.skipped) == (20, {"its id stands in an earlier row": 10})
    found, manifest = held(tmp_path / "indexes/made")
    assert len(manifest.segments) == 3
    assert all(
        np.array_equal(found[f"t{n}"]["vector"], rows[n].astype(np.float16)) for n in range(20)
    )


def test_a_second_file_extends_the_index_and_leaves_what_is_there(tmp_path, write, exchange):
    first, second = vectors(6), vectors(6, seed=1)
    exchange().bring_in(write({"id": list("abcdef"), "embedding": list(first)}), card="e")
    report = exchange().bring_in(
        write({"id": list("efghij"), "embedding": list(second)}, "more.parquet"), card="e"
    )
    assert (report.added, report.kept, report.version) == (4, 2, 2)
    assert report.skipped == {"its id is in the index already": 2}
    found, _ = held(tmp_path / "indexes/made")
    assert sorted(found) == list("abcdefghij")
    assert np.array_equal(found["e"]["vector"], first[4].astype(np.float16))


def test_the_same_file_twice_changes_nothing(tmp_path, write, exchange):
    file = write({"id": list("abc"), "embedding": list(vectors(3))})
    exchange().bring_in(file, card="e")
    before, _ = held(tmp_path / "indexes/made")
    report = exchange().bring_in(file, card="e")
    assert (report.added, report.kept) == (0, 3)
    after, _ = held(tmp_path / "indexes/made")
    assert {n: own["tile_id"] for n, own in before.items()} == {
        n: own["tile_id"] for n, own in after.items()
    }


def test_vectors_of_another_encoder_do_not_come_in(tmp_path, write, exchange):
    exchange().bring_in(write({"id": ["a"], "embedding": list(vectors(1))}), card="e")
    with pytest.raises(InputError):
        exchange().bring_in(
            write({"id": ["b"], "embedding": list(vectors(1, 16))}, "b.parquet"), card="e"
        )
    assert list(held(tmp_path / "indexes/made")[0]) == ["a"]


def test_geometries_of_another_system_are_turned_into_degrees(tmp_path, write, exchange):
    crs = pyproj.CRS.from_epsg(32633)
    geo = {
        "version": "1.1.0", "primary_column": "shape",
        "columns": {"shape": {"encoding": "WKB", "geometry_types": [], "crs": crs.to_json_dict()}},
    }  # fmt: skip
    shape = shapely.box(500_000, 5_100_000, 502_240, 5_102_240)
    file = write(
        {"id": ["a"], "embedding": list(vectors(1)), "shape": [shapely.to_wkb(shape)]}, geo=geo
    )
    exchange().bring_in(file, card="e")
    own = held(tmp_path / "indexes/made")[0]["a"]
    to_degrees = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    xs, ys = shapely.get_coordinates(shape).T
    lon, lat = to_degrees.transform(xs, ys)
    assert own["bbox"]["xmin"] == pytest.approx(min(lon), abs=1e-7)
    assert own["bbox"]["ymax"] == pytest.approx(max(lat), abs=1e-5)


def test_a_tile_over_the_antimeridian_keeps_a_narrow_box(tmp_path, write, exchange):
    over = shapely.to_wkb(shapely.box(179.5, 10, 180.5, 11))
    exchange().bring_in(
        write({"id": ["a"], "embedding": list(vectors(1)), "geometry": [over]}), card="e"
    )
    own = held(tmp_path / "indexes/made")[0]["a"]
    assert own["bbox"] == {"xmin": 179.5, "ymin": 10, "xmax": -179.5, "ymax": 11}
    assert shapely.area(shapely.from_wkb(own["geometry"])) == pytest.approx(1.0)
    assert np.abs(shapely.get_coordinates(shapely.from_wkb(own["geometry"]))[:, 0]).max() <= 180


@pytest.mark.parametrize(
    "kind", [pa.timestamp("us", "UTC"), pa.timestamp("s"), pa.timestamp("ns"), pa.date32()]
)
def test_times_beyond_the_calendar_are_told_and_left_out(tmp_path, write, exchange, kind):
    far = 2**31 - 1 if kind == pa.date32() else 2**62
    near = 19_000 if kind == pa.date32() else {"us": 10**15, "s": 10**9, "ns": 10**18}[kind.unit]
    column = pa.array([far, near, None], pa.int32() if kind == pa.date32() else pa.int64()).cast(
        kind
    )
    if kind == pa.timestamp("s"):
        column = pa.array([2**40, near, None], pa.int64()).cast(kind)  # Parquet keeps milliseconds
    file = write({"id": list("abc"), "embedding": list(vectors(3)), "datetime": column})
    report = exchange().bring_in(file, card="e")
    found, _ = held(tmp_path / "indexes/made")
    assert 2000 < found["b"]["start"].year < 2030
    assert found["c"]["start"] is None
    if kind != pa.timestamp("ns"):  # 2^62 ns is a time of the year 2116
        assert found["a"]["start"] is None
        assert "the time of 1 rows could not be read; they have none" in report.warnings


def test_major_tom_is_recognised(tmp_path, write, exchange):
    file = write({
        "unique_id": ["a" * 64, "b" * 64],
        "embedding": list(vectors(2) * 12),
        "timestamp": ["20230119T161811", "20230120T000000"],
        "product_id": ["S2A_one", "S2A_two"],
        "grid_cell": ["922D_249L", "922D_250L"],
        "grid_row_u": [-922, -922],
        "grid_col_r": [-249, -250],
        "geometry": squares(2),
        "centre_lat": [0.0, 0.0],
        "centre_lon": [0.0, 0.0],
        "utm_crs": ["EPSG:32701"] * 2,
        "pixel_bbox": [[0, 0, 224, 224], [224, 0, 448, 224]],
    })  # fmt: skip
    report = exchange().bring_in(file, card="dinov2")
    assert "was read as Major TOM" in report.assumptions[0]
    assert "taken as longitude and latitude" in report.assumptions[1]
    found, _ = held(tmp_path / "indexes/made")
    own = found["S2A_two"]
    assert (own["col"], own["row"], own["width"], own["height"]) == (224, 0, 224, 224)
    assert own["start"] == datetime(2023, 1, 20, tzinfo=UTC)
    assert found["S2A_one"]["start"] == datetime(2023, 1, 19, 16, 18, 11, tzinfo=UTC)


def test_clay_is_recognised_and_its_ids_are_told_apart_by_file(tmp_path, write, exchange):
    columns = {
        "index": [0, 1],
        "source_url": ["s3://bucket/a.tif"] * 2,
        "date": [date(2022, 6, 10)] * 2,
        "embeddings": list(vectors(2)),
        "geometry": squares(2),
    }
    for name in ("03WVN_20220610_20220610_v001.gpq", "03WVP_20220610_20220610_v001.gpq"):
        report = exchange().bring_in(write(columns, name), card="clay-v0")
        assert report.added == 2
        assert "was read as Clay" in report.assumptions[0]
    found, manifest = held(tmp_path / "indexes/made")
    assert manifest.live == 4
    own = found["03WVN_20220610_20220610_v001/1"]
    assert own["href"] == "s3://bucket/a.tif"
    assert own["item_href"].endswith("03WVN_20220610_20220610_v001.gpq")
    assert (own["start"].date(), own["end"].date()) == (date(2022, 6, 10), date(2022, 6, 10))


def test_earth_index_tells_model_and_time_in_its_footer(tmp_path, write, exchange):
    emb = {
        "version": "0.0.1",
        "model": {"id": "dinov2_vits14_softcon", "name": "SoftCon"},
        "datetime": "2023-07-02T00:00:00Z",
        "start_datetime": "2023-01-01T00:00:00Z",
        "end_datetime": "2024-01-01T00:00:00Z",
        "embedding_dim": 8,
        "embedding_quantization": "None",
    }
    columns = {"geometry": squares(3), "id": list("abc"), "embedding": list(vectors(3))}
    exchange().bring_in(write(columns, emb=emb))
    found, manifest = held(tmp_path / "indexes/made")
    assert manifest.encoder.card == "dinov2_vits14_softcon"
    assert found["a"]["start"] == datetime(2023, 1, 1, tzinfo=UTC)
    assert found["a"]["end"] == datetime(2024, 1, 1, tzinfo=UTC)


def test_stac_geoparquet_gives_collection_box_and_times(tmp_path, write, exchange):
    columns = {
        "type": ["Feature"], "stac_version": ["1.1.0"], "id": ["scene"], "collection": ["coast"],
        "geometry": squares(1),
        "bbox": [{"xmin": 0.0, "ymin": 0.0, "xmax": 0.1, "ymax": 0.1}],
        "start_datetime": ["2024-01-01T00:00:00Z"], "end_datetime": ["2024-01-31T00:00:00Z"],
        "eo:cloud_cover": [12.5], "gsd": [10.0],
        "embedding": list(vectors(1)),
    }  # fmt: skip
    report = exchange().bring_in(write(columns), card="e")
    assert "was read as stac-geoparquet" in report.assumptions[0]
    own = held(tmp_path / "indexes/made")[0]["scene"]
    assert (own["collection"], own["cloud_pct"], own["gsd_m"]) == ("coast", 12.5, 10.0)
    assert (own["start"].day, own["end"].day) == (1, 31)


def test_a_box_alone_and_a_centre_alone_give_a_place(tmp_path, write, exchange):
    file = write({"id": ["a"], "embedding": list(vectors(1)), "bbox": [[1.0, 2.0, 3.0, 4.0]]})
    exchange("boxes").bring_in(file, card="e")
    own = held(tmp_path / "indexes/boxes")[0]["a"]
    assert shapely.from_wkb(own["geometry"]).bounds == (1, 2, 3, 4)
    file = write(
        {"id": ["a"], "embedding": list(vectors(1)), "centre_lon": [5.0], "centre_lat": [6.0]}
    )
    exchange("centres").bring_in(file, card="e")
    own = held(tmp_path / "indexes/centres")[0]["a"]
    assert own["bbox"] == {"xmin": 5, "ymin": 6, "xmax": 5, "ymax": 6}


def test_a_time_that_cannot_be_read_is_told_and_left_out(tmp_path, write, exchange):
    file = write({"id": ["a", "b"], "embedding": list(vectors(2)), "datetime": ["soon", "2024"]})
    report = exchange().bring_in(file, card="e")
    assert "the time of 1 rows could not be read; they have none" in report.warnings
    found, _ = held(tmp_path / "indexes/made")
    assert found["a"]["start"] is None
    assert found["b"]["start"].year == 2024


UNFIT = [
    ({"id": ["a"]}, {}, "has no column `embedding`; it holds id"),
    ({"embedding": [[1.0]]}, {}, "has no column `id`"),
    ({"x": [1]}, {}, "has no column `id` and `embedding`"),
    ({"id": ["a"], "embedding": ["text"]}, {}, "its vectors are string, and lists of numbers are read"),
    ({"id": ["a"], "embedding": [["x"]]}, {}, "its vectors are list<"),
    ({"id": ["a"], "embedding": pa.array([[1, 2]], pa.list_(pa.uint8()))}, {}, "by which scale and offset"),
    ({"id": ["a"], "embedding": [[1.0, 0.0]]}, {"emb": [1]}, "its `emb` metadata is list, not an object"),
    ({"id": ["a"], "embedding": [[1.0, 0.0]]}, {"emb": {"dimensions": 3}}, "states vectors of 3 numbers, and its first one has 2"),
    ({"id": ["a"], "embedding": [[1.0, 0.0]]}, {"emb": {"dimensions": "many"}}, "states many dimensions"),
    ({"id": ["a"], "embedding": [[1.0, 0.0]]}, {"emb": {"quantization": {"scale": 0}}}, "scale or offset in its `emb` metadata is zero"),
    ({"id": ["a"], "embedding": [[1.0, 0.0]]}, {"emb": {"quantization": {"scale": "x"}}}, "is no number"),
    ({"id": ["a"], "embedding": [[1.0, 0.0]]}, {"emb": {"quantization": {"scale": [1, 2, 3]}}}, "states 3 scales or offsets for 2 numbers"),
    ({"id": ["a"], "embedding": [[0.0, 0.0]]}, {}, "none of the 1 rows of .* can be taken: 1 times its vector is zero"),
    ({"id": ["a"], "embedding": pa.array([None], pa.list_(pa.float32()))}, {}, "holds no vector"),
    ({"id": ["a"], "embedding": [[1.0, 0.0]], "geometry": ["POINT"]}, {}, "and WKB is read"),
    ({"id": ["a"], "embedding": [[1.0, 0.0]], "geometry": [b""]},
     {"geo": {"primary_column": "geometry", "columns": {"geometry": {"crs": None}}}},
     "their coordinate system is unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "keys", "said"), UNFIT)
def test_a_file_that_holds_no_embeddings_is_refused_and_leaves_no_index(
    tmp_path, write, exchange, columns, keys, said
):
    with pytest.raises(InputError, match=said):
        exchange().bring_in(write(columns, **keys), card="e")
    with pytest.raises(NotFound):
        Snapshot.open(tmp_path / "indexes/made")


def test_a_file_that_names_no_model_comes_in_and_says_what_cannot_be_done(
    tmp_path, write, exchange
):
    report = exchange().bring_in(write({"id": ["a"], "embedding": list(vectors(1))}))
    assert any("no card was named: they can be searched by tile" in s for s in report.assumptions)
    assert held(tmp_path / "indexes/made")[1].encoder.card == "unknown"


@pytest.mark.parametrize(("first", "second"), [("", ""), ("e", ""), ("", "e"), ("e", "f")])
def test_vectors_of_encoders_that_nobody_can_compare_are_not_mixed(
    tmp_path, write, exchange, first, second
):
    exchange().bring_in(write({"id": ["a"], "embedding": list(vectors(1))}), card=first)
    file = write({"id": ["b"], "embedding": list(vectors(1))}, "b.parquet")
    with pytest.raises(InputError, match="nothing says that they are one encoder") as caught:
        exchange().bring_in(file, card=second)
    said = f"name it with --encoder {first}" if first else "import both into a new index"
    assert said in caught.value.hint
    found, manifest = held(tmp_path / "indexes/made")
    assert (list(found), manifest.version) == (["a"], 1)


def test_a_commit_that_fails_late_keeps_the_segments_it_may_need(
    tmp_path, write, exchange, monkeypatch
):
    from eoagent_indexes.writer import IndexWriter

    real = IndexWriter.commit

    def late(self, **changes):
        real(self, **changes)
        raise SourceError("the disk went away", href="disk")

    monkeypatch.setattr(IndexWriter, "commit", late)
    with pytest.raises(SourceError, match="the disk went away"):
        exchange().bring_in(write({"id": ["a"], "embedding": list(vectors(1))}), card="e")
    monkeypatch.undo()
    assert list(held(tmp_path / "indexes/made")[0]) == ["a"]


def test_a_card_that_is_known_here_tells_the_network_and_its_dimensions(tmp_path, write, exchange):
    file = write({"id": ["a"], "embedding": list(vectors(1, 512))})
    exchange().bring_in(file, card="remoteclip-vit-b-32")
    encoder = held(tmp_path / "indexes/made")[1].encoder
    assert (encoder.architecture, encoder.activation) == ("ViT-B-32", "quickgelu")
    assert encoder.unknowns == ("weights_sha256", "preprocessing", "precision")
    with pytest.raises(
        InputError, match="512 numbers, and remoteclip-vit-l-14 makes 768"
    ) as caught:
        exchange("other").bring_in(file, card="remoteclip-vit-l-14")
    assert caught.value.hint == "name the encoder that made them"


def test_runners_that_do_not_import_are_passed_over(write, exchange, monkeypatch, caplog):
    from eoagent_indexes.exchange import naming

    def broken(group, name):
        raise InputError(f"{name} of {group} does not import")

    monkeypatch.setattr(naming, "load", broken)
    report = exchange().bring_in(write({"id": ["a"], "embedding": list(vectors(1))}), card="e")
    assert report.added == 1
    assert "are passed over" in caplog.text


def test_a_damaged_file_is_a_source_error_and_the_index_stays(tmp_path, write, exchange):
    exchange().bring_in(write({"id": ["a"], "embedding": list(vectors(1))}), card="e")
    good = write(
        {"id": [*map(str, range(300))], "embedding": list(vectors(300))}, "bad.parquet", rows=100
    )
    data = bytearray(good.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 400] = bytes(400)
    good.write_bytes(data)
    with pytest.raises(SourceError, match="is not a sound Parquet file"):
        exchange().bring_in(good, card="e")
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(SourceError, match="is not a sound Parquet file"):
        exchange().bring_in(tmp_path / "text.parquet", card="e")
    found, manifest = held(tmp_path / "indexes/made")
    assert (list(found), manifest.version) == (["a"], 1)
    assert len(list((tmp_path / "indexes/made/segments").iterdir())) == 1


def test_the_guard_is_asked_before_anything_is_read(tmp_path, write, around):
    from eoagent.contracts.index import Surroundings
    from eoagent.io.origin import OriginGuard
    from eoagent_indexes.exchange.tile_exchange import TileExchange

    file = write({"id": ["a"], "embedding": list(vectors(1))})
    shut = Surroundings(origins=OriginGuard(typed=[]))
    with pytest.raises(SourceError):
        TileExchange(tmp_path / "i", shut).bring_in(file, card="e")
    with pytest.raises(NotFound):
        TileExchange(tmp_path / "i", around).bring_in(tmp_path / "nowhere.parquet", card="e")
    with pytest.raises(InputError, match="is no file of this machine"):
        TileExchange(tmp_path / "i", around).bring_in(tmp_path, card="e")
    assert not (tmp_path / "i").exists()


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, write, exchange, monkeypatch):
    file = write({"id": list("abc"), "embedding": list(vectors(3))})
    from eoagent_indexes.exchange import bringing

    real = bringing.place

    def change(*args):
        with file.open("ab") as handle:
            handle.write(b"x")
        return real(*args)

    monkeypatch.setattr(bringing, "place", change)
    with pytest.raises(SourceError, match="changed while it was read"):
        exchange().bring_in(file, card="e")


def test_boxes_are_those_of_each_geometry_alone_whatever_its_kind(tmp_path, write, exchange):
    random = np.random.default_rng(3)
    shapes = [shapely.box(x, y, x + 1, y + 2) for x, y in random.uniform(-80, 80, (20, 2))]
    shapes += [shapely.Point(3, 4), shapely.Point(180, 0), shapely.box(-180, -90, 180, 90)]
    shapes += [shapely.MultiPolygon([shapely.box(178, 0, 180, 1), shapely.box(-180, 0, -179, 1)])]
    shapes += [shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])]
    shapes += [shapely.Polygon([(1, 1, 5), (2, 1, 5), (2, 2, 5)])]
    ids = [f"t{n}" for n in range(len(shapes))]
    columns = {"id": ids, "embedding": list(vectors(len(shapes)))}
    file = write(columns | {"geometry": [shapely.to_wkb(shape) for shape in shapes]})
    report = exchange().bring_in(file, card="e")
    assert report.quarantined == ()
    found, _ = held(tmp_path / "indexes/made")
    for name, shape in zip(ids, shapes, strict=True):
        box = box_around(shapely.force_2d(shape))
        expected = {"xmin": box.west, "ymin": box.south, "xmax": box.east, "ymax": box.north}
        assert found[name]["bbox"] == expected
        assert shapely.equals(shapely.from_wkb(found[name]["geometry"]), shapely.force_2d(shape))
        assert not shapely.has_z(shapely.from_wkb(found[name]["geometry"]))


def test_an_index_that_came_in_passes_its_own_verification(tmp_path, write, exchange, around):
    columns = {"id": [f"t{n}" for n in range(40)], "embedding": list(vectors(40))}
    exchange().bring_in(write(columns | {"geometry": squares(40)}), card="e")
    upkeep = load("eoagent.indexes", "tiles").upkeep(tmp_path / "indexes/made", around)
    assert tuple(upkeep.verify()) == ()
