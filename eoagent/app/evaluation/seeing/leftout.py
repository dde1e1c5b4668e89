"""Go through the pictures of a benchmark; one that fails is left out, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from eoagent.app.evaluation.picturefolder import Tell
from eoagent.contracts.errors import EoAgentError, InputError, ModelError, SourceError
from eoagent.contracts.record import Record

__all__ = ["LeftOut", "Outcome", "go_through"]

_MOST_KEPT: Final = 1000
"""Reasons that are kept one by one; all are counted."""
_LONGEST: Final = 400

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


class LeftOut(Record):
    """A picture that could not be measured."""

    picture: str
    """What the benchmark calls it."""
    error: str
    """Class of the error."""
    reason: str
    """Why."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outcome:
    """How many pictures were measured, and which were not."""

    measured: int
    """Pictures, or questions, that count."""
    failed: int
    """Those that were left out."""
    left_out: tuple[LeftOut, ...]
    """Why, for the first thousand of them."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said of those left out."""
        if not self.failed:
            return ()
        first = self.left_out[0]
        said = f"{self.failed} of {self.measured + self.failed} were left out of all figures"
        return (f"{said}; the first: {first.picture}: {first.reason}",)


def go_through(
    items: Sequence[_Item],
    look: Callable[[_Item], _Found],
    *,
    name: Callable[[_Item], str],
    tell: Tell,
) -> tuple[list[tuple[_Item, _Found]], Outcome]:
    """Return what was found for each picture that could be measured.

    Args:
        items: the pictures.
        look: measures one.
        name: tells what the benchmark calls it.
        tell: where progress is reported.

    Raises:
        InputError: if there is none, or none could be measured.
        ModelError: if the model failed on all of them.
        ModelMissing: if the model is not there.
        BudgetExceeded: if the time is over.
    """
    if not items:
        raise InputError("there is no picture to measure on", hint="check --data and --split")
    found: list[tuple[_Item, _Found]] = []
    left: list[LeftOut] = []
    failed = 0
    first: EoAgentError | None = None
    for number, item in enumerate(items, start=1):
        try:
            found.append((item, look(item)))
        except (InputError, SourceError, ModelError) as error:
            first = first or error
            failed += 1
            if failed <= _MOST_KEPT:
                reason = error.explain()[:_LONGEST]
                left.append(LeftOut(picture=name(item), error=error.kind, reason=reason))
        tell(number / len(items), f"{number} of {len(items)} pictures, {failed} left out")
    if first is not None and not found:
        message = f"none of {len(items)} pictures could be measured; the first: {first}"
        kind = ModelError if isinstance(first, ModelError) else InputError
        raise kind(message, hint=first.hint) from first
    return found, Outcome(measured=len(found), failed=failed, left_out=tuple(left))
