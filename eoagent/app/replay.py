"""Run the calls of a kept answer again, and say per figure whether it still holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from eoagent.app.agent import Agent
from eoagent.app.answer import Answer
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.errors import EoAgentError, InputError, NotFound, SourceError
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft, View
from eoagent.contracts.record import Record
from eoagent.io.origin import OriginGuard
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings

__all__ = ["FigureVerdict", "ReplayReport", "replay_answer"]

Verdict = Literal["equal", "within", "changed", "cannot"]
_OUTWARD = frozenset({"export"})
_RELATIVE_ROUNDING = 1e-12
_MAX_BYTES = 64_000_000


class FigureVerdict(Record):
    """What became of one figure."""

    id: str
    """The figure's id in the answer."""
    label: str
    """What it is."""
    verdict: Verdict
    """`equal`, `within` its stated error, `changed`, or `cannot` be computed now."""
    before: float | int | str
    """Value in the answer."""
    after: float | int | str | None
    """Value now."""
    unit: str
    """Unit of both."""
    reason: str = ""
    """Why it cannot be computed, or which source is another one now."""


class ReplayReport(Record):
    """The outcome of a replay."""

    question: str
    """The question that was answered."""
    figures: tuple[FigureVerdict, ...]
    """One verdict per figure, in order."""

    @property
    def holds(self) -> bool:
        """Whether every figure is equal or within its error."""
        return all(f.verdict in {"equal", "within"} for f in self.figures)

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        lines = [f"> {self.question}"]
        for f in self.figures:
            values = f"{f.before} -> {f.after}" if f.verdict != "equal" else f"{f.before}"
            reason = f"  ({f.reason})" if f.reason else ""
            lines.append(f"{f.verdict:<8} {f.id:<4} {f.label}: {values} {f.unit}{reason}")
        counts = {v: sum(f.verdict == v for f in self.figures) for v in Verdict.__args__}  # type: ignore[attr-defined]
        lines.append(
            ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n) or "no figures"
        )
        return lines


def replay_answer(
    path: Path | str, *, home: Path | str | None = None, settings: Settings | None = None
) -> ReplayReport:
    """Run the plan of an answer again, without the cache, and compare figure by figure.

    The document counts as typed, what it names does not: local files are read by the allow-listed
    readers only, other hosts only if they are public. Steps that write outside are not repeated.

    Raises:
        NotFound: if there is no such file.
        InputError: if it is no answer of this layout.
    """
    document = Path(path).expanduser().absolute()
    before = _read(document)
    guard = OriginGuard()
    guard.type_in(str(document))
    typed: list[str] = []
    refused: dict[str, EoAgentError] = {}
    for href in _hrefs(before):
        try:
            typed.append(guard.admit(href, base=str(document)).href)
        except (NotFound, SourceError) as error:
            refused[href] = error
    plan = Plan(steps=tuple(_steps(before)))
    planner = ScriptedPlanner([plan] if plan.steps else [], _all_results, name="replay")
    agent = Agent(planner, home=home, settings=settings)
    answer = agent.ask(before.question, typed=typed, use_cache=False)
    verdicts = tuple(_compare(figure, answer, refused) for figure in before.figures)
    return ReplayReport(question=before.question, figures=verdicts)


def _read(path: Path) -> AnswerRecord:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is larger than {_MAX_BYTES} bytes", hint="is it an answer?")
        return AnswerRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}", hint="give the answer.json of a run") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}", href=str(path)) from error
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(
            f"{path} is no answer of this layout: {'.'.join(map(str, problem['loc']))} "
            f"{problem['msg']}",
            hint="give the answer.json that `eoagent ask --out` or `answer.save` wrote",
        ) from error


def _steps(before: AnswerRecord) -> Iterable[Step]:
    ran = {step.n for step in before.steps if step.status in {"done", "cached"}}
    for step in before.plan:
        if step.n in ran and step.tool not in _OUTWARD:
            yield Step(
                n=step.n, tool=step.tool, arguments=step.arguments, each=step.each, why=step.why
            )


def _hrefs(before: AnswerRecord) -> Iterable[str]:
    for given in before.inputs:
        yield given["href"]
    for step in before.plan:
        if isinstance(step.arguments.get("href"), str):
            yield step.arguments["href"]
        if isinstance(step.arguments.get("hrefs"), list):
            yield from (h for h in step.arguments["hrefs"] if isinstance(h, str))


def _all_results(view: View) -> Draft:
    text = " ".join(f"{{{figure.id}}}" for figure in view.figures)
    return Draft(text=text, results=tuple(f.id for f in view.figures))


def _compare(before: Figure, answer: Answer, refused: dict[str, EoAgentError]) -> FigureVerdict:
    named = [f for f in answer.figures if f.step == before.step and f.name == before.name]
    verdict = FigureVerdict(
        id=before.id,
        label=before.label,
        verdict="cannot",
        before=before.value,
        after=None,
        unit=before.unit,
    )
    if not named:
        return verdict.model_copy(update={"reason": _why(before.step, answer, refused)})
    after = named[0]
    old = {source.href: source.fingerprint for source in before.sources}
    other = [s.href for s in after.sources if s.href in old and s.fingerprint != old[s.href]]
    reason = f"{other[0]} is another file now" if other else ""
    return verdict.model_copy(
        update={"after": after.value, "verdict": _judge(before, after), "reason": reason}
    )


def _judge(before: Figure, after: Figure) -> Verdict:
    if before.value == after.value and before.unit == after.unit:
        return "equal"
    if before.unit != after.unit or isinstance(before.value, str) or isinstance(after.value, str):
        return "changed"
    difference = abs(before.number - after.number)
    if difference <= _RELATIVE_ROUNDING * abs(before.number):
        return "equal"
    return "within" if before.error is not None and difference <= before.error else "changed"


def _why(step: int, answer: Answer, refused: dict[str, EoAgentError]) -> str:
    if refused:
        href, error = next(iter(refused.items()))
        return f"{href}: {error}"
    failed = [s for s in answer.steps if s.error and s.n <= step and s.status == "failed"]
    if failed and failed[-1].error:
        return f"step {failed[-1].n} ({failed[-1].tool}): {failed[-1].error['message']}"
    return "its step did not run"
