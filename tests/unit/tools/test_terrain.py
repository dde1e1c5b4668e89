"""`terrain` against planes, cones and boxes whose slope and volume are known."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Geod, Proj

from eoagent.contracts.errors import InputError
from eoagent.io.origin import OriginGuard

WGS84 = Geod(ellps="WGS84")


def heights(bench, array, place, name="dem.tif", **opening):
    return bench.image(array.astype("float32"), place, name=name, bands=["elevation"], **opening)


def raster(bench, result):
    return bench.pixels(result.artifacts["raster"].handle)[0][0]


def brute_slope(z, dx, dy):
    """Return Horn's slope in degrees pixel by pixel, NaN at the edge."""
    out = np.full(z.shape, np.nan)
    for r in range(1, z.shape[0] - 1):
        for c in range(1, z.shape[1] - 1):
            (a, b, cc), (d, _, f), (g, h, i) = z[r - 1 : r + 2, c - 1 : c + 2]
            p = ((cc + 2 * f + i) - (a + 2 * d + g)) / (8 * dx)
            q = ((g + 2 * h + i) - (a + 2 * b + cc)) / (8 * dy)
            out[r, c] = np.degrees(np.arctan(np.hypot(p, q)))
    return out


def test_slope_on_a_metric_grid_is_that_of_horns_formula_pixel_by_pixel(bench, places):
    rng = np.random.default_rng(2)
    z = rng.normal(0, 30, (24, 31)).cumsum(axis=0).cumsum(axis=1) / 20
    z[7, 9] = np.nan
    dem = heights(bench, z, places["utm"])
    result = bench("terrain", raster=dem, operation="slope")
    made = raster(bench, result)
    lon, lat = places["utm"].lonlat(12, 15)
    scale = Proj("EPSG:32633").get_factors(lon, lat).meridional_scale
    expected = brute_slope(z.astype("float32").astype(float), 30 / scale, 30 / scale)
    known = np.isfinite(expected)
    known[7, 9] = False
    assert np.allclose(made[known], expected[known], atol=2e-3)
    assert np.isnan(made[~known]).all()
    values = {f.name: (f.value, f.unit) for f in result.figures}
    assert values["mean_slope"] == (pytest.approx(np.mean(made[known], dtype=float)), "deg")
    assert values["maximum_slope"][0] == pytest.approx(made[known].max())
    assert "taken to be in metres" in result.assumptions[0]


@pytest.mark.parametrize("lat", [0.0, 45.0, -60.0, 80.0])
def test_on_a_geographic_grid_the_pixel_is_as_wide_as_its_row_on_the_ellipsoid(bench, lat):
    step = 0.001
    _, _, wide = WGS84.inv(10, lat, 10 + step, lat)
    _, _, tall = WGS84.inv(10, lat - step / 2, 10, lat + step / 2)
    rows, cols = np.mgrid[:5, :9]
    z = 0.3 * wide * cols - 0.4 * tall * rows  # rises 0.3 to the east and 0.4 to the north
    place = ("EPSG:4326", Affine(step, 0, 10, 0, -step, lat + 2.5 * step))
    dem = heights(bench, z, place)
    made = raster(bench, bench("terrain", raster=dem, operation="slope", unit="percent"))
    assert made[2, 4] == pytest.approx(50, abs=2e-3)
    aspect = raster(bench, bench("terrain", raster=dem, operation="aspect"))
    assert aspect[2, 4] == pytest.approx(np.degrees(np.arctan2(-0.3, -0.4)) % 360, abs=1e-2)


@pytest.mark.parametrize(("east", "north"), [(1, 0), (-1, 0), (0, 1), (0, -1), (2, 1), (-1, 3)])
def test_a_plane_faces_downhill_from_true_north_on_a_turned_grid(bench, places, east, north):
    place = places["rotated"]
    rows, cols = np.mgrid[:9, :9] + 0.5
    lon, lat = place.lonlat(rows, cols)
    mid_lon, mid_lat = lon[4, 4], lat[4, 4]
    azimuth, _, distance = WGS84.inv(
        np.full_like(lon, mid_lon), np.full_like(lat, mid_lat), lon, lat
    )
    x, y = distance * np.sin(np.radians(azimuth)), distance * np.cos(np.radians(azimuth))
    dem = heights(bench, 0.1 * (east * x + north * y), place)
    slope = raster(bench, bench("terrain", raster=dem, operation="slope", unit="percent"))
    aspect = raster(bench, bench("terrain", raster=dem, operation="aspect"))
    assert slope[4, 4] == pytest.approx(10 * np.hypot(east, north), rel=1e-4)
    difference = aspect[4, 4] - np.degrees(np.arctan2(-east, -north))
    assert (difference + 180) % 360 - 180 == pytest.approx(0, abs=0.02)


