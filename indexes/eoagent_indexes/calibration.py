"""Measure what an approximate structure finds, for each kind of query and share let through.

Held-out queries are compared with the exact answer of the same segment. Recall is that of the best
ten. It is measured without a filter, and with filters that let through a share of rows, at random
and in one run, since lists that are well filled for one are empty for the other.

Measuring ends: a curve where it finds nearly all or costs as much as comparing every row, and all
of them when the time is used up. What was not measured is not used.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.choosing import ANN_FORMAT, K
from eoagent_indexes.exact import scan, widened
from eoagent_indexes.questions import Questions, make_questions
from eoagent_indexes.segment import Segment

__all__ = ["Proposing", "Searched", "calibrate"]

_SHARES: Final = (1.0, 0.3, 0.06)
_REFINES: Final = (50, 100, 200, 400, 800, 1600, 3200)
_ENOUGH: Final = 0.999
_TIMED: Final = 5
_FEWEST_LISTS: Final = 4
_BLOCK: Final = 16_384
_SAMPLE: Final = 4096
_QUICK_MS: Final = 5.0
"""What takes less is measured, however quickly every row could be compared."""
_LIMIT_S: Final = 300.0
"""CPU seconds after which no setting is measured any more."""
_WIDE: Final = np.float32(2.0**112)
_Mask = NDArray[np.bool_]
_Case = tuple[_Mask | None, NDArray[np.int64]]


class Proposing(Protocol):
    """Proposes rows for a query."""

    def __call__(
        self,
        query: NDArray[np.float32],
        *,
        nprobe: int,
        count: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.int64]:
        """Return rows, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What is measured."""

    segment: Segment
    """Where the vectors are."""
    propose: Proposing
    """The structure."""
    lists: int
    """Its inverted lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    exact_ms: float
    """What comparing every row takes."""
    until_s: float
    """When the time is used up, on the clock of this process."""


def calibrate(
    searched: Searched,
    *,
    queries: int,
    seed: int,
    texts: NDArray[np.float32] | None = None,
    limit_s: float = _LIMIT_S,
) -> dict[str, Any]:
    """Return what an entry says of a structure: recall and time by kind, share and setting.

    Args:
        searched: the structure.
        queries: how many of each kind.
        seed: decides rows and noise.
        texts: vectors of texts, (n, d); where there are none, their place is made up.
        limit_s: CPU seconds after which no further setting is measured.

    Raises:
        SourceError: if a file of the segment is damaged.
    """
    until_s = time.process_time() + limit_s
    random = np.random.default_rng(seed)
    kinds = make_questions(searched.segment, queries, random, texts)
    filters = [(share, mask) for share in _SHARES for mask in _masks(searched, share, random)]
    truths = _true_best(searched.segment, kinds, [mask for _, mask in filters])
    exact_ms = _exact_ms(searched.segment, kinds[0].vectors[0])
    curve: list[dict[str, Any]] = []
    for share in _SHARES:
        bounds = _Bounds(exact_ms=share * exact_ms, until_s=until_s)
        for number, asked in enumerate(kinds):
            cases = [
                (mask, found[number])
                for (own, mask), found in zip(filters, truths, strict=True)
                if own == share
            ]
            points = _worthwhile(_curve(searched, asked, cases, bounds))
            curve += [{"kind": asked.kind, "share": share, **point} for point in points]
    return {
        "format": ANN_FORMAT,
        "k": K,
        "queries": {
            **{asked.kind: len(asked.vectors) for asked in kinds},
            "texts": 0 if texts is None else len(texts),
        },
        "curve": curve,
    }


def _masks(searched: Searched, share: float, random: np.random.Generator) -> list[_Mask | None]:
    """Return which rows filters of a share let through: some at random, and one run."""
    segment = searched.segment
    if share >= 1.0:
        return [None if segment.tombstones is None else segment.live]
    length = max(int(share * segment.rows), 1)
    start = int(random.integers(segment.rows - length + 1))
    run = np.zeros(segment.rows, dtype=np.bool_)
    run[start : start + length] = True
    scattered = random.random(segment.rows) < share
    return [scattered & segment.live, run & segment.live]


