"""Order figures, one per item: which is largest or smallest, and the first few."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.figuretable import figure_rows, store_rows

__all__ = ["TOOL", "Rank", "rank"]


class Rank(Arguments):
    """Arguments of `rank`."""

    figures: tuple[str, ...] = Field(min_length=2, max_length=1000)
    """Figures of one kind, one per item: references such as $3.area, or ids such as f3."""
    order: Literal["highest", "lowest"] = "highest"
    """Which end comes first."""
    name_by: Literal["item", "time"] = "item"
    """Whether the first is named by its item or by its date."""


def rank(arguments: Rank, services: Services) -> ToolResult:
    """Return the items in order, and the first one's name and value; ties are told.

    Raises:
        InputError: if a figure is missing, no number, or of another kind.
    """
    rows = figure_rows(arguments.figures, services.figures)
    unit = services.figures[rows[0].id].unit
    sign = -1.0 if arguments.order == "highest" else 1.0
    ordered = sorted(rows, key=lambda row: sign * row.value)
    first = ordered[0]
    name = (first.time_label or first.label) if arguments.name_by == "time" else first.label
    sources = services.figures[first.id].sources
    what = services.figures[first.id].label
    method = f"{arguments.order} of {len(rows)} figures ({', '.join(row.id for row in rows)})"
    tied = [row.label for row in ordered[1:] if row.value == first.value]
    table = store_rows(services.store, ordered, unit=unit, label=f"{arguments.order} first: {what}")
    figures = (
        FigureDraft(
            name="best",
            value=name,
            unit="choice",
            label=f"{arguments.order}: {what}"[:200],
            method=method[:600],
            sources=sources,
        ),
        FigureDraft(
            name="value",
            value=first.value,
            unit=unit,
            label=f"{arguments.order}: {what}"[:200],
            method=f"{services.figures[first.id].method}; {method}"[:600],
            error=first.error,
            sources=sources,
        ),
    )
    warnings = (f"tied with {name}: {', '.join(tied)}",) if tied else ()
    return ToolResult(artifacts={"table": table}, figures=figures, warnings=warnings)


TOOL = FunctionTool(
    card=ToolCard(
        name="rank",
        summary="Which of several items has the highest or lowest figure, and the order of all.",
        outputs=(
            Output(name="table", kind="table", about="all items in order"),
            Output(name="best", kind="figure", about="name of the first, choice"),
            Output(name="value", kind="figure", about="figure of the first, in its unit"),
        ),
        group="measure",
        cacheable=False,
    ),
    arguments=Rank,
    function=rank,
)