def test_a_cone_has_one_slope_and_faces_outward_everywhere(bench, places):
    rows, cols = np.mgrid[:61, :61] - 30.0
    z = 1000 - 30 * np.hypot(rows, cols) * np.tan(np.radians(25))
    dem = heights(bench, z, places["utm"])
    slope = raster(bench, bench("terrain", raster=dem, operation="slope"))
    far = np.hypot(rows, cols) > 12
    far[[0, -1]], far[:, [0, -1]] = False, False
    assert np.abs(slope[far] - 25).max() < 0.15
    result = bench("terrain", raster=dem, operation="aspect")
    aspect = raster(bench, result)
    outward = np.degrees(np.arctan2(cols, -rows))
    turned = (aspect - outward + 180) % 360 - 180
    lon, lat = places["utm"].lonlat(30, 30)
    convergence = Proj("EPSG:32633").get_factors(lon, lat).meridian_convergence
    assert np.abs(turned[far] - convergence).max() < 0.3


def test_flat_ground_has_no_aspect_and_edges_have_no_slope(bench, places):
    z = np.full((6, 6), 12.0)
    dem = heights(bench, z, places["utm"])
    slope = raster(bench, bench("terrain", raster=dem, operation="slope"))
    assert (slope[1:-1, 1:-1] == 0).all()
    assert np.isnan(slope[0]).all()
    with pytest.raises(InputError, match="no pixel has a value"):
        bench("terrain", raster=dem, operation="aspect")


def test_small_blocks_give_the_same_slope(bench, places):
    rng = np.random.default_rng(5)
    dem = heights(bench, rng.normal(size=(700, 40)) * 10, places["utm"])
    whole = raster(bench, bench("terrain", raster=dem, operation="slope"))
    parts = raster(bench, bench.using(block_pixels=50)("terrain", raster=dem, operation="slope"))
    assert np.allclose(whole, parts, atol=1e-3, equal_nan=True)


def test_height_above_ground_is_surface_minus_ground(bench, places):
    rng = np.random.default_rng(6)
    ground = rng.random((12, 15)) * 100
    surface = ground + rng.random((12, 15)) * 20
    surface[2, 3] = -9999
    top = heights(bench, surface, places["utm"], "dsm.tif", nodata=-9999)
    base = heights(bench, ground, places["utm"], "dtm.tif")
    result = bench("terrain", raster=top, operation="height_above_ground", ground=base)
    made = raster(bench, result)
    expected = np.where(
        surface == -9999, np.nan, surface.astype("float32") - ground.astype("float32")
    )
    assert np.allclose(made, expected, atol=1e-5, equal_nan=True)
    values = {f.name: f.value for f in result.figures}
    assert values["mean_height"] == pytest.approx(np.nanmean(expected), rel=1e-5)
    stats = bench.figures("zonal_stats", raster=result.artifacts["raster"].handle)
    assert stats["mean"][:2] == (pytest.approx(values["mean_height"]), "m")


def test_a_coarser_ground_model_is_interpolated_and_that_is_said(bench, places):
    place = places["utm"]
    rows, cols = np.mgrid[:20, :20] + 0.5
    top = heights(bench, 3 * cols + 2 * rows + 7, place, "dsm.tif")
    coarse_rows, coarse_cols = np.mgrid[:12, :12] * 2 + 1.0 - 2
    coarse = (place.crs, place.transform @ Affine.translation(-2, -2) @ Affine.scale(2))
    base = heights(bench, 3 * coarse_cols + 2 * coarse_rows, coarse, "dtm.tif")
    result = bench("terrain", raster=top, operation="height_above_ground", ground=base)
    assert np.allclose(raster(bench, result), 7, atol=1e-3)
    assert any("brought to the grid of dsm.tif by bilinear" in s for s in result.assumptions)


def test_height_above_ground_of_real_models_is_that_of_numpy(bench, shared_data):
    used = bench.using(origins=OriginGuard(typed=[str(shared_data / "dem")]))
    files = [shared_data / "dem" / f"dc_{name}.tif" for name in ("dsm", "dtm")]
    top, base = (used.handle("open_image", hrefs=[str(file)]) for file in files)
    result = used("terrain", raster=top, operation="height_above_ground", ground=base)
    with rasterio.open(files[0]) as one, rasterio.open(files[1]) as two:
        expected = one.read(1, masked=True) - two.read(1, masked=True)
    made = raster(used, result)
    assert np.array_equal(np.isfinite(made), ~np.ma.getmaskarray(expected))
    assert np.allclose(made[np.isfinite(made)], expected.compressed(), atol=1e-4)


def test_volume_is_depth_times_geodesic_area_above_and_below(bench, place):
    rng = np.random.default_rng(8)
    z = rng.normal(100, 20, (14, 17)).astype("float32")
    z[3, 4] = -9999
    dem = heights(bench, z, place, nodata=-9999)
    areas, valid = place.areas(14, 17), z != -9999
    found = bench.figures("terrain", raster=dem, operation="volume", base_m=105)
    depth = z.astype(float) - 105
    above, below = valid & (depth > 0), valid & (depth < 0)
    assert found["volume_above"][:2] == (
        pytest.approx((depth * areas)[above].sum(), rel=1e-5),
        "m3",
    )
    assert found["volume_below"][0] == pytest.approx(-(depth * areas)[below].sum(), rel=1e-5)
    net = found["volume_above"][0] - found["volume_below"][0]
    assert found["net_volume"][0] == pytest.approx(net)
    assert found["area_above"][0] == pytest.approx(areas[above].sum(), rel=1e-5)
    edges = sum(
        (above & np.roll(valid & ~above, shift, axis) & _inside(above.shape, shift, axis)).astype(
            int
        )
        for shift in (1, -1)
        for axis in (0, 1)
    )
    expected_error = 0.5 * (edges * depth * areas)[above].sum()
    assert found["volume_above"][2] == pytest.approx(expected_error, rel=1e-5)


