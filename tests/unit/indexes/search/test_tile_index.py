"""An open index: what it tells, ties, threads, versions, devices."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import shapely

from eoagent.contracts.errors import BudgetExceeded, NotFound, SourceError
from eoagent.contracts.geometry import BBox
from eoagent.contracts.tilesearch import TileFilter, TileQuery
from eoagent_indexes.once import Once
from eoagent_indexes.tile_index import TileIndex
from eoagent_indexes.writer import IndexWriter


@pytest.fixture(scope="module")
def index(made, coast):
    index = made.open_index(coast[0])
    yield index
    index.close()


@pytest.mark.parametrize("k", [1, 7, 100, 1332, 1333, 1334, 10_000])
def test_always_the_smaller_of_k_and_matched_tiles_best_first(made, coast, index, k):
    _, tiles = coast
    query = made.unit(np.random.default_rng(k).standard_normal(made.DIMENSIONS))
    result = index.search(TileQuery(vectors=query[None], k=k))
    ids, scores = tiles.best(query, k)
    assert [hit.tile_id for hit in result.hits] == ids
    assert [hit.rank for hit in result.hits] == list(range(1, len(ids) + 1))
    np.testing.assert_allclose([hit.score for hit in result.hits], scores, atol=1e-6)
    assert result.matched == len(tiles.tiles) == 1333
    assert (result.exact, result.plan, result.recall) == (True, "exact", None)
    assert (result.index, result.version) == ("coast", index.snapshot.version)
    assert set(result.seconds) == {"query", "filter", "rank", "show", "all"}


def test_a_hit_says_of_its_tile_what_was_written(coast, index):
    _, tiles = coast
    for written in tiles.tiles[:40]:
        (hit,) = index.tiles([written["tile_id"]])
        for name in ("collection", "item_id", "href", "item_href", "start", "end", "cloud_pct"):
            assert getattr(hit, name) == written[name]
        assert hit.window == (written["col"], written["row"], written["width"], written["height"])
        assert (hit.score, hit.z, hit.rank, hit.gsd_m) == (1.0, None, 1, 10.0)
        if written["bbox"] is None:
            assert (hit.bbox, hit.footprint) == (None, None)
        else:
            assert hit.bbox.west == written["bbox"]["xmin"]
            own = shapely.geometry.shape(hit.footprint)
            assert own.equals(shapely.from_wkb(written["geometry"]))


def test_tiles_and_vectors_come_in_the_order_asked_for(coast, index):
    _, tiles = coast
    order = np.random.default_rng(0).permutation(len(tiles.tiles))[:50]
    names = [tiles.tiles[n]["tile_id"] for n in order]
    names.append(names[0])
    assert [hit.tile_id for hit in index.tiles(names)] == names
    found = index.vectors(names)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, tiles.vectors[[*order, order[0]]], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert index.tiles([]) == ()
    with pytest.raises(NotFound, match=f"no tile {'f' * 32}"):
        index.tiles(["f" * 32])


def test_tiles_that_are_equally_good_are_ordered_and_cut_by_id(made, tmp_path):
    tiles = made.some_tiles(90, seed=3)
    tiles.vectors[::3] = tiles.vectors[0]
    folder = made.write_index(tmp_path / "ties", tiles, segments=4)
    index = made.open_index(folder)
    for k in (1, 5, 29, 30, 31, 90):
        result = index.search(TileQuery(vectors=tiles.vectors[:1], k=k))
        assert [hit.tile_id for hit in result.hits] == tiles.best(tiles.vectors[0], k)[0]


def test_one_tile_finds_itself_first(coast, index):
    _, tiles = coast
    name = tiles.tiles[77]["tile_id"]
    result = index.search(TileQuery(tile_ids=(name,), k=3))
    assert result.hits[0].tile_id == name
    assert result.hits[0].score == pytest.approx(1, abs=1e-6)


def test_searches_at_once_give_what_each_gives_alone(made, coast):
    folder, tiles = coast
    index = made.open_index(folder)
    queries = made.unit(np.random.default_rng(4).standard_normal((24, made.DIMENSIONS)))
    where = TileFilter(bbox=BBox(west=-6, south=42, east=6, north=52), max_cloud_pct=70)
    start = threading.Barrier(6)

    def search(n):
        if n < 6:
            start.wait(timeout=30)
        filtered = index.search(TileQuery(vectors=queries[n][None], where=where, k=20))
        whole = index.search(TileQuery(vectors=queries[n][None], k=20))
        return [[hit.tile_id for hit in r.hits] for r in (filtered, whole)]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(search, range(24)))
    alone = made.open_index(folder)
    for n in range(24):
        expected = [
            [
                hit.tile_id
                for hit in alone.search(TileQuery(vectors=queries[n][None], where=w, k=20)).hits
            ]
            for w in (where, TileFilter())
        ]
        assert found[n] == expected
        assert found[n][1] == tiles.best(queries[n], 20)[0]


def test_later_versions_change_nothing_for_an_open_index(made, tmp_path):
    tiles = made.some_tiles(40)
    folder = made.write_index(tmp_path / "grows", tiles)
    index = TileIndex.open(folder, made.surroundings())
    before = index.search(TileQuery(vectors=tiles.vectors[:1], k=40))
    with IndexWriter(folder) as writer:
        writer.commit(drop_tiles=[hit.tile_id for hit in before.hits[:5]])
    after = index.search(TileQuery(vectors=tiles.vectors[:1], k=40))
    assert after.hits == before.hits
    later = TileIndex.open(folder, made.surroundings())
    assert len(later.search(TileQuery(vectors=tiles.vectors[:1], k=40)).hits) == 35
    index.close()
    index.close()


def test_an_index_tells_what_it_holds(made, coast, index):
    _, tiles = coast
    info = index.info()
    assert info.name == "coast"
    assert (info.tiles, info.deleted, info.segments) == (1333, 167, 3)
    assert info.without_place == sum(t["bbox"] is None for t in tiles.tiles)
    assert info.items == len({(t["collection"], t["item_id"]) for t in tiles.tiles})
    assert info.collections == ("s1", "s2")
    assert info.bbox.west == pytest.approx(
        min(t["bbox"]["xmin"] for t in tiles.tiles if t["bbox"]), abs=0.1
    )
    assert info.time.start == made.FIRST
    assert info.encoder == made.fingerprint()
    root = index.snapshot.folder
    assert info.bytes == sum(
        (root / f.path).stat().st_size for f in index.snapshot.manifest.files()
    )
    assert (info.quarantined, info.ann, info.notes) == (0, (), ())


def test_what_is_not_known_of_the_encoder_is_noted(made, tmp_path):
    partly = made.fingerprint(weights_sha256="unknown", precision="unknown")
    folder = made.write_index(tmp_path / "partly", made.some_tiles(5), encoder=partly)
    assert made.open_index(folder).info().notes == (
        "not known of the encoder that made it: weights_sha256, precision",
    )


def test_an_index_without_a_live_tile_finds_nothing(made, tmp_path):
    tiles = made.some_tiles(3)
    folder = made.write_index(tmp_path / "empty", tiles, drop=list(tiles.rows))
    index = made.open_index(folder)
    result = index.search(TileQuery(vectors=tiles.vectors[:1]))
    assert (result.hits, result.matched, result.total, result.exact) == ((), 0, 0, True)
    assert index.background() is None
    assert index.info().items == 0


def test_damaged_vectors_are_an_error_and_never_a_result(made, tmp_path):
    tiles = made.some_tiles(50)
    folder = made.write_index(tmp_path / "hurt", tiles)
    (path,) = folder.glob("segments/*/vectors.npy")
    data = bytearray(path.read_bytes())
    data[-5] ^= 64
    path.write_bytes(data)
    with pytest.raises(SourceError, match="has other bytes than were written"):
        made.open_index(folder).search(TileQuery(vectors=tiles.vectors[:1]))


def test_time_that_is_over_ends_a_search(made, coast):
    class Over:
        remaining_s = 0.0

        def check(self):
            raise BudgetExceeded("the time is over")

    index = TileIndex.open(coast[0], made.surroundings(deadline=Over()))
    with pytest.raises(BudgetExceeded):
        index.search(TileQuery(vectors=np.ones((1, made.DIMENSIONS), np.float32)))


def test_a_value_is_made_once_by_many_threads_and_again_after_a_failure():
    kept = Once()
    made_by = []

    def make():
        made_by.append(threading.get_ident())
        return len(made_by)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: kept.get("key", make), range(64))) == {1}

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept.get("other", fail)
    assert kept.get("other", make) == 2
    kept.clear()
    assert kept.get("key", make) == 3
