"""Reading vector files, compared with pyogrio, shapely, pyarrow and pyproj."""

from __future__ import annotations

import hashlib
import json
import shutil
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyogrio.raw
import pyproj
import pytest
import shapely

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.features import read_features
from eoagent.io.featureset import FeatureLimits
from eoagent.io.origin import OriginGuard

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}


def feature(shape, **properties):
    return {"type": "Feature", "properties": properties, "geometry": shape}


def geojson(path, *features, **members):
    document = {"type": "FeatureCollection", "features": list(features), **members}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def pyogrio_geometries(path):
    meta, table = pyogrio.raw.read_arrow(path)
    column = meta["geometry_name"] or "wkb_geometry"
    return shapely.from_wkb(table.column(column).to_numpy()), table


@pytest.mark.parametrize(
    "name",
    [
        "vector/ne_110m_lakes.json",
        "vector/ne_50m_admin_0_countries.geojson",
        "vector/ne_10m_airports.json",
        "vector/ne_110m_rivers_lake_centerlines.json",
        "buildings/spacenet4_atlanta_geotiff_labels.geojson",
        "dem/dc_buildings.geojson",
        "dem/rgi17_glacier_outlines.gpkg",
    ],
)
def test_geometries_and_texts_are_those_of_gdal(shared_data, read, name):
    found = read(shared_data / name)
    expected, table = pyogrio_geometries(shared_data / name)
    assert len(found) == len(expected)
    assert shapely.equals(found.geometries, shapely.make_valid(shapely.force_2d(expected))).all()
    texts = [f.name for f in table.schema if pa.types.is_string(f.type)]
    numbers = [f.name for f in table.schema if pa.types.is_floating(f.type)]
    assert texts or numbers
    for column in texts[:5] + numbers[:3]:
        assert found.values(column) == table.column(column).to_pylist()
    assert (
        pyproj.CRS.from_user_input(found.crs).to_epsg()
        == pyproj.CRS.from_user_input(pyogrio.read_info(shared_data / name)["crs"]).to_epsg()
    )


def test_the_source_is_the_file_with_its_sha256(shared_data, read):
    path = shared_data / "vector" / "ne_110m_lakes.json"
    (source,) = read(path).sources
    assert source.href == str(path.resolve())
    assert source.fingerprint.kind == "sha256"
    assert source.fingerprint.value == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_shapefile_is_read_with_its_attributes_and_every_part_is_a_source(
    shared_data, tmp_path, read
):
    expected, table = pyogrio_geometries(shared_data / "vector" / "ne_110m_lakes.json")
    target = tmp_path / "lakes.shp"
    table = table.drop_columns(["wkb_geometry"]).append_column(
        "geometry", pa.array(shapely.to_wkb(expected))
    )
    pyogrio.raw.write_arrow(
        table, target, geometry_name="geometry", geometry_type="Polygon", crs="EPSG:4326"
    )
    found = read(target)
    assert shapely.equals(found.geometries, expected).all()
    assert found.crs == "EPSG:4326"
    assert found.values("name") == table.column("name").to_pylist()
    assert {source.href.rpartition(".")[2] for source in found.sources} >= {"shp", "dbf", "shx"}


def test_geoparquet_of_another_writer_is_read(shared_data, read):
    path = shared_data / "stac" / "planetary_computer" / "naip.parquet"
    found = read(path)
    expected = shapely.from_wkb(pq.read_table(path).column("geometry").to_numpy())
    assert shapely.equals(found.geometries, expected).all()
    assert found.crs == "EPSG:4326"
    assert found.values("gsd") == pq.read_table(path).column("gsd").to_pylist()


def geoparquet(path, geo, **columns):
    table = pa.table({"geometry": pa.array(shapely.to_wkb([shapely.Point(5e5, 4e6)])), **columns})
    if geo is not None:
        table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path)
    return path


