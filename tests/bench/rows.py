"""The rows of the benchmark: what was measured, ours beside the same by hand, and the aim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from child import Spent

__all__ = ["Row", "as_documents", "as_table", "row_of"]

_HEAD = ("what", "who", "runs", "wall s", "CPU s", "peak MB", "aim", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; medians over the runs."""

    what: str
    who: str
    """`eoagent` or `by hand`."""
    runs: int
    wall_s: float
    cpu_s: float | None = None
    peak_mb: float | None = None
    """The largest of the runs."""
    aim: str = ""
    note: str = ""


def row_of(what: str, who: str, spent: Sequence[Spent], *, aim: str = "", note: str = "") -> Row:
    """Return the row of some runs of one command; a failed one shows what it said."""
    failed = [one for one in spent if one.code]
    if failed:
        note = f"failed ({failed[0].code}): {failed[0].complaint[-160:]}"
    return Row(
        what=what,
        who=who,
        runs=len(spent),
        wall_s=median(one.wall_s for one in spent),
        cpu_s=median(one.cpu_s for one in spent),
        peak_mb=max(one.peak_mb for one in spent),
        aim=aim,
        note=note,
    )


def as_table(rows: Sequence[Row]) -> str:
    """Return the rows as text in columns."""
    lines = [_HEAD]
    for row in rows:
        cpu = "" if row.cpu_s is None else f"{row.cpu_s:.3f}"
        peak = "" if row.peak_mb is None else f"{row.peak_mb:,.0f}"
        cells = (row.what, row.who, str(row.runs), f"{row.wall_s:.3f}", cpu, peak)
        lines.append((*cells, row.aim, row.note))
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
    right = range(2, 6)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_documents(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON objects."""
    return [asdict(row) for row in rows]
