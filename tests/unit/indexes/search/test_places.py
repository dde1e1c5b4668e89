"""Merging neighbours into places."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import mapping

from eoagent.contracts.geometry import BBox
from eoagent.contracts.tilesearch import TileHit, TileQuery
from eoagent_indexes.places import are_neighbours, merge_places


def hit(rank, *, href="a.tif", window=(0, 0, 10, 10), box=None, footprint=True):
    shape = None
    bbox = None
    if box is not None:
        west, south, east, north = box
        bbox = BBox(west=west, south=south, east=east, north=north)
        if footprint:
            spans = [(west, east)] if west <= east else [(west, 180), (-180, east)]
            parts = [shapely.box(w, south, e, north) for w, e in spans]
            shape = mapping(shapely.union_all(parts))
    return TileHit(
        rank=rank,
        tile_id=f"{rank:032x}",
        score=1 - rank / 100,
        z=None,
        item_id="i",
        href=href,
        window=window,
        bbox=bbox,
        footprint=shape,
    )


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((5, 5, 10, 10), True),
        ((10, 0, 10, 10), True),
        ((10, 10, 10, 10), True),
        ((11, 0, 10, 10), False),
        ((0, 30, 10, 10), False),
        ((2, 2, 4, 4), True),
    ],
)
def test_tiles_of_one_file_are_neighbours_by_their_pixels(window, expected):
    assert are_neighbours(hit(1), hit(2, window=window)) is expected
    assert are_neighbours(hit(2, window=window), hit(1)) is expected


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((1, 1, 2, 2), True),
        ((1.00000005, 0, 2, 1), True),
        ((1.01, 0, 2, 1), False),
        ((0.2, 0.2, 0.8, 0.8), True),
        (None, False),
    ],
)
def test_tiles_of_other_files_are_neighbours_by_their_ground(box, expected):
    one, other = hit(1, box=(0, 0, 1, 1)), hit(2, href="b.tif", box=box)
    assert are_neighbours(one, other) is expected
    assert are_neighbours(other, one) is expected


def test_neighbours_meet_across_the_antimeridian():
    east = hit(1, box=(179, 0, 180, 1))
    over = hit(2, href="b.tif", box=(179.9, 0, -179.5, 1))
    west = hit(3, href="c.tif", box=(-180, 0, -179, 1))
    for one, other in ((east, west), (east, over), (over, west)):
        assert are_neighbours(one, other)
        assert are_neighbours(other, one)
        merged, _ = merge_places([one, other], 5)
        assert [place.merged for place in merged] == [2]


def test_the_footprint_decides_where_boxes_meet_and_the_box_where_there_is_none():
    corner = hit(1, box=(0, 0, 1, 1))
    triangle = shapely.Polygon([(0.9, 2), (2, 0.9), (2, 2)])
    far = hit(2, href="b.tif", box=(0.9, 0.9, 2, 2)).model_copy(
        update={"footprint": mapping(triangle)}
    )
    assert not are_neighbours(corner, far)
    assert are_neighbours(corner, far.model_copy(update={"footprint": None}))


def test_a_place_is_shown_by_its_best_tile_and_does_not_grow_by_chains():
    row = [hit(n + 1, window=(10 * n, 0, 10, 10)) for n in range(4)]
    places, is_open = merge_places(row, 9)
    assert [(p.tile_id, p.rank, p.merged) for p in places] == [
        (row[0].tile_id, 1, 2),
        (row[2].tile_id, 2, 2),
    ]
    assert is_open


def test_counting_ends_before_the_tile_that_would_open_one_place_too_many():
    tiles = [
        hit(1),
        hit(2, window=(5, 0, 10, 10)),
        hit(3, window=(500, 0, 10, 10)),
        hit(4, window=(900, 0, 10, 10)),
        hit(5, window=(1, 1, 10, 10)),
    ]
    places, is_open = merge_places(tiles, 2)
    assert [(p.tile_id, p.merged) for p in places] == [(tiles[0].tile_id, 2), (tiles[2].tile_id, 1)]
    assert not is_open


def test_no_tiles_make_no_place():
    assert merge_places([], 3) == ((), True)


def test_a_search_gives_as_many_places_as_asked_for_however_many_tiles_they_take(made, tmp_path):
    random = np.random.default_rng(0)
    tiles = []
    for n in range(400):  # ten places of forty dates each
        west = float(n % 10)
        box = {"xmin": west, "ymin": 0, "xmax": west + 0.1, "ymax": 0.1}
        tiles.append(made.a_tile(n, random, bbox=box, href=f"{n}.tif"))
    query = made.unit(random.standard_normal(made.DIMENSIONS))
    near = made.unit(query + 0.1 * random.standard_normal((400, made.DIMENSIONS)))
    far = made.unit(random.standard_normal((400, made.DIMENSIONS)))
    best_place = np.arange(400)[:, None] % 10 == 0
    whole = made.Made(tiles, np.where(best_place, near, far).astype(np.float32))
    index = made.open_index(made.write_index(tmp_path / "places", whole, segments=2))
    result = index.search(TileQuery(vectors=query[None], k=4, merge=True))
    ids, _ = whole.best(query, 400)
    expected = []
    for name in ids:
        place = whole.rows[name] % 10
        if place not in [p for p, _ in expected]:
            expected.append((place, name))
    assert [h.tile_id for h in result.hits] == [name for _, name in expected[:4]]
    assert result.hits[0].merged >= 40
    assert [h.rank for h in result.hits] == [1, 2, 3, 4]
    everything = index.search(TileQuery(vectors=query[None], k=30, merge=True))
    assert len(everything.hits) == 10
    assert sum(h.merged for h in everything.hits) == 400