def described(**column):
    return {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": [], **column}},
    }


def test_geoparquet_keeps_its_projected_crs_and_drops_the_covering_boxes(tmp_path, read):
    geo = described(
        crs=pyproj.CRS.from_epsg(32633).to_json_dict(),
        covering={"bbox": {"xmin": ["bbox", "xmin"], "xmax": ["bbox", "xmax"]}},
    )
    path = geoparquet(tmp_path / "p.parquet", geo, bbox=pa.array([{"xmin": 1.0}]), n=pa.array([7]))
    found = read(path)
    assert found.crs == "EPSG:32633"
    assert found.column_names == ("n",)


def test_geoparquet_with_a_null_crs_needs_one(tmp_path, read):
    path = geoparquet(tmp_path / "p.parquet", described(crs=None))
    with pytest.raises(InputError, match="states no CRS") as caught:
        read(path)
    assert "EPSG" in caught.value.hint
    assert read(path, crs="EPSG:32633").crs == "EPSG:32633"


def test_geoparquet_in_another_encoding_is_refused(tmp_path, read):
    path = geoparquet(tmp_path / "p.parquet", described(encoding="point"))
    with pytest.raises(InputError, match="encoded as point") as caught:
        read(path)
    assert "WKB" in caught.value.hint


def test_parquet_without_geo_metadata_says_what_it_took(tmp_path, read):
    found = read(geoparquet(tmp_path / "p.parquet", None), crs="EPSG:32633")
    assert any("no `geo` metadata" in note for note in found.assumptions)


def test_a_parquet_file_that_declares_too_much_is_refused_before_reading(tmp_path, read):
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"geometry": [b""] * 50}), path)
    with pytest.raises(InputError, match="declares 50 features"):
        read(path, limits=FeatureLimits(max_features=10))


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("lon,lat,name", "12.5,41.9,Roma"),
        ("name;Latitude;Longitude", "Roma;41.9;12.5"),
        ("name\tY\tX", "Roma\t41.9\t12.5"),
        ("decimalLatitude,decimalLongitude,name", "41.9,12.5,Roma"),
        ("名称,经度,纬度", "Roma,12.5,41.9"),
        ("\ufeffLONG_,LAT_,name", "12.5,41.9,Roma"),
        ("name,WKT", "Roma,POINT (12.5 41.9)"),
        ("name,the_geom", "Roma,SRID=4326;POINT(12.5 41.9)"),
    ],
)
def test_coordinate_columns_are_found_in_many_spellings_and_named(tmp_path, read, header, row):
    path = tmp_path / "places.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    found = read(path)
    assert found.geometries[0].equals(shapely.Point(12.5, 41.9))
    assert found.crs == "EPSG:4326"
    assert len(found.column_names) == 1
    assert found.values(found.column_names[0]) == ["Roma"]
    assert "taken" in found.assumptions[0]


