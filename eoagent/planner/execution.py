"""What the graph needs from above: someone who runs a tool, someone who writes it down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.contracts.price import Price
from eoagent.contracts.tool import Deadline, Progress, ToolResult

__all__ = ["Call", "Executor", "Outcome", "Recorder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One tool call with everything resolved."""

    n: int
    """Number of the step."""
    tool: str
    """Name of the tool."""
    arguments: dict[str, JsonValue]
    """Arguments without references."""
    each: str | None
    """Handle of the list to run over, or None."""
    figures: Mapping[str, Figure]
    """Figures of the run so far."""
    deadline: Deadline
    """Time left."""
    progress: Progress
    """Where to report progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a call gave."""

    result: ToolResult
    """The tool's result."""
    cached: bool = False
    """Whether it was had from an earlier, equal call."""


class Executor(Protocol):
    """Runs tools by name."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all tools there are, in order."""

    def check(self, tool: str, arguments: Mapping[str, JsonValue]) -> None:
        """Raise `InputError` (or `NotFound`) if the call cannot be made as it stands."""

    def price(self, call: Call) -> Price:
        """Return what a call would take; nothing is opened for it."""

    def run(self, call: Call) -> Outcome:
        """Run a tool; every failure is an `EoAgentError`."""


class Recorder(Protocol):
    """Writes steps into the evidence ledger."""

    def append(self, run: str, record: StepRecord, figures: Sequence[Figure]) -> None:
        """Add a step to the ledger."""

    def recall(self, run: str) -> Iterable[tuple[StepRecord, Sequence[Figure]]]:
        """Return the steps of a run that are in the ledger, with their figures."""
