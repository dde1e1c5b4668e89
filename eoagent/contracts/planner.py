"""The planner protocol: proposes steps, then writes the answer; runs nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from eoagent.contracts.draft import Draft, Spent
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Plan, Refusal, Step, StepRecord
from eoagent.contracts.record import Record
from eoagent.contracts.tool import Deadline

__all__ = [
    "QUIET",
    "Draft",
    "Exchange",
    "Input",
    "Limits",
    "Line",
    "Planner",
    "Sight",
    "Spent",
    "Turn",
    "View",
]


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
    max_tokens: int = 200_000
    """Tokens sent to and received from a language model in a run."""
    max_cost_usd: float | None = None
    """Price of a run's model calls, US dollars; None sets no limit."""


class Input(Record):
    """Something the user handed over with the question."""

    kind: Literal["image", "features", "aoi", "catalog", "places", "index"]
    """What it is."""
    href: str
    """Path, URL, `W,S,E,N` for an area of interest, or the name of an index."""


class Turn(Record):
    """One round of planning, kept so that a language model can be shown what it said."""

    said: str = ""
    """What it wrote beside its calls."""
    steps: tuple[int, ...] = ()
    """Numbers of the steps that came of it."""
    refused: tuple[Refusal, ...] = ()
    """Calls that did not become steps."""
    loads: tuple[str, ...] = ()
    """Tools whose description was asked for."""


class Exchange(Record):
    """An earlier question of the conversation, and what came of it."""

    question: str
    """The question."""
    status: str
    """How it ended."""
    text: str
    """The answer, shortened."""
    inputs: tuple[str, ...] = ()
    """What came with it, as `kind href`."""
    artifacts: tuple[tuple[str, str], ...] = ()
    """Handle and title of what it made or opened, what the answer rests on first."""
    tools: tuple[str, ...] = ()
    """Tools that were used."""
    run: str = ""
    """Its run in the ledger."""


class Sight(Record):
    """A small picture of an artifact, for a language model that sees; no checkpoint has it."""

    handle: str
    """The artifact."""
    title: str
    """What it is."""
    png_base64: str
    """A PNG of some hundred pixels, in base64."""


class View(Record):
    """All that a planner sees: no array, no secret, and pictures only if its model can look."""

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
    draft: Draft | None = None
    """The draft that the complaint is about."""
    plan: tuple[Step, ...] = ()
    """The steps as they were planned, in order of number."""
    turns: tuple[Turn, ...] = ()
    """The rounds so far, oldest first."""
    history: tuple[Exchange, ...] = ()
    """Earlier questions of the conversation, oldest first."""
    earlier: tuple[Figure, ...] = ()
    """Figures of earlier questions of the conversation; their ids are not given again."""
    sights: tuple[Sight, ...] = ()
    """What the newest round made, as small pictures; empty for a model that does not see."""
    may_ask: bool = True
    """Whether a language model may still be asked: False once tokens, cost or time are used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The planner's line to the outside while it works."""

    say: Callable[[str], None]
    """Takes pieces of text as a language model writes them."""
    deadline: Deadline
    """Time left to the run; its check also ends a run that the user stopped."""


class _Endless:
    """A deadline that never comes."""

    remaining_s = float("inf")

    def check(self) -> None:
        """Do nothing."""


QUIET = Line(say=lambda _text: None, deadline=_Endless())
"""A line that nobody listens to."""


class Planner(Protocol):
    """Reads the question and what was found so far; proposes what to do next."""

    @property
    def name(self) -> str:
        """Name that answers carry."""

    def plan(self, view: View, line: Line = QUIET) -> Plan:
        """Return the next steps, or a draft; neither of them asks for `write`.

        Raises:
            InputError: if the question cannot be read at all.
            ModelError: if the language model gives nothing that can be used.
            SourceError: if the language model cannot be reached.
        """

    def write(self, view: View, line: Line = QUIET) -> Draft:
        """Return the answer's text, written with figure references."""
