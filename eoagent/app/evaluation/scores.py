"""What an evaluation found: a verdict per question, and rates per family and in total."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import fsum
from statistics import fmean
from typing import Final

from pydantic import Field

from eoagent.app.evaluation.arguments import Call
from eoagent.app.evaluation.judging import OUTCOMES, Outcome
from eoagent.app.plaintext import printable
from eoagent.contracts.answer import Status, Usage
from eoagent.contracts.record import Record

__all__ = [
    "EVALUATION_SCHEMA",
    "Abstention",
    "Evaluation",
    "Tally",
    "Verdict",
    "tally",
    "tally_by",
]

EVALUATION_SCHEMA: Final = "eoagent/evaluation/1"
_REASON_CHARS: Final = 300
_ABSTAINS: Final = frozenset({"clarify", "cannot_answer"})
"""Endings without an answer."""


class Verdict(Record):
    """One question, what came back, and what that is worth."""

    id: str
    family: str
    needs: tuple[str, ...]
    """What the question takes."""
    question: str
    outcome: Outcome
    """`right`, `wrong`, `declined`, `asked` (back), `failed` or `unjudged`."""
    reason: str = ""
    """Why it is not right."""
    status: str = ""
    """How the run ended; empty if it failed."""
    accepted: tuple[Status, ...] = ()
    """How it should have ended; the first is best."""
    text: str = ""
    """The answer's text."""
    results: tuple[str, ...] = ()
    """The answer's results, as a person reads them."""
    unverified: tuple[str, ...] = ()
    """Numbers in the text that no figure stands behind."""
    seconds: float = 0.0
    """Wall time of the question."""
    usage: Usage = Usage()
    """What the answer took; nothing is known of a run that failed."""
    run: str = ""
    """Id of the run in the ledger, for `eoagent runs show`."""
    calls: tuple[Call, ...] = ()
    """The tool calls of the run, in order."""
    errors: int = 0
    """How many of them ended in an error."""
    measures: dict[str, float] = Field(default_factory=dict)
    """How its calls agree with the reference, 0 to 1, where the question has one."""

    @property
    def needs_a_model(self) -> bool:
        """Whether the question takes more than pixels and geometry."""
        return set(self.needs) != {"spectral"}

    @property
    def abstained(self) -> bool:
        """Whether the run ended without an answer, and says so."""
        return self.status in _ABSTAINS

    @property
    def abstaining_is_due(self) -> bool | None:
        """Whether the question has no answer; None where to answer and to abstain are as good."""
        endings = {status in _ABSTAINS for status in self.accepted}
        return endings.pop() if len(endings) == 1 else None

    def line(self) -> str:
        """Return the verdict as one line of text."""
        reason = printable(" ".join(self.reason.split()))
        if len(reason) > _REASON_CHARS:
            reason = f"{reason[: _REASON_CHARS - 1]}…"
        return f"{printable(self.id)} {self.outcome}{f': {reason}' if reason else ''}"


class Abstention(Record):
    """Whether a planner abstained where it should, and only there.

    Questions for which to answer and to abstain are as good do not count.
    """

    due: int = 0
    """Questions that have no answer: to ask back or to decline is right."""
    abstained: int = 0
    """Questions at which it asked back or declined."""
    rightly: int = 0
    """Both."""
    recall: float | None = None
    """Share of those due at which it abstained, 0 to 1; None where none is due."""
    precision: float | None = None
    """Share of those at which it abstained that were due, 0 to 1; None where it never did."""


class Tally(Record):
    """How many questions ended how, and what they took."""

    questions: int = 0
    right: int = 0
    wrong: int = 0
    declined: int = 0
    asked: int = 0
    """Asked back though there is an answer."""
    failed: int = 0
    unjudged: int = 0
    """Answered, and no rule can tell what the answer is worth."""
    rate: float | None = None
    """Share that is right of those that were judged, 0 to 1; None where there is none."""
    abstention: Abstention = Abstention()
    """Whether it abstained where it should."""
    unverified: int = 0
    """Numbers in the answers' texts that no figure stands behind."""
    measures: dict[str, float] = Field(default_factory=dict)
    """How calls agree with references, each a mean over the questions that have it, 0 to 1."""
    usage: Usage = Usage()
    """What all questions took together; of runs that failed only the seconds are known."""


