"""Filters against shapely and the contracts' own records, tile by tile, without any index."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import shapely
from shapely.geometry import mapping, shape

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.tilesearch import TileFilter, TileQuery
from eoagent_indexes.conditions import Conditions
from eoagent_indexes.filters import _open_zones, match_rows, may_match
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.zones import ZONE_ROWS, Zones


def box_shape(box):
    spans = [(box.west, box.east)]
    if box.west > box.east:
        spans = [(box.west, 180), (-180, box.east)]
    return shapely.union_all([shapely.box(w, box.south, e, box.north) for w, e in spans])


def judge(tile, where):
    """Whether a tile meets each condition; None where it cannot be told."""
    met = []
    if where.bbox is not None or where.area is not None:
        places = [box_shape(where.bbox)] if where.bbox else []
        places += [shape(where.area)] if where.area else []
        if tile["bbox"] is None:
            met.append(("place", None))
        else:
            own = shapely.from_wkb(tile["geometry"])
            met.append(("place", all(own.intersects(p) for p in places)))
    if where.time is not None:
        span = TimeRange(start=tile["start"], end=tile["end"])
        unknown = tile["start"] is None and tile["end"] is None
        met.append(("time", None if unknown else span.overlaps(where.time)))
    if where.max_cloud_pct is not None:
        cloud = tile["cloud_pct"]
        met.append(("cloud", None if cloud is None else cloud <= where.max_cloud_pct))
    met.append(("", not where.collections or tile["collection"] in where.collections))
    met.append(("", not where.items or tile["item_id"] in where.items))
    met.append(("", where.tile_ids is None or tile["tile_id"] in where.tile_ids))
    return met


def oracle(tiles, where):
    """Numbers of the tiles that meet all conditions, and how many lack a place, time, cloud."""
    rows, missing = [], {"place": 0, "time": 0, "cloud": 0}
    for number, tile in enumerate(tiles):
        met = judge(tile, where)
        if all(value for _, value in met):
            rows.append(number)
        elif all(value is None or value for _, value in met):
            for name, value in met:
                if value is None:
                    missing[name] += 1
    return rows, missing


SPAIN = {
    "type": "Polygon",
    "coordinates": [[[-9, 41], [3, 40.5], [4, 47], [-2, 52], [-9, 41]]],
}
TWO = {
    "type": "MultiPolygon",
    "coordinates": [
        [[[-9, 41], [-3, 41], [-3, 45], [-9, 41]]],
        [
            [[5, 50], [9, 50], [9, 54], [5, 54], [5, 50]],
            [[6, 51], [8, 51], [8, 53], [6, 53], [6, 51]],
        ],
    ],
}
CASES = {
    "nothing": {},
    "box": {"bbox": BBox(west=-3, south=44, east=3, north=48)},
    "thin box": {"bbox": BBox(west=-3, south=44.001, east=3, north=44.002)},
    "point": {"bbox": BBox(west=0.5, south=47, east=0.5, north=47)},
    "line": {"bbox": BBox(west=-8, south=47, east=8, north=47)},
    "world": {"bbox": BBox(west=-180, south=-90, east=180, north=90)},
    "area": {"area": SPAIN},
    "area with a hole": {"area": TWO},
    "area and box": {"area": SPAIN, "bbox": BBox(west=-4, south=30, east=0, north=46)},
    "time": {"time": ("2019-03-01", "2019-06-01")},
    "open start": {"time": (None, "2019-02-01")},
    "open end": {"time": ("2019-11-01", None)},
    "cloud": {"max_cloud_pct": 12.5},
    "collection": {"collections": ("s1",)},
    "no such collection": {"collections": ("landsat",)},
    "items": {"items": ("item-3", "item-9")},
    "place, time and cloud": {
        "bbox": BBox(west=-8, south=42, east=8, north=52),
        "time": ("2019-02-01", "2019-09-01"),
        "max_cloud_pct": 60,
    },
    "all": {
        "area": SPAIN,
        "time": ("2019-02-01", None),
        "max_cloud_pct": 80,
        "collections": ("s2",),
        "items": tuple(f"item-{n}" for n in range(12)),
    },
}


def a_filter(said):
    said = dict(said)
    if "time" in said:
        ends = [None if t is None else f"{t}T00:00:00Z" for t in said["time"]]
        said["time"] = TimeRange(start=ends[0], end=ends[1])
    return TileFilter(**said)


@pytest.mark.parametrize("name", CASES)
def test_a_search_ranks_exactly_the_tiles_that_an_oracle_lets_through(made, coast, name):
    folder, tiles = coast
    where = a_filter(CASES[name])
    rows, missing = oracle(tiles.tiles, where)
    query = made.unit(np.random.default_rng(8).standard_normal(made.DIMENSIONS))
    index = made.open_index(folder)
    result = index.search(TileQuery(vectors=query[None], where=where, k=2000))
    index.close()
    ids, scores = tiles.best(query, 2000, rows)
    assert [hit.tile_id for hit in result.hits] == ids
    np.testing.assert_allclose([hit.score for hit in result.hits], scores, atol=1e-6)
    assert result.matched == len(rows) == len(result.hits)
    assert result.total == len(tiles.tiles)
    counted = (result.without_place, result.without_time, result.without_cloud)
    assert counted == (missing["place"], missing["time"], missing["cloud"])


def test_a_search_within_an_earlier_result_ranks_those_tiles_only(made, coast):
    folder, tiles = coast
    chosen = tuple(tile["tile_id"] for tile in tiles.tiles[100:140])
    where = TileFilter(tile_ids=(*chosen, "f" * 32), max_cloud_pct=50)
    index = made.open_index(folder)
    result = index.search(TileQuery(tile_ids=chosen[:1], where=where, k=100))
    rows, missing = oracle(tiles.tiles, where)
    assert {hit.tile_id for hit in result.hits} == {tiles.tiles[n]["tile_id"] for n in rows}
    assert result.without_cloud == missing["cloud"]
    assert "1 of the 41 tiles to choose from are not in the index" in result.warnings


def test_no_tile_to_choose_from_finds_none(made, coast):
    folder, _ = coast
    index = made.open_index(folder)
    query = np.ones((1, made.DIMENSIONS), np.float32)
    result = index.search(TileQuery(vectors=query, where=TileFilter(tile_ids=())))
    assert (result.hits, result.matched) == ((), 0)


def edge_tiles(made):
    """Tiles on the antimeridian and at the poles."""
    random = np.random.default_rng(3)
    boxes = [
        (179.5, 10, -179.5, 11),
        (178, 10, 179, 11),
        (179, 10, 180, 11),
        (-180, 10, -179, 11),
        (-179, 10, -178, 11),
        (0, 89, 1, 90),
        (-180, 88, 180, 90),
        (0, -90, 1, -89),
        (100, 0, 101, 1),
    ]
    tiles = []
    for number, (west, south, east, north) in enumerate(boxes):
        box = {"xmin": west, "ymin": south, "xmax": east, "ymax": north}
        footprint = box_shape(BBox(west=west, south=south, east=east, north=north))
        geometry = shapely.to_wkb(footprint)
        tiles.append(made.a_tile(number, random, bbox=box, geometry=geometry))
    return made.Made(tiles, made.clusters(len(tiles), random))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((179.6, 0, -179.6, 20), {0, 2, 3}),
        ((178.5, 0, -178.5, 20), {0, 1, 2, 3, 4}),
        ((-180, 0, -179.8, 20), {0, 2, 3}),
        ((179.9, 0, 180, 20), {0, 2, 3}),
        ((170, 0, 178.5, 20), {1}),
        ((-180, -90, 180, 90), set(range(9))),
        ((50, 89.5, 60, 90), {6}),
        ((0.5, 90, 0.5, 90), {5, 6}),
        ((-10, -90, 10, -89.5), {7}),
        ((20, 0, 101, 1), {8}),
    ],
)
def test_boxes_over_the_antimeridian_and_at_the_poles(made, tmp_path, box, expected):
    tiles = edge_tiles(made)
    folder = made.write_index(tmp_path / "edges", tiles)
    west, south, east, north = box
    asked = BBox(west=west, south=south, east=east, north=north)
    index = made.open_index(folder)
    query = np.ones((1, made.DIMENSIONS), np.float32)
    result = index.search(TileQuery(vectors=query, where=TileFilter(bbox=asked)))
    assert {tiles.rows[hit.tile_id] for hit in result.hits} == expected
    names = ("west", "south", "east", "north")
    boxes = [BBox(**dict(zip(names, t["bbox"].values(), strict=True))) for t in tiles.tiles]
    assert {n for n, own in enumerate(boxes) if own.intersects(asked)} == expected
    area = mapping(box_shape(asked)) if west != east else None
    if area is not None:
        by_area = index.search(TileQuery(vectors=query, where=TileFilter(area=area)))
        assert {tiles.rows[hit.tile_id] for hit in by_area.hits} == expected


def test_an_area_that_runs_on_past_180_degrees_is_cut_there(made, tmp_path):
    tiles = edge_tiles(made)
    folder = made.write_index(tmp_path / "edges", tiles)
    area = mapping(shapely.box(179.6, 0, 180.4, 20))
    query = np.ones((1, made.DIMENSIONS), np.float32)
    result = made.open_index(folder).search(TileQuery(vectors=query, where=TileFilter(area=area)))
    assert {tiles.rows[hit.tile_id] for hit in result.hits} == {0, 2, 3}


@pytest.mark.parametrize(
    ("area", "message"),
    [
        (
            {"type": "Point", "coordinates": [0, 0]},
            "the area is a GeoJSON 'Point', which is no polygon",
        ),
        ({"type": "Feature", "geometry": SPAIN}, "the area is a GeoJSON 'Feature'"),
        ({"type": "Polygon"}, "the area cannot be read as a GeoJSON Polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1]]]}, "the area cannot be read"),
        ({"type": "Polygon", "coordinates": []}, "the area is an empty polygon"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]},
            "covers no ground",
        ),
        (
            {"type": "Polygon", "coordinates": [[[500000, 0], [600000, 0], [0, 9], [500000, 0]]]},
            "not degrees on the globe",
        ),
    ],
)
def test_an_area_that_is_no_polygon_on_the_globe_is_refused(area, message):
    with pytest.raises(InputError, match=message):
        Conditions.of(TileFilter(area=area))


def test_a_tile_of_one_end_only_is_an_instant(made, tmp_path):
    random = np.random.default_rng(0)
    tiles = [
        made.a_tile(0, random, end=None, start=made.FIRST),
        made.a_tile(1, random, start=None, end=made.FIRST + 9 * made.DAY),
    ]
    folder = made.write_index(tmp_path / "ends", made.Made(tiles, made.clusters(2, random)))
    snapshot = Snapshot.open(folder)
    for first, last, count in ((0, 0, 1), (1, 8, 0), (9, 9, 1), (0, 9, 2), (10, 20, 0)):
        span = TimeRange(start=made.FIRST + first * made.DAY, end=made.FIRST + last * made.DAY)
        wanted = Conditions.of(TileFilter(time=span))
        assert match_rows(snapshot.segments[0], wanted).count == count


def test_a_cloud_share_is_held_against_its_own_value(made, tmp_path):
    random = np.random.default_rng(0)
    tiles = [made.a_tile(n, random, cloud_pct=c) for n, c in enumerate((0.1, 19.99, 20.0, 20.01))]
    folder = made.write_index(tmp_path / "clouds", made.Made(tiles, made.clusters(4, random)))
    segment = Snapshot.open(folder).segments[0]
    for limit, count in ((0.0, 0), (0.1, 1), (19.99, 2), (20, 3), (20.01, 4)):
        assert match_rows(segment, Conditions.of(TileFilter(max_cloud_pct=limit))).count == count


def test_zones_change_no_answer_and_leave_most_rows_alone(made, tmp_path):
    tiles = made.some_tiles(6 * ZONE_ROWS + 100, seed=4, collection="s2")
    folder = made.write_index(tmp_path / "many", tiles)
    segment = Snapshot.open(folder).segments[0]
    zones = Zones.of(segment.columns)
    wanted = Conditions.of(TileFilter(bbox=BBox(west=4, south=50, east=5, north=51)))
    with_zones = match_rows(segment, wanted, zones=zones)
    assert with_zones.rows.tolist() == match_rows(segment, wanted).rows.tolist()
    assert with_zones.count > 0
    assert _open_zones(segment, wanted, zones).sum() <= 2
    assert zones.nbytes < segment.rows


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, True),
        ({"bbox": BBox(west=-3, south=44, east=3, north=48)}, True),
        ({"bbox": BBox(west=50, south=44, east=60, north=48)}, False),
        ({"time": ("2019-01-01", None)}, True),
        ({"time": (None, "2018-06-01")}, False),
        ({"collections": ("s2",)}, True),
        ({"collections": ("landsat",)}, False),
    ],
)
def test_a_segment_out_of_range_is_not_opened(made, tmp_path, said, expected):
    folder = made.write_index(tmp_path / "plain", made.some_tiles(50))
    segment = Snapshot.open(folder).segments[0]
    assert may_match(segment, Conditions.of(a_filter(said))) is expected


def test_a_segment_out_of_range_is_looked_into_where_tiles_lack_a_place_or_time(made, tmp_path):
    random = np.random.default_rng(0)
    tiles = [made.a_tile(0, random, bbox=None), made.a_tile(1, random, start=None, end=None)]
    folder = made.write_index(tmp_path / "bare", made.Made(tiles, made.clusters(2, random)))
    segment = Snapshot.open(folder).segments[0]
    far = Conditions.of(TileFilter(bbox=BBox(west=50, south=44, east=60, north=48)))
    early = Conditions.of(
        TileFilter(time=TimeRange(start=None, end=made.FIRST - timedelta(days=9)))
    )
    assert may_match(segment, far)
    assert may_match(segment, early)
    assert match_rows(segment, far).without_place == 1
    assert match_rows(segment, early).without_time == 1
