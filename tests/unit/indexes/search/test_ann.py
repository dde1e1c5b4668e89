"""Approximate structures: what they claim against brute force, and what happens when they fail."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest

from eoagent.contracts.errors import InputError, ModelError, ModelMissing, SourceError
from eoagent.contracts.geometry import TimeRange
from eoagent.contracts.tilesearch import TileFilter, TileQuery
from eoagent_indexes import faisslib
from eoagent_indexes.ann import AnnPlan, AnnStructure, build_ann
from eoagent_indexes.ann_write import write_ann
from eoagent_indexes.calibration import Searched, calibrate
from eoagent_indexes.choosing import KINDS, choose_setting
from eoagent_indexes.segment import Segment
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.writer import IndexWriter

pytest.importorskip("faiss")

ROWS = 4_000
QUERIES = 120
DIMENSIONS = 128


@pytest.fixture(autouse=True)
def _small_segments_may_be_approximate(monkeypatch):
    """Refining hundreds of rows is a small share of a large segment only."""
    monkeypatch.setattr("eoagent_indexes.planning.EXACT_SHARE", 0.9)


@pytest.fixture(scope="module")
def many(made, tmp_path_factory):
    """An index of 4,000 tiles in one segment with a structure, its oracle, held-out queries."""
    random = np.random.default_rng(11)
    tiles = [made.a_tile(n, random) for n in range(ROWS)]
    drawn = made.clusters(ROWS + QUERIES, random, dimensions=DIMENSIONS, count=150)
    whole = made.Made(tiles, drawn[:ROWS])
    folder = made.write_index(tmp_path_factory.mktemp("i") / "many", whole)
    texts = made.unit(drawn[:40] + made.unit(random.standard_normal(DIMENSIONS)))
    build(folder, plan=AnnPlan(lists=64, queries=40), texts=texts)
    return folder, whole, drawn[ROWS:]


def build(folder, **how):
    with IndexWriter(folder) as writer:
        segment = writer.snapshot.segments[0]
        writer.commit(ann={segment.entry.id: build_ann(segment, **how)})


def recall(index, whole, queries, *, keep=None, **said):
    wide = whole.vectors.astype(np.float16).astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    shares = []
    for query in queries:
        scores = wide @ query
        if keep is not None:
            scores[~keep] = -2
        best = {whole.tiles[n]["tile_id"] for n in np.argsort(-scores)[:10]}
        result = index.search(TileQuery(vectors=query[None], k=10, **said))
        assert len(result.hits) == 10
        shares.append(len(best & {hit.tile_id for hit in result.hits}) / 10)
    return float(np.mean(shares)), result


def test_live_recall_on_held_out_queries_is_what_the_structure_claims(made, many):
    folder, whole, queries = many
    index = made.open_index(folder)
    found, result = recall(index, whole, queries, plan="ann")
    assert (result.plan, result.exact) == ("ann", False)
    assert result.recall >= 0.99
    assert found >= result.recall - 0.01


@pytest.mark.parametrize("wanted", [0.8, 0.95])
def test_less_recall_may_be_asked_for_and_costs_less(made, many, wanted):
    folder, whole, queries = many
    index = made.open_index(folder, recall=wanted)
    found, result = recall(index, whole, queries[:80], plan="ann")
    assert result.recall >= wanted
    assert found >= result.recall - 0.03  # 80 queries tell it to two or three percent
    curve = index.snapshot.segments[0].calibration
    cheap = choose_setting(curve, kind="own", share=1, recall=wanted)
    dear = choose_setting(curve, kind="own", share=1, recall=0.99)
    assert cheap.cpu_ms <= dear.cpu_ms


def test_a_filter_takes_the_setting_that_was_measured_for_its_share(made, many):
    folder, whole, queries = many
    index = made.open_index(folder)
    end = made.FIRST + 60 * made.DAY
    where = TileFilter(time=TimeRange(start=None, end=end))
    keep = np.array([tile["start"] <= end for tile in whole.tiles])
    assert 0.06 < keep.mean() < 0.3
    found, result = recall(index, whole, queries[:100], keep=keep, plan="ann", where=where)
    assert result.plan == "ann"
    assert result.matched == keep.sum()
    assert found >= result.recall - 0.01
    curve = index.snapshot.segments[0].calibration
    chosen = choose_setting(curve, kind="own", share=keep.mean(), recall=0.99)
    assert chosen.recall == result.recall
    measured = [p for p in curve["curve"] if (p["share"], p["kind"]) == (0.06, "own")]
    assert result.recall in {p["recall"] for p in measured}


def test_every_hit_of_an_approximate_search_meets_the_filter_and_has_its_exact_score(made, many):
    folder, whole, queries = many
    where = TileFilter(max_cloud_pct=30)
    query = TileQuery(vectors=queries[:1], where=where, plan="ann", k=10)
    result = made.open_index(folder).search(query)
    assert result.plan == "ann"
    for hit in result.hits:
        assert hit.cloud_pct <= 30
        row = whole.vectors[whole.rows[hit.tile_id]].astype(np.float16).astype(np.float64)
        expected = row @ queries[0] / np.linalg.norm(row) / np.linalg.norm(queries[0])
        assert hit.score == pytest.approx(expected, abs=1e-6)


def test_a_structure_says_how_it_was_made_and_measured(many):
    snapshot = Snapshot.open(many[0])
    (entry,) = snapshot.manifest.ann
    told = snapshot.segments[0].calibration
    assert entry.kind == "IVF64,RaBitQ"
    assert (entry.rows, told["lists"], told["seed"]) == (ROWS, 64, 0)
    assert told["queries"] == {"own": 40, "across": 40, "texts": 40}
    assert {p["share"] for p in told["curve"]} == {1.0, 0.3, 0.06}
    for share, kind in itertools.product((1.0, 0.3, 0.06), KINDS):
        points = [p for p in told["curve"] if (p["share"], p["kind"]) == (share, kind)]
        assert [p["recall"] for p in points] == sorted(p["recall"] for p in points)
        assert [p["cpu_ms"] for p in points] == sorted(p["cpu_ms"] for p in points)
        assert points[-1]["recall"] >= 0.99
    best = max((p for p in told["curve"] if p["share"] == 1.0), key=lambda p: p["recall"])
    assert (entry.recall, entry.cpu_ms) == (best["recall"], best["cpu_ms"])


def test_recall_is_told_of_the_kind_of_query_that_was_asked(made, many):
    folder, whole, queries = many
    index = made.open_index(folder)
    curve = index.snapshot.segments[0].calibration
    alone = index.search(TileQuery(vectors=queries[:1], plan="ann"))
    several = index.search(TileQuery(vectors=queries[:3], plan="ann"))
    less = index.search(
        TileQuery(vectors=queries[:1], unlike_tile_ids=(whole.tiles[0]["tile_id"],), plan="ann")
    )
    own, across = (choose_setting(curve, kind=kind, share=1, recall=0.99) for kind in KINDS)
    assert own.recall != across.recall or own.nprobe != across.nprobe
    assert alone.recall == own.recall
    assert several.recall == less.recall == across.recall


def test_measuring_ends_when_its_time_is_used_up_and_what_is_left_is_ranked_exactly(made, tmp_path):
    folder = made.write_index(tmp_path / "late", made.some_tiles(600, seed=1))
    segment = Snapshot.open(folder).segments[0]
    searched = Searched(segment=segment, propose=None, lists=8)  # it is not called any more
    told = calibrate(searched, queries=5, seed=0, limit_s=0.0)
    assert told["curve"] == []
    assert choose_setting(told, kind="own", share=1, recall=0.5) is None


def test_the_same_seed_makes_the_same_structure(made, tmp_path):
    folder = made.write_index(tmp_path / "twice", made.some_tiles(600, seed=1))
    segment = Snapshot.open(folder).segments[0]
    first, second, other = (
        build_ann(segment, plan=AnnPlan(lists=8, seed=seed, queries=10)) for seed in (3, 3, 4)
    )
    assert first.file.sha256 == second.file.sha256 != other.file.sha256
    assert first.recall == second.recall


def test_memory_a_vector_stays_below_a_hundred_bytes_at_512_numbers(made, tmp_path):
    random = np.random.default_rng(0)
    tiles = made.some_tiles(3000)
    whole = made.Made(tiles.tiles, made.clusters(3000, random, dimensions=512))
    folder = made.write_index(tmp_path / "wide", whole)
    entry = build_ann(Snapshot.open(folder).segments[0], plan=AnnPlan(lists=16, queries=5))
    assert (entry.file.bytes - 16 * 512 * 4) / 3000 < 82


def test_deleted_tiles_are_never_proposed(made, tmp_path):
    random = np.random.default_rng(6)
    vectors = made.clusters(2000, random, dimensions=DIMENSIONS)
    tiles = made.Made([made.a_tile(n, random) for n in range(2000)], vectors)
    folder = made.write_index(tmp_path / "dying", tiles)
    build(folder, plan=AnnPlan(lists=16, queries=20))
    query = tiles.vectors[7]
    ids, _ = tiles.best(query, 5)
    with IndexWriter(folder) as writer:
        writer.commit(drop_tiles=ids)
    index = made.open_index(folder)
    result = index.search(TileQuery(vectors=query[None], plan="ann", k=10))
    assert result.plan == "ann"
    assert not {hit.tile_id for hit in result.hits} & set(ids)
    assert result.matched == result.total == 1995


def test_a_large_k_is_ranked_exactly_or_by_more_lists(made, many, monkeypatch):
    folder, whole, queries = many
    index = made.open_index(folder)
    monkeypatch.setattr("eoagent_indexes.planning.EXACT_SHARE", 0.2)
    for k in (10, 400, 4000):
        result = index.search(TileQuery(vectors=queries[:1], plan="ann", k=k))
        assert len(result.hits) == k
        ids, _ = whole.best(queries[0], k)
        share = len(set(ids) & {hit.tile_id for hit in result.hits}) / k
        assert share >= (1.0 if result.exact else 0.9)
    assert result.exact


def test_lists_that_hold_too_few_matching_rows_lead_to_an_exact_search(made, many, monkeypatch):
    folder, whole, queries = many
    monkeypatch.setattr(AnnStructure, "propose", lambda *_, **__: np.array([1, 2]))
    result = made.open_index(folder).search(TileQuery(vectors=queries[:1], plan="ann", k=10))
    assert (result.exact, result.plan, result.recall) == (True, "exact", None)
    assert [hit.tile_id for hit in result.hits] == whole.best(queries[0], 10)[0]


def test_a_damaged_structure_costs_no_result_and_is_said(made, tmp_path):
    random = np.random.default_rng(2)
    vectors = made.clusters(2000, random, dimensions=DIMENSIONS)
    tiles = made.Made([made.a_tile(n, random) for n in range(2000)], vectors)
    folder = made.write_index(tmp_path / "hurt", tiles)
    build(folder, plan=AnnPlan(lists=8, queries=10))
    index = made.open_index(folder)
    path = folder / index.snapshot.manifest.ann[0].file.path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    ids, _ = tiles.best(tiles.vectors[0], 10)
    for say in ("has other bytes than were written", "is missing"):
        result = index.search(TileQuery(vectors=tiles.vectors[:1], plan="ann"))
        assert [hit.tile_id for hit in result.hits] == ids
        assert result.exact
        (warning,) = result.warnings
        assert say in warning
        assert "compared exactly" in warning
        path.unlink(missing_ok=True)


def test_a_damaged_calibration_costs_no_result_and_is_said(made, tmp_path):
    random = np.random.default_rng(2)
    vectors = made.clusters(2000, random, dimensions=DIMENSIONS)
    tiles = made.Made([made.a_tile(n, random) for n in range(2000)], vectors)
    folder = made.write_index(tmp_path / "hurt", tiles)
    build(folder, plan=AnnPlan(lists=8, queries=10))
    index = made.open_index(folder)
    path = folder / index.snapshot.manifest.ann[0].curve.path
    path.write_bytes(path.read_bytes().replace(b"recall", b"lacerr", 1))
    ids, _ = tiles.best(tiles.vectors[0], 10)
    for say in ("has other bytes than were written", "is missing"):
        result = index.search(TileQuery(vectors=tiles.vectors[:1], plan="ann"))
        assert [hit.tile_id for hit in result.hits] == ids
        assert result.exact
        (warning,) = result.warnings
        assert say in warning
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("data", [b"[1]", b"\x80", b"[" * 100_000])
def test_a_calibration_that_is_none_is_refused(made, tmp_path, data):
    folder = made.write_index(tmp_path / "odd", made.some_tiles(30))
    segment = Snapshot.open(folder).segments[0]
    entry = write_ann(folder, segment.entry, b"x", kind="IVF8", calibration={})
    (folder / entry.curve.path).write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    curve = entry.curve.model_copy(update={"bytes": len(data), "sha256": sha256})
    segment.ann = entry.model_copy(update={"curve": curve})
    with pytest.raises(SourceError, match="is not JSON|is no calibration"):
        _ = segment.calibration


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "is of another format than 2"),
        ({"format": None}, "is of another format than 2"),
    ],
)
def test_a_structure_of_another_format_is_not_used(made, tmp_path, change, message):
    folder = made.write_index(tmp_path / "old", made.some_tiles(300))
    segment = Snapshot.open(folder).segments[0]
    segment.ann = build_ann(segment, plan=AnnPlan(lists=8, queries=5))
    told = {**segment.calibration, **change}
    segment = Segment(segment.files)
    segment.ann = write_ann(folder, segment.entry, b"never parsed", kind="IVF8", calibration=told)
    with pytest.raises(SourceError, match=message):
        AnnStructure.load(segment)


def test_a_structure_of_other_vectors_is_not_used(made, tmp_path):
    folder = made.write_index(tmp_path / "old", made.some_tiles(300))
    segment = Snapshot.open(folder).segments[0]
    entry = build_ann(segment, plan=AnnPlan(lists=8, queries=5))
    segment.ann = entry.model_copy(update={"rows": 299})
    with pytest.raises(SourceError, match=r"holds \(300, 32\), not the vectors of its segment"):
        AnnStructure.load(segment)


def test_bytes_that_are_no_faiss_index_are_refused(made, tmp_path):
    folder = made.write_index(tmp_path / "odd", made.some_tiles(30))
    segment = Snapshot.open(folder).segments[0]
    for data in (b"no index at all", b"IxFI" + bytes(60)):
        told = {"format": 2}
        segment.ann = write_ann(folder, segment.entry, data, kind="IVF8,RaBitQ", calibration=told)
        with pytest.raises(SourceError, match=r"is no FAISS index|not the vectors of its segment"):
            AnnStructure.load(segment)


def test_a_segment_that_is_too_small_for_lists_is_refused(made, tmp_path):
    folder = made.write_index(tmp_path / "tiny", made.some_tiles(3))
    with pytest.raises(InputError, match="has 3 rows of 32 numbers, too little for 3 lists"):
        build_ann(Snapshot.open(folder).segments[0])


def versions(**known):
    def version(name):
        if name in known:
            return known[name]
        raise metadata.PackageNotFoundError(name)

    return SimpleNamespace(version=version, PackageNotFoundError=metadata.PackageNotFoundError)


def test_two_distributions_of_faiss_are_one_clear_error(made, many, monkeypatch):
    both = versions(**{"faiss-cpu": "1.15.1", "faiss-gpu-cu12": "1.14.0"})
    monkeypatch.setattr(faisslib, "metadata", both)
    message = "faiss-cpu 1.15.1 and faiss-gpu-cu12 1.14.0 are both installed and overwrite"
    folder, _, queries = many
    with pytest.raises(ModelError, match=message) as caught:
        made.open_index(folder).search(TileQuery(vectors=queries[:1], plan="ann"))
    assert "pip uninstall -y faiss-cpu faiss-gpu-cu12" in caught.value.hint


def test_without_faiss_a_search_is_exact_and_says_so_unless_told_not_to(made, many, monkeypatch):
    folder, whole, queries = many
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    monkeypatch.setattr("eoagent_indexes.planning.EXACT_ROWS", 100)
    result = made.open_index(folder).search(TileQuery(vectors=queries[:1]))
    assert [hit.tile_id for hit in result.hits] == whole.best(queries[0], 10)[0]
    (warning,) = result.warnings
    assert "pip install 'eoagent[faiss]'" in warning
    with pytest.raises(ModelMissing, match="FAISS, which is not installed") as caught:
        made.open_index(folder).search(TileQuery(vectors=queries[:1], plan="ann"))
    assert caught.value.command == "pip install 'eoagent[faiss]'"


def test_threads_of_faiss_are_bounded_only_inside_the_block():
    faiss = faisslib.load_faiss()
    before = faiss.omp_get_max_threads()
    with faisslib.bounded_threads(faiss, before + 1):
        assert faiss.omp_get_max_threads() == before + 1
    assert faiss.omp_get_max_threads() == before
    assert faisslib.is_installed()


def test_a_plan_is_a_record_of_its_own():
    assert dataclasses.asdict(AnnPlan()) == {"lists": 0, "seed": 0, "threads": 1, "queries": 100}
