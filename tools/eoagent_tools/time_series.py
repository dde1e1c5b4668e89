"""A figure per date: trend, lowest, highest, and the change from the first to the last."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from pydantic import Field, model_validator
from scipy import stats

from eoagent.contracts.artifact import handle_of
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, unclear_changes
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.contracts.units import product
from eoagent.io.figuretable import FigureRow, figure_rows, store_rows, table_rows, year_of

__all__ = ["TOOL", "TimeSeries", "time_series"]

_MIN_TREND = 3


class TimeSeries(Arguments):
    """Arguments of `time_series`: figures, or a column of a table."""

    figures: tuple[str, ...] = Field(default=(), max_length=2000)
    """Figures of one kind, one per date: references such as $3.area, or ids such as f3."""
    table: handle_of("table") | None = None  # type: ignore[valid-type]
    """Instead of figures: table that a step over a list gave, a row per scene."""
    column: str | None = Field(default=None, max_length=60)
    """Figure in the table to follow, such as area."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.figures) == (self.table is not None):
            raise ValueError("give figures, or a table with a column")
        if (self.table is None) != (self.column is None):
            raise ValueError("table and column go together")
        if len(self.figures) == 1:
            raise ValueError("one figure is no series: give at least two")
        return self


def time_series(arguments: TimeSeries, services: Services) -> ToolResult:
    """Return the figures in order of date, with trend, extremes and change.

    The trend is the slope of an ordinary least squares line through the values, one per date,
    against decimal years; its error is the standard error of the slope.

    Raises:
        InputError: if a figure has no date, two share one, or kinds differ.
    """
    rows, warnings = _rows(arguments, services)
    undated = [row.id or row.label for row in rows if row.time is None]
    if undated:
        raise InputError(
            f"{', '.join(undated)}: the date is not known",
            hint="use scenes with a date, in their item or file name",
        )
    ordered = sorted(rows, key=lambda row: row.time.timestamp() if row.time else 0.0)
    years = np.array([year_of(row.time) for row in ordered if row.time])
    if len(set(years)) != len(years):
        raise InputError("two figures have the same date", hint="give one figure per date")
    unit = rows[0].draft.unit
    values = np.array([row.value for row in ordered])
    what = rows[0].draft.label
    label = f"{what}, {ordered[0].time_label} to {ordered[-1].time_label}"
    table = store_rows(
        services.store, ordered, unit=unit, label=f"series: {label}"[:120], is_series=True
    )
    sources = tuple(dict.fromkeys(s for r in ordered for s in r.draft.sources))
    drafts = _extremes(ordered, unit, what)
    change = float(values[-1] - values[0])
    ends = (ordered[0].error, ordered[-1].error)
    spread = None if None in ends else math.hypot(*(end or 0.0 for end in ends))
    drafts.append(("change", change, unit, "last minus first", spread))
    if len(ordered) >= _MIN_TREND:
        fit = stats.linregress(years, values)
        slope_unit, factor = product(unit, "yr", divide=True)
        how = "slope of ordinary least squares over decimal years"
        # Equal values lie on the line; its standard error comes out as 0 / 0.
        error = 0.0 if math.isnan(fit.stderr) else float(fit.stderr)
        drafts.append(("trend", float(fit.slope) * factor, slope_unit, how, error * factor))
        change = float(fit.slope)
    word = "increasing" if change > 0 else "decreasing" if change < 0 else "unchanged"
    drafts.append(("direction", word, "choice", "sign of the trend", None))
    figures = tuple(
        FigureDraft(
            name=name,
            value=value,
            unit=own_unit,
            label=f"{name.replace('_', ' ')} of {label}"[:200],
            method=f"{method}, {len(ordered)} dates"[:600],
            error=error,
            sources=sources,
        )
        for name, value, own_unit, method, error in drafts
    )
    unclear = unclear_changes(figures, {"change", "trend"})
    return ToolResult(artifacts={"table": table}, figures=figures, warnings=(*warnings, *unclear))


def _rows(arguments: TimeSeries, services: Services) -> tuple[list[FigureRow], tuple[str, ...]]:
    """Return the rows, and in words which items have no such figure."""
    if arguments.table is None:
        return figure_rows(arguments.figures, services.figures), ()
    assert arguments.column is not None
    rows, failed = table_rows(services.store, arguments.table, arguments.column)
    if len(rows) < 2:
        raise InputError(
            f"{arguments.table} has {len(rows)} row with {arguments.column}: no series",
            hint="run the steps before over at least two scenes",
        )
    left = f"left out, for they have no {arguments.column}: {', '.join(failed)}"
    return rows, (left,) if failed else ()


Draft = tuple[str, float | str, str, str, float | None]


def _extremes(rows: list[FigureRow], unit: str, what: str) -> list[Draft]:
    lowest, highest = min(rows, key=lambda r: r.value), max(rows, key=lambda r: r.value)
    return [
        ("minimum", lowest.value, unit, f"lowest {what}", lowest.error),
        ("minimum_at", lowest.time_label, "choice", f"date of the lowest {what}", None),
        ("maximum", highest.value, unit, f"highest {what}", highest.error),
        ("maximum_at", highest.time_label, "choice", f"date of the highest {what}", None),
    ]


TOOL = FunctionTool(
    card=ToolCard(
        name="time_series",
        summary="Trend, lowest, highest and change of one figure over dates.",
        outputs=(
            Output(name="table", kind="table", about="a row per date, in order"),
            Output(name="trend", kind="figure", about="slope per year, from three dates on"),
            Output(name="direction", kind="figure", about="increasing, decreasing, unchanged"),
            Output(name="change", kind="figure", about="last minus first, signed"),
            Output(name="minimum", kind="figure", about="lowest value"),
            Output(name="minimum_at", kind="figure", about="its date, choice"),
            Output(name="maximum", kind="figure", about="highest value"),
            Output(name="maximum_at", kind="figure", about="its date, choice"),
        ),
        group="measure",
        cacheable=False,
    ),
    arguments=TimeSeries,
    function=time_series,
)
