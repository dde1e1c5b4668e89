"""Reading rasters: values, validity, other grids, previews; rasterio and pyproj are the oracles."""

from __future__ import annotations

import math
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.contracts.tool import Options
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster

UTM = {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 5e6)}


def write(path, pixels, **profile):
    count, height, width = pixels.shape
    names = profile.pop("names", ())
    tags = {key: profile.pop(key) for key in ("scales", "offsets", "colorinterp") if key in profile}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            **{
                "driver": "GTiff",
                "width": width,
                "height": height,
                "count": count,
                "dtype": pixels.dtype.name,
                **profile,
            },
        ) as out:
            out.write(pixels)
            for index, name in enumerate(names, 1):
                out.set_band_description(index, name)
            for key, value in tags.items():
                setattr(out, key, value)
    return str(path)


@pytest.fixture
def guard(tmp_path):
    return OriginGuard(typed=[str(tmp_path)])


def read(hrefs, guard, names=None, *, window=None, grid=None, options=None, **stated):
    ref = open_raster(hrefs if isinstance(hrefs, list) else [hrefs], guard, **stated)
    with RasterReader(ref, guard, options) as reader:
        return reader.read(names or ref.band_names, window, grid=grid)


def test_scale_and_offset_of_the_file_are_applied_under_the_mask(tmp_path, guard):
    stored = np.array([[[0, 7273], [43636, 65535]]], dtype=np.uint16)
    href = write(tmp_path / "a.tif", stored, nodata=0, scales=(2e-5,), offsets=(-0.1,), **UTM)
    values, valid = read(href, guard)
    np.testing.assert_array_equal(valid, [[False, True], [True, True]])
    np.testing.assert_allclose(values[0][valid], [0.04546, 0.77272, 1.2107], atol=1e-6)
    assert np.isnan(values[0, 0, 0])
    assert values.dtype == np.float32


def test_what_the_user_states_comes_before_the_tags(tmp_path, guard):
    stored = np.full((1, 2, 2), 100, dtype=np.uint16)
    href = write(tmp_path / "a.tif", stored, scales=(2e-5,), offsets=(-0.1,), **UTM)
    assert read(href, guard, scale=0.5)[0].max() == 50
    assert read(href, guard, offset=7)[0].max() == 107


@pytest.mark.parametrize(
    ("dtype", "expected"), [("int32", "float64"), ("float64", "float64"), ("int16", "float32")]
)
def test_values_come_in_a_type_that_holds_them(tmp_path, guard, dtype, expected):
    href = write(tmp_path / "a.tif", np.ones((1, 4, 4), dtype=dtype), **UTM)
    assert read(href, guard)[0].dtype == expected


def test_nan_is_invalid_with_and_without_a_nodata_tag(tmp_path, guard):
    stored = np.array([[[1, np.nan], [-9999, 4]]], dtype=np.float32)
    for name, nodata, expected in (("a", math.nan, 3), ("b", None, 3), ("c", -9999, 2)):
        href = write(tmp_path / f"{name}.tif", stored, nodata=nodata, **UTM)
        assert read(href, guard)[1].sum() == expected


def test_a_pixel_is_valid_where_all_bands_asked_for_are(tmp_path, guard):
    stored = np.array([[[0, 1, 2, 0]], [[5, 0, 6, 0]]], dtype=np.uint8)
    href = write(tmp_path / "a.tif", stored, nodata=0, names=["red", "nir"], **UTM)
    both, valid = read(href, guard)
    np.testing.assert_array_equal(valid, [[False, False, True, False]])
    assert np.isnan(both[:, ~valid]).all()
    np.testing.assert_array_equal(read(href, guard, ["nir"])[1], [[True, False, True, False]])


def test_bands_come_in_the_order_asked_for(tmp_path, guard):
    stored = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    href = write(tmp_path / "a.tif", stored, names=["red", "green", "nir"], **UTM)
    np.testing.assert_array_equal(read(href, guard, ["nir", "red"])[0], stored[[2, 0]])


def test_alpha_zero_is_invalid(tmp_path, guard):
    stored = np.full((4, 2, 2), 9, dtype=np.uint8)
    stored[3] = [[255, 0], [128, 255]]
    href = write(tmp_path / "a.tif", stored, photometric="RGB", alpha="YES", **UTM)
    values, valid = read(href, guard)
    assert values.shape == (3, 2, 2)
    np.testing.assert_array_equal(valid, [[True, False], [True, True]])


