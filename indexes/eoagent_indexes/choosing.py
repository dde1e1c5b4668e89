"""Choose how far an approximate structure looks, by what was measured for such queries.

A query by one picture, tile or vector lies among the tiles, and few lists hold what is near it. A
text lies apart from them all, and so does a mean of several terms or what is left of one when
another is taken away: its best tiles are spread over many lists. Each kind has its own curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = ["ANN_FORMAT", "KINDS", "K", "Kind", "Setting", "choose_setting"]

ANN_FORMAT: Final = 2
"""What an entry's calibration says of its form; another one is not used."""
K: Final = 10
"""Best tiles that recall counts."""
Kind = Literal["own", "across"]
"""Where a query lies: among the tiles, or apart from them."""
KINDS: Final[tuple[Kind, ...]] = ("own", "across")
"""All kinds."""


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


def choose_setting(
    calibration: dict[str, Any], *, kind: Kind, share: float, recall: float
) -> Setting | None:
    """Return the cheapest setting that was measured to find enough; None if none was.

    A share between those that were measured goes by the next smaller one, which is harder. Where
    there is one, the setting misses half as much as it may, for queries that are harder yet.

    Args:
        calibration: of an entry.
        kind: of the query.
        share: rows that a filter lets through, 0 to 1.
        recall: least recall of the best ten.
    """
    curve: Sequence[dict[str, Any]] = [
        p for p in calibration.get("curve", ()) if p.get("kind") == kind
    ]
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
