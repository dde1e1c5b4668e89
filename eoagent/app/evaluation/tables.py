"""Lay out what an evaluation found as tables of text: outcomes, checks, and what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eoagent.app.evaluation.scores import Evaluation, Tally

__all__ = ["Table", "tables_of"]

_Column = Callable[[Tally], str]
_NONE: Final = frozenset({"", "0"})
_CHECKED: Final = (
    "Abstention (asking back or declining): recall of the questions that have no answer, precision "
    "of the times it was done. Unverified: numbers in the texts that no figure stands behind. "
    "Tools in order, arguments, boxes (intersection over union) and dates (overlap): agreement "
    "with the reference, 0 to 1, as far as questions have one."
)
_COSTED: Final = "Of runs that failed, only the seconds are known."


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells of text; the first of a row names it."""

    head: tuple[str, ...]
    """Names of the columns; the first one names the table, or is empty."""
    rows: tuple[tuple[str, ...], ...]
    """The rows, each as long as the head."""
    note: str = ""
    """What the columns mean, where their names do not say it."""


def tables_of(evaluation: Evaluation) -> tuple[Table, ...]:
    """Return the table of outcomes, and those of checks and costs where there is something to say.

    Columns that say nothing here are left out. `checks` has rows for what abstained or should
    have, wrote numbers that no figure stands behind, called a language model, or has references to
    be compared with; `costs` has rows for what called a language model.
    """
    rows = list(evaluation.rows())
    checked = [(name, own) for name, own in rows if _is_checked(own)]
    spent = [(name, own) for name, own in rows if own.usage.model_calls]
    made = (
        _table("", _OUTCOMES, rows, optional={"unjudged"}),
        _table("checks", _CHECKS, checked, optional=set(_CHECKS) - {"unverified"}, note=_CHECKED),
        _table("costs", _COSTS, spent, optional={"USD"}, note=_COSTED),
    )
    return tuple(table for table in made if table.rows or table is made[0])


def _is_checked(own: Tally) -> bool:
    held = own.abstention
    return any((held.due, held.abstained, own.unverified, own.measures, own.usage.model_calls))


def _table(
    title: str,
    columns: Mapping[str, _Column],
    named: Sequence[tuple[str, Tally]],
    *,
    optional: set[str],
    note: str = "",
) -> Table:
    cells = {head: [make(own) for _, own in named] for head, make in columns.items()}
    kept = {head: own for head, own in cells.items() if head not in optional or set(own) - _NONE}
    names = [name for name, _ in named]
    rows = tuple(zip(names, *kept.values(), strict=True))
    return Table(head=(title, *kept), rows=rows, note=note)


def _share(rate: float | None, count: int) -> str:
    return "" if rate is None else f"{rate:.0%} of {count}"


def _measure(name: str) -> _Column:
    return lambda own: f"{own.measures[name]:.2f}" if name in own.measures else ""


def _dollars(own: Tally) -> str:
    cost = own.usage.cost_usd
    return "" if not cost else f"{cost:.4f}" if cost >= 0.0001 else "<0.0001"


_OUTCOMES: Final[Mapping[str, _Column]] = MappingProxyType(
    {
        "questions": lambda own: str(own.questions),
        "right": lambda own: str(own.right),
        "wrong": lambda own: str(own.wrong),
        "declined": lambda own: str(own.declined),
        "asked": lambda own: str(own.asked),
        "failed": lambda own: str(own.failed),
        "unjudged": lambda own: str(own.unjudged),
        "rate": lambda own: "" if own.rate is None else f"{own.rate:.0%}",
    }
)
_CHECKS: Final[Mapping[str, _Column]] = MappingProxyType(
    {
        "abst. recall": lambda own: _share(own.abstention.recall, own.abstention.due),
        "abst. precision": lambda own: _share(own.abstention.precision, own.abstention.abstained),
        "unverified": lambda own: str(own.unverified),
        "tools": _measure("tools_in_order"),
        "arguments": _measure("arguments"),
        "box IoU": _measure("box_iou"),
        "dates": _measure("time_overlap"),
    }
)
_COSTS: Final[Mapping[str, _Column]] = MappingProxyType(
    {
        "model calls": lambda own: f"{own.usage.model_calls:,}",
        "tool calls": lambda own: f"{own.usage.tool_calls:,}",
        "tokens in": lambda own: f"{own.usage.input_tokens:,}",
        "tokens out": lambda own: f"{own.usage.output_tokens:,}",
        "USD": _dollars,
        "seconds": lambda own: f"{own.usage.seconds:.1f}",
        "s each": lambda own: f"{own.usage.seconds / own.questions:.1f}",
    }
)
