"""What an implicit question asks of a model that reasons about pictures, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eoagent.planner.offline.objectwords import Noun

__all__ = ["ReasonAsk", "ReasonKind"]

ReasonKind = Literal["place", "words", "change"]
"""Where something is that has no name; what or why it is, in words; what differs between dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonAsk:
    """An implicit question, read; what it says goes to the model as it was put."""

    kind: ReasonKind
    """What kind of answer it wants."""
    noun: Noun | None = None
    """The cover or thing whose change is spoken of."""
    is_spectral: bool = False
    """Whether pictures of all bands are to be looked at."""
    may_be_change: bool = False
    """Whether it is one about a change as soon as there are two images."""
