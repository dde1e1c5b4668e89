"""`measure` against geodesic pixel polygons, shapely and pyproj."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Geod

from eoagent.contracts.errors import InputError

WGS84 = Geod(ellps="WGS84")
HALVES = np.kron([[1, 0], [0, 0]], np.ones((8, 10))).astype(bool)


def sides(yes, valid):
    """Return, per pixel, how many sides it shares as a yes pixel with valid no pixels."""
    count = np.zeros(yes.shape)
    no = valid & ~yes
    for axis in (0, 1):
        for shift in (1, -1):
            beside = np.roll(no, shift, axis=axis)
            edge = [slice(None)] * 2
            edge[axis] = 0 if shift == 1 else -1
            beside[tuple(edge)] = False
            count += yes & beside
    return count


def test_areas_of_masks_are_those_of_their_pixels_on_the_ellipsoid(bench, place, blobs):
    valid = np.ones(blobs.shape, bool)
    valid[5:9, 10:20] = False
    mask = bench.mask(blobs, place, valid=valid)
    found = bench.figures(
        "measure", target=mask, quantities=["area", "share", "valid_area", "pixels"]
    )
    areas, yes = place.areas(*blobs.shape), blobs & valid
    area, error = areas[yes].sum(), (areas * sides(yes, valid)).sum() / 2
    assert found["area"] == (pytest.approx(area, rel=1e-5), "m2", pytest.approx(error, rel=1e-5))
    assert found["valid_area"] == (pytest.approx(areas[valid].sum(), rel=1e-5), "m2", None)
    share = 100 / areas[valid].sum()
    assert found["share"] == (
        pytest.approx(area * share, rel=1e-5),
        "percent",
        pytest.approx(error * share, rel=1e-5),
    )
    assert found["pixels"] == (yes.sum(), "count", None)


def test_centre_and_bounds_of_a_mask_are_those_of_its_yes_pixels(bench, place):
    found = bench.values(
        "measure", target=bench.mask(HALVES, place), quantities=["centroid", "bounds"]
    )
    lon, lat = place.lonlat([4.0], [5.0])
    assert found["centroid_lon"] == pytest.approx(lon[0], abs=1e-9)
    assert found["centroid_lat"] == pytest.approx(lat[0], abs=1e-9)
    box = place.outline(0, 0, 8, 10).bounds
    names = ("bounds_west", "bounds_south", "bounds_east", "bounds_north")
    np.testing.assert_allclose([found[name] for name in names], box, atol=2e-6)


def test_a_raster_is_as_wide_and_high_as_its_grid(bench, place):
    raster = bench.image(np.ones((30, 40), np.uint8), place)
    found = bench.values(
        "measure", target=raster, quantities=["width", "height", "diagonal", "area", "centroid"]
    )
    lon, lat = place.lonlat([15, 15, 0, 30, 0, 30], [0, 40, 20, 20, 0, 40])
    _, _, metres = WGS84.inv(lon[0::2], lat[0::2], lon[1::2], lat[1::2])
    for name, wanted in zip(("width", "height", "diagonal"), metres, strict=True):
        assert found[name] == pytest.approx(wanted, rel=1e-9)
    assert found["area"] == pytest.approx(place.areas(30, 40).sum(), rel=1e-5)
    lon, lat = place.lonlat([15], [20])
    assert found["centroid_lon"] == pytest.approx(lon[0])


def test_a_picture_is_measured_in_pixels_and_says_so(bench):
    mask = bench.mask(HALVES)
    wanted = ["area", "share", "width", "diagonal"]
    result = bench("measure", target=mask, quantities=wanted)
    found = {f.name: (f.value, f.unit, f.error) for f in result.figures}
    assert found["area"] == (80, "px2", 9.0)
    assert found["share"] == (pytest.approx(25), "percent", pytest.approx(100 * 9 / 320))
    assert found["width"] == (20, "px", None)
    assert found["diagonal"] == (pytest.approx(np.hypot(16, 20)), "px", None)
    assert "sizes are in pixels" in result.warnings[0]


def test_a_picture_of_stated_ground_size_is_measured_in_metres(bench):
    result = bench("measure", target=bench.mask(HALVES, gsd_m=0.5), quantities=["area", "width"])
    found = {f.name: (f.value, f.unit, f.error) for f in result.figures}
    assert found["area"] == (pytest.approx(20), "m2", pytest.approx(18 / 2 * 0.25))
    assert found["width"] == (pytest.approx(10), "m", None)
    assert "rest on the stated 0.5 m per pixel" in result.warnings[0]


def test_an_empty_mask_has_no_area_and_no_centre(bench, places):
    mask = bench.mask(np.zeros((6, 6), bool), places["utm"], label="lakes")
    found = bench.figures("measure", target=mask, quantities=["area", "share", "pixels"])
    assert found["area"] == (0, "m2", 0)
    assert found["share"] == (0, "percent", 0)
    for quantity, what in (("centroid", "centre"), ("bounds", "extent")):
        with pytest.raises(InputError, match=f"'lakes' marks no pixel, so it has no {what}"):
            bench("measure", target=mask, quantities=[quantity])


def test_a_mask_without_a_valid_pixel_is_refused(bench, places):
    none = np.zeros((6, 6), bool)
    mask = bench.mask(none, places["utm"], valid=none, label="lakes")
    with pytest.raises(InputError, match="'lakes' has no valid pixel") as caught:
        bench("measure", target=mask, quantities=["area"])
    assert "nodata" in caught.value.hint


def test_polygons_in_any_crs_have_their_geodesic_area(bench):
    square = shapely.box(400000, 4990000, 410000, 5000000)
    handle = bench.features([square], crs="EPSG:32633")
    found = bench.figures(
        "measure", target=handle, quantities=["area", "perimeter", "count", "centroid"]
    )
    from pyproj import Transformer

    way = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform
    fine = shapely.segmentize(square, 500)
    lonlat = shapely.transform(fine, lambda xy: np.column_stack(way(xy[:, 0], xy[:, 1])))
    area, perimeter = WGS84.geometry_area_perimeter(shapely.orient_polygons(lonlat))
    assert found["area"] == (pytest.approx(abs(area), rel=1e-5), "m2", None)
    assert found["perimeter"] == (pytest.approx(perimeter, rel=1e-5), "m", None)
    assert found["count"] == (1, "count", None)
    assert found["centroid_lat"][0] == pytest.approx(lonlat.centroid.y, abs=1e-3)


def test_overlapping_polygons_count_once(bench):
    handle = bench.features([shapely.box(0, 0, 1, 1), shapely.box(0.5, 0, 1.5, 1)])
    both = bench.features([shapely.box(0, 0, 1.5, 1)], name="both.gpkg")
    assert bench.values("measure", target=handle, quantities=["area"])["area"] == pytest.approx(
        bench.values("measure", target=both, quantities=["area"])["area"], rel=1e-6
    )


def test_lines_have_their_geodesic_length(bench):
    handle = bench.features([shapely.LineString([(10, 45), (11, 45.5), (11, 46)])])
    found = bench.values("measure", target=handle, quantities=["length"])
    wanted = WGS84.line_length([10, 11, 11], [45, 45.5, 46])
    assert found["length"] == pytest.approx(wanted, rel=1e-5)


def test_bounds_run_over_the_antimeridian(bench):
    islands = [shapely.box(178, -18, 179, -17), shapely.box(-180, -17, -179, -16)]
    found = bench.values("measure", target=bench.features(islands), quantities=["bounds"])
    assert found == {
        "bounds_west": 178,
        "bounds_south": -18,
        "bounds_east": -179,
        "bounds_north": -16,
    }


def test_distance_and_bearing_between_features_are_between_nearest_edges_and_centres(bench):
    a = bench.features([shapely.box(10, 45, 11, 46)], name="a.gpkg")
    b = bench.features([shapely.Point(12, 45.5)], name="b.gpkg")
    quantities = ["distance", "bearing", "direction"]
    found = bench.values("measure", target=a, other=b, quantities=quantities)
    assert found["distance"] == pytest.approx(WGS84.inv(11, 45.5, 12, 45.5)[2], rel=1e-4)
    assert found["direction"] == "east"
    centre = bench.values("measure", target=a, quantities=["centroid"])
    azimuth = WGS84.inv(centre["centroid_lon"], centre["centroid_lat"], 12, 45.5)[0]
    assert found["bearing"] == pytest.approx(azimuth, abs=1e-6)


def test_distance_between_masks_is_between_the_centres_of_their_yes_pixels(bench, places):
    place = places["utm"]
    a = bench.mask(HALVES, place, name="a.tif")
    b = bench.mask(HALVES[::-1, ::-1], place, name="b.tif")
    found = bench.values("measure", target=a, other=b, quantities=["distance", "bearing"])
    lon, lat = place.lonlat([4, 12], [5, 15])
    azimuth, _, metres = WGS84.inv(lon[0], lat[0], lon[1], lat[1])
    assert found["distance"] == pytest.approx(metres, rel=1e-6)
    assert found["bearing"] == pytest.approx(azimuth % 360, abs=1e-6)


def test_small_strips_give_the_same_figures(bench, places, blobs):
    mask = bench.mask(blobs, places["rotated"])
    quantities = ["area", "share", "centroid", "bounds"]
    whole = bench.values("measure", target=mask, quantities=quantities)
    parts = bench.using(block_pixels=100).values("measure", target=mask, quantities=quantities)
    assert parts == {name: pytest.approx(value, rel=1e-12) for name, value in whole.items()}


def test_what_an_artifact_does_not_have_is_refused_with_what_it_has(bench, places):
    mask = bench.mask(HALVES, places["utm"], label="water")
    with pytest.raises(InputError, match=r"\(mask\) has no perimeter") as caught:
        bench("measure", target=mask, quantities=["perimeter"])
    assert caught.value.hint.startswith("it has: area, share, valid_area, pixels")
    with pytest.raises(InputError, match="distance needs two ends") as caught:
        bench("measure", target=mask, quantities=["distance"])
    assert caught.value.hint == "give other"
    lake = bench.features([shapely.Point(10, 45)])
    with pytest.raises(InputError, match="an area was asked for of a Point"):
        bench("measure", target=lake, quantities=["area"])
    picture = bench.mask(HALVES, name="picture.tif")
    with pytest.raises(InputError, match="has no centroid"):
        bench("measure", target=picture, quantities=["centroid"])
    with pytest.raises(InputError, match="georeference"):
        bench("measure", target=picture, other=mask, quantities=["distance"])


def test_no_feature_at_all_has_no_extent_and_no_centre(bench):
    path = bench.folder / "none.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}')
    none = bench.handle("open_features", href=str(path))
    assert bench.values("measure", target=none, quantities=["count", "area"]) == {
        "count": 0,
        "area": 0,
    }
    with pytest.raises(InputError, match="'none' holds no feature, so it has no extent") as caught:
        bench("measure", target=none, quantities=["bounds"])
    assert caught.value.hint == "look at its count"
    with pytest.raises(InputError, match="the centroid of an empty geometry"):
        bench("measure", target=none, quantities=["centroid"])


def test_regions_of_a_picture_have_no_place_on_earth(bench):
    outlines = bench.handle("regions", mask=bench.mask(HALVES))
    with pytest.raises(InputError, match="is in pixels and has no place on Earth") as caught:
        bench("measure", target=outlines, quantities=["area"])
    assert caught.value.hint == "measure the mask it came from"


def test_quantities_that_are_none_are_refused(bench):
    assert "quantities" in bench.refused("measure", target="mask:0123456789ab", quantities=[])
    assert "volume" in bench.refused("measure", target="mask:0123456789ab", quantities=["volume"])
    assert "is a table" in bench.refused(
        "measure", target="table:0123456789ab", quantities=["area"]
    )
