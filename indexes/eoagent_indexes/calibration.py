"""Measure what an approximate structure finds, and choose its cheapest setting that finds enough.

Held-out queries are compared with the exact answer of the same segment: its own rows, moved a
little and each without itself, and such rows moved to where texts are: by the gap between pictures
and texts, or in a random direction as far where no texts are at hand, and with less contrast.
Recall is that of the best ten, and of the worse kind. It is measured without a filter, and with
filters that let through a share of rows, at random and in one run, since lists that are well filled
for one are empty for the other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from eoagent_indexes.exact import scan, widened
from eoagent_indexes.segment import Segment

__all__ = ["ANN_FORMAT", "K", "Proposing", "Searched", "Setting", "calibrate", "choose_setting"]

ANN_FORMAT: Final = 1
"""What an entry's calibration says of its form; another one is not used."""
K: Final = 10
"""Best tiles that recall counts."""
_SHARES: Final = (1.0, 0.3, 0.06)
_REFINES: Final = (50, 100, 200, 400, 800, 1600, 3200)
_ENOUGH: Final = 0.999
_TIMED: Final = 5
_FEWEST_LISTS: Final = 4
_BLOCK: Final = 16_384
_NOISE: Final = 0.3
_TEXT_CONTRAST: Final = 1 / 3
"""How much less texts tell pictures apart than pictures do. Measured on published embeddings of
WHU-RS19 by RemoteCLIP ViT-B-32: right and other classes differ by 0.080 for texts and by 0.245."""
_WIDE: Final = np.float32(2.0**112)


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
class Setting:
    """How far a structure looks, and what that finds."""

    nprobe: int
    """Lists that are looked into."""
    refine: int
    """Rows that are compared exactly."""
    recall: float
    """Share of the best ten that it found."""
    cpu_ms: float
    """Time that it took, milliseconds of one core."""


@dataclass(frozen=True, slots=True)
class _Questions:
    """Queries of all kinds."""

    vectors: NDArray[np.float32]
    """(n, d)."""
    itself: NDArray[np.int64]
    """The row that each was made from and may not find, (n,); -1 for none."""
    kinds: tuple[int, ...]
    """How many of each kind."""


def calibrate(
    searched: Searched,
    *,
    queries: int,
    seed: int,
    texts: NDArray[np.float32] | None = None,
) -> dict[str, Any]:
    """Return what an entry says of a structure: recall and time by setting and share let through.

    Args:
        searched: the structure.
        queries: how many of each kind.
        seed: decides rows and noise.
        texts: vectors of texts, (n, d).
    """
    random = np.random.default_rng(seed)
    asked = _questions(searched.segment, queries, random, texts)
    filters = [(share, mask) for share in _SHARES for mask in _masks(searched, share, random)]
    truths = _true_best(searched, asked, [mask for _, mask in filters])
    curve: list[dict[str, float]] = []
    for share in _SHARES:
        cases = [(m, t) for (s, m), t in zip(filters, truths, strict=True) if s == share]
        points = _worthwhile(_curve(searched, asked, cases))
        curve += [{"share": share, **point} for point in points]
    own, across = asked.kinds
    return {
        "format": ANN_FORMAT,
        "k": K,
        "queries": {"own": own, "across": across, "texts": 0 if texts is None else len(texts)},
        "curve": curve,
    }


def choose_setting(calibration: dict[str, Any], *, share: float, recall: float) -> Setting | None:
    """Return the cheapest setting that was measured to find enough; None if none was.

    A share between those that were measured goes by the next smaller one, which is harder. Where
    there is one, the setting misses half as much as it may, for queries that are harder yet.

    Args:
        calibration: of an entry.
        share: rows that a filter lets through, 0 to 1.
        recall: least recall of the best ten.
    """
    curve: Sequence[dict[str, float]] = calibration.get("curve", ())
    measured = max((p["share"] for p in curve if p["share"] <= share), default=None)
    good = [p for p in curve if p["share"] == measured and p["recall"] >= recall]
    if not good:
        return None
    safe = [p for p in good if p["recall"] >= (1 + recall) / 2]
    best = min(safe or good, key=lambda p: (p["cpu_ms"], p["nprobe"], p["refine"]))
    return Setting(
        nprobe=int(best["nprobe"]),
        refine=int(best["refine"]),
        recall=best["recall"],
        cpu_ms=best["cpu_ms"],
    )


