"""The sample world against rasterio, pyproj, shapely and pystac: its files hold what its truth says."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise

import numpy as np
import pyproj
import pystac
import pytest
import rasterio
import rasterio.features
import rasterio.transform
import shapely
from rasterio.warp import transform_geom

from eoagent.contracts.errors import InputError, SourceError
from eoagent.io.sampleworld import WorldTruth, write_world

SIZE = 240


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    return folder, write_world(folder, seed=7, size=SIZE)


def read(folder, scene):
    """Reflectance in float64, valid pixels and the dataset's place, by rasterio alone."""
    with rasterio.open(folder / scene.href) as data:
        scales = np.array(data.scales)[:, None, None]
        offsets = np.array(data.offsets)[:, None, None]
        bands = dict(zip(data.descriptions, data.read() * scales + offsets, strict=True))
        bands["nir"] = bands.get("nir", bands.get("nir08"))
        return bands, data.read_masks(1) > 0, data.transform, data.crs


def quality(folder, scene):
    name = "scl" if "-s2-" in scene.id else "qa_pixel"
    with rasterio.open(str(folder / scene.href).replace(".tif", f"_{name}.tif")) as data:
        return data.read(1)


def features(folder, name):
    document = json.loads((folder / "vectors" / f"{name}.geojson").read_text("utf-8"))
    return document["features"]


def burn_in(feature, crs, transform, shape):
    geometry = transform_geom("EPSG:4326", crs, feature["geometry"])
    return rasterio.features.geometry_mask([geometry], shape, transform, invert=True)


def ratio(a, b):
    with np.errstate(all="ignore"):
        return np.nan_to_num((a - b) / (a + b))


def geodesic_area(yes, transform, crs):
    """Sum of the geodesic areas of pixels as polygons, one by one."""
    to_lonlat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    geod = pyproj.Geod(ellps="WGS84")
    rows, cols = np.nonzero(yes)
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    x = transform.c + transform.a * np.array([cols + c for _, c in corners])
    y = transform.f + transform.e * np.array([rows + r for r, _ in corners])
    lon, lat = to_lonlat.transform(x, y)
    return sum(abs(geod.polygon_area_perimeter(lon[:, i], lat[:, i])[0]) for i in range(rows.size))


def test_every_index_rule_counted_from_the_files_gives_the_pixels_of_the_truth(world):
    folder, truth = world
    for scene in truth.scenes:
        b, valid, _, _ = read(folder, scene)
        found = [
            ratio(b["green"], b["nir"]) > 0,
            ratio(b["green"], b["swir16"]) > 0,
            ratio(b["nir"], b["red"]) > 0.4,
            (ratio(b["green"], b["swir16"]) > 0.4) & (b["nir"] > 0.11),
            ratio(b["nir"], b["swir22"]) < -0.1,
        ]
        counts = [int((yes & valid).sum()) for yes in found]
        assert counts == [rule.valid.pixels for rule in scene.rules], scene.id


def test_rules_are_exact_among_clear_pixels_except_where_the_truth_says_snow(world):
    _, truth = world
    for scene in truth.scenes:
        for rule in scene.rules:
            wanted = sum(c.pixels for c in scene.covers if c.label in rule.covers)
            assert rule.is_exact == (rule.clear.pixels == wanted and not rule.also_meets)
            if not rule.is_exact:
                assert rule.also_meets == ("snow",)
                assert "snow" in {c.label for c in scene.covers}


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_other_seeds_keep_the_rules_exact_and_the_lake_in_sight(tmp_path, seed):
    truth = write_world(tmp_path, seed=seed, size=180)
    assert truth.burn.is_exact
    assert truth.burn.clear.pixels > 300
    for scene in truth.scenes:
        assert {m for rule in scene.rules for m in rule.also_meets} <= {"snow"}
        assert scene.lakes[0].label == truth.largest_lake
        assert scene.lakes[0].hidden_pixels == 0


def test_lake_area_is_that_of_water_pixels_inside_its_polygon_and_it_shrinks(world):
    folder, truth = world
    lake = next(f for f in features(folder, "places") if f["properties"]["name"] == "Lake Solvera")
    areas = []
    for scene in truth.scenes:
        b, _, transform, crs = read(folder, scene)
        water = ratio(b["green"], b["nir"]) > 0
        inside = water & burn_in(lake, crs, transform, water.shape)
        assert int(inside.sum()) == scene.lakes[0].pixels
        area = geodesic_area(inside, transform, crs)
        assert scene.lakes[0].area_m2 == pytest.approx(area, rel=1e-5)
        if "-s2-" in scene.id:
            areas.append(area)
    assert areas[0] == areas[1]
    assert all(later < earlier for earlier, later in pairwise(areas[1:]))


