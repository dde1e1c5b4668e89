"""`relate` against pyproj over every pair."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from PIL import Image
from pyproj import Geod

from eoagent.contracts.errors import InputError
from eoagent.geo.measure import compass

WGS84 = Geod(ellps="WGS84")


@pytest.fixture
def points():
    rng = np.random.default_rng(5)
    return np.column_stack([rng.uniform(10, 14, 120), rng.uniform(44, 47, 120)])


def test_the_nearest_of_many_points_is_that_of_all_pairs(bench, points):
    places = bench.features(
        list(shapely.points(points)), name="p.gpkg", name_=[f"p{i}" for i in range(len(points))]
    )
    start = bench.features([shapely.Point(12.2, 45.4)], name="s.gpkg")
    found = bench.values("relate", relation="nearest", first=start, second=places)
    azimuth, _, metres = WGS84.inv(*np.full((2, 120), [[12.2], [45.4]]), points[:, 0], points[:, 1])
    best = int(np.argmin(metres))
    assert found["name"] == f"p{best}"
    assert found["distance"] == pytest.approx(metres[best], rel=1e-6)
    assert found["bearing"] == pytest.approx(azimuth[best] % 360, abs=1e-3)
    assert found["direction"] == compass(azimuth[best] % 360)


def test_distances_run_from_edge_to_edge_or_from_the_centre(bench):
    square = shapely.box(10, 45, 10.1, 45.1)
    first = bench.features([square], name="a.gpkg")
    second = bench.features([shapely.Point(10.2, 45.05)], name="b.gpkg")
    edge = bench.values("relate", relation="nearest", first=first, second=second)["distance"]
    centre = bench.values(
        "relate", relation="nearest", first=first, second=second, from_centre=True
    )["distance"]
    assert edge == pytest.approx(WGS84.inv(10.1, 45.05, 10.2, 45.05)[2], rel=1e-4)
    assert centre == pytest.approx(WGS84.inv(10.05, 45.05, 10.2, 45.05)[2], rel=1e-4)


def test_a_large_far_feature_does_not_hide_behind_its_distant_centre(bench):
    sliver = shapely.box(10.01, 40, 10.02, 50)
    near_points = [shapely.Point(10.0 + 0.05 * (i + 1), 45.8 + 0.01 * i) for i in range(60)]
    start = bench.features([shapely.Point(10.0, 45.9)], name="s.gpkg")
    others = bench.features(
        [*near_points, sliver], name="o.gpkg", name_=[*(f"p{i}" for i in range(60)), "sliver"]
    )
    assert (
        bench.values("relate", relation="nearest", first=start, second=others)["name"] == "sliver"
    )


def test_counting_within_a_distance_agrees_with_all_pairs(bench, points):
    places = bench.features(list(shapely.points(points)), name="p.gpkg")
    start = bench.features([shapely.Point(12.0, 45.5)], name="s.gpkg")
    _, _, metres = WGS84.inv(*np.full((2, 120), [[12.0], [45.5]]), points[:, 0], points[:, 1])
    for limit in (1_000, 40_000, 120_000):
        found = bench.values(
            "relate", relation="within", first=start, second=places, distance_m=limit
        )
        assert found["count"] == int((metres <= limit).sum())


def test_the_feature_itself_is_left_out_unless_it_is_wanted(bench):
    boxes = [shapely.box(10 + i, 45, 10.001 + i, 45.001) for i in range(3)]
    every = bench.features(boxes, name="all.gpkg")
    one = bench.features(boxes[:1], name="one.gpkg")
    near = {"relation": "within", "first": one, "second": every, "distance_m": 1000}
    assert bench.values("relate", **near)["count"] == 0
    assert bench.values("relate", **near, leave_out_equal=False)["count"] == 1
    with pytest.raises(InputError, match="holds nothing besides"):
        bench("relate", relation="nearest", first=one, second=one)


def test_inside_counts_what_is_covered_wholly(bench):
    area = bench.features([shapely.box(10, 45, 11, 46)], name="area.gpkg")
    things = [shapely.Point(10.5, 45.5), shapely.box(10.9, 45.9, 11.1, 46.1), shapely.Point(12, 45)]
    found = bench.features(things, name="things.gpkg")
    assert bench.values("relate", relation="inside", first=area, second=found)["count"] == 1


def test_a_raster_stands_for_its_centre(bench, places):
    raster = bench.image(np.ones((10, 20), "uint8"), places["utm"])
    lon, lat = places["utm"].lonlat(5, 10)
    target = bench.features([shapely.Point(lon + 0.1, lat)], name="t.gpkg")
    found = bench.values("relate", relation="nearest", first=raster, second=target)
    assert found["distance"] == pytest.approx(WGS84.inv(lon, lat, lon + 0.1, lat)[2], rel=1e-6)


def test_pictures_and_pixel_features_have_no_distance(bench):
    Image.fromarray(np.ones((10, 20), "uint8")).save(bench.folder / "picture.png")
    picture = bench.handle("open_image", hrefs=[str(bench.folder / "picture.png")])
    target = bench.features([shapely.Point(1, 1)], name="t.gpkg")
    with pytest.raises(InputError, match="has no georeference"):
        bench("relate", relation="nearest", first=picture, second=target)


def test_distance_goes_with_within_alone(bench):
    handle = "features:0123456789ab"
    base = {"first": handle, "second": handle}
    assert "within needs it" in bench.refused("relate", relation="within", **base)
    assert "goes with within" in bench.refused("relate", relation="nearest", distance_m=5.0, **base)


@pytest.mark.parametrize(
    ("bearing", "name"),
    [
        (0, "north"),
        (11.2, "north"),
        (11.3, "north-north-east"),
        (45, "north-east"),
        (180, "south"),
        (292.3, "west-north-west"),
        (348.7, "north-north-west"),
        (348.8, "north"),
        (359.9, "north"),
    ],
)
def test_bearings_have_sixteen_names(bearing, name):
    assert compass(bearing) == name
