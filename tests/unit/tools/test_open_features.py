"""`open_features` against what pyogrio and the json module wrote."""

from __future__ import annotations

import json

import pytest
import shapely

from eoagent.contracts.errors import InputError, NotFound, SourceError

BOX = shapely.box(10, 45, 11, 46)


def test_a_geopackage_opens_with_its_features(bench):
    handle = bench.features(
        [BOX, shapely.box(11, 45, 12, 46)], name="parks.gpkg", name_en=["A", "B"]
    )
    ref = bench.services.store.get(handle).payload
    assert (ref["count"], ref["crs"], ref["label"]) == (2, "EPSG:4326", "parks")
    assert ref["columns"] == ["name_en"]
    assert bench.read_features(handle).geometries[0].equals(BOX)


def test_features_in_another_crs_keep_it(bench):
    square = shapely.box(400000, 4990000, 410000, 5000000)
    handle = bench.features([square], crs="EPSG:32633")
    assert bench.services.store.get(handle).payload["crs"] == "EPSG:32633"
    assert bench.read_features(handle).geometries[0].equals(square)


def test_one_feature_is_picked_by_name(bench):
    path = bench.folder / "places.geojson"
    rows = [
        {"type": "Feature", "properties": {"NAME": n}, "geometry": shapely.geometry.mapping(BOX)}
        for n in ("Udine", "Trieste")
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    result = bench("open_features", href=str(path), named="trieste")
    assert result.figures[0].value == 1
    assert result.assumptions
    with pytest.raises(NotFound, match="Triest") as caught:
        bench("open_features", href=str(path), named="Triest")
    assert "Trieste" in caught.value.hint


def test_a_table_with_coordinates_opens_as_points(bench):
    path = bench.folder / "towns.csv"
    path.write_text("name,lon,lat\nA,10.5,45.5\nB,11.5,45.5\n")
    result = bench("open_features", href=str(path))
    kept = bench.read_features(result.artifacts["features"].handle)
    assert [g.wkt for g in kept.geometries] == ["POINT (10.5 45.5)", "POINT (11.5 45.5)"]
    assert result.figures[0].label == "features in towns"


def test_what_cannot_be_opened_is_refused_with_a_reason(bench):
    with pytest.raises(NotFound):
        bench("open_features", href=str(bench.folder / "none.gpkg"))
    path = bench.folder / "bad.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [')
    with pytest.raises(SourceError, match="bad.geojson"):
        bench("open_features", href=str(path))
    path.write_text("hello")
    with pytest.raises((InputError, SourceError), match="bad.geojson"):
        bench("open_features", href=str(path))


def test_an_unknown_crs_is_refused(bench):
    path = bench.folder / "towns.csv"
    path.write_text("name,wkt\nA,POINT (500000 4000000)\n")
    with pytest.raises(InputError):
        bench("open_features", href=str(path), crs="EPSG:0")
    handle = bench.handle("open_features", href=str(path), crs="EPSG:32633")
    assert bench.services.store.get(handle).payload["crs"] == "EPSG:32633"


def test_empty_names_are_refused(bench):
    assert "named" in bench.refused("open_features", href="a.gpkg", named="")


def test_a_box_is_an_area_of_its_own(bench):
    result = bench("open_features", box=[10, 45, 11, 46])
    handle = result.artifacts["features"].handle
    assert bench.read_features(handle).geometries[0].equals(BOX)
    assert result.assumptions == (
        "box 10, 45, 11, 46 in degrees (west, south, east, north) is taken as it was said",
    )


def test_a_box_over_the_antimeridian_falls_into_two(bench):
    handle = bench("open_features", box=[179, -17, -179, -16]).artifacts["features"].handle
    (ground,) = bench.read_features(handle).geometries
    parts = [shapely.box(179, -17, 180, -16), shapely.box(-180, -17, -179, -16)]
    assert ground.equals(shapely.MultiPolygon(parts))


@pytest.mark.parametrize("given", [{}, {"href": "a.gpkg", "box": [1, 2, 3, 4]}])
def test_a_file_or_a_box_is_wanted(bench, given):
    with pytest.raises(InputError, match="takes either a file or a box") as caught:
        bench("open_features", **given)
    assert caught.value.hint == 'give href="PATH" or box=[west, south, east, north]'


@pytest.mark.parametrize("box", [[10, 46, 11, 45], [10, 45, 10, 46]])
def test_a_box_without_area_is_refused(bench, box):
    with pytest.raises(InputError, match="has no area") as caught:
        bench("open_features", box=box)
    assert caught.value.hint == "write west, south, east, north"


def test_a_box_beyond_the_globe_is_refused(bench):
    with pytest.raises(InputError, match="less than or equal to 180"):
        bench("open_features", box=[10, 45, 200, 46])
