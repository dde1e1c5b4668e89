"""Inputs: what a file is taken for, by name and by content."""

from __future__ import annotations

import json

import pytest

from eoagent.app.inputs import classify
from eoagent.app.request import Request
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.origin import OriginGuard

PUBLIC = "93.184.216.34"


def _kinds(*images, **given):
    guard = OriginGuard(resolver=lambda _host, _port: (PUBLIC,))
    request = Request(question="What is this?", images=images, **given)
    return [(i.kind, i.href) for i in classify(request, guard)]


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.parquet", "a.shp", "a.CSV"])
def test_vector_files_among_the_images_are_features(tmp_path, name):
    path = tmp_path / name
    path.write_text("x")
    assert _kinds(path) == [("features", str(path))]


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"type": "Feature", "stac_version": "1.0.0"}, "image"),
        ({"type": "FeatureCollection", "features": []}, "features"),
        ({"type": "Feature", "geometry": None}, "features"),
    ],
)
def test_a_json_document_is_told_by_what_it_holds(tmp_path, document, kind):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    assert _kinds(path) == [(kind, str(path))]


@pytest.mark.parametrize(
    ("text", "found"),
    [('{"type": "Catalog"}', "Catalog"), ("[]", "no JSON object"), ("{", "no JSON"), ("{}", "nothing known")],
)  # fmt: skip
def test_a_json_document_of_another_kind_is_refused(tmp_path, text, found):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=found) as error:
        _kinds(path)
    assert error.value.hint


def test_order_is_kept_images_first(tmp_path, scene):
    zones = tmp_path / "zones.gpkg"
    zones.write_text("x")
    assert _kinds(scene, features=[zones]) == [("image", str(scene)), ("features", str(zones))]


def test_an_address_goes_without_its_query():
    (found,) = _kinds("https://h.example/x.tif?sig=SECRET")
    assert found[0] == "image"
    assert "SECRET" not in found[1]
    assert _kinds("https://h.example/x.geojson?sig=1")[0][0] == "features"


def test_what_is_not_there_or_not_open_is_named(tmp_path):
    with pytest.raises(NotFound, match="nowhere"):
        _kinds(tmp_path / "nowhere.tif")
    with pytest.raises(SourceError, match="not a way in"):
        _kinds("ftp://h.example/x.tif")


def test_catalog_and_places_are_kept_apart_from_what_is_opened(tmp_path):
    places = tmp_path / "places.geojson"
    places.write_text("{}")
    (tmp_path / "scenes").mkdir()
    assert _kinds(catalog=tmp_path / "scenes", places=places) == [
        ("catalog", str(tmp_path / "scenes")),
        ("places", str(places)),
    ]


def test_an_area_of_interest_is_a_box_or_a_file(tmp_path):
    outline = tmp_path / "outline.geojson"
    outline.write_text("{}")
    assert _kinds(aoi="12, 45,14.5,46") == [("aoi", "12,45,14.5,46")]
    assert _kinds(aoi=outline) == [("aoi", str(outline))]


@pytest.mark.parametrize("box", ["12,45,14,91", "12,46,14,45", "a,b,c,d", "nan,0,1,1"])
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(InputError, match="is no box of longitudes and latitudes") as caught:
        _kinds(aoi=box)
    assert caught.value.hint == "write west,south,east,north in degrees"


def test_an_area_of_interest_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NotFound, match=r"gone\.geojson"):
        _kinds(aoi=tmp_path / "gone.geojson")
