"""Search the tiles of an index with LanceDB, in an interpreter that has it and not eoagent.

python index_lancedb.py INDEX_FOLDER QUERIES.npy TABLE_FOLDER

Its structure is of the same kind as that of eoagent, inverted lists of one-bit codes, trained by as
many rounds on as many samples. With its defaults of fifty rounds and product codes, 5,000 vectors
take 24 CPU seconds; half-precision vectors are trained by a path that is twice as slow.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

_WHERE = (
    "east >= 3.0 AND west <= 15.0 AND north >= 44.0 AND south <= 56.0 "
    "AND month >= 1551398400000000 AND month <= 1553126400000000"
)
_REPEATS = 3
_THREADS = ("LANCE_CPU_THREADS", "TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS")
_ROUNDS, _SAMPLES = 8, 64


def _columns(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    segment = next(folder.glob("segments/*"))
    vectors = np.load(segment / "vectors.npy", mmap_mode="r")
    rows, raw = len(vectors), (segment / "columns.bin").read_bytes()
    found, at = {}, 0
    for name, kind in (
        ("month", "<i8"),
        ("end", "<i8"),
        ("west", "<f4"),
        ("south", "<f4"),
        ("east", "<f4"),
        ("north", "<f4"),
    ):
        found[name] = np.frombuffer(raw, kind, rows, at)
        at += found[name].nbytes
    return vectors, found


def main() -> None:
    """Write the table, index it, search it."""
    import lancedb
    import pyarrow as pa
    from lancedb.index import BTree, IvfRq

    folder, asked, place = (Path(given) for given in sys.argv[1:])
    vectors, columns = _columns(folder)
    queries = np.load(asked)

    def batches():
        for at in range(0, len(vectors), 20_000):
            block = np.ascontiguousarray(vectors[at : at + 20_000], dtype=np.float32)
            stop = at + len(block)
            values = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), block.shape[1])
            named = {"vector": values, "number": pa.array(np.arange(at, stop))}
            named |= {name: pa.array(column[at:stop]) for name, column in columns.items()}
            yield pa.RecordBatch.from_pydict(named)

    first = next(batches()).schema
    cpu = time.process_time()
    table = lancedb.connect(str(place)).create_table("tiles", batches(), schema=first)
    lists = round(2 * len(vectors) ** 0.5)
    structure = IvfRq(
        distance_type="cosine", num_partitions=lists, max_iterations=_ROUNDS, sample_rate=_SAMPLES
    )
    table.create_index("vector", config=structure)
    for name in ("west", "east", "south", "north", "month"):
        table.create_index(name, config=BTree())
    built = time.process_time() - cpu
    met = (columns["east"] >= 3) & (columns["west"] <= 15) & (columns["north"] >= 44)
    met &= (columns["south"] <= 56) & (columns["month"] >= 1551398400000000)
    chosen = np.flatnonzero(met & (columns["month"] <= 1553126400000000))
    truth = {"filtered": chosen[_ten(queries @ vectors[chosen].astype(np.float32).T)]}
    whole = np.concatenate(
        [
            queries @ vectors[at : at + 20_000].astype(np.float32).T
            for at in range(0, len(vectors), 20_000)
        ],
        axis=1,
    )
    truth["all"] = _ten(whole)
    rows = []
    for what, where, settings, key in (
        ("1 % by box and time", _WHERE, {"nprobes": 64, "refine_factor": 20}, "filtered"),
        ("1 % by box and time", _WHERE, {"nprobes": lists, "refine_factor": 50}, "filtered"),
        ("1 % by box and time, no vector index", _WHERE, {"bypass_vector_index": True}, "filtered"),
        ("unfiltered", "", {"nprobes": 16, "refine_factor": 20}, "all"),
        ("unfiltered", "", {"nprobes": 64, "refine_factor": 50}, "all"),
    ):
        walls, cpus, shares = [], [], []
        for query, best in zip(queries, truth[key], strict=True):
            runs = []
            for _ in range(_REPEATS):
                began, cpu = time.perf_counter(), time.process_time()
                search = table.search(query).distance_type("cosine").limit(10).select(["number"])
                search = search.where(where, prefilter=True) if where else search
                for name, value in settings.items():
                    search = getattr(search, name)(*(() if value is True else (value,)))
                found = search.to_arrow()
                runs.append((time.process_time() - cpu, time.perf_counter() - began))
            spent = min(runs)
            cpus.append(spent[0])
            walls.append(spent[1])
            shares.append(len(set(found.column("number").to_pylist()) & set(best.tolist())) / 10)
        note = f"{1000 * median(cpus):.2f} ms CPU, recall@10 {np.mean(shares):.4f}, {settings}, built in {built:.0f} CPU s"
        rows.append(
            {
                "what": what,
                "runs": len(queries),
                "wall_s": median(walls),
                "cpu_s": median(cpus),
                "note": note,
            }
        )
    sys.stdout.write(json.dumps({"rows": rows}) + "\n")


def _ten(scores: np.ndarray) -> np.ndarray:
    return np.argpartition(-scores, 9, axis=1)[:, :10]


if __name__ == "__main__":
    if any(os.environ.get(name) != "1" for name in _THREADS):
        one = os.environ | dict.fromkeys(_THREADS, "1")
        os.execve(sys.executable, [sys.executable, *sys.argv], one)
    main()