def test_the_populated_places_table_has_its_points(shared_data, read):
    path = shared_data / "vector" / "ne_10m_populated_places.csv"
    found = read(path, named="Canelones")
    assert found.geometries[0].equals(shapely.Point(-56.2840014932, -34.5380040067))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no coordinates in its columns"),
        ("lon,lat\nten,2\n", "'ten', which is no number"),
        ("lon,lat\n1,inf\n", "row 1 has a coordinate that is not finite"),
        ("x,y\n600000,5000000\n", "states no CRS"),
        ("lon,lat\n600000,5000000\n", "coordinates run over"),
        ("lat,lon\n150,10\n", "coordinates run over"),
        ("wkt\nPOINT(1\nPOINT(1 2)\n", "is no geometry"),
        ("wkt\nSRID=4326;POINT(1 2)\nSRID=32633;POINT(1 2)\n", "mixes the CRS codes"),
        ("lon,lat\n1,2\n1,2,3\n", "cannot be read as a table"),
        ("", "cannot be read as a table"),
    ],
)
def test_a_table_without_usable_coordinates_is_refused(tmp_path, read, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((InputError, SourceError), match=message):
        read(path)


def test_swapped_coordinates_are_recognised(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("lat,lon\n150,10\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(path)
    assert "swapped" in caught.value.hint


def test_columns_of_one_name_are_told_apart(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("lon,lat,a,a,lon\n1,2,x,y,3\n", encoding="utf-8")
    found = read(path)
    assert found.geometries[0].equals(shapely.Point(1, 2))
    assert found.column_names == ("a", "a_2", "lon_2")


def test_a_table_without_rows_has_no_features(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_text("lon,lat,a\n", encoding="utf-8")
    assert len(read(path)) == 0


def test_a_table_in_latin_1_keeps_its_letters(tmp_path, read):
    path = tmp_path / "t.csv"
    path.write_bytes("name,lon,lat\nMálaga,-4.4,36.7\n".encode("latin-1"))
    assert read(path).values("name") == ["Málaga"]


def test_missing_and_empty_geometries_are_left_out_and_counted(tmp_path, read):
    path = geojson(
        tmp_path / "f.geojson",
        feature(None, n=1),
        feature(SQUARE, n=2),
        feature({"type": "Polygon", "coordinates": []}, n=3),
    )
    found = read(path)
    assert found.values("n") == [2]
    assert "2 features without a geometry left out" in found.assumptions


def test_an_invalid_polygon_is_repaired_and_counted(tmp_path, read):
    found = read(geojson(tmp_path / "f.geojson", feature(BOW_TIE), feature(SQUARE)))
    assert found.geometries[0].is_valid
    assert found.geometries[0].area == pytest.approx(2.0)
    assert "1 feature with an invalid geometry repaired" in found.assumptions


def test_a_collapsed_polygon_is_left_out_and_counted(tmp_path, read):
    flat = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]}
    found = read(geojson(tmp_path / "f.geojson", feature(flat), feature(SQUARE)))
    assert len(found) == 1
    assert any("collapsed" in note for note in found.assumptions)


def test_a_file_without_any_geometry_is_refused(tmp_path, read):
    with pytest.raises(InputError, match="none of the 1 features"):
        read(geojson(tmp_path / "f.geojson", feature(None, n=1)))


def test_an_empty_collection_has_no_features(tmp_path, read):
    assert len(read(geojson(tmp_path / "f.geojson"))) == 0


def test_features_without_attributes_are_read(tmp_path, read):
    found = read(geojson(tmp_path / "f.geojson", feature(SQUARE), feature(None)))
    assert len(found) == 1
    assert found.column_names == ()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_a_coordinate_that_is_not_finite_is_refused(tmp_path, read, value):
    path = geojson(tmp_path / "f.geojson", feature(SQUARE))
    path.write_text(path.read_text().replace("[2, 0]", f"[2, {value}]"))
    with pytest.raises(SourceError, match="feature 1 has a coordinate that is not finite"):
        read(path)


def test_coordinates_that_are_not_nested_as_geojson_wants_are_refused_by_number(tmp_path, read):
    bad = {"type": "Polygon", "coordinates": [[0, 0], [1, 1], [2, 0], [0, 0]]}
    with pytest.raises(SourceError, match="feature 2 has a geometry whose coordinates"):
        read(geojson(tmp_path / "f.geojson", feature(SQUARE), feature(bad)))


def test_heights_are_set_aside_and_said(tmp_path, read):
    found = read(
        geojson(tmp_path / "f.geojson", feature({"type": "Point", "coordinates": [1, 2, 3]}))
    )
    assert not found.geometries[0].has_z
    assert "heights of the vertices are not used" in found.assumptions


def test_geojson_without_a_crs_is_longitude_and_latitude(tmp_path, read):
    found = read(geojson(tmp_path / "f.geojson", feature(SQUARE)))
    assert found.crs == "EPSG:4326"
    assert found.assumptions == ()


def test_geojson_with_projected_numbers_and_no_crs_is_refused(tmp_path, read):
    point = {"type": "Point", "coordinates": [733601, 3725139]}
    with pytest.raises(InputError, match="coordinates run over") as caught:
        read(geojson(tmp_path / "f.geojson", feature(point)))
    assert "projected" in caught.value.hint


def test_an_unknown_crs_is_refused_by_name(tmp_path, read):
    crs = {"type": "name", "properties": {"name": "EPSG:999999"}}
    with pytest.raises(InputError, match="999999"):
        read(geojson(tmp_path / "f.geojson", feature(SQUARE), crs=crs))


def test_longitudes_of_0_to_360_are_brought_back_and_said(tmp_path, read):
    found = read(
        geojson(tmp_path / "f.geojson", feature({"type": "Point", "coordinates": [350, 5]}))
    )
    assert found.geometries[0].equals(shapely.Point(-10, 5))
    assert any("full turn" in note for note in found.assumptions)


def test_an_attribute_called_geometry_gets_another_name(tmp_path, read):
    found = read(geojson(tmp_path / "f.geojson", feature(SQUARE, geometry="round")))
    assert found.values("geometry_") == ["round"]


def test_mixed_and_nested_attributes_become_texts(tmp_path, read):
    path = geojson(
        tmp_path / "f.geojson", feature(SQUARE, v=1, w=[1, 2]), feature(SQUARE, v="one", w=None)
    )
    found = read(path)
    assert found.values("v") == ["1", "one"]
    assert found.values("w") == ["[1, 2]", None]


def test_a_name_is_found_whatever_its_case_and_the_column_is_said(shared_data, read):
    path = shared_data / "vector" / "ne_50m_admin_0_countries.geojson"
    found = read(path, named="  italy ")
    assert found.values("NAME") == ["Italy"]
    assert found.label == "Italy"
    assert "'  italy ' was found in the column NAME" in found.assumptions


def test_all_features_of_a_name_are_taken(shared_data, read):
    path = shared_data / "vector" / "ne_10m_populated_places.csv"
    found = read(path, named="Springfield")
    names = pyogrio.raw.read_arrow(path)[1].column("name").to_pylist()
    assert len(found) == names.count("Springfield") > 1
    assert any(f"{len(found)} times" in note for note in found.assumptions)


def test_a_name_that_is_not_there_lists_close_ones(shared_data, read):
    path = shared_data / "vector" / "ne_50m_admin_0_countries.geojson"
    with pytest.raises(NotFound, match="is named 'Itly'") as caught:
        read(path, named="Itly")
    assert "Italy" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        (
            "pipe.json",
            b'{"type": "gdal_streamed_alg", "command_line": "gdal vector read x"}',
            "Feature",
        ),
        ("vrt.json", b"<OGRVRTDataSource></OGRVRTDataSource>", "GeoJSON"),
        ("drawing.dxf", b"  0\nSECTION\n", "GeoJSON"),
        ("topo.json", b'{"type": "Topology", "objects": {}}', "Feature"),
        ("list.json", b"[1, 2]", "Feature"),
        ("lakes.zip", b"PK\x03\x04rest", "unpack"),
        ("lakes.dbf", b"\x03abc", ".shp"),
        ("data.sqlite", b"SQLite format 3\0" + bytes(200), "GeoJSON"),
        ("empty.geojson", b"", "GeoJSON"),
    ],
)
def test_other_kinds_of_files_are_refused_with_a_way_out(tmp_path, read, name, content, hint):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path)
    assert hint in caught.value.hint


