"""`zonal_stats` against numpy on the pixels whose centre lies in the zones."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from eoagent.contracts.errors import InputError

ALL = ["mean", "std", "minimum", "maximum", "median", "sum", "count"]


@pytest.fixture
def heights():
    return np.random.default_rng(6).normal(100, 20, (30, 40)).astype(np.float32)


def numpy_statistics(values):
    values = values.astype(float)
    return {
        "mean": values.mean(),
        "std": values.std(),
        "minimum": values.min(),
        "maximum": values.max(),
        "median": np.median(values),
        "sum": values.sum(),
        "count": values.size,
    }


def close(found, wanted):
    return found == {name: pytest.approx(value, rel=1e-6) for name, value in wanted.items()}


def test_everywhere_counts_all_valid_pixels(bench, place, heights):
    stored = heights.copy()
    stored[3:5, 7:9] = -9999
    raster = bench.image(stored, place, nodata=-9999.0)
    found = bench.values("zonal_stats", raster=raster, statistics=ALL)
    assert close(found, numpy_statistics(stored[stored != -9999]))


def test_zones_pick_pixels_by_centre_on_any_grid(bench, place, heights):
    raster = bench.image(heights, place)
    zone = place.outline(4.3, 5.2, 12.5, 20.1, steps=64)
    rows, cols = np.mgrid[:30, :40] + 0.5
    inside = (rows > 4.3) & (rows < 16.8) & (cols > 5.2) & (cols < 25.3)
    zones = bench.features([zone])
    found = bench.values("zonal_stats", raster=raster, zones=zones, statistics=ALL)
    assert close(found, numpy_statistics(heights[inside]))
    outside = bench.values(
        "zonal_stats", raster=raster, zones=zones, side="outside", statistics=ALL
    )
    assert close(outside, numpy_statistics(heights[~inside]))


def test_zones_in_another_crs_are_brought_to_the_raster(bench, places, heights):
    raster = bench.image(heights, places["utm"])
    zone = places["utm"].outline(4.3, 5.2, 12.5, 20.1, steps=64)
    way = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform
    moved = shapely.transform(zone, lambda xy: np.column_stack(way(xy[:, 0], xy[:, 1])))
    rows, cols = np.mgrid[:30, :40] + 0.5
    inside = (rows > 4.3) & (rows < 16.8) & (cols > 5.2) & (cols < 25.3)
    zones = bench.features([moved], crs="EPSG:3857")
    found = bench.values("zonal_stats", raster=raster, zones=zones, statistics=ALL)
    assert close(found, numpy_statistics(heights[inside]))


def test_a_mask_picks_its_yes_pixels_and_their_valid_opposite(bench, places, heights, blobs):
    yes, valid = blobs[:30, :40], np.ones((30, 40), bool)
    valid[:, 0] = False
    raster = bench.image(heights, places["utm"])
    mask = bench.mask(yes, places["utm"], valid=valid)
    found = bench("zonal_stats", raster=raster, zones=mask, statistics=ALL)
    assert close({f.name: f.value for f in found.figures}, numpy_statistics(heights[yes & valid]))
    assert not found.assumptions
    outside = bench.values("zonal_stats", raster=raster, zones=mask, side="outside", statistics=ALL)
    assert close(outside, numpy_statistics(heights[~yes & valid]))


def test_a_mask_on_another_grid_decides_the_grid_and_says_so(bench, places, heights):
    place = places["utm"]
    from affine import Affine

    coarse = type(place)(place.crs, place.transform @ Affine.scale(2))
    yes = np.random.default_rng(8).random((15, 20)) > 0.5
    raster = bench.image(heights, place, name="dem.tif")
    mask = bench.mask(yes, coarse, label="half")
    result = bench("zonal_stats", raster=raster, zones=mask, statistics=["count", "mean"])
    found = {f.name: f.value for f in result.figures}
    assert found["count"] == yes.sum()
    assert result.assumptions == (
        "dem.tif was brought to the grid of the mask 'half' by nearest neighbour",
    )
    corners = [heights[r::2, c::2][yes].mean() for r in (0, 1) for c in (0, 1)]
    assert min(abs(found["mean"] - mean) for mean in corners) < 1e-3


def test_small_strips_give_the_same_statistics(bench, places, heights, blobs):
    raster = bench.image(heights, places["utm"])
    mask = bench.mask(blobs[:30, :40], places["utm"])
    whole = bench.values("zonal_stats", raster=raster, zones=mask, statistics=ALL)
    parts = bench.using(block_pixels=100).values(
        "zonal_stats", raster=raster, zones=mask, statistics=ALL
    )
    assert close(parts, whole)


def test_the_median_of_very_many_pixels_comes_from_a_histogram_with_its_error(bench, places):
    values = np.random.default_rng(9).normal(0, 1, (2300, 2300)).astype(np.float32)
    raster = bench.image(values, places["utm"])
    found = bench.figures("zonal_stats", raster=raster, statistics=["median", "mean"])
    median, _, error = found["median"]
    assert 0 < error < 1e-3
    assert abs(median - np.median(values)) <= error
    assert found["mean"][2] is None


def test_units_follow_the_values_or_what_is_stated(bench, places, heights):
    raster = bench.image(heights, places["utm"])
    result = bench("zonal_stats", raster=raster, statistics=["mean", "count"], unit="m")
    assert [f.unit for f in result.figures] == ["m", "count"]
    assert result.assumptions == ("the values of image.tif are taken to be in m",)
    dem = bench.image(heights, places["utm"], bands=["elevation"], name="dem.tif")
    assert bench("zonal_stats", raster=dem).figures[0].unit == "m"
    with pytest.raises(InputError, match="the values of dem.tif are in m, and unit says K"):
        bench("zonal_stats", raster=dem, unit="K")
    for unit in ("choice", "feet"):
        with pytest.raises(InputError, match=f"'{unit}' is no unit of pixel values"):
            bench("zonal_stats", raster=raster, unit=unit)


def test_one_of_several_bands_is_named(bench, places, heights):
    stack = np.stack([heights, -heights])
    raster = bench.image(stack, places["utm"], bands=["red", "nir"])
    found = bench("zonal_stats", raster=raster, band="NIR").figures[0]
    assert found.value == pytest.approx(-heights.astype(float).mean(), rel=1e-6)
    assert found.label == "mean of nir of image.tif"
    with pytest.raises(InputError, match="no band was named") as caught:
        bench("zonal_stats", raster=raster)
    assert caught.value.hint == "its bands are red, nir"
    with pytest.raises(InputError, match="has no band 'swir16'"):
        bench("zonal_stats", raster=raster, band="swir16")


def test_points_and_lines_are_no_zones(bench, places, heights):
    raster = bench.image(heights, places["utm"])
    line = shapely.LineString([(13.73, 45.14), (13.74, 45.14)])
    zones = bench.features([shapely.Point(13.73, 45.14), line])
    with pytest.raises(
        InputError, match="holds LineString, Point, and zones are polygons"
    ) as caught:
        bench("zonal_stats", raster=raster, zones=zones)
    assert "buffer" in caught.value.hint


def test_points_among_polygons_are_left_out_and_said_so(bench, places, heights):
    raster = bench.image(heights, places["utm"])
    zones = bench.features([shapely.Point(13.73, 45.14), places["utm"].outline(2, 2, 9, 9)])
    result = bench("zonal_stats", raster=raster, zones=zones)
    assert result.assumptions == ("1 points and lines of zones are no zones",)


def test_zones_beside_the_raster_are_refused(bench, places, heights):
    raster = bench.image(heights, places["utm"])
    zones = bench.features([shapely.box(-10, 10, -9, 11)], name="far.gpkg")
    with pytest.raises(InputError, match="image.tif has no valid pixel inside far") as caught:
        bench("zonal_stats", raster=raster, zones=zones)
    assert "another image or zone" in caught.value.hint
    found = bench.values(
        "zonal_stats", raster=raster, zones=zones, side="outside", statistics=["count"]
    )
    assert found["count"] == heights.size


def test_a_mask_beside_the_raster_is_refused(bench, places, heights):
    raster = bench.image(heights, places["utm"])
    mask = bench.mask(np.ones((5, 5), bool), places["degrees"], label="elsewhere")
    with pytest.raises(InputError, match="no valid pixel inside elsewhere"):
        bench("zonal_stats", raster=raster, zones=mask)


def test_a_picture_and_a_map_cannot_be_laid_over_each_other(bench, places, heights):
    picture = bench.image(heights, name="picture.tif")
    zones = bench.features([shapely.box(13, 45, 14, 46)])
    with pytest.raises(InputError, match="georeference"):
        bench("zonal_stats", raster=picture, zones=zones)
    mask = bench.mask(np.ones((30, 40), bool), places["utm"])
    with pytest.raises(InputError, match="georeference"):
        bench("zonal_stats", raster=picture, zones=mask)


def test_regions_of_a_picture_are_no_zones_elsewhere(bench, places, heights, blobs):
    regions = bench.handle("regions", mask=bench.mask(blobs))
    raster = bench.image(heights, places["utm"])
    with pytest.raises(InputError, match="is in pixels and has no place on Earth"):
        bench("zonal_stats", raster=raster, zones=regions)


def test_arguments_that_do_not_fit_are_refused(bench):
    raster = "raster:0123456789ab"
    assert "statistics" in bench.refused("zonal_stats", raster=raster, statistics=[])
    assert "statistics" in bench.refused("zonal_stats", raster=raster, statistics=["mode"])
    assert "side" in bench.refused("zonal_stats", raster=raster, side="between")