def test_valid_area_is_that_of_the_geodesic_outline(world):
    folder, truth = world
    scene = truth.scenes[0]
    _, valid, transform, crs = read(folder, scene)
    assert valid.all()
    edge = shapely.box(
        transform.c, transform.f + SIZE * transform.e, transform.c + SIZE * transform.a, transform.f
    ).segmentize(20.0)
    outline = shapely.geometry.shape(transform_geom(crs, "EPSG:4326", edge.__geo_interface__))
    area = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(outline)[0])
    assert scene.valid.area_m2 == pytest.approx(area, rel=1e-6)
    assert sum(c.area_m2 for c in scene.covers) == pytest.approx(scene.valid.area_m2, rel=1e-12)


def test_burn_scar_is_the_fall_of_nbr_between_the_first_two_scenes(world):
    folder, truth = world
    assert truth.burn_scenes == (truth.scenes[0].id, truth.scenes[1].id)
    nbr = []
    for scene in truth.scenes[:2]:
        b, _, transform, crs = read(folder, scene)
        nbr.append(ratio(b["nir"], b["swir22"]))
    scar = nbr[0] - nbr[1] > 0.27
    assert truth.burn.clear.pixels == int(scar.sum()) > 0
    area = geodesic_area(scar, transform, crs)
    assert truth.burn.clear.area_m2 == pytest.approx(area, rel=1e-5)


def test_mean_ndvi_is_that_of_the_files(world):
    folder, truth = world
    for scene in truth.scenes:
        b, valid, _, _ = read(folder, scene)
        ndvi = (b["nir"] - b["red"])[valid] / (b["nir"] + b["red"])[valid]
        assert scene.mean_ndvi_valid == pytest.approx(ndvi.mean(), abs=1e-12)


def test_quality_band_hides_the_clouds_and_shadows_of_the_truth(world):
    folder, truth = world
    cloudy = [s for s in truth.scenes if s.cloud_pct > 0]
    assert [s.date for s in cloudy] == ["2024-04-18"]
    codes = quality(folder, cloudy[0])
    covers = {c.label: c.pixels for c in cloudy[0].covers}
    assert int(np.isin(codes, [8, 9]).sum()) == covers["cloud"]
    assert int((codes == 3).sum()) == covers["cloud_shadow"]
    assert int((codes == 0).sum()) == SIZE * SIZE - cloudy[0].valid.pixels > 0
    b, valid, _, _ = read(folder, cloudy[0])
    clear = valid & ~np.isin(codes, [3, 8, 9])
    assert int(clear.sum()) == cloudy[0].clear.pixels
    ndvi = (b["nir"] - b["red"])[clear] / (b["nir"] + b["red"])[clear]
    assert cloudy[0].mean_ndvi_clear == pytest.approx(ndvi.mean(), abs=1e-12)
    expected = 100 * covers["cloud"] / cloudy[0].valid.pixels
    assert cloudy[0].cloud_pct == pytest.approx(expected)


def test_landsat_quality_bits_mark_water_as_the_truth_counts_it(world):
    folder, truth = world
    scene = next(s for s in truth.scenes if "-l8-" in s.id)
    assert scene.gsd_m == 30
    bits = quality(folder, scene)
    assert int(((bits >> 7) & 1).sum()) == scene.water.pixels


def test_buildings_burn_in_to_the_pixels_counted_and_lie_in_their_town(world):
    folder, truth = world
    everything = features(folder, "buildings")
    assert len(everything) == truth.building_count
    _, valid, transform, crs = read(folder, truth.scenes[0])
    town = next(f for f in features(folder, "places") if f["properties"]["kind"] == "town")
    outline = shapely.geometry.shape(town["geometry"])
    for place in truth.buildings:
        own = [f for f in everything if f["properties"]["place"] == place.place]
        assert len(own) == place.buildings
        pixels = sum(int(burn_in(f, crs, transform, valid.shape).sum()) for f in own)
        assert pixels == place.pixels
        shapes = [shapely.geometry.shape(f["geometry"]) for f in own]
        geod = pyproj.Geod(ellps="WGS84")
        area = sum(abs(geod.geometry_area_perimeter(s)[0]) for s in shapes)
        assert place.area_m2 == pytest.approx(area, rel=1e-4)
        within = sum(s.centroid.within(outline) for s in shapes)
        assert within == (place.buildings if place.place == "Marenza" else 0)
    assert truth.town_building_count == next(
        p.buildings for p in truth.buildings if p.place == "Marenza"
    )


def test_buildings_do_not_touch_each_other(world):
    folder, _ = world
    shapes = [shapely.geometry.shape(f["geometry"]) for f in features(folder, "buildings")]
    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes, predicate="intersects")
    assert (first == second).all()