def _questions(
    segment: Segment,
    queries: int,
    random: np.random.Generator,
    texts: NDArray[np.float32] | None,
) -> _Questions:
    live = np.flatnonzero(segment.live)
    count = min(queries, len(live))
    rows = random.choice(live, count, replace=False)
    own = segment.vectors(rows).astype(np.float32)
    noise = random.standard_normal(own.shape, dtype=np.float32)
    noise *= np.float32(_NOISE / np.sqrt(own.shape[1]))
    moved = _unit(own + noise)
    mean = own.mean(axis=0)
    if texts is None:
        gap = _unit(random.standard_normal((1, own.shape[1])).astype(np.float32))[0]
    else:
        gap = texts.mean(axis=0) - mean
    across = _unit(mean + gap + np.float32(_TEXT_CONTRAST) * (moved - mean))
    nothing = np.full(count, -1, dtype=np.int64)
    return _Questions(np.vstack([moved, across]), np.concatenate([rows, nothing]), (count, count))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _masks(
    searched: Searched, share: float, random: np.random.Generator
) -> list[NDArray[np.bool_] | None]:
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
    searched: Searched, asked: _Questions, masks: Sequence[NDArray[np.bool_] | None]
) -> list[NDArray[np.int64]]:
    """Return the exact best rows by filter and query, (queries, K) each; -1 where there is none."""
    count = len(asked.vectors)
    scores = [np.full((count, K), -np.inf, dtype=np.float32) for _ in masks]
    best = [np.full((count, K), -1, dtype=np.int64) for _ in masks]
    segment = searched.segment
    for at in range(0, segment.rows, _BLOCK):
        rows = np.arange(at, min(at + _BLOCK, segment.rows))
        wide = widened(segment.vector_range(at, at + len(rows)))
        block = (asked.vectors * _WIDE) @ wide.T
        block[asked.itself[:, None] == rows] = -np.inf
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
    return [np.where(np.isinf(s), -1, b) for s, b in zip(scores, best, strict=True)]


def _curve(
    searched: Searched,
    asked: _Questions,
    cases: Sequence[tuple[NDArray[np.bool_] | None, NDArray[np.int64]]],
) -> list[dict[str, float]]:
    """Return recall and time by setting, the worst of the filters and of the kinds of query."""
    points = []
    nprobe = min(_FEWEST_LISTS, searched.lists)
    while True:
        recalls = np.ones(len(_REFINES))
        for mask, truth in cases:
            found = [
                _found(searched, asked, n, truth=truth[n], nprobe=nprobe, mask=mask)
                for n in range(len(truth))
            ]
            first = 0
            for size in asked.kinds:
                recalls = np.minimum(recalls, np.mean(found[first : first + size], axis=0))
                first += size
        for refine, recall in zip(_REFINES, recalls.tolist(), strict=True):
            spent = max(_cpu_ms(searched, asked, nprobe, refine, mask) for mask, _ in cases)
            points.append(
                {
                    "nprobe": nprobe,
                    "refine": refine,
                    "recall": round(recall, 4),
                    "cpu_ms": round(spent, 3),
                }
            )
        if nprobe >= searched.lists or recalls.max() >= _ENOUGH:
            return points
        nprobe = min(2 * nprobe, searched.lists)


def _worthwhile(points: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Return the settings that find more than every faster one."""
    kept: list[dict[str, float]] = []
    for point in sorted(points, key=lambda p: (p["cpu_ms"], -p["recall"])):
        if not kept or point["recall"] > kept[-1]["recall"]:
            kept.append(point)
    return kept


def _found(
    searched: Searched,
    asked: _Questions,
    number: int,
    *,
    truth: NDArray[np.int64],
    nprobe: int,
    mask: NDArray[np.bool_] | None,
) -> list[float]:
    """Return the share of the true best rows among the first proposals, for each refine size."""
    query = asked.vectors[number]
    proposed = searched.propose(query, nprobe=nprobe, count=_REFINES[-1] + 1, allowed=mask)
    proposed = proposed[proposed != asked.itself[number]]
    wanted = truth[truth >= 0]
    if not len(wanted):
        return [1.0] * len(_REFINES)
    return [float(np.isin(wanted, proposed[:refine]).mean()) for refine in _REFINES]


def _cpu_ms(
    searched: Searched,
    asked: _Questions,
    nprobe: int,
    refine: int,
    mask: NDArray[np.bool_] | None,
) -> float:
    """Return the median time of proposing and comparing, milliseconds of this thread."""
    spent = []
    for query in asked.vectors[:_TIMED]:
        began = time.thread_time()
        rows = searched.propose(query, nprobe=nprobe, count=refine, allowed=mask)
        scan(searched.segment, np.sort(rows), query)
        spent.append(time.thread_time() - began)
    return 1000.0 * float(np.median(spent))
