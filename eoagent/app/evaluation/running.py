"""Ask the questions of a suite, one after the other, and judge what comes back."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eoagent.app.agent import Agent
from eoagent.app.evaluation.adapters.registry import OWN_FORMAT, read_suite
from eoagent.app.evaluation.arguments import Call, calls_of, measure_calls
from eoagent.app.evaluation.judging import judge
from eoagent.app.evaluation.questions import Question, files_of
from eoagent.app.evaluation.scores import Evaluation, Verdict, tally, tally_by
from eoagent.contracts.errors import EoAgentError, InputError
from eoagent.planner.rendering import quantity

__all__ = ["evaluate_questions", "select_questions"]


def evaluate_questions(
    agent: Agent,
    data: Path,
    *,
    file: Path | None = None,
    layout: str = OWN_FORMAT,
    families: Sequence[str] = (),
    on_question: Callable[[str], None] = lambda _id: None,
    on_verdict: Callable[[Verdict, int], None] = lambda _verdict, _count: None,
) -> Evaluation:
    """Ask the questions of a data folder and judge the answers; nothing is taken from the cache.

    Every file is looked for before the first question is put. A question whose run ends in an error
    counts as failed, and the next one is asked.

    Args:
        agent: who is asked.
        data: folder with the questions and what comes with them.
        file: another file of questions, in the folder unless its path is absolute.
        layout: the format of the questions: our own, or another benchmark's by name.
        families: which families to ask; all if empty.
        on_question: called with the id of each question before it is put.
        on_verdict: called with each verdict and the number of questions there are.

    Raises:
        NotFound: if the file of questions, or one that comes with a question, is not there.
        InputError: if there is no such format, what is read is no question, or there is none of a
            family.
        SourceError: if the file of questions cannot be read.
    """
    suite = read_suite(layout, data, file)
    questions = select_questions(suite.questions, families)
    given = [_given(question, data) for question in questions]
    began = time.perf_counter()
    verdicts: list[Verdict] = []
    for verdict in _ask_all(agent, questions, given, on_question):
        verdicts.append(verdict)
        on_verdict(verdict, len(questions))
    plain = [verdict for verdict in verdicts if not verdict.needs_a_model]
    others = [verdict for verdict in verdicts if verdict.needs_a_model]
    return Evaluation(
        schema="eoagent/evaluation/1",
        suite="qa" if layout == OWN_FORMAT else f"qa {layout}",
        file=str(suite.file),
        sha256=hashlib.sha256(suite.file.read_bytes()).hexdigest(),
        planner=agent.planner_name,
        versions=agent.versions,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - began, 3),
        families=tally_by((verdict.family, verdict) for verdict in plain),
        total=tally(plain),
        with_models=tally_by((_models(verdict), verdict) for verdict in others),
        verdicts=tuple(verdicts),
        metrics=suite.metrics(list(zip(questions, verdicts, strict=True))),
        not_computed=dict(suite.not_computed),
    )


def select_questions(
    questions: Sequence[Question], families: Sequence[str]
) -> tuple[Question, ...]:
    """Return the questions of some families, or all of them if none is named.

    Raises:
        InputError: if a family has no question.
    """
    known = {question.family for question in questions}
    for family in families:
        if family not in known:
            raise InputError(
                f"there is no question of the family '{family}'",
                hint=f"families are: {', '.join(sorted(known))}",
            )
    return tuple(q for q in questions if not families or q.family in families)


def _given(question: Question, data: Path) -> dict[str, Any]:
    """Return what comes with a question, as fields of a request."""
    images, catalog = files_of(question, data)
    return {"images": images, "catalog": catalog, "use_cache": False}


def _ask_all(
    agent: Agent,
    questions: Sequence[Question],
    given: Sequence[dict[str, Any]],
    on_question: Callable[[str], None],
) -> Iterator[Verdict]:
    for question, fields in zip(questions, given, strict=True):
        on_question(question.id)
        began = time.perf_counter()
        found: dict[str, Any]
        try:
            answer = agent.ask(question.question, **fields)
        except EoAgentError as error:
            found = {
                "outcome": "failed",
                "reason": f"{error.kind}: {error.explain()}",
                "measures": _measures(question, ()),
            }
        else:
            judgement = judge(question.expect, answer.record)
            calls = calls_of(answer.record)
            found = {
                "outcome": judgement.outcome,
                "reason": judgement.reason,
                "status": answer.status,
                "text": answer.text,
                "results": tuple(f"{f.label}: {quantity(f)}" for f in answer.results),
                "unverified": answer.unverified,
                "run": answer.record.run,
                "calls": calls,
                "errors": sum(step.status == "failed" for step in answer.record.steps),
                "measures": _measures(question, calls),
                "usage": answer.record.usage,
            }
        yield Verdict(
            id=question.id,
            family=question.family,
            needs=question.needs,
            question=question.question,
            accepted=(question.expect.status, *question.expect.also_accept),
            seconds=round(time.perf_counter() - began, 3),
            **found,
        )


def _measures(question: Question, calls: Sequence[Call]) -> dict[str, float]:
    """Return how calls agree with that reference they agree with best; nothing without one.

    A run that failed is held to have called nothing.
    """
    measured = [measure_calls(chain, calls) for chain in question.references]
    return max(measured, key=lambda found: sum(found.values()) / len(found), default={})


def _models(verdict: Verdict) -> str:
    return ", ".join(need for need in verdict.needs if need != "spectral")
