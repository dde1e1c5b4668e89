"""What one item says, in the forms of STAC 0.7 to 1.1, sound and unsound."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pystac
import pytest
import shapely
from pystac.extensions.eo import EOExtension

from eoagent.contracts.errors import SourceError
from eoagent.contracts.geometry import BBox
from eoagent.io.stac_bands import clean_text, read_bands
from eoagent.io.stac_item import resolve_href, scene_from_item


def scene(properties=None, **members):
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "i",
        "geometry": None,
        "properties": {"datetime": "2019-04-16T10:00:00Z"} if properties is None else properties,
        "assets": {},
        **members,
    }
    return scene_from_item(item, "/data/items/i.json")


def moment(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_an_instant_stays_an_instant():
    time = scene({"datetime": "2019-04-16T12:30:00+02:00"}).time
    assert time.start == time.end == moment(2019, 4, 16, 10, 30)


def test_midnight_to_the_second_is_the_whole_day():
    time = scene({"datetime": "2019-04-16T00:00:00Z"}).time
    assert time.label == "2019-04-16"
    assert time.end > moment(2019, 4, 16, 23, 59)


def test_start_and_end_count_before_the_instant():
    time = scene(
        {
            "datetime": "2019-04-16T00:00:00Z",
            "start_datetime": "2019-04-15T00:00:00Z",
            "end_datetime": "2019-04-17T00:00:00Z",
        }
    ).time
    assert (time.start, time.end) == (moment(2019, 4, 15), moment(2019, 4, 17))


def test_a_null_instant_with_a_start_and_an_end_is_a_span():
    time = scene(
        {
            "datetime": None,
            "start_datetime": "1985-01-01T00:00:00Z",
            "end_datetime": "1985-12-31T23:59:59Z",
        }
    ).time
    assert time.label == "1985"


@pytest.mark.parametrize(
    ("properties", "note"),
    [
        ({}, "does not say when"),
        ({"datetime": None}, "does not say when"),
        ({"datetime": "yesterday"}, "'yesterday' is no time"),
        ({"datetime": 20190416}, "does not say when"),
        (
            {"start_datetime": "2020-01-01T00:00:00Z", "end_datetime": "2019-01-01T00:00:00Z"},
            "starts after it ends",
        ),
    ],
)
def test_an_unknown_time_is_noted_and_not_invented(properties, note):
    found = scene(properties)
    assert found.time is None or properties.get("datetime") == 20190416
    if found.time is None:
        assert any(note in text for text in found.notes)


def test_a_scene_without_id_is_refused():
    with pytest.raises(SourceError, match="has no id"):
        scene(id=None)


@pytest.mark.parametrize("value", [-1, 101, "cloudy", True, math.nan])
def test_a_cloud_cover_that_is_no_percentage_is_not_used(value):
    assert scene({"datetime": "2019-01-01", "eo:cloud_cover": value}).cloud_pct is None


def polygon(*rings):
    return {"type": "Polygon", "coordinates": [list(map(list, ring)) for ring in rings]}


def test_a_box_of_six_numbers_loses_its_heights():
    found = scene(bbox=[10, 20, -5, 11, 21, 900])
    assert found.bbox == BBox(west=10, south=20, east=11, north=21)


@pytest.mark.parametrize(
    "bbox",
    [[170, -20, 190, -10], [170, -20, -170, -10], [-190, -20, -170, -10]],
)
def test_a_box_over_the_antimeridian_has_west_greater_than_east(bbox):
    assert scene(bbox=bbox).bbox == BBox(west=170, south=-20, east=-170, north=-10)


@pytest.mark.parametrize(
    "geometry",
    [
        {
            "type": "MultiPolygon",
            "coordinates": [
                polygon([(175, 0), (180, 0), (180, 5), (175, 5), (175, 0)])["coordinates"],
                polygon([(-180, 0), (-176, 0), (-176, 5), (-180, 5), (-180, 0)])["coordinates"],
            ],
        },
        polygon([(175, 0), (-176, 0), (-176, 5), (175, 5), (175, 0)]),
        polygon([(175, 0), (184, 0), (184, 5), (175, 5), (175, 0)]),
        polygon([(-185, 0), (-176, 0), (-176, 5), (-185, 5), (-185, 0)]),
    ],
)
def test_a_footprint_over_the_antimeridian_repairs_the_box(geometry):
    found = scene(geometry=geometry, bbox=[-180, 0, 180, 5])
    assert found.bbox == BBox(west=175, south=0, east=-176, north=5)
    assert any("antimeridian" in note for note in found.notes)


def test_the_real_item_over_the_antimeridian_is_narrow(shared_data):
    path = next((shared_data / "stac" / "sentinel2_catalog").rglob("S2A_T01LAC*.json"))
    found = scene_from_item(json.loads(path.read_text()), str(path))
    assert found.bbox.crosses_antimeridian
    assert (found.bbox.east - found.bbox.west) % 360 < 2


@pytest.mark.parametrize(
    ("geometry", "bbox"),
    [
        (polygon([(0, 0), (math.nan, 0), (1, 1), (0, 0)]), [0, 0, 1, math.nan]),
        ({"type": "Polygon", "coordinates": [[0, 0]]}, [0, 0, 1]),
        (polygon([(0, 0), (1000, 0), (1, 1), (0, 0)]), [0, 5, 1, 1]),
        ("POINT (1 1)", ["0", 0, 1, 1]),
        ({"type": "Point", "coordinates": [5e5, 4e6]}, [5e5, 4e6, 5e5, 4e6]),
    ],
)
def test_an_unsound_place_is_no_place_and_is_noted(geometry, bbox):
    found = scene(geometry=geometry, bbox=bbox)
    assert found.bbox is None
    assert found.geometry is None
    assert len(found.notes) >= 2


def test_a_missing_box_is_taken_from_the_footprint():
    found = scene(geometry=polygon([(0, 0), (2, 0), (2, 1), (0, 0)]))
    assert found.bbox == BBox(west=0, south=0, east=2, north=1)


def test_a_scene_meets_a_box_by_its_footprint_not_by_its_box():
    found = scene(geometry=polygon([(0, 0), (10, 0), (0, 10), (0, 0)]), bbox=[0, 0, 10, 10])
    assert not found.overlaps(BBox(west=9, south=9, east=10, north=10))
    assert found.overlaps(BBox(west=1, south=1, east=2, north=2))


@pytest.mark.parametrize(
    ("href", "base", "expected"),
    [
        ("./a.tif", "/data/items/i.json", "/data/items/a.tif"),
        ("../../a.tif", "/data/items/i.json", "/a.tif"),
        ("../../../../a.tif", "/data/items/i.json", "/a.tif"),
        ("/abs/a.tif", "/data/items/i.json", "/abs/a.tif"),
        ("https://h.org/a.tif", "/data/items/i.json", "https://h.org/a.tif"),
        ("../a.tif", "https://h.org/x/y/i.json", "https://h.org/x/a.tif"),
        ("/etc/passwd", "https://h.org/x/i.json", "https://h.org/etc/passwd"),
        ("file:///etc/passwd", "https://h.org/x/i.json", "file:///etc/passwd"),
        ("s3://bucket/a.tif", "https://h.org/x/i.json", "s3://bucket/a.tif"),
    ],
)
def test_hrefs_are_resolved_against_the_item(href, base, expected):
    assert resolve_href(href, base) == expected


def test_bands_of_stac_1_1_inherit_what_the_asset_says_once():
    asset = {
        "data_type": "uint16",
        "nodata": 0,
        "raster:scale": 0.0001,
        "bands": [
            {"name": "B04", "eo:common_name": "red", "eo:center_wavelength": 0.665},
            {"name": "B08", "nodata": 7, "gsd": 10},
        ],
    }
    properties = {"bands": [{"name": "B08", "eo:common_name": "nir"}]}
    red, nir = read_bands(asset, properties)
    assert (red.index, red.common_name, red.scale, red.nodata) == (1, "red", 0.0001, 0)
    assert (red.dtype, red.wavelength_um, red.offset) == ("uint16", 0.665, None)
    assert (nir.index, nir.common_name, nir.nodata, nir.gsd_m) == (2, "nir", 7, 10)


def test_bands_of_stac_1_0_join_two_lists_by_position():
    asset = {
        "eo:bands": [{"name": "B02", "common_name": "Blue", "center_wavelength": 0.49}],
        "raster:bands": [
            {"scale": 2.75e-05, "offset": -0.2, "nodata": "nan", "data_type": "uint16"},
            {"nodata": 0},
        ],
    }
    blue, second = read_bands(asset, {})
    assert (blue.name, blue.common_name, blue.scale, blue.offset) == ("B02", "blue", 2.75e-05, -0.2)
    assert math.isnan(blue.nodata)
    assert (second.index, second.common_name, second.nodata) == (2, "", 0)


def test_bands_of_stac_0_7_are_positions_in_the_item():
    properties = {"eo:bands": [{"name": "SR_B1"}, {"name": "SR_B2", "common_name": "blue"}]}
    (blue,) = read_bands({"eo:bands": [1]}, properties)
    assert (blue.name, blue.common_name) == ("SR_B2", "blue")


def test_an_asset_that_is_one_band_needs_no_list():
    (red,) = read_bands({"eo:common_name": "red", "raster:offset": -0.1}, {})
    assert (red.index, red.common_name, red.offset) == (1, "red", -0.1)


@pytest.mark.parametrize(
    "bands", [3, "red", {"name": "red"}, [None, 7, "red"], [{"name": 3, "raster:scale": "big"}]]
)
def test_malformed_bands_say_nothing(bands):
    for band in read_bands({"bands": bands, "eo:bands": bands}, {}):
        assert (band.name, band.common_name, band.scale) == ("", "", None)


def test_common_names_of_real_items_are_those_of_pystac(shared_data):
    for name in ("landsat-c2-l2-pc.json", "sentinel-2-l2a-pc.json", "naip-pc.json"):
        path = shared_data / "stac" / "planetary_computer" / name
        for entry in json.loads(path.read_text()):
            found = scene_from_item(entry, str(path))
            expected = pystac.Item.from_dict(entry)
            assert found.bbox is not None
            assert shapely.geometry.shape(found.geometry).equals(
                shapely.geometry.shape(expected.geometry)
            )
            for asset in found.assets:
                bands = EOExtension.ext(expected.assets[asset.key], add_if_missing=True).bands
                assert [band.common_name for band in asset.bands if band.common_name] == [
                    band.common_name for band in bands or [] if band.common_name
                ]


def test_the_sensor_is_known_from_the_platform():
    assert scene({"datetime": "2024-01-01", "platform": "Sentinel-2B"}).sensor == "sentinel-2"
    assert scene({"datetime": "2024-01-01", "constellation": "Sentinel 2"}).sensor == "sentinel-2"
    assert scene({"datetime": "2024-01-01", "eo:platform": "LANDSAT_8"}).sensor == "landsat-8"
    assert scene({"datetime": "2024-01-01", "platform": "unheard-of"}).sensor == ""


def test_an_asset_with_a_malformed_address_is_left_out_and_noted():
    found = scene(assets={"a": {"href": "http://[::1/a.tif"}})
    assert found.assets == ()
    assert any("malformed href" in note for note in found.notes)


def test_a_footprint_that_crosses_itself_still_meets_boxes():
    found = scene(geometry=polygon([(0, 0), (2, 2), (2, 0), (0, 2), (0, 0)]))
    assert found.overlaps(BBox(west=0, south=0, east=3, north=3))
    assert not found.overlaps(BBox(west=0.9, south=0, east=1.1, north=0.5))


def test_an_asset_without_an_href_is_left_out_and_noted():
    found = scene(assets={"a": {"href": ""}, "b": 3, "c": {"href": "c.tif"}})
    assert [asset.key for asset in found.assets] == ["c"]
    assert sum("has no href" in note for note in found.notes) == 2


def test_a_text_of_any_length_is_cut_to_one_printable_line():
    assert clean_text("a\x00b\n\u202ec", 300) == "a b c"
    assert clean_text(7) == ""
    assert len(clean_text("x" * 10**6)) == 300
