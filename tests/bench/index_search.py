"""Measure search in an index of a million made-up tiles, beside what FAISS and LanceDB do with them.

    python tests/bench/index_search.py [--rows 1000000] [--queries 40] [--width clustered,diffuse]
                                       [--hnsw ROWS] [--lancedb PYTHON] [--folder FOLDER] [--out FILE]

One thread. CPU seconds are the least over repeats of a query, and their median over queries; recall
is that of the best ten against a comparison of all. `--lancedb` names an interpreter that has it;
it is no dependency of eoagent. The temporary folder is deleted afterwards. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
from child import run_child
from index_data import WIDTHS, Generator, tiles_table
from rows import Row, as_documents, as_table

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.index import Surroundings
from eoagent.contracts.tilesearch import SearchResult, TileFilter, TileQuery
from eoagent.io.origin import OriginGuard
from eoagent_indexes.ann import build_ann
from eoagent_indexes.segment import Segment
from eoagent_indexes.segment_write import write_segment
from eoagent_indexes.tile_index import TileIndex
from eoagent_indexes.writer import IndexWriter

__all__ = ["main"]

_HERE = Path(__file__).resolve().parent
_REPEATS = 3
_MONTH = datetime(2019, 3, 1, tzinfo=UTC)
_DIMENSIONS = 512
# Places are spread evenly over 40 by 30 degrees and twelve months: 12 % of the one and a month.
WHERE = TileFilter(
    bbox=BBox(west=3.0, south=44.0, east=15.0, north=56.0),
    time=TimeRange(start=_MONTH, end=_MONTH + timedelta(days=20)),
)
Search = Callable[[np.ndarray], list[int]]


def build(folder: Path, rows: int, width: str, queries: int) -> tuple[np.ndarray, list[Row]]:
    """Write an index of one segment with its structure; returns queries and what it took."""
    began, cpu = time.perf_counter(), time.process_time()
    encoder = EncoderFingerprint(card="made-up", dimensions=_DIMENSIONS)
    vectors, asked = Generator(width=WIDTHS[width]).draw(rows, queries)
    with IndexWriter(folder, encoder=encoder) as writer:
        entry = write_segment(folder, tiles_table(rows), vectors, encoder=encoder)
        writer.commit(add=[entry])
        del vectors
        made = [_row(f"{width}: write {rows:,} tiles", began, cpu)]
        began, cpu = time.perf_counter(), time.process_time()
        structure = build_ann(writer.snapshot.segments[0])
        writer.commit(ann={entry.id: structure})
        told = writer.snapshot.segments[0].calibration
    note = f"{structure.kind}, {told['bytes_per_vector']} bytes a vector, made in {told['build_cpu_s']:.0f} CPU s"
    return asked, [*made, _row(f"{width}: structure and calibration", began, cpu, note=note)]


def measure_index(folder: Path, width: str, queries: np.ndarray) -> list[Row]:
    """Measure opening, filtered and unfiltered searches."""
    opened = []
    for _ in range(_REPEATS):
        began, cpu = time.perf_counter(), time.process_time()
        index = TileIndex.open(folder, Surroundings(origins=OriginGuard()))
        opened.append((time.perf_counter() - began, time.process_time() - cpu))
    wall, cpu_s = min(opened)
    row = Row(
        what=f"{width}: open", who="eoagent", runs=_REPEATS, wall_s=wall, cpu_s=cpu_s, aim="0.5 s"
    )
    segment = index.snapshot.segments[0]
    rows = [row]
    chosen = _meeting(segment)
    for what, where, aim, among in (
        (f"{width}: 1 % by box and time", WHERE, "8 ms CPU, recall 1", chosen),
        (f"{width}: unfiltered", TileFilter(), "12 ms CPU, recall 0.99", None),
    ):
        found, walls, cpus, shown, firsts = [], [], [], [], []
        for query in queries:
            runs = [_once(index, query, where) for _ in range(_REPEATS)]
            firsts.append(runs[0][1])
            wall, cpu_s, result = min(runs, key=lambda run: run[1])
            walls.append(wall)
            cpus.append(cpu_s)
            shown.append(min(run[2].seconds["show"] for run in runs))
            found.append([hit.tile_id for hit in result.hits])
        recall = _recall(index, found, _exact(segment, queries, among))
        note = (
            f"{1000 * median(cpus):.2f} ms CPU ({1000 * median(firsts):.2f} at the first asking), recall@10 {recall:.4f}, "
            f"claimed {result.recall or 1.0}, {result.matched:,} matched, plan {result.plan}, "
            f"of the wall time {1000 * median(shown):.1f} ms to show ten hits"
        )
        row = Row(
            what=what,
            who="eoagent",
            runs=len(queries),
            wall_s=median(walls),
            cpu_s=median(cpus),
            aim=aim,
            note=note,
        )
        rows.append(row)
    return rows


def _once(
    index: TileIndex, query: np.ndarray, where: TileFilter
) -> tuple[float, float, SearchResult]:
    began, cpu = time.perf_counter(), time.process_time()
    result = index.search(TileQuery(vectors=query[None], where=where, k=10))
    return time.perf_counter() - began, time.process_time() - cpu, result


def _meeting(segment: Segment) -> np.ndarray:
    """Return the rows that the filter lets through, by comparing every row's own columns."""
    columns, box = segment.columns, WHERE.bbox
    first, last = (int(t.timestamp() * 1e6) for t in (WHERE.time.start, WHERE.time.end))
    met = (columns.east >= box.west) & (columns.west <= box.east)
    met &= (columns.north >= box.south) & (columns.south <= box.north)
    return np.flatnonzero(met & (columns.start <= last) & (columns.end >= first))


