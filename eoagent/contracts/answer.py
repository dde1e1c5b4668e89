"""The answer as a record, and as the document `answer.json` with the fields that users rely on."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepStatus
from eoagent.contracts.record import Record

__all__ = [
    "ANSWER_SCHEMA",
    "AnswerArtifact",
    "AnswerRecord",
    "AnswerStep",
    "ModelUse",
    "PlanStep",
    "Status",
    "Usage",
]

ANSWER_SCHEMA = "eoagent/answer/1"
Status = Literal["answered", "clarify", "cannot_answer", "partial"]


class ModelUse(Record):
    """What a model of this machine did for an answer."""

    requests: int = 0
    """Requests taken; what was kept from before needed none."""
    passes: int = 0
    """Passes through the model."""
    busy_s: float = 0.0
    """Seconds in the model."""


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
    models: dict[str, ModelUse] = Field(default_factory=dict)
    """What the models of this machine did, by card id and manner of running them; those of runs at
    the same time are counted too. It is not written down where none ran."""

    @model_serializer(mode="wrap")
    def _without_idle(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = write(self)
        if not self.models:
            told.pop("models", None)
        return told


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


_NOT_IN_DOCUMENT: Final[Any] = {
    "run": True,
    "inputs": True,
    "results": {"__all__": {"name"}},
    "figures": {"__all__": {"name"}},
    "steps": {"__all__": {"each"}},
}
"""What the ledger keeps and `answer.json` leaves out; a record read from one has defaults there."""


class AnswerRecord(Record):
    """The whole answer, as the ledger keeps it; `document` is what `answer.json` holds."""

    schema_: str = Field(default=ANSWER_SCHEMA, alias="schema")
    """Name and version of this layout."""
    question: str
    status: Status
    text: str
    """Rendered text: figures stand as value and unit."""
    plan: tuple[PlanStep, ...] = ()
    """The steps as they were planned."""
    results: tuple[Figure, ...] = ()
    """The figures that answer, in the question's order."""
    figures: tuple[Figure, ...] = ()
    """All figures of the run."""
    artifacts: tuple[AnswerArtifact, ...] = ()
    """All artifacts of the run."""
    steps: tuple[AnswerStep, ...] = ()
    """The steps as they were run."""
    assumptions: tuple[str, ...] = ()
    """Choices that change the result."""
    warnings: tuple[str, ...] = ()
    """What the reader should know about the quality."""
    question_back: str = ""
    """What is asked back, where the status is `clarify`."""
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

    def document(self) -> str:
        """Return the answer as one JSON document of the stated fields; it can be read back."""
        return str(self.model_dump_json(by_alias=True, indent=2, exclude=_NOT_IN_DOCUMENT))