def test_a_pipeline_does_not_reach_other_files(shared_data, tmp_path, read):
    victim = shared_data / "vector" / "ne_110m_lakes.json"
    command = f"gdal vector pipeline ! read {victim}"
    path = tmp_path / "pipe.json"
    path.write_text(json.dumps({"type": "gdal_streamed_alg", "command_line": command}))
    with pytest.raises(InputError, match="a GDAL pipeline, not GeoJSON"):
        read(path)


@pytest.mark.parametrize("content", [b"{", b'{"type": "FeatureCollection"}', b"[" * 100_000])
def test_damaged_json_is_a_source_error_that_names_the_file(tmp_path, read, content):
    path = tmp_path / "bad.geojson"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read(path)
    assert caught.value.href == str(path)
    assert str(path) in str(caught.value)


def test_a_geopackage_under_another_name_is_refused(shared_data, tmp_path, read):
    path = tmp_path / "glaciers.json"
    shutil.copy(shared_data / "dem" / "rgi17_glacier_outlines.gpkg", path)
    with pytest.raises(InputError, match="another ending"):
        read(path)


def test_a_layer_is_picked_by_name_and_the_default_is_said(tmp_path, read):
    path = tmp_path / "two.gpkg"
    for number, layer in enumerate(("first", "second")):
        table = pa.table({"n": [number], "geometry": shapely.to_wkb([shapely.Point(number, 0)])})
        pyogrio.raw.write_arrow(
            table,
            path,
            layer=layer,
            append=number > 0,
            geometry_name="geometry",
            geometry_type="Point",
            crs="EPSG:4326",
        )
    default = read(path)
    assert default.values("n") == [0]
    assert any("of 2 layers first is read, not second" in note for note in default.assumptions)
    assert read(path, layer="second").values("n") == [1]
    with pytest.raises(InputError, match="no layer 'third'") as caught:
        read(path, layer="third")
    assert "first, second" in caught.value.hint


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (FeatureLimits(max_text_bytes=100), "more than 100"),
        (FeatureLimits(max_features=1), "more than 1"),
        (FeatureLimits(max_vertices=4), "10 vertices, more than 4"),
        (FeatureLimits(max_columns=1), "2 attribute columns, more than 1"),
    ],
)
def test_a_file_over_a_limit_is_refused(tmp_path, read, limits, message):
    path = geojson(tmp_path / "f.geojson", feature(SQUARE, a=1, b=1), feature(SQUARE))
    with pytest.raises(InputError, match=message):
        read(path, limits=limits)


