"""Tables of a run in the report: rows as HTML, and a drawing of them that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from eoagent.app.plaintext import printable
from eoagent.contracts.artifact import handle_kind
from eoagent.contracts.errors import InputError
from eoagent.contracts.units import convert, display_unit, format_number
from eoagent.io.dates import parse_time
from eoagent.io.figuretable import TableContent, year_of
from eoagent.planner.rendering import pretty_unit

__all__ = ["table_html"]

_MAX_ROWS: Final = 60
_MAX_BARS: Final = 20
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720.0, 230.0, 70.0, 30.0, 16.0
_BAR, _NAME = 22.0, 200.0


def table_html(content: TableContent) -> str:
    """Return a table as HTML: a drawing where it holds numbers of items or dates, then its rows.

    A table that holds nothing but handles, as the steps within a chain leave, gives an empty text.
    """
    told = [name for name in content.columns if name != "item" and not _is_handles(content, name)]
    return _drawing(content) + _rows(content) if told else ""


def _is_handles(content: TableContent, name: str) -> bool:
    at = content.columns.index(name)
    return all(row[at] is None or handle_kind(str(row[at])) is not None for row in content.rows)


def _rows(content: TableContent) -> str:
    shown = [
        (n, name)
        for n, name in enumerate(content.columns)
        if name != "figure" and not _is_handles(content, name)
    ]
    head = "".join(f"<th>{_text(_titled(name, content.units))}</th>" for _, name in shown)
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(_cell(row[n]))}</td>' for n, _ in shown)}</tr>"
        for row in content.rows[:_MAX_ROWS]
    )
    more = len(content.rows) - _MAX_ROWS
    rest = f"<p>{more} more rows are in the table's file.</p>" if more > 0 else ""
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>{rest}'


def _text(text: str) -> str:
    return escape(printable(text))


def _titled(name: str, units: dict[str, str]) -> str:
    unit = units.get(name, "")
    return f"{name} [{pretty_unit(unit)}]" if unit not in {"", "1", "count", "choice"} else name


def _cell(value: object) -> str:
    if isinstance(value, float):
        return format_number(value, digits=6)
    return "" if value is None else str(value)


def _drawing(content: TableContent) -> str:
    """Draw values over dates as points, or values of items as bars; nothing for other tables."""
    names = list(content.columns)
    if "value" not in names or "item" not in names:
        return ""
    at = {name: names.index(name) for name in ("item", "value", "time", "error") if name in names}
    rows = [row for row in content.rows if isinstance(row[at["value"]], (int, float))]
    if len(rows) < 2:
        return ""
    raw = [float(row[at["value"]]) for row in rows]
    stored = content.units.get("value", "1")
    unit = display_unit(max(raw, key=abs), stored)
    values = [convert(value, stored, unit) for value in raw]
    years = [_year(str(row[at["time"]])) if "time" in at else None for row in rows]
    if content.is_series and all(year is not None for year in years):
        labels = [str(row[at["time"]]) for row in rows]
        return _points([year or 0.0 for year in years], values, labels, pretty_unit(unit))
    labels = [str(row[at["item"]]) for row in rows[:_MAX_BARS]]
    return _bars(labels, values[:_MAX_BARS], pretty_unit(unit))


def _year(label: str) -> float | None:
    """Return the middle of a time as a decimal year; None where the label is no time."""
    try:
        span = parse_time(label)
    except InputError:
        return None
    ends = [end for end in (span.start, span.end) if isinstance(end, datetime)]
    return sum(year_of(end) for end in ends) / len(ends) if ends else None


def _points(
    years: Sequence[float], values: Sequence[float], labels: Sequence[str], unit: str
) -> str:
    low, high = min(0.0, *values), max(0.0, *values)
    first, last = min(years), max(years)
    span, height = (last - first) or 1.0, (high - low) or 1.0

    def place(year: float, value: float) -> tuple[float, float]:
        x = _LEFT + (year - first) / span * (_WIDTH - _LEFT - 40)
        return x, _TOP + (high - value) / height * (_HEIGHT - _TOP - _BOTTOM)

    spots = [place(*pair) for pair in zip(years, values, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{_text(label)}: '
        f"{format_number(value)} {_text(unit)}</title></circle>"
        f'<text x="{x:.1f}" y="{_HEIGHT - 8:.0f}" text-anchor="middle">{_text(label)}</text>'
        for (x, y), label, value in zip(spots, labels, values, strict=True)
    )
    ticks = "".join(
        f'<text x="{_LEFT - 8:.0f}" y="{place(first, value)[1] + 4:.1f}" text-anchor="end">'
        f"{format_number(value, digits=3)}</text>"
        f'<line x1="{_LEFT:.0f}" x2="{_WIDTH - 20:.0f}" y1="{place(first, value)[1]:.1f}" '
        f'y2="{place(first, value)[1]:.1f}"/>'
        for value in dict.fromkeys((low, high))
    )
    title = f'<text x="4" y="12">{_text(unit)}</text>' if unit not in {"1", "count"} else ""
    return _svg(_HEIGHT, f'{ticks}{title}<polyline points="{line}"/>{marks}')


def _bars(labels: Sequence[str], values: Sequence[float], unit: str) -> str:
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    room = _WIDTH - _NAME - 110
    shown = "" if unit in {"1", "count"} else f" {unit}"
    parts = []
    for n, (label, value) in enumerate(zip(labels, values, strict=True)):
        start = _NAME + (min(value, 0.0) - low) / span * room
        width = max(1.0, abs(value) / span * room)
        y = n * _BAR + 4
        parts.append(
            f'<text x="{_NAME - 8:.0f}" y="{y + 13:.0f}" text-anchor="end">'
            f"{_text(label[-30:])}</text>"
            f'<rect x="{start:.1f}" y="{y:.0f}" width="{width:.1f}" height="{_BAR - 6:.0f}"/>'
            f'<text x="{start + width + 6:.1f}" y="{y + 13:.0f}">'
            f"{format_number(value)}{_text(shown)}</text>"
        )
    return _svg(len(labels) * _BAR + 8, "".join(parts))


def _svg(height: float, inside: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-label="the rows below, drawn">{inside}</svg>'
    )
