"""Read how long a server asks to be left alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["retry_after_s"]


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Read a Retry-After header, seconds or a date; one that cannot be read asks for no wait.

    A date is told by the clock of the server, which its Date header shows and which may be wrong.

    Args:
        headers: by lower-case name.

    Source: RFC 9110, section 10.2.3.
    """
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    until = _moment(value)
    if until is None:
        return 0.0
    now = _moment(headers.get("date", "")) or datetime.now(tz=UTC)
    return max(0.0, (until - now).total_seconds())


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
