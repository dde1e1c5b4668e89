"""The graph's state: plain dicts and lists, small enough to be kept at every step.

Values are the JSON forms of contract records, because checkpoints are read back without any
of our classes being allowed to load. What steps gave is not among them: see `evidence`. Reducers
are associative.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

__all__ = ["State", "Task", "blank", "gather", "merge"]

JsonDict = dict[str, Any]


def merge(old: dict[str, str], new: dict[str, str] | None) -> dict[str, str]:
    """Return both dicts in one; the newer value of a key wins, and None empties it."""
    return {} if new is None else {**old, **new}


def gather(old: list[int], new: list[int] | None) -> list[int]:
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
    fresh: Annotated[list[int], gather]
    """Numbers of steps that were run and whose figures have no ids yet."""
    records: Annotated[dict[str, str], merge]
    """How each step ended, by its number (as text, for JSON)."""
    rounds: int
    """Times the planner was asked for steps."""
    turns: list[JsonDict]
    """`Turn` records, one a round."""
    paid: JsonDict
    """`Price` of all calls that were let through."""
    approved: JsonDict
    """`Price` that the user said yes to."""
    waiting: JsonDict
    """Calls that wait for the user's yes: `calls`, `approval`, and `since` by the clock."""
    spent: JsonDict
    """`Spent`: what the language model took so far."""
    history: list[JsonDict]
    """`Exchange` records: earlier questions of the conversation."""
    earlier: dict[str, JsonDict]
    """`Figure` by id, of earlier questions of the conversation."""
    answered: list[str]
    """Ids of the earlier figures that answered, the newest last."""
    figure_base: int
    """Figures that earlier questions made; ids go on from there."""
    asked_back: str
    """The question that a question back is about: the next message is a reply to it."""
    stopped: str
    """Why the run must end, when a limit was reached."""
    rewrites: int
    """Times the draft was sent back."""
    complaint: str
    """What was wrong with the last draft."""
    draft: JsonDict
    """The `Draft` last written."""
    answer: JsonDict
    """What the run came to: run, status, text, question back. The whole answer is in the ledger,
    and whoever follows the run is given it."""


def blank(started: float) -> State:
    """Return what a turn starts with; what the turn was asked and its history stay."""
    return {
        "started": started,
        "plan": [],
        "fresh": None,  # type: ignore[typeddict-item]  # None empties it
        "records": None,  # type: ignore[typeddict-item]
        "assumptions": [],
        "reading": "",
        "rounds": 0,
        "turns": [],
        "paid": {},
        "approved": {},
        "waiting": {},
        "spent": {},
        "stopped": "",
        "rewrites": 0,
        "complaint": "",
        "draft": {},
        "answer": {},
    }


class Task(TypedDict):
    """What the run node is handed: one call and what it may look at."""

    call: JsonDict
    """n, tool, arguments, references, each, why; references are resolved."""
    run: str
    """Id of the run in the ledger."""
    earlier: dict[str, JsonDict]
    """`Figure` by id, of earlier questions: those that the call may name."""
    started: float
    """Clock reading at the start of the run, seconds."""