def _inside(shape, shift, axis):
    ones = np.ones(shape, bool)
    edge = [slice(None), slice(None)]
    edge[axis] = 0 if shift == 1 else -1
    ones[tuple(edge)] = False
    return ones


def test_volume_in_small_blocks_is_the_same_with_its_error(bench, places):
    z = np.random.default_rng(9).normal(100, 20, (1100, 12))
    dem = heights(bench, z, places["degrees"])
    call = {"raster": dem, "operation": "volume", "base_m": 100}
    whole, parts = (
        bench.figures("terrain", **call),
        bench.using(block_pixels=60).figures("terrain", **call),
    )
    for name, (value, _, error) in whole.items():
        assert parts[name][0] == pytest.approx(value, rel=1e-9)
        assert parts[name][2] == pytest.approx(error, rel=1e-9) if error else True


def test_volume_inside_features_and_inside_a_mask_counts_pixels_there(bench, places):
    place = places["utm"]
    z = np.full((10, 10), 20.0)
    z[:, 5:] = 50.0
    dem = heights(bench, z, place)
    zone = bench.features([place.outline(2, 3, height=4, width=5)])
    areas = place.areas(10, 10)
    found = bench.figures(
        "terrain", raster=dem, operation="volume", base_m=30, zones=zone, height_error_m=0.5
    )
    assert found["volume_above"][0] == pytest.approx(20 * areas[2:6, 5:8].sum(), rel=1e-5)
    assert found["volume_below"][0] == pytest.approx(10 * areas[2:6, 3:5].sum(), rel=1e-5)
    outline = 0.5 * 20 * 14 * areas[0, 0]
    assert found["volume_above"][2] == pytest.approx(
        np.hypot(outline, 0.5 * areas[2:6, 5:8].sum()), rel=1e-3
    )
    yes = np.zeros((10, 10), bool)
    yes[2:6, 3:8] = True
    mask = bench.mask(yes, place, name="m.tif")
    same = bench.figures("terrain", raster=dem, operation="volume", base_m=30, zones=mask)
    assert same["volume_above"][0] == pytest.approx(found["volume_above"][0])


def test_feet_are_turned_into_metres(bench, places):
    dem = heights(bench, np.full((4, 4), 100.0), places["utm"])
    found = bench.values("terrain", raster=dem, operation="volume", base_m=0, height_unit="ft")
    areas = places["utm"].areas(4, 4)
    assert found["volume_above"] == pytest.approx(30.48 * areas.sum(), rel=1e-5)


def test_values_of_unknown_kind_are_taken_as_heights_in_metres_and_that_is_said(bench, places):
    dem = bench.image(np.full((4, 4), 3.0, "float32"), places["utm"])
    result = bench("terrain", raster=dem, operation="volume", base_m=1)
    assert "the values of image.tif are taken as heights in m" in result.assumptions
    assert "does not count errors of the heights" in result.assumptions[1]


def test_what_makes_no_sense_is_refused_with_a_reason(bench, places):
    dem = heights(bench, np.ones((4, 4)), places["utm"])
    picture = bench.image(np.ones((4, 4), "float32"), name="plain.tif")
    db = bench.image(np.full((4, 4), -9, "float32"), places["utm"], name="x_db.tif", bands=["vv"])
    with pytest.raises(InputError, match="holds backscatter_db, not heights"):
        bench("terrain", raster=db, operation="slope")
    with pytest.raises(
        InputError, match="a slope was asked for, but the image has no georeference"
    ):
        bench("terrain", raster=picture, operation="slope")
    with pytest.raises(InputError, match="north is not known"):
        bench("terrain", raster=picture, operation="aspect")
    with pytest.raises(InputError, match="the same raster"):
        bench("terrain", raster=dem, operation="height_above_ground", ground=dem)
    away = bench.features([shapely.box(0, 0, 1, 1)])
    with pytest.raises(InputError, match="no valid pixel inside"):
        bench("terrain", raster=dem, operation="volume", base_m=0, zones=away)
    with pytest.raises(InputError, match="has no band 'z'"):
        bench("terrain", raster=dem, operation="slope", band="z")
    assert "which needs it" in bench.refused("terrain", raster=dem, operation="volume")
    assert "ground goes with" in bench.refused("terrain", raster=dem, operation="slope", ground=dem)
    assert "zonal_stats sums up" in bench.refused(
        "terrain", raster=dem, operation="slope", zones="mask:0123456789ab"
    )
