"""Decide how each segment is ranked: exactly where few rows are left, approximately where many are.

A structure that is missing, damaged or not measured to find enough never costs results: the
segment is compared exactly instead, and a warning says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from eoagent_indexes.choosing import K, Kind, choose_setting

__all__ = ["EXACT_ROWS", "EXACT_SHARE", "SegmentPlan", "plan_segment"]

EXACT_ROWS: Final = 50_000
"""Rows that are compared exactly whatever there is: 15 ms on one core."""
EXACT_SHARE: Final = 0.05
"""Share of a segment likewise: lists lose tiles where a filter lets fewer through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """How one segment is ranked."""

    how: Literal["exact", "ann"]
    """`exact` compares every matching row."""
    nprobe: int = 0
    """Lists that are looked into."""
    refine: int = 0
    """Rows that are compared exactly."""
    recall: float = 1.0
    """Measured share of the best ten that it finds."""
    warning: str = ""
    """Why it is not ranked as the query asks."""


_EXACT: Final = SegmentPlan(how="exact")


def plan_segment(
    measured: Callable[[], dict[str, Any]] | None,
    *,
    rows: int,
    matched: int,
    k: int,
    kind: Kind = "across",
    asked: Literal["auto", "exact", "ann"] = "auto",
    recall: float = 0.99,
) -> SegmentPlan:
    """Return how a segment is ranked.

    Args:
        measured: returns the calibration of its approximate structure; None without one.
        rows: rows of the segment.
        matched: rows that meet the conditions.
        k: tiles that are wanted.
        kind: where the query lies.
        asked: what the query wants.
        recall: least recall of the best ten.

    Raises:
        SourceError: if the calibration is missing or damaged; it is read only where it decides.
    """
    if asked == "exact" or matched <= k:
        return _EXACT
    if asked == "auto" and (measured is None or matched <= max(EXACT_ROWS, EXACT_SHARE * rows)):
        return _EXACT
    if measured is None:
        return SegmentPlan(how="exact", warning="a segment has no approximate structure")
    calibration = measured()
    setting = choose_setting(calibration, kind=kind, share=matched / rows, recall=recall)
    if setting is None:
        return SegmentPlan(
            how="exact",
            warning=f"no setting was measured to find {recall:g} of the best among {matched:,} "
            f"of {rows:,} tiles",
        )
    more = max(k / K, 1.0)
    refine = math.ceil(setting.refine * more)
    if refine > EXACT_SHARE * rows:
        return _EXACT
    lists = int(calibration.get("lists", setting.nprobe))
    return SegmentPlan(
        how="ann",
        nprobe=min(math.ceil(setting.nprobe * math.sqrt(more)), lists),
        refine=refine,
        recall=setting.recall,
    )
