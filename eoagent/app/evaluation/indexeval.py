"""`eval index`: how many of the true best ten an index finds, and what a search takes.

The index is written out through its own exchange and read back; brute force over those vectors, in
numpy, says what is true. Queries are vectors of the index with noise, so that none of them is in
it. Filters take shares of the tiles by time, or by id where tiles have no times to tell apart.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from eoagent.app.evaluation.measured import Measured, now_text, own_versions
from eoagent.app.evaluation.picturefolder import Tell
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import TimeRange
from eoagent.contracts.index import Index, IndexExchange
from eoagent.contracts.tilesearch import TileFilter, TileQuery
from eoagent.vectors.ranking import best_rows

__all__ = ["evaluate_index"]

_BEST: Final = 10
_SHARES: Final = (1.0, 0.1, 0.01)
_NOISE: Final = 0.1
_TIE: Final = 1e-6
_PLANS: Final[tuple[Literal["auto", "exact"], ...]] = ("auto", "exact")
_MOST_IDS: Final = 20_000
_UTC_US: Final = "datetime64[us]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Truth:
    """All that brute force needs of the tiles."""

    ids: NDArray[np.str_]
    starts: NDArray[np.datetime64]
    ends: NDArray[np.datetime64]
    queries: NDArray[np.float32]
    scores: NDArray[np.float32]
    """Cosine of each query with each tile, (queries, tiles)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measure:
    """What searches of one kind did."""

    recall: float
    cpu_ms: NDArray[np.float64]
    exact: float
    matched: float
    short: int


def evaluate_index(
    index: Index,
    exchange: IndexExchange,
    *,
    name: str,
    queries: int = 100,
    seed: int = 0,
    tell: Tell,
    clock: Callable[[], float] = time.process_time,
) -> Measured:
    """Return recall of the best ten and CPU time of searches, by share of the tiles that match.

    Args:
        index: the index, open.
        exchange: the exchange of the same index.
        name: its name.
        queries: searches for each share.
        seed: for the choice of queries, their noise, and the filters.
        tell: where progress is reported.
        clock: seconds of CPU time.

    Raises:
        InputError: if the index holds fewer than two tiles, or no query was asked for.
        SourceError: if it is damaged, or there is no room for a copy of it.
    """
    began = time.perf_counter()
    if queries < 1:
        raise InputError(f"{queries} queries were asked for; at least one is needed")
    random = np.random.default_rng(seed)
    info = index.info()
    if info.tiles < 2:
        raise InputError(f"index '{name}' holds {info.tiles} tiles, and a ranking takes two")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tiles.parquet"
        exchange.write_out(file)
        truth = _truth(file, queries, random)
    metrics, rows = _searched(index, truth, random, tell, clock=clock)
    tell(1.0, "done")
    return Measured(
        schema="eoagent/measured/1",
        suite="index",
        data=name,
        encoder=info.encoder,
        metrics=metrics,
        tables=(_table(rows),),
        notes=(
            (
                f"{info.tiles} tiles of version {info.version}; {queries} queries, each a vector "
                f"of the index with noise of {_NOISE:g} of its length, seed {seed}"
            ),
            f"tiles whose cosines differ by less than {_TIE:g} count as equal",
        ),
        versions=own_versions(),
        created=now_text(),
        seconds=round(time.perf_counter() - began, 3),
    )


def _searched(
    index: Index,
    truth: _Truth,
    random: np.random.Generator,
    tell: Tell,
    *,
    clock: Callable[[], float],
) -> tuple[dict[str, float], list[tuple[str, ...]]]:
    """Return metrics and rows of the table, for each share of the tiles and each plan."""
    rows: list[tuple[str, ...]] = []
    metrics: dict[str, float] = {}
    for number, share in enumerate(_SHARES):
        tell(number / len(_SHARES), f"searches over {share:.0%} of the tiles")
        where, mask, what = _filter(truth, share, random)
        for plan in _PLANS:
            own = _measure(index, truth, where, mask, plan=plan, clock=clock)
            median = float(np.median(own.cpu_ms))
            metrics[f"recall10_{plan}_{share:g}"] = own.recall
            metrics[f"cpu_ms_median_{plan}_{share:g}"] = median
            rows.append(_row(f"{share:.0%} by {what}, {plan}", own))
    return metrics, rows