def _exact(segment: Segment, queries: np.ndarray, among: np.ndarray | None) -> list[list[str]]:
    """Return the ids of the true best ten, in blocks of plain float32."""
    rows = np.arange(segment.rows) if among is None else among
    scores = np.empty((len(queries), len(rows)), np.float32)
    for at in range(0, len(rows), 20_000):
        block = segment.vectors(rows[at : at + 20_000]).astype(np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        scores[:, at : at + len(block)] = queries @ block.T
    best = rows[np.argsort(-scores, axis=1)[:, :10]] if len(rows) < 10**5 else rows[_ten(scores)]
    return [segment.table(own, ["tile_id"]).column(0).to_pylist() for own in best]


def _ten(scores: np.ndarray) -> np.ndarray:
    return np.argpartition(-scores, 9, axis=1)[:, :10]


def _recall(index: TileIndex, found: list[list[str]], truth: list[list[str]]) -> float:
    assert index.snapshot.segments
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)]))


def rivals(folder: Path, queries: np.ndarray, hnsw_rows: int) -> list[Row]:
    """Measure FAISS with the same filter as a bitmap: a flat index, and a graph over fewer rows."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = TileIndex.open(folder, Surroundings(origins=OriginGuard()))
    segment = index.snapshot.segments[0]
    rows = []
    for kind, count in (("Flat", segment.rows), ("HNSW32", min(hnsw_rows, segment.rows))):
        if not count:
            continue
        chosen = _meeting(segment)
        chosen = chosen[chosen < count]
        if kind == "HNSW32":  # a filter of the same share, whatever part of the rows is taken
            chosen = np.sort(np.random.default_rng(0).choice(count, count // 100, replace=False))
        cpu = time.process_time()
        made = faiss.index_factory(_DIMENSIONS, kind, faiss.METRIC_INNER_PRODUCT)
        if kind == "HNSW32":
            made.hnsw.efConstruction = 64
        for at in range(0, count, 20_000):
            made.add(segment.vector_range(at, min(at + 20_000, count)).astype(np.float32))
        built = time.process_time() - cpu
        mask = np.zeros(count, bool)
        mask[chosen] = True
        bits = np.packbits(mask, bitorder="little")
        chooser = faiss.IDSelectorBitmap(bits)
        truth = _true_rows(segment, queries, chosen)
        for effort in (64, 256, 1024) if kind == "HNSW32" else (0,):
            parameters = (
                faiss.SearchParametersHNSW(sel=chooser, efSearch=effort)
                if effort
                else faiss.SearchParameters(sel=chooser)
            )
            walls, cpus, found = [], [], []
            for query in queries:
                runs = []
                for _ in range(_REPEATS):
                    began, cpu = time.perf_counter(), time.process_time()
                    _, ids = made.search(query[None], 10, params=parameters)
                    runs.append((time.process_time() - cpu, time.perf_counter() - began))
                spent = min(runs)
                cpus.append(spent[0])
                walls.append(spent[1])
                found.append(ids[0].tolist())
            share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)])
            what = f"1 % of {count:,} by bitmap" + (f", efSearch {effort}" if effort else "")
            note = f"{1000 * median(cpus):.2f} ms CPU, recall@10 {share:.4f}, {_bytes(kind)} bytes a vector, built in {built:.0f} CPU s"
            row = Row(
                what=what,
                who=f"FAISS {kind}",
                runs=len(queries),
                wall_s=median(walls),
                cpu_s=median(cpus),
                note=note,
            )
            rows.append(row)
        del made
    return rows


def _true_rows(segment: Segment, queries: np.ndarray, among: np.ndarray) -> list[list[int]]:
    scores = queries @ segment.vectors(among).astype(np.float32).T
    return among[_ten(scores)].tolist()


def _bytes(kind: str) -> int:
    return 4 * _DIMENSIONS + (8 * 32 + 16 if kind == "HNSW32" else 0)


def lancedb_rows(folder: Path, python: str, queries: np.ndarray) -> list[Row]:
    """Measure LanceDB in an interpreter that has it; a note where it has not."""
    asked = folder.parent / "queries.npy"
    np.save(asked, queries)
    script = _HERE / "index_lancedb.py"
    spent = run_child([python, str(script), str(folder), str(asked), str(folder.parent / "lance")])
    if spent.code:
        note = f"left out: {spent.complaint[-160:]}"
        return [Row(what="1 % by box and time", who="LanceDB", runs=0, wall_s=0.0, note=note)]
    return [
        Row(
            who="LanceDB",
            what=one["what"],
            runs=one["runs"],
            wall_s=one["wall_s"],
            cpu_s=one["cpu_s"],
            note=one["note"],
        )
        for one in spent.answer["rows"]
    ]


def _row(what: str, began: float, cpu: float, *, note: str = "") -> Row:
    wall, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return Row(what=what, who="eoagent", runs=1, wall_s=wall, cpu_s=cpu_s, note=note)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Search in a large index, beside others.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="tiles")
    parser.add_argument("--queries", type=int, default=40, help="held-out queries")
    parser.add_argument("--width", default=",".join(WIDTHS), help="distributions, with commas")
    parser.add_argument("--hnsw", type=int, default=100_000, help="rows of the graph; 0 for none")
    parser.add_argument("--lancedb", help="interpreter that has lancedb")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    asked = parser.parse_args()
    rows: list[Row] = []
    for width in asked.width.split(","):
        with tempfile.TemporaryDirectory(prefix="eoagent-search-", dir=asked.folder) as temporary:
            folder = Path(temporary) / "index"
            queries, made = build(folder, asked.rows, width, asked.queries)
            rows += made + measure_index(folder, width, queries)
            if width == "clustered":
                rows += rivals(folder, queries, asked.hnsw)
                if asked.lancedb:
                    rows += lancedb_rows(folder, asked.lancedb, queries)
                else:
                    note = "left out: --lancedb names no interpreter"
                    rows.append(Row(what="all", who="LanceDB", runs=0, wall_s=0.0, note=note))
            sys.stderr.write(as_table(rows) + "\n\n")
    sys.stdout.write(as_table(rows) + "\n")
    if asked.out is not None:
        document = {"schema": "eoagent/bench/1", "rows": as_documents(rows)}
        asked.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _with_one_thread() -> None:
    """Start again with libraries held to one thread, which they read when they are loaded."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        os.execve(
            sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(names, "1")
        )


if __name__ == "__main__":
    _with_one_thread()
    main()
