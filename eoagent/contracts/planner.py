"""The planner protocol: proposes steps, then writes the answer; runs nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import Field

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Plan, StepRecord
from eoagent.contracts.record import Record

__all__ = ["Draft", "Input", "Limits", "Planner", "View"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a run stops, whatever its planner wants."""

    max_steps: int = 40
    """Tool calls in a run, failed ones included."""
    max_seconds: float = 300.0
    """Wall time of a run, seconds."""
    max_repeats: int = 3
    """Times the same call with the same arguments may be asked for."""
    max_rounds: int = 12
    """Times the planner is asked for steps."""
    max_parallel: int = 2
    """Steps that run at the same time, and items of steps with `each`."""
    max_memory_mb: int = 2000
    """Memory that items running at the same time may take together, MB."""
    max_items: int = 1000
    """Items that a step with `each` may run over."""


class Input(Record):
    """Something the user handed over with the question."""

    kind: Literal["image", "features", "aoi", "catalog", "places"]
    """What it is."""
    href: str
    """Path, URL, or `W,S,E,N` for an area of interest."""


class View(Record):
    """All that a planner sees: no pixel, no array, no secret."""

    question: str
    """The question as it was put."""
    inputs: tuple[Input, ...] = ()
    """What came with it."""
    bands: tuple[str, ...] = ()
    """Band names stated by the user."""
    gsd_m: float | None = None
    """Ground sampling distance stated by the user, metres."""
    tools: tuple[str, ...] = ()
    """Names of the tools there are; their cards are had where a planner is made."""
    steps: tuple[StepRecord, ...] = ()
    """What was run so far, in order of number."""
    figures: tuple[Figure, ...] = ()
    """Figures so far."""
    stopped: str = ""
    """Why the run must end now, when a limit was reached; empty otherwise."""
    complaint: str = ""
    """What was wrong with the last draft, when a rewrite is asked for."""


class Draft(Record):
    """An answer as written: figures appear as `{f3}` or `{f3:ha}` and never as bare numbers."""

    text: str
    """The text with references."""
    results: tuple[str, ...] = ()
    """Ids of the figures that answer, in the question's order."""
    status: Literal["answered", "clarify", "cannot_answer", "partial"] = "answered"
    """How the run ended, as the planner sees it; the run may lower it."""
    question_back: str = Field(default="")
    """The question to the user, when the status is `clarify`."""


class Planner(Protocol):
    """Reads the question and what was found so far; proposes what to do next."""

    @property
    def name(self) -> str:
        """Name that answers carry."""

    def plan(self, view: View) -> Plan:
        """Return the next steps; none ends the planning and asks for `write`.

        Raises:
            InputError: if the question cannot be read at all.
        """

    def write(self, view: View) -> Draft:
        """Return the answer's text, written with figure references."""