class _Files(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(feature(SQUARE, name="remote")).encode()
        if self.path.endswith(".shp"):
            body = b"\x00\x00\x27\x0a" + bytes(96)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), _Files) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_remote_file_is_read_through_the_guard(server):
    guard = OriginGuard([server])
    found = read_features(guard.admit(f"{server}/area.geojson"), guard)
    assert found.values("name") == ["remote"]
    assert found.label == "area"
    assert found.sources[0].fingerprint.kind == "sha256"


def test_a_remote_shapefile_is_refused_with_the_reason(server):
    guard = OriginGuard([server])
    with pytest.raises(InputError, match="no use without its other files"):
        read_features(guard.admit(f"{server}/area.shp"), guard)


def test_rows_are_taken_with_their_attributes(shared_data, read):
    found = read(shared_data / "vector" / "ne_110m_lakes.json")
    some = found.take(np.array([3, 1]))
    assert some.values("name") == [found.values("name")[3], found.values("name")[1]]
    assert some.geometries[0] is found.geometries[3]


def test_collections_too_deep_within_each_other_are_refused(tmp_path):
    level = bytes([1]) + (7).to_bytes(4, "little") + (1).to_bytes(4, "little")
    point = shapely.to_wkb(shapely.Point(1, 2))
    table = pa.table({"geometry": [level * 100_000 + point]})
    path = tmp_path / "deep.parquet"
    pq.write_table(table, path)
    with pytest.raises(SourceError) as caught:
        read_features(OriginGuard(typed=[str(path)]).admit(str(path)))
    assert "collections lie too deep within each other" in str(caught.value)
