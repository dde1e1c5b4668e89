"""Plans: typed steps with references between them, and what became of each step."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import Field, JsonValue

from eoagent.contracts.draft import Draft, Spent
from eoagent.contracts.record import Record

__all__ = ["REFERENCE", "Plan", "Refusal", "Step", "StepRecord", "StepStatus", "references_in"]

REFERENCE: Final = re.compile(r"^\$([1-9][0-9]{0,3})(?:\.([a-z][a-z0-9_]{0,40}))?\Z")
"""`$2` is the primary output of step 2 of the same plan, `$2.area` the output named `area`."""

StepStatus = Literal["done", "failed", "skipped", "cached"]


class Step(Record):
    """One tool call of a plan."""

    n: int = Field(ge=1, le=9999)
    """Number inside the run; references point at it."""
    tool: str
    """Name of the tool."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """Arguments; a text value `$2` or `$2.area` stands for an output of an earlier step."""
    each: str | None = None
    """Reference or handle of a list (`scenes:`, `features:`, `table:`): the step runs once per
    item, with `$item` in its arguments, and gives a table."""
    why: str = ""
    """What the step is for, one line."""


class Refusal(Record):
    """A call that a language model asked for and that never became a step."""

    n: int = 0
    """The number it would have had; 0 where what was wrong is the reply as a whole."""
    tool: str = ""
    """The name it gave; empty where what was wrong is the reply as a whole."""
    arguments: str = ""
    """The arguments as they came, shortened."""
    message: str
    """What was wrong."""
    hint: str = ""
    """What to do instead."""


class Plan(Record):
    """Steps to run, with the reading of the question that they rest on."""

    steps: tuple[Step, ...] = ()
    """Steps in order of number; none means that there is nothing more to run."""
    draft: Draft | None = None
    """The answer, where the planner wrote it instead of asking for steps."""
    refused: tuple[Refusal, ...] = ()
    """Calls that could not become steps; the planner is shown them in the next round."""
    loads: tuple[str, ...] = ()
    """Tools whose description the planner wants to see in the next round."""
    said: str = ""
    """What the planner wrote beside its calls."""
    spent: Spent = Spent()
    """What making the plan took."""
    reading: str = ""
    """How the question was understood, one line."""
    assumptions: tuple[str, ...] = ()
    """Choices the planner made that change the result."""


class StepRecord(Record):
    """What became of a step: enough to repeat it, and nothing heavy."""

    n: int
    """The step's number."""
    tool: str
    """Name of the tool."""
    arguments: dict[str, JsonValue]
    """Arguments with references resolved."""
    references: dict[str, str]
    """Argument path to the reference that stood there (`{"zones": "$2"}`)."""
    status: StepStatus
    """How it ended."""
    seconds: float = 0.0
    """Time it took."""
    artifacts: tuple[str, ...] = ()
    """Handles it made."""
    figures: tuple[str, ...] = ()
    """Ids of the figures it made."""
    outputs: dict[str, str] = Field(default_factory=dict)
    """Output name to handle or figure id; the primary output comes first."""
    previews: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Handle to preview."""
    assumptions: tuple[str, ...] = ()
    """Choices the tool made."""
    warnings: tuple[str, ...] = ()
    """What the reader should know."""
    error: dict[str, str] | None = None
    """`kind`, `message`, `hint` of the error that ended it."""
    ended_as: Literal["clarify", "cannot_answer"] | None = None
    """Set by the tools that end a run."""
    message: str = ""
    """The question back or the reason, for such tools."""
    each: str | None = None
    """The list it ran over, if any."""
    why: str = ""
    """What the step was for."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of tool and libraries that made it; filled in when it enters the ledger."""


def references_in(value: JsonValue, path: str = "") -> dict[str, str]:
    """Return every reference inside an argument value, by its path (`zones`, `layers.0`)."""
    if isinstance(value, str):
        return {path: value} if REFERENCE.match(value) else {}
    items: list[tuple[str, JsonValue]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = [(str(i), item) for i, item in enumerate(value)]
    found: dict[str, str] = {}
    for key, item in items:
        found |= references_in(item, f"{path}.{key}" if path else key)
    return found
