"""Cutting a place out of a scene, compared with rasterio's own windows."""

from __future__ import annotations

import json

import numpy as np
import pystac
import pytest
import rasterio
from pyproj import Transformer
from rasterio.windows import Window, from_bounds

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox
from eoagent.io.cutout import bands_of, cut_out
from eoagent.io.opening import open_described
from eoagent.io.origin import OriginGuard
from eoagent.io.stac import open_catalog
from eoagent.io.stated import Stated

CORNER = (300_000.0, 5_040_000.0)
SIZE, PIXEL = 400, 60.0


def band_file(path, values, dtype="uint16", pixel=PIXEL):
    height, width = values.shape
    profile = {
        "driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": dtype,
        "crs": "EPSG:32633", "nodata": 0,
        "transform": rasterio.Affine(pixel, 0, CORNER[0], 0, -pixel, CORNER[1]),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(values.astype(dtype), 1)


@pytest.fixture
def scene(tmp_path, stac_server):
    """A scene of 24 km, near infrared in pixels twice as large, a cloud in its quality band."""
    folder = tmp_path / "scene"
    folder.mkdir()
    rng = np.random.default_rng(3)
    assets = {}
    for name, size in (("red", SIZE), ("nir", SIZE // 2)):
        values = rng.integers(1100, 5000, (size, size))
        band_file(folder / f"{name}.tif", values, pixel=PIXEL * SIZE / size)
        bands = [{"name": name, "common_name": name}]
        scaled = [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]
        assets[name] = {"href": f"./{name}.tif", "type": "image/tiff; application=geotiff"} | {
            "eo:bands": bands,
            "raster:bands": scaled,
        }
    classes = np.full((SIZE, SIZE), 4)
    classes[200:230, 200:230] = 9
    band_file(folder / "scl.tif", classes, dtype="uint8")
    assets["scl"] = {"href": "./scl.tif", "type": "image/tiff", "roles": ["reflectance"]}
    item = stac_server.make_item("S2A_33TUL_20240701", assets=assets)
    item["properties"] |= {"platform": "sentinel-2a", "constellation": "sentinel-2"}
    path = folder / "item.json"
    path.write_text(json.dumps(item))
    guard = OriginGuard([str(folder)])
    return open_catalog(str(path), guard).scenes[0], guard, folder


def box_at(row, col, height, width):
    """Return a box in degrees that lies inside some pixels and reaches all of them."""
    to_degrees = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    left, top = CORNER[0] + col * PIXEL, CORNER[1] - row * PIXEL
    west, south = to_degrees.transform(left, top - height * PIXEL)
    east, north = to_degrees.transform(left + width * PIXEL, top)
    return BBox(west=west, south=south, east=east, north=north)


def test_the_values_are_those_of_the_window_after_scale_and_offset(scene, tmp_path):
    one, guard, folder = scene
    item = cut_out(one, guard, box_at(150, 170, 120, 100), tmp_path / "out", names=("red", "nir"))
    with rasterio.open(item.with_suffix(".tif")) as made, rasterio.open(folder / "red.tif") as red:
        window = from_bounds(*made.bounds, transform=red.transform)
        assert window == window.round_offsets().round_lengths()
        assert window.height <= 120 + 8
        assert window.width <= 100 + 8
        expected = red.read(1, window=window) * 0.0001 - 0.1
        with rasterio.open(folder / "scl.tif") as scl:
            is_cloud = scl.read(1, window=window) == 9
        found = made.read(1)
        assert is_cloud.any()
        assert np.isnan(found[is_cloud]).all()
        np.testing.assert_allclose(found[~is_cloud], expected[~is_cloud], atol=1e-6)
        assert made.descriptions == ("red", "nir")
        assert made.crs == red.crs
    with rasterio.open(folder / "nir.tif") as nir:
        rows = (int(window.row_off) + np.arange(int(window.height))) // 2
        cols = (int(window.col_off) + np.arange(int(window.width))) // 2
        coarse = nir.read(1, window=Window(0, 0, SIZE // 2, SIZE // 2))
        expected = coarse[np.ix_(rows, cols)] * 0.0001 - 0.1
    with rasterio.open(item.with_suffix(".tif")) as made:
        np.testing.assert_allclose(made.read(2)[~is_cloud], expected[~is_cloud], atol=1e-6)


def test_the_copy_has_an_item_that_says_where_it_comes_from(scene, tmp_path):
    one, guard, folder = scene
    item = cut_out(one, guard, box_at(10, 10, 50, 50), tmp_path / "out", names=("red", "nir"))
    parsed = pystac.Item.from_file(str(item))
    assert parsed.id == one.id
    assert parsed.datetime.isoformat() == "2024-07-01T10:00:00+00:00"
    assert {link.rel for link in parsed.links} >= {"derived_from"}
    assert {link.href for link in parsed.links if link.rel == "derived_from"} == {
        str(folder / name) for name in ("red.tif", "nir.tif", "scl.tif")
    }
    described = open_described([str(item)], OriginGuard([str(item.parent)]), stated=Stated())
    assert described.ref.band_names == ("red", "nir")
    assert described.ref.item_id == one.id
    assert described.ref.values == "reflectance"
    assert described.ref.sensor == "sentinel-2"
    assert described.ref.time == one.time


def test_a_place_outside_or_too_large_is_refused(scene, tmp_path, monkeypatch):
    one, guard, _ = scene
    with pytest.raises(InputError, match="does not cover the place"):
        cut_out(one, guard, BBox(west=0, south=0, east=1, north=1), tmp_path, names=("red",))
    monkeypatch.setattr("eoagent.io.cutout._MOST_PIXELS", 10_000)
    with pytest.raises(InputError, match="400 x 400 pixels, more than 10,000"):
        cut_out(one, guard, BBox(west=11, south=44, east=14, north=47), tmp_path, names=("red",))


def test_the_bands_that_are_there_are_told(scene):
    assert bands_of(scene[0], ("blue", "red", "nir")) == ("red", "nir")
