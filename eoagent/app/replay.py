"""Run the calls of a kept answer again, and say per figure whether it still holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from eoagent.app.agent import Agent
from eoagent.app.authority import handles_in, hrefs_of
from eoagent.app.verdicts import OUTWARD, VERDICTS, FigureVerdict, compare_figures
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.errors import EoAgentError, InputError, NotFound, SourceError
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft, View
from eoagent.contracts.record import Record
from eoagent.io.origin import OriginGuard
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings

__all__ = ["FigureVerdict", "ReplayReport", "replay_answer"]

_MAX_BYTES = 64_000_000


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

    @property
    def has_changed(self) -> bool:
        """Whether a figure came out as another one."""
        return any(f.verdict == "changed" for f in self.figures)

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        lines = [f"> {self.question}"]
        for f in self.figures:
            values = f"{f.before} -> {f.after}" if f.verdict != "equal" else f"{f.before}"
            reason = f"  ({f.reason})" if f.reason else ""
            lines.append(f"{f.verdict:<8} {f.id:<4} {f.label}: {values} {f.unit}{reason}")
        counts = {v: sum(f.verdict == v for f in self.figures) for v in VERDICTS}
        lines.append(
            ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n) or "no figures"
        )
        return lines


def replay_answer(
    path: Path | str, *, home: Path | str | None = None, settings: Settings | None = None
) -> ReplayReport:
    """Run the plan of an answer again, without the cache, and compare figure by figure.

    The document counts as typed, and the artifacts that its plan names with it; the places that it
    names do not: local files are read by the allow-listed readers only, other hosts only if they
    are public. Steps that write outside are not repeated.

    Raises:
        NotFound: if there is no such file.
        InputError: if it is no answer of this layout.
    """
    document = Path(path).expanduser().absolute()
    before = _read(document)
    plan = Plan(steps=tuple(_steps(before, document)))
    planner = ScriptedPlanner([plan] if plan.steps else [], _all_results, name="replay")
    agent = Agent(planner, home=home, settings=settings)
    shop = agent.workshop
    guard = OriginGuard(allow_hosts=shop.settings.allow_hosts, access=shop.access)
    guard.type_in(str(document))
    typed: list[str] = []
    refused: dict[str, EoAgentError] = {}
    for href in _hrefs(plan):
        try:
            typed.append(guard.admit(href, base=str(document)).href)
        except (NotFound, SourceError) as error:
            refused[href] = error
    answer = agent.ask(before.question, typed=typed, handles=tuple(_handles(plan)), use_cache=False)
    return ReplayReport(
        question=before.question, figures=tuple(compare_figures(before, answer.record, refused))
    )


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
    except ValueError as error:  # no system call takes such a path
        raise NotFound(
            f"there is no file {str(path)!a}", hint="give the answer.json of a run"
        ) from error


def _steps(before: AnswerRecord, path: Path) -> Iterable[Step]:
    ran = {step.n for step in before.steps if step.status in {"done", "cached"}}
    for step in before.plan:
        if step.n not in ran or step.tool in OUTWARD:
            continue
        try:
            yield Step.model_validate(step.to_dict())
        except ValidationError as error:
            raise InputError(
                f"{path} has a step that cannot be: {error.errors()[0]['msg']}",
                hint="give an answer.json as eoagent wrote it",
            ) from error


def _hrefs(plan: Plan) -> Iterable[str]:
    for step in plan.steps:
        yield from hrefs_of(step.arguments)


def _handles(plan: Plan) -> Iterable[str]:
    """Yield the artifacts that the steps name; one that was refused then is not repeated now."""
    for step in plan.steps:
        yield from handles_in({**step.arguments, "each": step.each})


def _all_results(view: View) -> Draft:
    text = " ".join(f"{{{figure.id}}}" for figure in view.figures)
    return Draft(text=text, results=tuple(f.id for f in view.figures))
