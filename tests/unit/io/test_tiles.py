"""Tiles as rasters, as pictures and on sheets: pixels against rasterio, places against pyproj."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from pyproj import Transformer

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.raster import BandRef, Grid, RasterRef
from eoagent.contracts.tilesearch import TileHit
from eoagent.geo.grid import pixel_to_lonlat
from eoagent.io.contactsheet import SheetTile, contact_sheet
from eoagent.io.featureset import feature_set
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader
from eoagent.io.searcharea import search_area
from eoagent.io.tilepart import note_places, open_tile, open_tile_colours, part_of
from eoagent.io.tileset import find_tile
from eoagent.io.tileview import colours_of, show_window

UTM = Affine(10, 0, 400000, 0, -10, 5000000)


@pytest.fixture
def item(tmp_path):
    """A STAC item of four bands, nir at 20 m, and the values of each."""
    rng = np.random.default_rng(3)
    values = {}
    assets = {}
    for name in ("red", "green", "blue", "nir"):
        step = 2 if name == "nir" else 1
        values[name] = rng.integers(100, 3000, (60 // step, 80 // step)).astype("uint16")
        path = tmp_path / f"{name}.tif"
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=1,
            dtype="uint16",
            height=60 // step,
            width=80 // step,
            crs="EPSG:32633",
            transform=UTM @ Affine.scale(step),
        ) as file:
            file.write(values[name], 1)
        band = {"name": name, "eo:common_name": name, "raster:scale": 0.0001, "raster:offset": 0}
        assets[name] = {"href": path.name, "roles": ["data"], "type": "image/tiff", "bands": [band]}
    document = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "scene",
        "collection": None,
        "geometry": None,
        "bbox": None,
        "links": [],
        "assets": assets,
        "properties": {"datetime": "2020-05-01T00:00:00Z"},
    }
    (tmp_path / "item.json").write_text(json.dumps(document))
    return tmp_path, values


def hit(href, window, **changes):
    said = {
        "rank": 1,
        "tile_id": "ab" * 16,
        "score": 0.3,
        "z": 1.0,
        "item_id": "scene",
        "href": str(href),
        "window": window,
    }
    return TileHit.model_validate({**said, **changes})


def test_a_tile_of_an_item_has_all_its_bands_on_its_own_ground(item):
    folder, values = item
    guard = OriginGuard(typed=[str(folder)])
    tile = hit(folder / "red.tif", (20, 10, 16, 12), item_href=str(folder / "item.json"))
    part = open_tile(tile, guard)
    ref = part_of(part.ref, part.window)
    assert set(ref.band_names) == {"red", "green", "blue", "nir"}
    with RasterReader(ref, guard) as reader:
        found, valid = reader.read(["red", "nir"])
    assert valid.all()
    assert np.allclose(found[0], values["red"][10:22, 20:36] * 0.0001, atol=1e-6)
    coarse = np.kron(values["nir"], np.ones((2, 2)))[10:22, 20:36]
    assert np.allclose(found[1], coarse * 0.0001, atol=1e-6)
    lon, lat = pixel_to_lonlat(ref.grid, 0, 0)
    x, y = UTM @ (20, 10)
    there = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform(x, y)
    assert (float(lon), float(lat)) == pytest.approx(there)


def test_a_tile_cut_from_a_coarser_band_covers_the_same_ground(item):
    folder, _ = item
    guard = OriginGuard(typed=[str(folder)])
    tile = hit(folder / "nir.tif", (10, 5, 8, 6), item_href=str(folder / "item.json"))
    part = open_tile(tile, guard)
    assert (part.window.col, part.window.row, part.window.width, part.window.height) == (
        20,
        10,
        16,
        12,
    )


def test_a_grey_file_is_shown_by_the_colours_of_its_item(item):
    folder, values = item
    guard = OriginGuard(typed=[str(folder)])
    tile = hit(folder / "nir.tif", (10, 5, 8, 6), item_href=str(folder / "item.json"))
    part = open_tile_colours(tile, guard)
    with RasterReader(part.ref, guard) as reader:
        shown = show_window(reader, part.window)
    wanted = np.stack([values[n][10:22, 20:36] for n in ("red", "green", "blue")], -1) * 0.0001
    assert np.abs(shown.pixels - 255 * np.clip(wanted / 0.3, 0, 1)).max() <= 0.5 + 1e-3
    assert shown.rule == "reflectance 0 to 0.3"


def test_a_file_that_shrank_is_told(item):
    folder, _ = item
    guard = OriginGuard(typed=[str(folder)])
    with pytest.raises(InputError, match="ends at row 64") as caught:
        open_tile(hit(folder / "red.tif", (0, 0, 64, 64)), guard)
    assert "eoagent index update" in caught.value.hint


def test_files_that_an_index_names_are_held_against_the_rules(item):
    folder, _ = item
    guard = OriginGuard()
    tile = hit(folder / "red.tif", (0, 0, 8, 8))
    with pytest.raises(SourceError, match="did not type"):
        open_tile(tile, guard)
    note_places([tile], guard)
    assert open_tile(tile, guard).ref.band_names
    inside = hit("http://127.0.0.1/x.tif", (0, 0, 8, 8))
    note_places([inside], guard)
    with pytest.raises(SourceError):
        open_tile(inside, guard)
    gone = hit(folder / "gone.tif", (0, 0, 8, 8))
    note_places([gone], guard)
    with pytest.raises(NotFound):
        open_tile(gone, guard)


def raster(values, dtype="uint8", count=3):
    names = ("red", "green", "blue")[:count]
    bands = tuple(BandRef(name=n, href="x", index=i, dtype=dtype) for i, n in enumerate(names, 1))
    return RasterRef(grid=Grid(width=4, height=4), bands=bands, values=values)


def test_pictures_keep_their_colours():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 4, 4)).astype(np.float32)
    shown = colours_of(pixels, np.ones((4, 4), bool), raster("picture"))
    assert np.array_equal(shown.pixels, np.moveaxis(pixels, 0, -1).astype(np.uint8))


def test_reflectance_is_white_at_three_tenths_and_invalid_is_black():
    values = np.full((3, 4, 4), 0.15, np.float32)
    values[:, 0] = 0.9
    valid = np.ones((4, 4), bool)
    valid[3] = False
    shown = colours_of(values, valid, raster("reflectance", "float32"))
    assert (shown.pixels[0] == 255).all()
    assert set(np.unique(shown.pixels[1:3])) <= {127, 128}
    assert (shown.pixels[3] == 0).all()


def test_other_values_are_stretched_between_their_percentiles():
    values = np.linspace(0, 1000, 16, dtype=np.float32).reshape(1, 4, 4)
    shown = colours_of(values, np.ones((4, 4), bool), raster("counts", "uint16", 1))
    low, high = np.percentile(values, [2, 98])
    wanted = np.clip((values[0] - low) / (high - low), 0, 1) * 255
    assert np.abs(shown.pixels[..., 0] - wanted).max() <= 0.5 + 1e-3
    assert (shown.pixels[..., 0] == shown.pixels[..., 2]).all()
    assert "one band in grey" in shown.rule


def test_a_tile_is_named_by_rank_or_id():
    hits = [hit("a", (0, 0, 1, 1), rank=n, tile_id=f"{n:032x}") for n in (1, 2, 3)]
    assert find_tile(hits, "2").rank == 2
    assert find_tile(hits, f"{3:032x}").rank == 3
    with pytest.raises(NotFound, match="names 0 of 3"):
        find_tile(hits, "7")


def test_a_sheet_holds_every_picture_and_the_reason_for_a_missing_one():
    red = np.full((10, 20, 3), (200, 10, 10), np.uint8)
    tiles = [
        SheetTile(pixels=red, lines=("1. 0.3", "scene")),
        SheetTile(pixels=None, lines=("2.",), reason="gone"),
    ]
    sheet = contact_sheet(tiles, title="ships", footer=("from: somewhere",))
    pixels = np.asarray(sheet)
    assert (pixels == (200, 10, 10)).all(axis=-1).sum() == 191 * 96  # but for the rim
    assert isinstance(sheet, Image.Image)
    for count in (0, 101):
        with pytest.raises(InputError, match=f"a sheet of {count} pictures"):
            contact_sheet(tiles[:1] * count, title="")


def test_an_area_is_a_polygon_in_degrees():
    import shapely

    moved = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    square = shapely.box(400000, 4999000, 401000, 5000000)
    area = search_area(feature_set([square], {}, crs="EPSG:32633"))
    lon, lat = moved.transform([400000, 401000], [4999000, 5000000])
    bounds = shapely.geometry.shape(area).bounds
    assert bounds == pytest.approx((lon[0], lat[0], lon[1], lat[1]), abs=1e-3)
    over = shapely.box(179, 10, 181, 11)
    assert search_area(feature_set([over], {}, crs="EPSG:4326"))["type"] == "MultiPolygon"
    with pytest.raises(InputError, match="no polygon"):
        search_area(feature_set([shapely.Point(1, 2)], {}, crs="EPSG:4326"))
    with pytest.raises(InputError, match="in pixels"):
        search_area(feature_set([square], {}, crs=""))
