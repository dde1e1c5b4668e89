"""Writing vector files, read back by pyogrio, pyarrow and ourselves."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pyogrio.raw
import pyproj
import pytest
import shapely

from eoagent.contracts.errors import InputError, InternalError, SourceError
from eoagent.contracts.figure import Fingerprint, Source
from eoagent.io.features import load_features
from eoagent.io.features_write import FORMATS, MEDIA_TYPES, write_features
from eoagent.io.featureset import feature_set, features_ref

SQUARE = shapely.box(500_000, 4_000_000, 500_100, 4_000_100)
HOLED = SQUARE.difference(shapely.box(500_040, 4_000_040, 500_060, 4_000_060))
COLUMNS = {
    "name": ['Zürich, "old"', None],
    "count": [3, 4],
    "share": [0.25, None],
    "tags": [["a", "b"], None],
    "seen": [datetime(2019, 4, 16, 10, tzinfo=UTC), None],
}


@pytest.fixture
def projected():
    return feature_set([HOLED, SQUARE], COLUMNS, crs="EPSG:32633", label="two fields")


def test_geoparquet_has_the_metadata_of_its_specification(tmp_path, projected):
    path = tmp_path / "f.parquet"
    write_features(path, projected)
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["primary_column"] == "geometry"
    column = geo["columns"]["geometry"]
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert column["bbox"] == [500_000, 4_000_000, 500_100, 4_000_100]
    assert pyproj.CRS.from_json_dict(column["crs"]) == pyproj.CRS.from_epsg(32633)
    assert shapely.from_wkb(table.column("geometry").to_numpy())[0].equals(HOLED)


def test_equal_features_give_equal_bytes(tmp_path, projected):
    write_features(tmp_path / "a.parquet", projected)
    write_features(tmp_path / "b.parquet", projected)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", ""])
def test_the_stored_form_comes_back_as_it_was(tmp_path, crs):
    features = feature_set([shapely.box(1, 2, 3, 4)], {"n": [1], "t": ["x"]}, crs=crs)
    write_features(tmp_path / "f.parquet", features)
    source = Source(href="mask:0123456789ab", fingerprint=Fingerprint(kind="artifact", value="0"))
    loaded = load_features(tmp_path / "f.parquet", sources=(source,), label="boxes")
    assert loaded.crs == crs
    assert loaded.geometries[0].equals(features.geometries[0])
    assert loaded.columns.equals(features.columns)
    assert loaded.sources == (source,)
    assert loaded.label == "boxes"


def test_a_missing_stored_file_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        load_features(tmp_path / "gone.parquet")


def test_a_geopackage_is_read_back_by_gdal(tmp_path, projected):
    path = tmp_path / "f.gpkg"
    write_features(path, projected)
    meta, table = pyogrio.raw.read_arrow(path)
    assert meta["crs"] == "EPSG:32633"
    assert meta["geometry_type"] == "Polygon"
    assert pyogrio.list_layers(path)[0][0] == "two fields"
    assert shapely.from_wkb(table.column("geometry").to_numpy())[0].equals(HOLED)
    assert table.column("name").to_pylist() == COLUMNS["name"]
    assert table.column("count").to_pylist() == COLUMNS["count"]
    assert table.column("share").to_pylist() == COLUMNS["share"]


def test_geojson_is_longitude_and_latitude_with_outer_rings_counter_clockwise(tmp_path, projected):
    path = tmp_path / "f.geojson"
    write_features(path, projected)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert "crs" not in document
    first = document["features"][0]
    assert first["properties"]["name"] == COLUMNS["name"][0]
    assert first["properties"]["tags"] == '["a", "b"]'
    assert first["properties"]["seen"].startswith("2019-04-16T10:00:00")
    rings = [shapely.LinearRing(ring) for ring in first["geometry"]["coordinates"]]
    assert [ring.is_ccw for ring in rings] == [True, False]
    to_lonlat = pyproj.Transformer.from_crs(32633, 4326, always_xy=True)
    expected = shapely.transform(HOLED, lambda xy: np.column_stack(to_lonlat.transform(*xy.T)))
    assert (
        shapely.geometry.shape(first["geometry"])
        .normalize()
        .equals_exact(expected.normalize(), tolerance=1e-9)
    )


def test_geojson_is_cut_at_the_antimeridian(tmp_path):
    island = shapely.box(178, -18, 182, -16)
    write_features(tmp_path / "f.geojson", feature_set([island], {}, crs="EPSG:4326"))
    document = json.loads((tmp_path / "f.geojson").read_text())
    shape = shapely.geometry.shape(document["features"][0]["geometry"])
    assert shape.geom_type == "MultiPolygon"
    assert shape.area == pytest.approx(island.area)
    assert shape.bounds[0] == -180
    assert shape.bounds[2] == 180


def test_csv_holds_wkt_in_longitude_and_latitude(tmp_path, projected, read):
    path = tmp_path / "f.csv"
    write_features(path, projected)
    found = read(path)
    assert found.values("name")[0] == COLUMNS["name"][0]
    assert found.crs == "EPSG:4326"
    to_lonlat = pyproj.Transformer.from_crs(32633, 4326, always_xy=True)
    corner = shapely.Point(to_lonlat.transform(500_000, 4_000_000))
    vertices = shapely.points(shapely.get_coordinates(found.geometries[0]))
    assert shapely.distance(vertices, corner).min() < 1e-9


@pytest.mark.parametrize("ending", [".gpkg", ".csv", ".parquet"])
def test_features_in_pixels_keep_their_numbers(tmp_path, ending):
    path = tmp_path / f"f{ending}"
    write_features(path, feature_set([shapely.box(10, 20, 3000, 4000)], {"n": [1]}, crs=""))
    assert path.stat().st_size > 0
    if ending == ".gpkg":
        _, table = pyogrio.raw.read_arrow(path)
        box = shapely.from_wkb(table.column("geometry").to_numpy())[0]
        assert box.bounds == (10, 20, 3000, 4000)


def test_features_in_pixels_are_no_geojson(tmp_path):
    with pytest.raises(InputError, match="features in pixels") as caught:
        write_features(tmp_path / "f.geojson", feature_set([shapely.Point(1, 2)], {}, crs=""))
    assert ".gpkg" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", sorted(FORMATS))
def test_no_features_and_no_columns_are_written_too(tmp_path, ending):
    path = tmp_path / f"f{ending}"
    write_features(path, feature_set([], {}, crs="EPSG:4326"))
    assert path.is_file()
    assert MEDIA_TYPES[ending]
    write_features(path, feature_set([shapely.Point(1, 2)], {}, crs="EPSG:4326"))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_an_unknown_ending_lists_those_that_are_written(tmp_path, projected):
    with pytest.raises(InputError, match=r"f\.dxf") as caught:
        write_features(tmp_path / "f.dxf", projected)
    assert ".gpkg" in caught.value.hint


@pytest.mark.parametrize("ending", [".parquet", ".geojson", ".csv"])
def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path, monkeypatch, projected, ending):
    path = tmp_path / f"f{ending}"
    path.write_bytes(b"old")

    def refuse(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(SourceError, match="no space left"):
        write_features(path, projected)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_made_is_said(tmp_path, projected):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError):
        write_features(tmp_path / "file" / "f.gpkg", projected)


def test_columns_of_another_length_are_our_own_fault():
    with pytest.raises(InternalError, match="different lengths"):
        feature_set([SQUARE], {"n": [1, 2]}, crs="")


def test_the_record_for_the_store_says_what_the_set_holds(projected):
    ref = features_ref(projected, pixel_edge_m=10.0)
    assert (ref.count, ref.crs, ref.geometry_types) == (2, "EPSG:32633", ("Polygon",))
    assert ref.columns == tuple(COLUMNS)
    assert ref.label == "two fields"
    assert ref.pixel_edge_m == 10.0