def test_near_infrared_tagged_alpha_is_a_band_when_the_user_says_so(tmp_path, guard):
    stored = np.zeros((4, 2, 2), dtype=np.uint8)
    href = write(tmp_path / "a.tif", stored, photometric="RGB", alpha="YES", **UTM)
    values, valid = read(href, guard, bands=["red", "green", "blue", "nir"])
    assert values.shape == (4, 2, 2)
    assert valid.all()


def test_a_mask_inside_the_file_counts(tmp_path, guard):
    path = tmp_path / "a.tif"
    mask = np.array([[255, 0], [0, 255]], dtype=np.uint8)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8", **UTM
        ) as out,
    ):
        out.write(np.ones((1, 2, 2), np.uint8))
        out.write_mask(mask)
    np.testing.assert_array_equal(read(str(path), guard)[1], mask > 0)


def test_a_mask_beside_the_file_counts(tmp_path, guard):
    path = tmp_path / "a.tif"
    mask = np.array([[255, 0], [0, 255]], dtype=np.uint8)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False),
        rasterio.open(
            path, "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8", **UTM
        ) as out,
    ):
        out.write(np.ones((1, 2, 2), np.uint8))
        out.write_mask(mask)
    assert (tmp_path / "a.tif.msk").is_file()
    np.testing.assert_array_equal(read(str(path), guard)[1], mask > 0)


def landsat(tmp_path):
    stem = "LC08_L2SP_008059_20191201_20200825_02_T1"
    red = np.array([[[0, 10_000], [20_000, 30_000]]], dtype=np.uint16)
    codes = np.array([[[1, 1 << 3], [1 << 6, 1 << 4]]], dtype=np.uint16)
    return [
        write(tmp_path / f"{stem}_SR_B4.TIF", red, nodata=0, **UTM),
        write(tmp_path / f"{stem}_SR_B5.TIF", red + 1000, **UTM),
        write(tmp_path / f"{stem}_QA_PIXEL.TIF", codes, **UTM),
    ]


def test_files_of_a_scene_become_one_raster_with_the_product_scale(tmp_path, guard):
    ref = open_raster(landsat(tmp_path), guard, qa=())
    assert ref.qa is None
    assert ref.band_names == ("red", "nir", "qa_pixel")
    assert (ref.sensor, ref.values) == ("landsat-8", "reflectance")
    assert len(ref.sources) == 3
    with RasterReader(ref, guard) as reader:
        values, valid = reader.read(["red", "nir"])
    np.testing.assert_array_equal(valid, [[False, True], [True, True]])
    np.testing.assert_allclose(values[0, 0, 1], 10_000 * 0.0000275 - 0.2, atol=1e-6)


def test_a_quality_band_leaves_out_the_classes_named(tmp_path, guard):
    hrefs = landsat(tmp_path)
    for exclude, expected in (
        (("cloud",), [[False, False], [True, True]]),
        (("cloud_shadow", "fill"), [[False, True], [True, False]]),
    ):
        ref = open_raster(hrefs, guard, qa=exclude)
        assert ref.band_names == ("red", "nir")
        with RasterReader(ref, guard) as reader:
            np.testing.assert_array_equal(reader.read(["red"])[1], expected)


def test_clouds_shadows_and_fill_are_left_out_unless_the_caller_says_otherwise(tmp_path, guard):
    ref = open_raster(landsat(tmp_path), guard)
    assert ref.qa is not None
    assert ref.qa.exclude == ("fill", "dilated_cloud", "cirrus", "cloud", "cloud_shadow")
    with RasterReader(ref, guard) as reader:
        np.testing.assert_array_equal(reader.read(["nir"])[1], [[False, False], [True, False]])
        both = reader.read(["nir", "qa_pixel"])[1]
        np.testing.assert_array_equal(both, [[False, False], [True, False]])
        alone = reader.read(["qa_pixel"])[1]
        np.testing.assert_array_equal(alone, [[False, True], [True, True]])


def test_a_quality_file_by_itself_is_not_masked(tmp_path, guard):
    assert open_raster(landsat(tmp_path)[2:], guard).qa is None


