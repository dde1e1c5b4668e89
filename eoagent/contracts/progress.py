"""How long work is told when to stop, and tells how far it is."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Deadline", "Progress"]


class Deadline(Protocol):
    """The time that is left."""

    def check(self) -> None:
        """Raise `BudgetExceeded` once the time is over; long loops call it often."""

    @property
    def remaining_s(self) -> float:
        """Seconds left, possibly infinite."""


class Progress(Protocol):
    """Where a long step reports how far it is."""

    def __call__(self, done: float, what: str) -> None:
        """Report the share done (0 to 1) and what is being done."""