def _truth(file: Path, queries: int, random: np.random.Generator) -> _Truth:
    """Return ids, times, queries and their true scores; vectors are read group by group."""
    parquet = pq.ParquetFile(file)
    table = parquet.read(["id", "start_datetime", "end_datetime"], use_threads=False)
    count = table.num_rows
    chosen = np.sort(random.choice(count, size=min(queries, count), replace=False))
    near = np.concatenate(
        [
            rows[chosen[(chosen >= at) & (chosen < at + len(rows))] - at]
            for at, rows in _blocks(parquet)
        ]
    )
    noise = random.normal(size=near.shape)
    noisy = near + _NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    asked = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
    scores = np.empty((len(asked), count), dtype=np.float32)
    wide = asked.astype(np.float64)
    for at, rows in _blocks(parquet):
        lengths = np.linalg.norm(rows, axis=1)
        scores[:, at : at + len(rows)] = (wide @ rows.T) / lengths
    starts, ends = (
        table.column(name).to_numpy().astype(_UTC_US) for name in ("start_datetime", "end_datetime")
    )
    ids = np.array(table.column("id").to_pylist())
    return _Truth(ids=ids, starts=starts, ends=ends, queries=asked, scores=scores)


def _blocks(parquet: pq.ParquetFile) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield first row and vectors of each row group."""
    at = 0
    for group in range(parquet.num_row_groups):
        column = parquet.read_row_group(group, ["embedding"], use_threads=False).column(0)
        flat = column.combine_chunks().flatten().to_numpy()
        rows = flat.reshape(len(column), -1).astype(np.float64)
        yield at, rows
        at += len(rows)


def _filter(
    truth: _Truth, share: float, random: np.random.Generator
) -> tuple[TileFilter, NDArray[np.bool_], str]:
    """Return a filter that some share of the tiles passes, which they are, and what it goes by."""
    count = len(truth.ids)
    if share >= 1:
        return TileFilter(), np.ones(count, dtype=bool), "nothing"
    known = ~(np.isnat(truth.starts) | np.isnat(truth.ends))
    if known.mean() >= 0.5 and len(np.unique(truth.starts[known])) >= 1 / share:
        low = random.uniform(0, 1 - share)
        first, last = np.quantile(
            truth.starts[known].astype(np.int64), [low, low + share], method="nearest"
        ).astype(_UTC_US)
        span = TimeRange.model_validate({"start": f"{first}+00:00", "end": f"{last}+00:00"})
        mask = known & (truth.starts <= last) & (truth.ends >= first)
        return TileFilter(time=span), mask, "time"
    size = max(1, min(_MOST_IDS, round(share * count)))
    rows = np.sort(random.choice(count, size=size, replace=False))
    mask = np.zeros(count, dtype=bool)
    mask[rows] = True
    return TileFilter(tile_ids=tuple(truth.ids[rows].tolist())), mask, "id"


def _measure(
    index: Index,
    truth: _Truth,
    where: TileFilter,
    mask: NDArray[np.bool_],
    *,
    plan: Literal["auto", "exact"],
    clock: Callable[[], float],
) -> _Measure:
    places = {name: row for row, name in enumerate(truth.ids.tolist())}
    due = min(_BEST, int(mask.sum()))
    recalls, spent, exact, matched, short = [], [], [], [], 0
    for query, scores in zip(truth.queries, truth.scores, strict=True):
        own = np.where(mask, scores, -np.inf)
        least = own[best_rows(own, due)[-1]]
        before = clock()
        found = index.search(TileQuery(vectors=query[None], where=where, k=_BEST, plan=plan))
        spent.append(1000 * (clock() - before))
        rows = [places[hit.tile_id] for hit in found.hits]
        recalls.append(sum(bool(own[row] >= least - _TIE) for row in rows) / due)
        exact.append(found.exact)
        matched.append(found.matched)
        short += len(rows) < due
    return _Measure(
        recall=float(np.mean(recalls)),
        cpu_ms=np.array(spent),
        exact=float(np.mean(exact)),
        matched=float(np.mean(matched)),
        short=short,
    )


def _row(name: str, own: _Measure) -> tuple[str, ...]:
    p50, p95 = np.quantile(own.cpu_ms, [0.5, 0.95])
    return (
        name, f"{own.matched:.0f}", f"{own.recall:.4f}", f"{p50:.2f}", f"{p95:.2f}",
        f"{own.exact:.0%}", str(own.short),
    )  # fmt: skip


def _table(rows: list[tuple[str, ...]]) -> Table:
    return Table(
        head=("tiles", "matched", "recall@10", "CPU ms p50", "CPU ms p95", "exact", "short"),
        rows=tuple(rows),
        note="Recall against brute force over the same vectors. Short: searches that gave fewer "
        "tiles than they should.",
    )