def _true_best(
    segment: Segment, kinds: Sequence[Questions], masks: Sequence[_Mask | None]
) -> list[list[NDArray[np.int64]]]:
    """Return the exact best rows by filter and kind, (queries, K) each; -1 where there is none."""
    vectors = np.vstack([asked.vectors for asked in kinds])
    itself = np.concatenate([asked.itself for asked in kinds])
    count = len(vectors)
    scores = [np.full((count, K), -np.inf, dtype=np.float32) for _ in masks]
    best = [np.full((count, K), -1, dtype=np.int64) for _ in masks]
    for at in range(0, segment.rows, _BLOCK):
        rows = np.arange(at, min(at + _BLOCK, segment.rows))
        wide = widened(segment.vector_range(at, at + len(rows)))
        block = (vectors * _WIDE) @ wide.T
        block[itself[:, None] == rows] = -np.inf
        for number, mask in enumerate(masks):
            least = scores[number].min(axis=1, keepdims=True)
            hopeful = (block > least).any(axis=0)
            if mask is not None:
                hopeful &= mask[rows]
            where = np.flatnonzero(hopeful)
            both = np.hstack([scores[number], block[:, where]])
            keep = np.argpartition(-both, K - 1, axis=1)[:, :K]
            all_rows = np.hstack([best[number], np.broadcast_to(rows[where], (count, len(where)))])
            scores[number] = np.take_along_axis(both, keep, axis=1)
            best[number] = np.take_along_axis(all_rows, keep, axis=1)
    ends = np.cumsum([len(asked.vectors) for asked in kinds])[:-1]
    return [np.split(np.where(np.isinf(s), -1, b), ends) for s, b in zip(scores, best, strict=True)]


def _exact_ms(segment: Segment, query: NDArray[np.float32]) -> float:
    """Return the time of comparing every row, milliseconds of this thread, from some of them."""
    rows = np.arange(min(segment.rows, _SAMPLE))
    scan(segment, rows, query)
    began = time.thread_time()
    scan(segment, rows, query)
    return 1000.0 * (time.thread_time() - began) * segment.rows / len(rows)


def _curve(
    searched: Searched, asked: Questions, cases: Sequence[_Case], bounds: _Bounds
) -> list[dict[str, float]]:
    """Return recall and time by setting, the worst of the filters."""
    points: list[dict[str, float]] = []
    nprobe = min(_FEWEST_LISTS, searched.lists)
    while time.process_time() < bounds.until_s:
        recalls = np.ones(len(_REFINES))
        for mask, truth in cases:
            found = [
                _found(searched, asked, n, truth=truth[n], nprobe=nprobe, mask=mask)
                for n in range(len(truth))
            ]
            recalls = np.minimum(recalls, np.mean(found, axis=0))
        times = [
            max(_cpu_ms(searched, asked, nprobe, refine, mask) for mask, _ in cases)
            for refine in _REFINES
        ]
        for refine, recall, spent in zip(_REFINES, recalls.tolist(), times, strict=True):
            told = {"recall": round(recall, 4), "cpu_ms": round(spent, 3)}
            points.append({"nprobe": nprobe, "refine": refine, **told})
        is_slow = min(times) > max(bounds.exact_ms, _QUICK_MS)
        if nprobe >= searched.lists or recalls.max() >= _ENOUGH or is_slow:
            break
        nprobe = min(2 * nprobe, searched.lists)
    return points


def _worthwhile(points: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Return the settings that find more than every faster one."""
    kept: list[dict[str, float]] = []
    for point in sorted(points, key=lambda p: (p["cpu_ms"], -p["recall"])):
        if not kept or point["recall"] > kept[-1]["recall"]:
            kept.append(point)
    return kept


def _found(
    searched: Searched,
    asked: Questions,
    number: int,
    *,
    truth: NDArray[np.int64],
    nprobe: int,
    mask: _Mask | None,
) -> list[float]:
    """Return the share of the true best rows among the first proposals, for each refine size."""
    query = asked.vectors[number]
    proposed = searched.propose(query, nprobe=nprobe, count=_REFINES[-1] + 1, allowed=mask)
    proposed = proposed[proposed != asked.itself[number]]
    wanted = truth[truth >= 0]
    if not len(wanted):
        return [1.0] * len(_REFINES)
    places = np.flatnonzero(np.isin(proposed, wanted))
    counts = np.searchsorted(places, _REFINES, side="left")
    shares: list[float] = (counts / len(wanted)).tolist()
    return shares


def _cpu_ms(
    searched: Searched,
    asked: Questions,
    nprobe: int,
    refine: int,
    mask: _Mask | None,
) -> float:
    """Return the median time of proposing and comparing, milliseconds of this thread."""
    spent = []
    for query in asked.vectors[:_TIMED]:
        began = time.thread_time()
        rows = searched.propose(query, nprobe=nprobe, count=refine, allowed=mask)
        scan(searched.segment, np.sort(rows), query)
        spent.append(time.thread_time() - began)
    return 1000.0 * float(np.median(spent))