class Evaluation(Record):
    """What a suite found. Questions that need a model are counted apart from the others."""

    schema_: str = Field(default=EVALUATION_SCHEMA, alias="schema")
    """Name and version of this layout."""
    suite: str
    file: str
    """The file of questions."""
    sha256: str
    """Of that file."""
    planner: str
    versions: dict[str, str]
    created: str
    """ISO 8601, UTC."""
    seconds: float
    """Wall time of all questions."""
    families: dict[str, Tally]
    """Per family, without the questions that need a model."""
    total: Tally
    """All questions that need no model."""
    with_models: dict[str, Tally]
    """The others, by what they need."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """Of another benchmark: its own metrics under its own names."""
    not_computed: dict[str, str] = Field(default_factory=dict)
    """Of another benchmark: metrics that no rule computes, and why."""
    verdicts: tuple[Verdict, ...]

    @property
    def misses(self) -> tuple[Verdict, ...]:
        """The questions that were judged and did not end right, in order."""
        kept = {"right", "unjudged"}
        return tuple(verdict for verdict in self.verdicts if verdict.outcome not in kept)

    def rows(self) -> Iterator[tuple[str, Tally]]:
        """Yield the tallies with the names that a table gives them."""
        for family, own in self.families.items():
            yield f"family {family}", own
        yield "total", self.total
        for need, own in self.with_models.items():
            yield f"needs {need}", own

    def document(self) -> str:
        """Return the evaluation as one JSON document."""
        return str(self.model_dump_json(by_alias=True, indent=2))


def tally(verdicts: Iterable[Verdict]) -> Tally:
    """Count verdicts by outcome, and sum up what they took."""
    told = tuple(verdicts)
    outcomes = [verdict.outcome for verdict in told]
    counts = {outcome: outcomes.count(outcome) for outcome in OUTCOMES}
    judged = len(outcomes) - counts["unjudged"]
    return Tally(
        questions=len(outcomes),
        rate=counts["right"] / judged if judged else None,
        abstention=_abstention(told),
        unverified=sum(len(verdict.unverified) for verdict in told),
        measures=_means(told),
        usage=_usage(told),
        **counts,
    )


def tally_by(named: Iterable[tuple[str, Verdict]]) -> dict[str, Tally]:
    """Count verdicts by outcome under each name, in order of name."""
    groups: dict[str, list[Verdict]] = {}
    for name, verdict in named:
        groups.setdefault(name, []).append(verdict)
    return {name: tally(groups[name]) for name in sorted(groups)}


def _abstention(verdicts: Sequence[Verdict]) -> Abstention:
    clear = [verdict for verdict in verdicts if verdict.abstaining_is_due is not None]
    due = sum(verdict.abstaining_is_due is True for verdict in clear)
    abstained = sum(verdict.abstained for verdict in clear)
    rightly = sum(verdict.abstained and verdict.abstaining_is_due is True for verdict in clear)
    return Abstention(
        due=due,
        abstained=abstained,
        rightly=rightly,
        recall=rightly / due if due else None,
        precision=rightly / abstained if abstained else None,
    )


def _means(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Return the mean of each measure over the verdicts that have it."""
    values: dict[str, list[float]] = {}
    for verdict in verdicts:
        for name, value in verdict.measures.items():
            values.setdefault(name, []).append(value)
    return {name: fmean(values[name]) for name in sorted(values)}


def _usage(verdicts: Sequence[Verdict]) -> Usage:
    return Usage(
        model_calls=sum(verdict.usage.model_calls for verdict in verdicts),
        tool_calls=sum(verdict.usage.tool_calls for verdict in verdicts),
        input_tokens=sum(verdict.usage.input_tokens for verdict in verdicts),
        output_tokens=sum(verdict.usage.output_tokens for verdict in verdicts),
        cost_usd=fsum(verdict.usage.cost_usd for verdict in verdicts),
        seconds=round(fsum(verdict.seconds for verdict in verdicts), 3),
    )
