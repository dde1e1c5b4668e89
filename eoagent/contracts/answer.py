"""The answer as a document: what `answer.json` holds, field by field."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepStatus
from eoagent.contracts.record import Record

__all__ = [
    "ANSWER_SCHEMA",
    "AnswerArtifact",
    "AnswerRecord",
    "AnswerStep",
    "PlanStep",
    "Status",
    "Usage",
]

ANSWER_SCHEMA = "eoagent/answer/1"
Status = Literal["answered", "clarify", "cannot_answer", "partial"]


class Usage(Record):
    """What the answer cost."""

    model_calls: int = 0
    """Calls to a language model."""
    tool_calls: int = 0
    """Tool calls, cached ones included."""
    input_tokens: int = 0
    """Tokens sent to a language model."""
    output_tokens: int = 0
    """Tokens received."""
    cost_usd: float = 0.0
    """Price by the price table, US dollars."""
    seconds: float = 0.0
    """Wall time, seconds."""


class PlanStep(Record):
    """A step as it was planned."""

    n: int
    tool: str
    arguments: dict[str, Any]
    each: str | None = None
    why: str = ""


class AnswerArtifact(Record):
    """An artifact that the run made or opened."""

    id: str
    """The handle (`mask:0f3c...`)."""
    kind: str
    path: str
    """File relative to the folder the answer was saved in, or to the store before that."""
    title: str


class AnswerStep(Record):
    """A step as it was run."""

    n: int
    tool: str
    arguments: dict[str, Any]
    """Arguments with references resolved."""
    references: dict[str, str]
    """Argument path to the reference that stood there."""
    status: StepStatus
    seconds: float
    artifacts: tuple[str, ...]
    figures: tuple[str, ...]
    error: dict[str, str] | None = None
    each: str | None = None


class AnswerRecord(Record):
    """The whole answer; `answer.json` is this and nothing else."""

    schema_: str = Field(default=ANSWER_SCHEMA, alias="schema")
    """Name and version of this layout."""
    question: str
    status: Status
    text: str
    """Rendered text: figures stand as value and unit."""
    plan: tuple[PlanStep, ...] = ()
    results: tuple[Figure, ...] = ()
    """The figures that answer, in the question's order."""
    figures: tuple[Figure, ...] = ()
    artifacts: tuple[AnswerArtifact, ...] = ()
    steps: tuple[AnswerStep, ...] = ()
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    question_back: str = ""
    unverified: tuple[str, ...] = ()
    """Numbers in the text that no figure, argument or date stands behind."""
    usage: Usage = Usage()
    planner: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    created: str = ""
    """ISO 8601, UTC."""
    run: str = ""
    """Id of the run in the ledger."""
    inputs: tuple[dict[str, str], ...] = ()
    """What came with the question: kind and href."""
