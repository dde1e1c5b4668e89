"""When tiles are from: times out of the columns and the footer of an embedding file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import TimeRange
from eoagent.io.dates import day_of, parse_time
from eoagent_indexes.exchange.footer import Footer
from eoagent_indexes.exchange.layouts import Layout

__all__ = ["Timed", "time_of_file", "times"]

_US_IN: Final = MappingProxyType({"s": 1e6, "ms": 1e3, "us": 1, "ns": 1e-3})
_DAY_US: Final = 86_400_000_000
_YEAR_1_US: Final = -62_135_510_400_000_000
"""The second day of the year 1, so that no time zone leads out of the calendar."""
_YEAR_9999_US: Final = 253_402_214_400_000_000
"""The last day of the year 9999, likewise."""
_ODD: Final = "beyond the calendar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """When rows are from."""

    starts: list[datetime | None]
    """First instant of each row, UTC."""
    ends: list[datetime | None]
    """Last instant of each row, UTC."""
    unread: int
    """Rows whose time could not be read."""


def time_of_file(footer: Footer) -> TimeRange | None:
    """Return the time that the footer states for all rows; None where it states none."""
    try:
        first, last = (parse_time(text) if text else None for text in footer.times)
    except InputError:
        return None
    start = None if first is None else first.start
    end = None if last is None else last.end
    if start is None or end is None or start > end:
        return None
    return TimeRange(start=start, end=end)


def times(batch: Any, layout: Layout, whole: TimeRange | None) -> Timed:
    """Return when the rows of a batch are from.

    Start and end are taken before an instant, and that before what the footer states.

    Args:
        batch: the rows.
        layout: its columns.
        whole: time of all rows, where they have none of their own.
    """
    columns = {name: _values(batch, name) for name in _names(layout)}
    starts: list[datetime | None] = []
    ends: list[datetime | None] = []
    unread = 0
    for row in range(batch.num_rows):
        own = {name: values[row] for name, values in columns.items() if values[row] is not None}
        spans = {name: _span(value) for name, value in own.items()}
        start, end = _both(spans, layout)
        is_read = None not in spans.values() and not (start and end and start > end)
        unread += not is_read
        if not own and whole is not None:
            start, end = whole.start, whole.end
        starts.append(start if is_read else None)
        ends.append(end if is_read else None)
    return Timed(starts=starts, ends=ends, unread=unread)


def _names(layout: Layout) -> list[str]:
    return [name for name in (layout.start, layout.end, layout.instant) if name]


def _both(
    spans: dict[str, TimeRange | None], layout: Layout
) -> tuple[datetime | None, datetime | None]:
    instant = spans.get(layout.instant)
    first, last = spans.get(layout.start) or instant, spans.get(layout.end) or instant
    ends = [span for span in (first, last) if span is not None]
    start = next((span.start for span in ends if span.start is not None), None)
    end = next((span.end for span in reversed(ends) if span.end is not None), None)
    return start, end


def _values(batch: Any, name: str) -> list[Any]:
    """Return the values of a column; a text stands for times that no calendar here holds."""
    column = batch.column(name)
    least, most = _YEAR_1_US, _YEAR_9999_US
    if pa.types.is_timestamp(column.type):
        factor = _US_IN[column.type.unit]
        known = column.cast(pa.int64())
    elif pa.types.is_date(column.type):
        factor = _DAY_US
        column = column.cast(pa.date32(), safe=False)
        known = column.cast(pa.int32()).cast(pa.int64())
    else:
        values: list[Any] = column.to_pylist()
        return values
    bounds = (pa.scalar(_bounded(own / factor), pa.int64()) for own in (least, most))
    low, high = bounds
    is_odd = pc.or_(pc.less(known, low), pc.greater(known, high)).fill_null(False)
    plain = pc.if_else(is_odd, pa.scalar(None, column.type), column)
    if pa.types.is_timestamp(column.type):
        plain = plain.cast(pa.timestamp("us", column.type.tz), safe=False)
    told = plain.to_pylist()
    return [_ODD if odd else own for own, odd in zip(told, is_odd.to_pylist(), strict=True)]


def _bounded(value: float) -> int:
    """Return a number of 64 bits; times in nanoseconds cannot leave the calendar at all."""
    return max(-(1 << 63), min((1 << 63) - 1, int(value)))


def _span(value: Any) -> TimeRange | None:
    """Return the span that a value names; None if it names none."""
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return TimeRange(start=moment, end=moment)
    if isinstance(value, date):
        return day_of(value)
    try:
        return parse_time(value) if isinstance(value, str) else None
    except InputError:
        return None
