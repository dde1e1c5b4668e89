"""Units: which picture of a scene is read, how, and why not."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.indexing import BuildRequest
from eoagent.io.scene import Scene, SceneAsset
from eoagent.io.stac import open_catalog
from eoagent_indexes.build.job import Job
from eoagent_indexes.build.tiles import TileReader
from eoagent_indexes.build.unit import prepare

TIFF = "image/tiff; application=geotiff"


@pytest.fixture
def prepared(around, toy, toy_folder, tmp_path):
    """Make the unit of an item, or of a file."""

    def make(path, *, card=None, **request):
        surroundings = around(**(card or {}))
        job = Job(
            folder=str(tmp_path / "index"),
            request=BuildRequest(source=str(path), **request),
            encoder=surroundings.encoder_source,
            fingerprint=toy.fingerprint(toy_folder),
        )
        if path.suffix == ".json":
            (scene,) = open_catalog(str(path), surroundings.origins).scenes
        else:
            asset = SceneAsset(key="data", href=str(path), roles=("data",))
            scene = Scene(id=path.stem, href=str(path), assets=(asset,))
        unit = prepare(scene, job, surroundings.origins)
        return unit, job, surroundings.origins

    return make


def tiles(unit, job, origins, **limits):
    tiling = unit.tiling(job)
    with TileReader(unit, origins) as reader:
        return reader.read(
            [(n, tiling.window(n)) for n in range(len(tiling))],
            out_shape=tiling.out_shape,
            **({"max_cloud_pct": 100.0, "max_nodata_pct": 100.0} | limits),
        )


def colours(height=64, width=64, bands=3, seed=0, top=256, dtype="uint8"):
    random = np.random.default_rng(seed)
    return random.integers(1, top, (bands, height, width)).astype(dtype)


def test_tiles_are_the_pixels_that_rasterio_reads(prepared, write_raster, tmp_path):
    path = write_raster(tmp_path / "a.tif", colours(70, 100))
    unit, job, origins = prepared(path)
    with rasterio.open(path) as file:
        whole = file.read().transpose(1, 2, 0)
    tiling = unit.tiling(job)
    found = tiles(unit, job, origins)
    assert len(found) == 12
    for tile in found:
        w = tiling.window(tile.number)
        expected = whole[w.row : w.row + w.height, w.col : w.col + w.width]
        assert np.array_equal(tile.picture, expected)
        assert tile.nodata_pct == 0
        assert tile.cloud_pct is None


def test_coarser_tiles_are_means_of_the_pixels_under_them(prepared, write_raster, tmp_path):
    values = colours(128, 128)
    unit, job, origins = prepared(write_raster(tmp_path / "a.tif", values), gsd_m=20.0)
    assert unit.gsd_m == 20
    assert any("averaged from finer pixels" in note for note in unit.notes)
    found = tiles(unit, job, origins)
    assert len(found) == 4
    means = values.reshape(3, 64, 2, 64, 2).mean(axis=(2, 4)).transpose(1, 2, 0)
    difference = found[0].picture.astype(float) - means[:32, :32]
    assert np.abs(difference).max() <= 1


def test_nothing_finer_than_the_file_is_made_up(prepared, write_raster, tmp_path):
    path = write_raster(tmp_path / "a.tif", colours())
    with pytest.raises(InputError, match="its pixels are 10 m and tiles of 3 m were asked for"):
        prepared(path, gsd_m=3.0)


def test_pixels_of_no_use_to_the_encoder_are_refused_with_its_reason(
    prepared, write_raster, tmp_path
):
    path = write_raster(tmp_path / "a.tif", colours())
    limits = {"gsd_max_m": 1.0, "gsd_reason": "it saw aerial pictures only"}
    with pytest.raises(InputError, match=r"0 to 1 m .* m is coarser: it saw aerial pictures only"):
        prepared(path, card=limits)


def test_the_true_pixel_of_a_projection_may_stray_a_hair_over_the_limit(
    prepared, write_raster, tmp_path
):
    path = write_raster(tmp_path / "a.tif", colours(), origin=(700_000.0, 5_100_000.0))
    assert prepared(path, card={"gsd_min_m": 10.0, "gsd_max_m": 10.0})[0].gsd_m != 10


def test_a_picture_without_georeference_has_no_ground_sampling(prepared, write_raster, tmp_path):
    unit, job, origins = prepared(write_raster(tmp_path / "a.png", colours(), gsd_m=None))
    assert unit.gsd_m is None
    assert len(tiles(unit, job, origins)) == 4


@pytest.mark.parametrize(
    ("height", "width", "request_px", "tiles"),
    [
        (37, 37, 0, 1),
        (63, 60, 0, 1),
        (37, 37, 32, 4),
        (37, 60, 0, 4),
        (64, 64, 0, 4),
        (32, 32, 0, 1),
    ],
)
def test_a_square_picture_hardly_larger_than_a_tile_is_one(
    prepared, write_raster, tmp_path, height, width, request_px, tiles
):
    path = write_raster(tmp_path / "a.tif", colours(height, width), crs=None, transform=None)
    unit, job, _ = prepared(path, tile_px=request_px)
    assert job.tile_px == 32
    tiling = unit.tiling(job)
    assert len(tiling) == tiles
    is_whole = tiles == 1 and max(height, width) > 32
    assert any("one tile each" in note for note in unit.notes) == is_whole
    if is_whole:
        assert (tiling.window(0).height, tiling.window(0).width) == (height, width)


def test_a_palette_is_no_grey_picture(prepared, write_raster, tmp_path):
    path = write_raster(tmp_path / "a.tif", colours(bands=1))
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {n: (n, 0, 255 - n, 255) for n in range(256)})
    with pytest.raises(InputError, match="places in a table of colours"):
        prepared(path)


def test_grey_pictures_are_taken(prepared, write_raster, tmp_path):
    unit, _, _ = prepared(write_raster(tmp_path / "a.png", colours(bands=1)))
    assert unit.recipe.name == "grey8"


def s2_item(write_item, write_raster, folder, *, offset=-0.1, scl=None, visual=True, **properties):
    """Write a Sentinel-2 item: visual, three bands with scale, and a scene classification."""
    bands = colours(top=10_000, dtype="uint16")
    assets = {}
    for n, name in enumerate(("red", "green", "blue")):
        write_raster(folder / f"{name}.tif", bands[n : n + 1])
        said = {"scale": 0.0001, "offset": offset} if offset is not None else {}
        assets[name] = {
            "href": f"{name}.tif",
            "type": TIFF,
            "roles": ["data", "reflectance"],
            "eo:bands": [{"name": name, "common_name": name}],
            "raster:bands": [{"nodata": 0, "data_type": "uint16", **said}],
        }
    if visual:
        write_raster(folder / "TCI.tif", colours(seed=5))
        names = [{"name": n, "common_name": n} for n in ("red", "green", "blue")]
        assets["visual"] = {
            "href": "TCI.tif",
            "type": TIFF,
            "roles": ["visual"],
            "eo:bands": names,
        }
    assets["thumbnail"] = {"href": "t.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}
    codes = np.full((1, 32, 32), 4, "uint8") if scl is None else scl
    write_raster(folder / "scl.tif", codes, gsd_m=20.0)
    assets["scl"] = {"href": "scl.tif", "type": TIFF, "roles": ["data"]}
    said = {"platform": "sentinel-2a", "eo:cloud_cover": 50.0} | properties
    return write_item(folder / "item.json", assets, identity="S2A_x", **said), bands


def test_the_true_colour_of_the_product_comes_first_and_is_the_only_file_opened(
    prepared, write_item, write_raster, tmp_path
):
    path, _ = s2_item(write_item, write_raster, tmp_path)
    (tmp_path / "blue.tif").unlink()
    unit, job, origins = prepared(path)
    assert (unit.recipe.name, unit.asset_key) == ("s2-tci", "visual")
    with rasterio.open(tmp_path / "TCI.tif") as file:
        assert np.array_equal(
            tiles(unit, job, origins)[0].picture, file.read().transpose(1, 2, 0)[:32, :32]
        )


def test_reflectance_is_stretched_after_scale_and_offset(
    prepared, write_item, write_raster, tmp_path
):
    path, bands = s2_item(write_item, write_raster, tmp_path)
    unit, job, origins = prepared(path, recipe="s2-reflectance")
    assert unit.asset_key == "red+green+blue"
    reflectance = bands.astype(float) * 0.0001 - 0.1
    expected = np.clip(reflectance / 0.3, 0, 1).transpose(1, 2, 0)[:32, :32] * 255
    assert np.abs(tiles(unit, job, origins)[0].picture - expected).max() <= 0.51


@pytest.mark.parametrize(("baseline", "offset"), [("02.12", 0.0), ("05.10", -0.1)])
def test_where_the_item_states_the_baseline_alone_its_offset_is_known(
    prepared, write_item, write_raster, tmp_path, baseline, offset
):
    stated = {"s2:processing_baseline": baseline}
    path, _ = s2_item(write_item, write_raster, tmp_path, offset=None, visual=False, **stated)
    unit, _, _ = prepared(path)
    assert unit.recipe.name == "s2-reflectance"
    assert {(b.scale, b.offset) for b in unit.ref.bands} == {(0.0001, offset)}


def test_clouds_and_missing_pixels_are_counted_by_the_classes_of_the_product(
    prepared, write_item, write_raster, tmp_path
):
    codes = np.full((1, 32, 32), 4, "uint8")
    codes[0, :8, :16] = 9  # the upper half of the first tile is cloud
    codes[0, :16, 24:] = 0  # the right half of the second tile holds nothing
    path, _ = s2_item(write_item, write_raster, tmp_path, scl=codes)
    found = tiles(*prepared(path))
    assert [tile.cloud_pct for tile in found] == [50, 0, 0, 0]
    assert [tile.nodata_pct for tile in found] == [0, 50, 0, 0]
    kept = tiles(*prepared(path), max_cloud_pct=20.0, max_nodata_pct=20.0)
    assert [tile.skipped for tile in kept] == ["cloud", "nodata", None, None]
    assert [tile.picture is None for tile in kept] == [True, True, False, False]


def test_without_a_quality_band_the_cloud_of_the_scene_stands_and_leaves_nothing_out(
    prepared, write_item, write_raster, tmp_path
):
    write_raster(tmp_path / "a.tif", colours())
    assets = {"data": {"href": "a.tif", "type": TIFF, "roles": ["data"]}}
    path = write_item(tmp_path / "i.json", assets, **{"eo:cloud_cover": 40.0})
    found = tiles(*prepared(path), max_cloud_pct=20.0)
    assert [tile.cloud_pct for tile in found] == [40.0] * 4
    assert all(tile.picture is not None for tile in found)


def test_nodata_of_the_file_is_counted(prepared, write_raster, tmp_path):
    values = colours(32, 32)
    values[:, :8] = 0
    unit, job, origins = prepared(write_raster(tmp_path / "a.tif", values, nodata=0))
    (tile,) = tiles(unit, job, origins)
    assert tile.nodata_pct == 25
    assert (tile.picture[:8] == 0).all()


def test_an_item_without_colours_is_refused_with_what_is_missing(
    prepared, write_item, write_raster, tmp_path
):
    write_raster(tmp_path / "a.tif", colours(bands=2))
    names = [{"name": n, "common_name": n} for n in ("nir", "red")]
    assets = {"data": {"href": "a.tif", "type": TIFF, "roles": ["data"], "eo:bands": names}}
    with pytest.raises(InputError, match=r"there is no band green, blue \(bands: nir, red\)"):
        prepared(write_item(tmp_path / "i.json", assets))


def test_the_key_follows_the_bytes_and_the_request(prepared, write_raster, tmp_path):
    path = write_raster(tmp_path / "a.tif", colours())
    key = prepared(path)[0].key
    assert prepared(path)[0].key == key
    others = [
        prepared(path, stride_px=16)[0].key,
        prepared(path, max_nodata_pct=5.0)[0].key,
        prepared(path, gsd_m=20.0)[0].key,
    ]
    write_raster(path, colours(seed=9))
    others.append(prepared(path)[0].key)
    assert len({key, *others}) == 5


def test_a_damaged_file_is_refused(prepared, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + bytes(100))
    with pytest.raises(SourceError, match=r"a\.tif"):
        prepared(path)
