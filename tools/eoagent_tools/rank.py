"""Order figures, one per item: which is largest or smallest, and the first few."""

from __future__ import annotations

import contextlib
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from eoagent.contracts.artifact import Artifact, ArtifactKind, handle_kind, handle_of
from eoagent.contracts.errors import NotFound
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.figuretable import FigureRow, figure_rows, store_rows, table_rows

__all__ = ["TOOL", "Rank", "rank"]


_KEPT: Final[tuple[ArtifactKind, ...]] = ("features", "raster", "mask")


class Rank(Arguments):
    """Arguments of `rank`: figures, or a column of a table."""

    figures: tuple[str, ...] = Field(default=(), max_length=1000)
    """Figures of one kind, one per item: references such as $3.area, or ids such as f3."""
    table: handle_of("table") | None = None  # type: ignore[valid-type]
    """Table that a step over a list gave: a row per item."""
    column: str | None = Field(default=None, max_length=60)
    """Figure in the table to order by, such as area."""
    order: Literal["highest", "lowest"] = "highest"
    """Which end comes first."""
    name_by: Literal["item", "time"] = "item"
    """Whether the first is named by its item or by its date."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.figures) == (self.table is not None):
            raise ValueError("give figures, or a table with a column")
        if (self.table is None) != (self.column is None):
            raise ValueError("table and column go together")
        if len(self.figures) == 1:
            raise ValueError("one figure has no order: give at least two")
        return self


def rank(arguments: Rank, services: Services) -> ToolResult:
    """Return the items in order, and the first one's name and value; ties are told.

    Raises:
        InputError: if a figure or column is missing, no number, or of another kind.
    """
    warnings: list[str] = []
    if arguments.table is not None:
        assert arguments.column is not None
        rows, failed = table_rows(services.store, arguments.table, arguments.column)
        if failed:
            warnings.append(f"left out, for they have no {arguments.column}: {', '.join(failed)}")
    else:
        rows = figure_rows(arguments.figures, services.figures)
    sign = -1.0 if arguments.order == "highest" else 1.0
    ordered = sorted(rows, key=lambda row: sign * row.value)
    first = ordered[0]
    name = _name(first, arguments.name_by)
    what = first.draft.label
    table = store_rows(
        services.store, ordered, unit=first.draft.unit, label=f"{arguments.order} first: {what}"
    )
    tied = [_name(row, arguments.name_by) for row in ordered[1:] if row.value == first.value]
    if tied:
        warnings.append(f"tied with {name}: {', '.join(tied)}")
    return ToolResult(
        artifacts={"table": table, **_kept(first, services)},
        figures=_figures(arguments, ordered, name),
        warnings=tuple(warnings),
    )


def _name(row: FigureRow, name_by: Literal["item", "time"]) -> str:
    return (row.time_label or row.label) if name_by == "time" else row.label


def _kept(first: FigureRow, services: Services) -> dict[str, Artifact]:
    """Return what the first item stands for or was measured on, one artifact of each kind."""
    found = {handle_kind(handle): handle for handle in first.handles.values()}
    kept: dict[str, Artifact] = {}
    for kind in _KEPT:
        if kind in found:
            with contextlib.suppress(NotFound):  # an id may look like a handle and be none
                kept[kind] = services.store.get(found[kind])
    return kept


def _figures(
    arguments: Rank, ordered: list[FigureRow], name: str
) -> tuple[FigureDraft, FigureDraft]:
    first = ordered[0]
    listed = ", ".join(row.label for row in ordered[:10])
    more = f" and {len(ordered) - 10} more" if len(ordered) > 10 else ""
    method = f"{arguments.order} of {len(ordered)} figures ({listed}{more})"
    label = f"{arguments.order}: {first.draft.label}"[:200]
    best = FigureDraft(
        name="best",
        value=name,
        unit="choice",
        label=label,
        method=method[:600],
        sources=first.draft.sources,
    )
    value = FigureDraft(
        name="value",
        value=first.value,
        unit=first.unit,
        label=label,
        method=f"{first.draft.method}; {method}"[:600],
        error=first.error,
        sources=first.draft.sources,
    )
    return best, value


TOOL = FunctionTool(
    card=ToolCard(
        name="rank",
        summary="Which of several items has the highest or lowest figure, and the order of all.",
        outputs=(
            Output(name="table", kind="table", about="all items in order"),
            Output(name="best", kind="figure", about="name of the first, choice"),
            Output(name="value", kind="figure", about="figure of the first, in its unit"),
            *(
                Output(name=kind, kind=kind, about="of the first, where its row holds one")
                for kind in _KEPT
            ),
        ),
        group="measure",
        cacheable=False,
    ),
    arguments=Rank,
    function=rank,
)
