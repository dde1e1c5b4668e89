"""Events of a run, in the order in which a reader sees it happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Event", "EventKind"]

EventKind = Literal["plan", "step-start", "step-progress", "step-end", "token", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a run."""

    kind: EventKind
    """What happened."""
    step: int | None = None
    """The step it belongs to, if any."""
    data: Any = None
    """`plan`: tuple of Step; `step-start`: Step; `step-progress`: (share, text);
    `step-end`: StepRecord; `token`: str, an empty one begins a new text; `answer`: the answer."""
