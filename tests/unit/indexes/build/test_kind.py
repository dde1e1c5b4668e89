"""The kind `tiles`, as its entry point names it: built, opened, searched, looked after."""

from __future__ import annotations

import pytest
import rasterio

from eoagent.contracts.errors import NotFound
from eoagent.contracts.indexing import BuildRequest
from eoagent.contracts.tilesearch import TileQuery
from eoagent.plugins import load
from eoagent_indexes.build.lookahead import Lanes, ahead


def test_an_index_is_built_and_the_picture_of_a_tile_finds_that_tile(around, pictures, tmp_path):
    kind, folder, surroundings = load("eoagent.indexes", "tiles"), tmp_path / "i", around()
    with pytest.raises(NotFound):
        kind.open(folder, surroundings)
    kind.upkeep(folder, surroundings).build(BuildRequest(source=str(pictures)))
    index = kind.open(folder, surroundings)
    try:
        info = index.info()
        assert (info.tiles, info.items, info.without_place) == (36, 3, 0)
        assert info.recipe["request"]["source"] == str(pictures)
        hit = index.search(TileQuery(vectors=_one(index), k=1)).hits[0]
        with rasterio.open(hit.href) as file:
            assert hit.window[0] + hit.window[2] <= file.width
        assert hit.footprint["type"] == "Polygon"
    finally:
        index.close()


def _one(index):
    (some,) = index.search(TileQuery(vectors=_ones(index.info().encoder.dimensions), k=1)).hits
    found = index.vectors([some.tile_id])
    (again,) = index.search(TileQuery(vectors=found, k=1)).hits
    assert again.tile_id == some.tile_id
    return found


def _ones(dimensions):
    import numpy as np

    return np.ones((1, dimensions), np.float32)


def test_results_come_in_the_order_of_the_items_whatever_thread_makes_them():
    with Lanes(3) as lanes:
        assert list(ahead(lanes, lambda n: n * n, range(50), depth=4)) == [n * n for n in range(50)]


def test_what_work_raises_comes_where_its_result_would():
    with Lanes(2) as lanes:
        results = ahead(lanes, lambda n: 1 // n, [2, 1, 0, 1], depth=2)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_a_thread_of_a_number_does_all_its_work_and_what_is_asked_of_every_thread():
    import threading

    seen, closed = {}, []
    with Lanes(3) as lanes:

        def work(n):
            seen.setdefault(n % 2, set()).add(threading.get_ident())
            return n

        assert list(ahead(lanes, work, range(20), depth=5, lane_of=lambda n: n % 2)) == [*range(20)]
        lanes.everywhere(lambda: closed.append(threading.get_ident()))
    assert [len(threads) for threads in seen.values()] == [1, 1]
    assert len(set(closed)) == 3
