"""The finished answer: the draft held to the evidence, and everything behind it in one record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eoagent.contracts.answer import (
    AnswerArtifact,
    AnswerRecord,
    AnswerStep,
    PlanStep,
    Status,
    Usage,
)
from eoagent.contracts.draft import Draft, Spent
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.record import canonical_json
from eoagent.planner.approval import NOT_APPROVED
from eoagent.planner.evidence import Findings
from eoagent.planner.rendering import REFERENCE_IN_TEXT, bare_claims, render
from eoagent.planner.state import State

__all__ = ["Checked", "check_draft", "finish"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A draft after the check."""

    text: str
    """Rendered text, with what stands by hand marked."""
    unverified: tuple[str, ...]
    """What stands by hand."""
    complaint: str
    """What to tell the planner; empty when there is nothing to mend."""


def check_draft(state: State, findings: Findings) -> Checked:
    """Render the draft of a state and list what it claims without a figure behind it."""
    draft = Draft.model_validate(state["draft"])
    figures = findings.known
    records = findings.records.values()
    try:
        text = render(draft.text, figures)
        _check_results(draft, figures)
    except InputError as error:
        shown = REFERENCE_IN_TEXT.sub(lambda found: _filled(found.group(0), figures), draft.text)
        return Checked(text=shown, unverified=(str(error),), complaint=error.explain())
    cited = [figures[i] for i, _ in REFERENCE_IN_TEXT.findall(draft.text)]
    allowed = [state["question"], *(i["href"] for i in state.get("inputs", []))]
    allowed.append(state.get("stopped", ""))
    allowed += [_told_before(earlier) for earlier in state.get("history", [])]
    allowed += [_quotable(record) for record in records]
    allowed += [f"{figure.label} {figure.method}" for figure in figures.values()]
    choices = (f.value for f in figures.values() if isinstance(f.value, str))
    allowed += [choice for choice in choices if any(c.isdigit() for c in choice)]
    values = {f.value for f in cited if isinstance(f.value, str)}
    claims = bare_claims(draft.text, allowed=allowed, choices=values)
    if not claims:
        return Checked(text=text, unverified=(), complaint="")
    complaint = (
        f"no figure stands behind: {', '.join(claims)}. Write numbers as {{f1}} references; leave "
        "words of direction out, or put them beside the figure of this run that says so"
    )
    return Checked(
        text=f"{text}\n[unverified: {', '.join(claims)}]", unverified=claims, complaint=complaint
    )


def _filled(reference: str, figures: Mapping[str, Figure]) -> str:
    """Return what stands for a reference in a text of which not all can be filled in."""
    try:
        return render(reference, figures)
    except InputError:
        return "[no such figure]"


def _told_before(exchange: dict[str, Any]) -> str:
    """Texts of an earlier question that an answer may quote: the question and what things are."""
    return " ".join([exchange["question"], *(title for _, title in exchange["artifacts"])])


def _check_results(draft: Draft, figures: Mapping[str, Figure]) -> None:
    unknown = [identity for identity in draft.results if identity not in figures]
    if unknown:
        raise InputError(
            f"result '{unknown[0]}' names no figure of this run",
            hint=f"known: {', '.join(figures) or 'none'}",
        )


def _quotable(record: StepRecord) -> str:
    """Texts of a step that an answer may quote: arguments, previews and what the tool said."""
    previews = [canonical_json(preview) for preview in record.previews.values()]
    said = [*record.assumptions, *record.warnings, record.message]
    problem = record.error["message"] + record.error["hint"] if record.error else ""
    return " ".join([canonical_json(record.arguments), *previews, *said, problem])


def _telling(records: Iterable[StepRecord]) -> list[StepRecord]:
    """Return the steps whose choices bear on the answer.

    An image that is opened again as the question says is not looked at as it was opened first.
    """
    every = list(records)
    used = {
        reference.lstrip("$").partition(".")[0]
        for record in every
        for reference in (*record.references.values(), record.each or "")
    }
    return [r for r in every if r.figures or r is every[-1] or str(r.n) in used]


def finish(
    state: State,
    findings: Findings,
    checked: Checked,
    *,
    planner: str,
    versions: dict[str, str],
    seconds: float,
) -> AnswerRecord:
    """Put the answer together from the state and what the steps gave."""
    draft = Draft.model_validate(state["draft"])
    records, known = findings.records, findings.known
    ended = next((r for r in records.values() if r.ended_as), None)
    results = tuple(known[i] for i in draft.results if i in known)
    cited = {*draft.results, *(i for i, _ in REFERENCE_IN_TEXT.findall(draft.text))}
    figures = {i: f for i, f in known.items() if i in findings.figures or i in cited}
    spent = Spent.model_validate(state.get("spent", {}))
    told = _telling(records.values())
    return AnswerRecord(
        schema="eoagent/answer/1",
        question=state["question"],
        status=_status(state, draft, ended, has_result=bool(results) or _shows(records.values())),
        text=checked.text,
        plan=tuple(_planned(Step.model_validate(raw)) for raw in state.get("plan", [])),
        results=results,
        figures=tuple(figures.values()),
        artifacts=_artifacts(records.values()),
        steps=tuple(_step(record) for record in records.values()),
        assumptions=_unique(
            [*state.get("assumptions", []), *(a for r in told for a in r.assumptions)]
        ),
        warnings=_unique(
            [w for r in told for w in r.warnings]
            + [_not_done(r) for r in records.values()]
            + [state.get("stopped", "")]
        ),
        question_back=draft.question_back
        or (ended.message if ended and ended.ended_as == "clarify" else ""),
        unverified=checked.unverified,
        usage=Usage(**spent.to_dict(), tool_calls=len(records), seconds=round(seconds, 3)),
        planner=planner,
        versions=versions,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        run=state.get("run", ""),
        inputs=tuple(dict(raw) for raw in state.get("inputs", [])),
    )


def _not_done(record: StepRecord) -> str:
    """Return that a step was not approved, which the answer may have passed over."""
    error = record.error or {}
    is_denied = error.get("message", "").startswith(NOT_APPROVED)
    return f"step {record.n} ({record.tool}) {error['message']}" if is_denied else ""


def _shows(records: Iterable[StepRecord]) -> bool:
    """Return whether a map was drawn, which may be all that was asked for."""
    return any(handle.startswith("picture:") for r in records for handle in r.artifacts)


def _status(state: State, draft: Draft, ended: StepRecord | None, *, has_result: bool) -> Status:
    if ended is not None and ended.ended_as is not None:
        return ended.ended_as
    if draft.status == "answered" and (state.get("stopped") or not has_result):
        return "partial"
    return draft.status


def _planned(step: Step) -> PlanStep:
    return PlanStep(
        n=step.n, tool=step.tool, arguments=step.arguments, each=step.each, why=step.why
    )


def _step(record: StepRecord) -> AnswerStep:
    return AnswerStep(
        n=record.n,
        tool=record.tool,
        arguments=record.arguments,
        references=record.references,
        status=record.status,
        seconds=round(record.seconds, 4),
        artifacts=record.artifacts,
        figures=record.figures,
        error=record.error,
        each=record.each,
    )


def _artifacts(records: Iterable[StepRecord]) -> tuple[AnswerArtifact, ...]:
    found: dict[str, AnswerArtifact] = {}
    for record in records:
        for handle in record.artifacts:
            title = str(record.previews.get(handle, {}).get("title", "")) or handle
            kind = handle.split(":", 1)[0]
            found.setdefault(handle, AnswerArtifact(id=handle, kind=kind, path="", title=title))
    return tuple(found.values())


def _unique(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
