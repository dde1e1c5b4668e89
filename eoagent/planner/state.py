"""The graph's state: plain dicts and lists, small enough to be kept at every step.

Values are the JSON forms of contract records, because checkpoints are read back without any
of our classes being allowed to load. Reducers are associative.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

__all__ = ["State", "Task", "gather", "merge"]

JsonDict = dict[str, Any]


def merge(old: JsonDict, new: JsonDict | None) -> JsonDict:
    """Return both dicts in one; the newer value of a key wins, and None empties it."""
    return {} if new is None else {**old, **new}


def gather(old: list[JsonDict], new: list[JsonDict] | None) -> list[JsonDict]:
    """Return both lists in one; None empties it."""
    return [] if new is None else old + new


class State(TypedDict, total=False):
    """What a run knows between two nodes."""

    run: str
    """Id of the run in the ledger."""
    question: str
    """The question, with the replies to questions back appended."""
    inputs: list[JsonDict]
    """`Input` records."""
    bands: list[str]
    """Band names stated by the user."""
    gsd_m: float | None
    """Ground sampling distance stated by the user, metres."""
    started: float
    """Clock reading at the start, seconds."""
    plan: list[JsonDict]
    """Every `Step` planned so far, in order of number."""
    reading: str
    """How the planner understood the question."""
    assumptions: list[str]
    """Choices of the planner."""
    fresh: Annotated[list[JsonDict], gather]
    """Outcomes of steps that were run and are not yet numbered."""
    records: Annotated[dict[str, JsonDict], merge]
    """`StepRecord` by step number (as text, for JSON)."""
    figures: Annotated[dict[str, JsonDict], merge]
    """`Figure` by id."""
    rounds: int
    """Times the planner was asked for steps."""
    stopped: str
    """Why the run must end, when a limit was reached."""
    rewrites: int
    """Times the draft was sent back."""
    complaint: str
    """What was wrong with the last draft."""
    draft: JsonDict
    """The `Draft` last written."""
    answer: JsonDict
    """The finished answer."""


class Task(TypedDict):
    """What the run node is handed: one call and what it may look at."""

    call: JsonDict
    """n, tool, arguments, references, each, why; references are resolved."""
    figures: dict[str, JsonDict]
    """`Figure` by id."""
    started: float
    """Clock reading at the start of the run, seconds."""