def test_road_lengths_are_geodesic_lengths_of_the_lines_written(world):
    folder, truth = world
    geod = pyproj.Geod(ellps="WGS84")
    lengths = {
        f["properties"]["name"]: geod.geometry_length(shapely.geometry.shape(f["geometry"]))
        for f in features(folder, "roads")
    }
    assert lengths == pytest.approx({road.name: road.length_m for road in truth.roads}, rel=1e-9)


def test_vector_polygons_are_valid_and_run_counter_clockwise(world):
    folder, _ = world
    for name in ("places", "buildings"):
        for feature in features(folder, name):
            shape = shapely.geometry.shape(feature["geometry"])
            assert shape.is_valid
            if shape.geom_type == "Polygon":
                assert shape.exterior.is_ccw


def test_harbour_and_airport_stand_where_the_map_shows_them(world):
    folder, truth = world
    _, _, transform, crs = read(folder, truth.scenes[0])
    points = {f["properties"]["kind"]: f for f in features(folder, "facilities")}
    assert set(points) == {"airport", "harbour"}
    x, y = transform_geom("EPSG:4326", crs, points["harbour"]["geometry"])["coordinates"]
    row, col = rasterio.transform.rowcol(transform, x, y)
    assert 0 < col < 0.4 * SIZE
    assert 0.4 * SIZE < row < 0.7 * SIZE


def test_pystac_reads_the_catalog_and_every_asset_is_there(world):
    folder, truth = world
    catalog = pystac.Catalog.from_file(folder / "catalog.json")
    items = {item.id: item for item in catalog.get_items(recursive=True)}
    assert set(items) == {scene.id for scene in truth.scenes}
    assert {c.id for c in catalog.get_children()} == {"ostavia-s2", "ostavia-l8"}
    for scene in truth.scenes:
        item = items[scene.id]
        assert item.datetime.date().isoformat() == scene.date
        assert item.get_collection().id == item.collection_id
        assert item.properties["eo:cloud_cover"] == pytest.approx(scene.cloud_pct, abs=1e-4)
        for asset in item.assets.values():
            assert not asset.href.startswith("/")
            with rasterio.open(asset.get_absolute_href()) as data:
                assert str(data.crs) == item.properties["proj:code"]
                assert list(data.shape) == item.properties["proj:shape"]
                assert list(data.transform)[:6] == item.properties["proj:transform"]
                assert list(data.bounds) == item.properties["proj:bbox"]
                corners = transform_geom(
                    data.crs, "EPSG:4326", shapely.box(*data.bounds).__geo_interface__
                )
        ring = shapely.geometry.shape(corners)
        assert shapely.geometry.shape(item.geometry).hausdorff_distance(ring) < 1e-7
        assert item.bbox == pytest.approx(ring.bounds, abs=1e-7)
    for collection in catalog.get_children():
        for asset in collection.assets.values():
            assert features(folder, asset.title.lower())


def test_item_bands_name_scale_as_the_file_does(world):
    folder, truth = world
    for scene in truth.scenes:
        item = json.loads((folder / scene.href).with_suffix(".json").read_text("utf-8"))
        bands = item["assets"]["bands"]["bands"]
        with rasterio.open(folder / scene.href) as data:
            assert [b["eo:common_name"] for b in bands] == list(data.descriptions)
            assert [b["raster:scale"] for b in bands] == list(data.scales)
            assert [b["raster:offset"] for b in bands] == list(data.offsets)
            assert [b["data_type"] for b in bands] == list(data.dtypes)
            assert data.nodata == 0
            assert data.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    def hashes(folder):
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_world(tmp_path / name, seed=seed, size=180)
    write_world(tmp_path / "b", seed=3, size=180)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    first, other = hashes(tmp_path / "a"), hashes(tmp_path / "c")
    assert set(first) == set(other)
    assert all(first[name] != other[name] for name in first if name.endswith(f"{'0713'}.tif"))


def test_truth_file_reads_back_as_the_record_returned(world):
    folder, truth = world
    text = (folder / "truth.json").read_text("utf-8")
    assert WorldTruth.model_validate_json(text) == truth


@pytest.mark.parametrize(("size", "seed"), [(179, 1), (2401, 1), (200, -1)])
def test_a_size_or_seed_out_of_range_is_refused_with_the_range(tmp_path, size, seed):
    with pytest.raises(InputError, match=f"{size} x {size} pixels from seed {seed}") as caught:
        write_world(tmp_path / "w", size=size, seed=seed)
    assert "180 to 2400" in caught.value.hint
    assert not (tmp_path / "w").exists()


def test_a_folder_that_is_a_file_is_a_source_error_that_names_it(tmp_path):
    file = tmp_path / "taken"
    file.write_text("here")
    with pytest.raises(SourceError, match="could not be written to") as caught:
        write_world(file, size=180)
    assert caught.value.href == str(file)
    assert "room" in caught.value.hint
