"""`describe_data` against rasterio's own reading of the files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from pyproj import Geod

from eoagent.contracts.errors import NotFound


def facts(bench, handle):
    result = bench("describe_data", target=handle)
    path = bench.path(result.artifacts["table"].handle)
    rows = json.loads(path.read_text())["rows"]
    return {key: json.loads(value) for key, value in rows}


def test_a_raster_has_size_valid_share_and_pixel_size(bench, place):
    stored = np.ones((2, 10, 20), np.uint8)
    stored[0, 0, :5] = 0
    stored[1, 1, :3] = 0
    raster = bench.image(stored, place, nodata=0, bands=["red", "nir"], name="S2_20190416.tif")
    found = bench.figures("describe_data", target=raster)
    assert found["width_px"][:2] == (20, "px")
    assert found["height_px"][:2] == (10, "px")
    assert found["valid_share"][:2] == (pytest.approx(100 * 192 / 200), "percent")
    assert found["date"][:2] == ("2019-04-16", "choice")
    lon, lat = place.lonlat([5, 5, 4.5, 5.5], [9.5, 10.5, 10, 10])
    _, _, sizes = Geod(ellps="WGS84").inv(lon[0::2], lat[0::2], lon[1::2], lat[1::2])
    assert found["gsd_x"][0] == pytest.approx(sizes[0], rel=1e-6)
    assert found["gsd_y"][0] == pytest.approx(sizes[1], rel=1e-6)


def test_the_table_lists_bands_crs_and_kind_of_values(bench, places):
    raster = bench.image(np.ones((2, 4, 4), np.uint16), places["utm"], bands=["red", "nir"])
    said = facts(bench, raster)
    assert said["bands"] == ["red", "nir"]
    assert said["crs"] == "EPSG:32633"
    assert said["values"] == "counts"


def test_a_picture_says_that_its_pixel_size_is_unknown(bench):
    picture = np.full((3, 4, 4), 200, np.uint8)
    raster = bench.image(picture)
    assert "gsd_x" not in bench.values("describe_data", target=raster)
    assert facts(bench, raster)["pixel_size"] == "unknown: no georeference"
    stated = bench.image(picture, gsd_m=0.3)
    assert bench.figures("describe_data", target=stated)["gsd_x"] == (0.3, "m", None)


def test_an_image_without_data_is_zero_percent_valid(bench, places):
    raster = bench.image(np.zeros((4, 4), np.uint8), places["utm"], nodata=0)
    assert bench.values("describe_data", target=raster)["valid_share"] == 0


def test_a_mask_is_described_by_its_grid_and_rule(bench, places):
    valid = np.ones((4, 6), bool)
    valid[0] = False
    mask = bench.mask(valid, places["utm"], valid=valid, label="yes")
    found = bench.values("describe_data", target=mask)
    assert (found["width_px"], found["height_px"]) == (6, 4)
    assert found["valid_share"] == pytest.approx(75)
    assert "b1 > 0.5" in facts(bench, mask)["rule"] or "yes in" in facts(bench, mask)["rule"]


def test_features_are_counted_with_types_and_columns(bench):
    handle = bench.features(
        [shapely.box(0, 0, 1, 1), shapely.Point(2, 2)], name="things.gpkg", kind=["a", "b"]
    )
    assert bench.figures("describe_data", target=handle)["count"][:2] == (2, "count")
    said = facts(bench, handle)
    assert said["types"] == ["Point", "Polygon"]
    assert said["columns"] == ["kind"]


def test_a_table_is_described_by_what_it_says_of_itself(bench, places):
    raster = bench.image(np.ones((4, 4), np.uint8), places["utm"])
    table = bench.handle("describe_data", target=raster)
    assert facts(bench, table)["bands"] == ["b1"]


def test_cloud_is_counted_among_pixels_that_are_not_fill(bench, places):
    codes = np.array([[1, 1, 8, 21824, 4, 64]], np.uint16)
    names = {"name": "LC08_L2SP_008059_20191201_20200825_02_T1_QA_PIXEL.TIF"}
    raster = bench.image(codes, places["utm"], **names)
    found = bench.figures("describe_data", target=raster)
    assert found["cloud_share"][:2] == (pytest.approx(25), "percent")


def test_a_quality_band_of_fill_has_no_cloud_share(bench, places):
    codes = np.ones((3, 3), np.uint16)
    names = {"name": "LC08_L2SP_008059_20191201_20200825_02_T1_QA_PIXEL.TIF"}
    raster = bench.image(codes, places["utm"], **names)
    assert "cloud_share" not in bench.values("describe_data", target=raster)


def test_what_is_not_there_cannot_be_described(bench):
    with pytest.raises(NotFound, match="mask:0123456789ab"):
        bench("describe_data", target="mask:0123456789ab")
    assert "raster or mask" in bench.refused("describe_data", target="picture:0123456789ab")
