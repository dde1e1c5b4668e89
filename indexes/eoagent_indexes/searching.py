"""Rank the tiles of all segments: filter, plan, compare, and keep the best, ties by tile id."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import EoAgentError, ModelMissing, SourceError
from eoagent.contracts.progress import Deadline
from eoagent_indexes.ann import AnnStructure
from eoagent_indexes.choosing import Kind
from eoagent_indexes.conditions import Conditions
from eoagent_indexes.exact import best_of, precise_scores, scan
from eoagent_indexes.filters import Matches, match_rows, may_match
from eoagent_indexes.planning import SegmentPlan, plan_segment
from eoagent_indexes.resident import ResidentVectors
from eoagent_indexes.segment import Segment
from eoagent_indexes.zones import Zones

__all__ = ["Asked", "Ranked", "Resources", "search_segments"]

_ADVICE: Final = "eoagent index update makes it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is looked for, in numbers."""

    vector: NDArray[np.float32]
    """(d,), of length 1."""
    conditions: Conditions
    """Which tiles are ranked."""
    among: dict[int, NDArray[np.int64]] | None = None
    """Rows to choose from by position of the segment, ascending; None for all."""
    k: int
    """Most tiles."""
    kind: Kind = "across"
    """Where it lies; the second is the harder one to find the best of."""
    plan: Literal["auto", "exact", "ann"] = "auto"
    """How they are ranked."""
    recall: float = 0.99
    """Least recall of the best ten where ranking is approximate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What is kept between searches."""

    zones: Callable[[Segment], Zones]
    """Returns the zones of a segment."""
    structure: Callable[[Segment], AnnStructure]
    """Returns its approximate structure, loaded."""
    resident: Callable[[Segment], ResidentVectors] | None = None
    """Returns its vectors on a device; None where there is none."""
    deadline: Deadline | None = None
    """Time left."""


@dataclass(slots=True, kw_only=True)
class Ranked:
    """The best tiles, in order of segment and row, and what was counted on the way."""

    segments: NDArray[np.int64]
    """Positions of their segments, (n,)."""
    rows: NDArray[np.int64]
    """Their rows, (n,)."""
    scores: NDArray[np.float64]
    """Their scores, (n,); at least the best k of all, and those equal to the last of them."""
    matched: int = 0
    """Tiles that met the conditions."""
    without: tuple[int, int, int] = (0, 0, 0)
    """Tiles left out for want of a place, a time, a cloud share."""
    ways: frozenset[str] = frozenset()
    """How segments were ranked."""
    recall: float = 1.0
    """The least of their recalls."""
    warnings: tuple[str, ...] = ()
    """What the reader should know."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by stage."""


@dataclass(slots=True)
class _Tally:
    matched: int = 0
    without: NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, dtype=np.int64))
    ways: set[str] = field(default_factory=set)
    recall: float = 1.0
    warnings: dict[str, None] = field(default_factory=dict)
    filtering_s: float = 0.0
    ranking_s: float = 0.0


def search_segments(segments: tuple[Segment, ...], asked: Asked, resources: Resources) -> Ranked:
    """Return the best tiles of some segments.

    Raises:
        SourceError: if a file that cannot be done without is damaged.
        ModelMissing: if the query wants approximate ranking and FAISS is not installed.
        ModelError: if FAISS is installed twice.
        BudgetExceeded: if the time is over.
    """
    tally = _Tally()
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    for number, segment in enumerate(segments):
        if resources.deadline is not None:
            resources.deadline.check()
        if asked.among is not None and number not in asked.among:
            continue
        began = time.perf_counter()
        matches = _matches(segment, number, asked, resources)
        tally.filtering_s += time.perf_counter() - began
        if matches is None:
            continue
        tally.matched += matches.count
        tally.without += (matches.without_place, matches.without_time, matches.without_cloud)
        if not matches.count:
            continue
        began = time.perf_counter()
        rows, scores = _rank(segment, matches, asked, resources, tally)
        parts.append((np.full(len(rows), number, dtype=np.int64), rows, scores))
        tally.ranking_s += time.perf_counter() - began
    return _joined(parts, asked.k, tally)