def test_a_band_of_codes_inside_a_stack_masks_the_others(tmp_path, guard):
    codes = [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    bands = np.array([np.full((2, 6), 500), codes], dtype=np.uint16)
    path = write(tmp_path / "stack.tif", bands, names=("red", "scl"), **UTM)
    ref = open_raster([path], guard)
    assert ref.band_names == ("red", "scl")
    with RasterReader(ref, guard) as reader:
        valid = reader.read(["red"])[1]
        assert reader.read(["scl"])[1].all()
    kept = np.array(codes)[valid].tolist()
    assert kept == [2, 4, 5, 6, 7, 11]
    assert open_raster([path], guard, qa=()).qa is None
    snow = open_raster([path], guard, qa=("snow",))
    with RasterReader(snow, guard) as reader:
        assert np.array(codes)[~reader.read(["red"])[1]].tolist() == [11]


def test_a_quality_rule_without_a_quality_band_is_refused(tmp_path, guard):
    hrefs = landsat(tmp_path)
    with pytest.raises(InputError, match="there is no quality band") as caught:
        open_raster(hrefs[:2], guard, qa=("cloud",))
    assert "QA_PIXEL" in caught.value.hint
    with pytest.raises(NotFound, match="has no class haze"):
        open_raster(hrefs, guard, qa=("haze",))


def test_quality_codes_can_be_read_as_they_are_stored(tmp_path, guard):
    ref = open_raster(landsat(tmp_path), guard)
    with RasterReader(ref, guard) as reader:
        codes, valid = reader.read_stored("qa_pixel")
    np.testing.assert_array_equal(codes, [[1, 8], [64, 16]])
    assert codes.dtype == np.uint16
    np.testing.assert_array_equal(valid, [[False, True], [True, True]])


def test_a_coarser_band_is_brought_to_the_finest_grid(tmp_path, guard):
    fine = np.arange(36, dtype=np.uint16).reshape(1, 6, 6) + 1
    coarse = np.arange(9, dtype=np.uint16).reshape(1, 3, 3) + 1
    stem = "T33TUL_20190416T100031"
    hrefs = [
        write(
            tmp_path / f"{stem}_B11_20m.tif",
            coarse,
            crs="EPSG:32633",
            transform=Affine(20, 0, 5e5, 0, -20, 5e6),
        ),
        write(tmp_path / f"{stem}_B04_10m.tif", fine, **UTM),
    ]
    ref = open_raster(hrefs, guard)
    assert (ref.grid.width, ref.grid.transform[0]) == (6, 10)
    with RasterReader(ref, guard) as reader:
        values, valid = reader.read(["swir16", "red"])
    assert valid.all()
    expected = np.kron(coarse[0], np.ones((2, 2)))
    np.testing.assert_allclose(values[0], expected * 0.0001, atol=1e-7)
    np.testing.assert_allclose(values[1], fine[0] * 0.0001, atol=1e-7)


def test_files_that_share_a_band_name_are_refused(tmp_path, guard):
    for name in "ab":
        write(tmp_path / f"{name}.tif", np.ones((1, 2, 2), np.uint8), names=["red"], **UTM)
    with pytest.raises(InputError, match=r"band 'red' is in several of the files: a\.tif, b\.tif"):
        open_raster([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")], guard)


def test_files_that_do_not_meet_are_refused(tmp_path, guard):
    a = write(tmp_path / "a.tif", np.ones((1, 2, 2), np.uint8), **UTM)
    far = {"crs": "EPSG:32633", "transform": Affine(10, 0, 6e5, 0, -10, 5e6)}
    b = write(tmp_path / "b.tif", np.ones((1, 2, 2), np.uint8), **far)
    with pytest.raises(InputError, match=r"b\.tif does not overlap a\.tif"):
        open_raster([a, b], guard)


@pytest.mark.parametrize("resolution", [5, 10, 30])
def test_nearest_on_another_utm_zone_is_what_pyproj_says(tmp_path, guard, resolution):
    rng = np.random.default_rng(3)
    stored = rng.integers(1, 60_000, (1, 150, 170), dtype=np.uint16)
    href = write(tmp_path / "a.tif", stored, **UTM)
    east, north = pyproj.Transformer.from_crs(32633, 32632, always_xy=True).transform(5e5, 5e6)
    size = 1200 // resolution
    grid = Grid(
        width=size,
        height=size,
        crs="EPSG:32632",
        transform=(resolution, 0, east + 100, 0, -resolution, north),
    )
    values, valid = read(href, guard, grid=grid)
    rows, cols = np.mgrid[0:size, 0:size] + 0.5
    x, y = pyproj.Transformer.from_crs(32632, 32633, always_xy=True).transform(
        east + 100 + resolution * cols, north - resolution * rows
    )
    at_row, at_col = (5e6 - y) / 10, (x - 5e5) / 10
    inside = (at_row >= 0) & (at_col >= 0) & (at_row < 150) & (at_col < 170)
    np.testing.assert_array_equal(valid, inside)
    # Where a centre is within the interpolation's tolerance of a pixel edge either side may come.
    clear = inside & (np.abs(at_row - np.round(at_row)) > 0.01)
    clear &= np.abs(at_col - np.round(at_col)) > 0.01
    rows, cols = np.floor(at_row[clear]).astype(int), np.floor(at_col[clear]).astype(int)
    np.testing.assert_array_equal(values[0][clear], stored[0, rows, cols])
    assert clear.sum() > 0.9 * inside.sum()


def test_a_window_of_another_grid_is_a_part_of_the_whole(tmp_path, guard):
    stored = np.random.default_rng(3).integers(1, 255, (2, 90, 80), dtype=np.uint8)
    href = write(tmp_path / "a.tif", stored, names=["red", "nir"], **UTM)
    grid = Grid(
        width=100, height=110, crs="EPSG:4326", transform=(1e-4, 0, 14.999, 0, -1e-4, 45.155)
    )
    options = Options(block_pixels=500)
    whole, valid = read(href, guard, grid=grid)
    window = Window(row=11, col=13, height=70, width=60)
    part, part_valid = read(href, guard, grid=grid, window=window, options=options)
    cut = (slice(None), slice(11, 81), slice(13, 73))
    np.testing.assert_array_equal(part_valid, valid[cut[1:]])
    differs = (part != whole[cut]) & part_valid
    assert differs.mean() < 0.02  # centres on a pixel edge, within the tolerance
    assert part_valid.any()
    assert not part_valid.all()


def test_a_rotated_grid_reads_on_a_straight_one(tmp_path, guard):
    turn = Affine(8, 6, 5e5, 6, -8, 5e6)
    stored = np.arange(1, 1601, dtype=np.uint16).reshape(1, 40, 40)
    href = write(tmp_path / "a.tif", stored, crs="EPSG:32633", transform=turn)
    grid = Grid(width=30, height=30, crs="EPSG:32633", transform=(10, 0, 500_100, 0, -10, 5e6))
    values, valid = read(href, guard, grid=grid)
    rows, cols = np.mgrid[0:30, 0:30] + 0.5
    x, y = 500_100 + 10 * cols, 5e6 - 10 * rows
    at_col, at_row = (8 * (x - 5e5) + 6 * (y - 5e6)) / 100, (6 * (x - 5e5) - 8 * (y - 5e6)) / 100
    inside = (at_row >= 0) & (at_col >= 0) & (at_row < 40) & (at_col < 40)
    np.testing.assert_array_equal(valid, inside)
    at = np.floor(at_row[inside] + 1e-6).astype(int), np.floor(at_col[inside] + 1e-6).astype(int)
    np.testing.assert_array_equal(values[0][inside], stored[0][at])


def test_a_grid_with_control_points_reads_on_a_straight_one(tmp_path, guard):
    stored = np.arange(1, 401, dtype=np.uint16).reshape(1, 20, 20)
    points = [
        GroundControlPoint(row=r, col=c, x=15 + 0.001 * c, y=45 - 0.001 * r)
        for r in (0, 10, 20)
        for c in (0, 10, 20)
    ]
    href = write(tmp_path / "a.tif", stored, gcps=points, crs="EPSG:4326")
    ref = open_raster([href], guard)
    assert len(ref.grid.gcps) == 9
    grid = Grid(width=20, height=20, crs="EPSG:4326", transform=(1e-3, 0, 15, 0, -1e-3, 45))
    values, valid = read(href, guard, grid=grid)
    assert valid.all()
    np.testing.assert_array_equal(values[0], stored[0])


def test_an_image_without_georeference_cannot_be_laid_on_another_grid(tmp_path, guard):
    href = write(tmp_path / "a.png", np.ones((1, 4, 5), np.uint8), driver="PNG")
    ref = open_raster([href], guard, gsd_m=0.5)
    assert ref.grid.gsd_m == 0.5
    assert ref.grid.crs == ""
    with pytest.raises(InputError, match="5 x 4 pixels cannot be laid on a grid of 9 x 9"):
        read(href, guard, grid=Grid(width=9, height=9))
    values, _ = read(href, guard, grid=Grid(width=5, height=4))
    assert values.shape == (1, 4, 5)


def test_a_preview_comes_from_overviews_and_keeps_the_shape(tmp_path, guard):
    stored = np.kron(np.arange(1, 17, dtype=np.uint8).reshape(4, 4), np.ones((64, 128), np.uint8))
    href = write(tmp_path / "a.tif", stored[None], driver="COG", blocksize=128, **UTM)
    ref = open_raster([href], guard)
    with RasterReader(ref, guard) as reader:
        small, valid = reader.preview(64)
    assert small.shape == (1, 32, 64)
    assert valid.shape == (32, 64)
    np.testing.assert_array_equal(small[0, 4::8, 8::16], np.arange(1, 17).reshape(4, 4))


def test_strips_cover_the_grid_once_and_follow_the_blocks(tmp_path, guard):
    stored = np.ones((1, 300, 200), np.uint8)
    href = write(tmp_path / "a.tif", stored, tiled=True, blockxsize=128, blockysize=128, **UTM)
    ref = open_raster([href], guard)
    with RasterReader(ref, guard, Options(block_pixels=30_000)) as reader:
        windows = list(reader.windows())
        total = sum(reader.read(["b1"], window)[0].sum() for window in windows)
    assert [w.row for w in windows] == [0, 128, 256]
    assert total == 300 * 200


def test_validity_alone_agrees_with_reading(tmp_path, guard):
    stored = np.random.default_rng(0).integers(0, 3, (2, 30, 40), dtype=np.uint8)
    href = write(tmp_path / "a.tif", stored, nodata=0, names=["red", "nir"], **UTM)
    plain = write(tmp_path / "b.tif", stored, names=["red", "nir"], **UTM)
    ref = open_raster([href], guard)
    with RasterReader(ref, guard) as reader:
        np.testing.assert_array_equal(
            reader.read_valid(["red", "nir"]), reader.read(["red", "nir"])[1]
        )
    with RasterReader(open_raster([plain], guard), guard) as reader:
        assert reader.read_valid(["red"]).all()


def test_an_unknown_band_is_refused_with_those_there(tmp_path, guard):
    href = write(tmp_path / "a.tif", np.ones((1, 2, 2), np.uint8), names=["red"], **UTM)
    with pytest.raises(NotFound, match=r"'a.tif' has no band nir") as caught:
        read(href, guard, ["red", "nir"])
    assert caught.value.hint == "its bands: red"


def test_a_window_outside_the_grid_is_refused_with_its_size(tmp_path, guard):
    href = write(tmp_path / "a.tif", np.ones((1, 2, 3), np.uint8), **UTM)
    with pytest.raises(InputError, match=r"rows 1 to 3, columns 0 to 1 .* 2 rows and 3 columns"):
        read(href, guard, window=Window(row=1, col=0, height=2, width=1))


def test_more_than_memory_holds_is_refused(tmp_path, guard):
    href = write(tmp_path / "a.tif", np.ones((1, 2, 2), np.uint8), **UTM)
    ref = open_raster([href], guard)
    with (
        RasterReader(ref, guard) as reader,
        pytest.raises(InputError, match="40000 x 40000 pixels were asked for at once"),
    ):
        reader.read(["b1"], out_shape=(40_000, 40_000))


def test_a_raster_that_vanished_is_a_typed_error(tmp_path, guard):
    href = write(tmp_path / "a.tif", np.ones((1, 2, 2), np.uint8), **UTM)
    ref = open_raster([href], guard)
    (tmp_path / "a.tif").unlink()
    with RasterReader(ref, guard) as reader, pytest.raises((NotFound, SourceError)):
        reader.read(["b1"])


def test_a_remote_cog_reads_as_the_local_one(tmp_path, servers):
    stored = np.random.default_rng(0).integers(1, 255, (2, 300, 300), dtype=np.uint8)
    href = write(
        tmp_path / "a.tif",
        stored,
        driver="COG",
        blocksize=128,
        compress="deflate",
        names=["red", "nir"],
        **UTM,
    )
    with servers.Server((tmp_path / "a.tif").read_bytes()) as server:
        guard = OriginGuard(typed=[href, server.url("/a.tif")])
        remote, valid = read(server.url("/a.tif"), guard, ["nir", "red"])
        np.testing.assert_array_equal(remote, read(href, guard, ["nir", "red"])[0])
        assert valid.all()


def test_readers_in_several_threads_do_not_disturb_each_other(tmp_path, guard):
    stored = np.random.default_rng(0).integers(1, 255, (1, 400, 400), dtype=np.uint8)
    hrefs = [write(tmp_path / f"{n}.tif", stored + n, compress="deflate") for n in range(4)]

    def total(href):
        ref = open_raster([href], guard)
        with RasterReader(ref, guard, Options(block_pixels=20_000)) as reader:
            return sum(float(reader.read(["b1"], w)[0].sum()) for w in reader.windows())

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(total, hrefs * 3))
    assert found == [float((stored + n).sum(dtype=np.int64)) for n in range(4)] * 3
