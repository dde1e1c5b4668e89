"""One line of an examination: what was looked at, how it was found, what would help."""

from __future__ import annotations

from typing import Literal

from eoagent.contracts.record import Record

__all__ = ["Finding"]


class Finding(Record):
    """One line of the examination."""

    what: str
    """What was looked at."""
    state: Literal["ok", "missing", "broken"]
    """How it was found."""
    detail: str
    """What was found."""
    remedy: str = ""
    """The command or change that would help."""
