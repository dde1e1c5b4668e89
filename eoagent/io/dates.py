"""Read dates, months, years and intervals as spans of time in UTC."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import TimeRange

__all__ = ["day_of", "parse_instant", "parse_time", "time_in_name"]

_HINT: Final = "write 2019, 2019-04, 2019-04-16, an instant, or an interval such as 2019-04/2019-09"
_MAX_CHARS: Final = 100
_YEAR = re.compile(r"(\d{4})")
_MONTH = re.compile(r"(\d{4})-(\d{1,2})")
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{4})(\d{2})(\d{2})")
_DAY_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d{2})([-_.]?)(\d{2})\2(\d{2})(?!\d)")
_YEAR_IN_NAME = re.compile(r"(?<![\dxX×])((?:19\d|20[0-3])\d)(?![\dxX×])")


def parse_time(text: str) -> TimeRange:
    """Return the span that a text names; both ends are included.

    A year, month or day covers all of it, an interval `a/b` runs from the start of `a` to the end
    of `b`, and `..` or nothing leaves an end open. Times without a zone are UTC.

    Raises:
        InputError: if the text is no date or the interval runs backward.
    """
    text = text.strip()
    if len(text) > _MAX_CHARS:
        raise InputError(f"a time of {len(text)} characters is too long", hint=_HINT)
    ends = [part.strip() for part in text.split("/")]
    if len(ends) > 2 or not any(part not in ("", "..") for part in ends):
        raise InputError(f"'{text}' is not a time", hint=_HINT)
    first = None if ends[0] in ("", "..") else _span(ends[0], text)
    last = None if ends[-1] in ("", "..") else _span(ends[-1], text)
    start, end = first and first[0], last and last[1]
    if start is not None and end is not None and start > end:
        raise InputError(
            f"the interval '{text}' ends before it starts", hint="put the earlier time first"
        )
    return TimeRange(start=start, end=end)


def parse_instant(text: str) -> datetime:
    """Return an ISO 8601 instant as a time in UTC; one without a zone is read as UTC.

    Raises:
        InputError: if the text is no such instant.
    """
    try:
        moment = datetime.fromisoformat(text.strip()[:_MAX_CHARS])
        zoned = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"'{text[:_MAX_CHARS]}' is not an ISO 8601 instant", hint=_HINT) from error


def day_of(day: date) -> TimeRange:
    """Return the whole of a day in UTC."""
    return _days(day, day)


def time_in_name(name: str, *, has_years: bool = True) -> TimeRange | None:
    """Return the first day that a file name holds, else the first year, or None.

    Days are written YYYYMMDD or YYYY-MM-DD (also with `_` or `.`); years are 1900 to 2039, and a
    number beside an `x`, as in 2000x2000, is a size and no year.

    Args:
        name: the name.
        has_years: whether a number of four digits may be a year; days are read all the same.
    """
    for year, _, month, day in _DAY_IN_NAME.findall(name):
        found = _day(int(year), int(month), int(day))
        if found is not None:
            return day_of(found)
    match = _YEAR_IN_NAME.search(name) if has_years else None
    if match is None:
        return None
    year_number = int(match.group(1))
    return _days(date(year_number, 1, 1), date(year_number, 12, 31))


def _days(first: date, last: date) -> TimeRange:
    end = datetime.combine(last, time(23, 59, 59, 999999), UTC)
    return TimeRange(start=datetime.combine(first, time(), UTC), end=end)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _span(part: str, text: str) -> tuple[datetime, datetime]:
    span = _calendar_span(part)
    if span is None:
        try:
            moment = parse_instant(part)
        except InputError as error:
            raise InputError(f"'{part}' in '{text}' is not a date", hint=_HINT) from error
        return moment, _last_of(part, moment)
    start, end = span.start, span.end
    if start is None or end is None:
        raise InputError(f"'{part}' in '{text}' is not a date", hint=_HINT)
    return start, end


def _calendar_span(part: str) -> TimeRange | None:
    if match := _YEAR.fullmatch(part):
        first = _day(int(match.group(1)), 1, 1)
        return None if first is None else _days(first, first.replace(month=12, day=31))
    if match := _MONTH.fullmatch(part):
        first = _day(int(match.group(1)), int(match.group(2)), 1)
        if first is None:
            return None
        days = calendar.monthrange(first.year, first.month)[1]
        return _days(first, first.replace(day=days))
    if match := _DAY.fullmatch(part):
        numbers = [int(group) for group in match.groups() if group is not None]
        found = _day(numbers[0], numbers[1], numbers[2])
        return None if found is None else day_of(found)
    return None


def _last_of(part: str, moment: datetime) -> datetime:
    """Return the last instant that a written one covers: its minute where it names no seconds."""
    if re.fullmatch(r"[^T ]+[T ]\d{2}:\d{2}(Z|[+-]\d{2}:?\d{2})?", part):
        return moment + timedelta(seconds=59, microseconds=999999)
    return moment
