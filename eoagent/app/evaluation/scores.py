"""What an evaluation found: a verdict per question, and rates per family and in total."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import Field

from eoagent.app.evaluation.judging import OUTCOMES, Outcome
from eoagent.app.plaintext import printable
from eoagent.contracts.record import Record

__all__ = ["EVALUATION_SCHEMA", "Evaluation", "Tally", "Verdict", "tally", "tally_by"]

EVALUATION_SCHEMA: Final = "eoagent/evaluation/1"
_REASON_CHARS: Final = 300


class Verdict(Record):
    """One question, what came back, and what that is worth."""

    id: str
    family: str
    needs: tuple[str, ...]
    """What the question takes."""
    question: str
    outcome: Outcome
    """`right`, `wrong`, `declined`, `asked` (back) or `failed`."""
    reason: str = ""
    """Why it is not right."""
    status: str = ""
    """How the run ended; empty if it failed."""
    text: str = ""
    """The answer's text."""
    results: tuple[str, ...] = ()
    """The answer's results, as a person reads them."""
    unverified: tuple[str, ...] = ()
    """Numbers in the text that no figure stands behind."""
    seconds: float = 0.0
    """Wall time of the question."""
    run: str = ""
    """Id of the run in the ledger, for `eoagent runs show`."""

    @property
    def needs_a_model(self) -> bool:
        """Whether the question takes more than pixels and geometry."""
        return set(self.needs) != {"spectral"}

    def line(self) -> str:
        """Return the verdict as one line of text."""
        reason = printable(" ".join(self.reason.split()))
        if len(reason) > _REASON_CHARS:
            reason = f"{reason[: _REASON_CHARS - 1]}…"
        return f"{printable(self.id)} {self.outcome}{f': {reason}' if reason else ''}"


class Tally(Record):
    """How many questions ended how."""

    questions: int = 0
    right: int = 0
    wrong: int = 0
    declined: int = 0
    asked: int = 0
    """Asked back though there is an answer."""
    failed: int = 0
    rate: float | None = None
    """Share that is right, 0 to 1; None where there is no question."""


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
    verdicts: tuple[Verdict, ...]

    @property
    def misses(self) -> tuple[Verdict, ...]:
        """The questions that did not end right, in order."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome != "right")

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
    """Count verdicts by outcome."""
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = {outcome: outcomes.count(outcome) for outcome in OUTCOMES}
    rate = counts["right"] / len(outcomes) if outcomes else None
    return Tally(questions=len(outcomes), rate=rate, **counts)


def tally_by(named: Iterable[tuple[str, Verdict]]) -> dict[str, Tally]:
    """Count verdicts by outcome under each name, in order of name."""
    groups: dict[str, list[Verdict]] = {}
    for name, verdict in named:
        groups.setdefault(name, []).append(verdict)
    return {name: tally(groups[name]) for name in sorted(groups)}