def _matches(segment: Segment, number: int, asked: Asked, resources: Resources) -> Matches | None:
    if not may_match(segment, asked.conditions):
        return None
    among = None if asked.among is None else asked.among[number]
    if among is not None or asked.conditions.is_empty:
        return match_rows(segment, asked.conditions, among=among)
    return match_rows(segment, asked.conditions, zones=resources.zones(segment))


def _rank(
    segment: Segment, matches: Matches, asked: Asked, resources: Resources, tally: _Tally
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return rows of a segment, ascending, among them its best k, with their scores."""
    rows = None
    if resources.resident is not None:
        proposed = resources.resident(segment)
        rows = proposed.propose(asked.vector, k=asked.k, allowed=matches.rows)
        tally.ways.add("exact")
    else:
        plan = _planned(segment, matches, asked, tally)
        if plan.warning:
            tally.warnings[f"{plan.warning}: it was compared exactly"] = None
        if plan.how == "ann":
            rows = _approximate(segment, matches, plan, asked, resources, tally=tally)
    if rows is None:
        rows = matches.numbers()
        tally.ways.add("exact")
    products = scan(segment, rows, asked.vector)
    rows = rows[best_of(products, asked.k, segment.entry.norms)]
    return rows, precise_scores(segment.vectors(rows), asked.vector)


def _planned(segment: Segment, matches: Matches, asked: Asked, tally: _Tally) -> SegmentPlan:
    try:
        return plan_segment(
            None if segment.ann is None else lambda: segment.calibration,
            rows=segment.rows,
            matched=matches.count,
            k=asked.k,
            kind=asked.kind,
            asked=asked.plan,
            recall=asked.recall,
        )
    except SourceError as error:
        tally.warnings[_why(error)] = None
        return SegmentPlan(how="exact")


def _approximate(
    segment: Segment,
    matches: Matches,
    plan: SegmentPlan,
    asked: Asked,
    resources: Resources,
    *,
    tally: _Tally,
) -> NDArray[np.int64] | None:
    """Return the rows that a structure proposes, ascending; None if they are too few or it fails.

    Raises:
        ModelMissing: if the query wants it and FAISS is not installed.
        ModelError: if FAISS is installed twice.
    """
    try:
        structure = resources.structure(segment)
    except (SourceError, ModelMissing) as error:
        if isinstance(error, ModelMissing) and asked.plan == "ann":
            raise
        tally.warnings[_why(error)] = None
        return None
    allowed = None
    if matches.rows is not None:
        allowed = np.zeros(segment.rows, dtype=np.bool_)
        allowed[matches.rows] = True
    rows = structure.propose(asked.vector, nprobe=plan.nprobe, count=plan.refine, allowed=allowed)
    if len(rows) < min(asked.k, matches.count):
        return None
    tally.ways.add("ann")
    tally.recall = min(tally.recall, plan.recall)
    return np.sort(rows)


def _why(error: EoAgentError) -> str:
    if isinstance(error, ModelMissing):
        return f"compared exactly, which takes longer: {error.explain()}"
    return (
        "an approximate structure cannot be used, so its segment was compared exactly: "
        f"{error}; {_ADVICE}"
    )


def _joined(
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]],
    k: int,
    tally: _Tally,
) -> Ranked:
    numbers, rows, scores = _columns(parts)
    if len(scores) > k:
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = scores >= least
        numbers, rows, scores = numbers[kept], rows[kept], scores[kept]
    return Ranked(
        segments=numbers,
        rows=rows,
        scores=scores,
        matched=tally.matched,
        without=(int(tally.without[0]), int(tally.without[1]), int(tally.without[2])),
        ways=frozenset(tally.ways),
        recall=tally.recall,
        warnings=tuple(tally.warnings),
        seconds={"filter": tally.filtering_s, "rank": tally.ranking_s},
    )


def _columns(
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64)
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )
