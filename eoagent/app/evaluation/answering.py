"""`eval vqa`: how many questions about pictures a reasoner answers rightly, by type of question."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from eoagent.app.evaluation.benchmarks.choices import read_choices
from eoagent.app.evaluation.benchmarks.rsvqa import read_rsvqa
from eoagent.app.evaluation.benchmarks.truths import AskedPicture
from eoagent.app.evaluation.measured import Measured
from eoagent.app.evaluation.measures.answers import is_right
from eoagent.app.evaluation.picturefolder import Tell
from eoagent.app.evaluation.seeing.leftout import go_through
from eoagent.app.evaluation.seeing.reasonerlook import ReasonerLook, way_note
from eoagent.app.evaluation.stating import figure_table, model_of, share, state
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.models import Models
from eoagent.contracts.reasoner import Reasoner, ReplyStatus

__all__ = ["FORMATS", "evaluate_answers"]

FORMATS: Final = ("rsvqa", "xlrs")
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What was answered, and whether it is right."""

    status: ReplyStatus
    answer: str
    is_right: bool


def evaluate_answers(request: SuiteRequest, models: Models, tell: Tell) -> Measured:
    """Return how many questions a reasoner answers rightly.

    Raises:
        NotFound: if the folder, a file of it or the reasoner is not there.
        InputError: if a file has another layout, or no question could be put.
        ModelMissing: if the reasoner is not installed and no server is named.
        SourceError: if a file cannot be read.
    """
    began = time.perf_counter()
    data = request.folder()
    if request.choose(FORMATS) == "rsvqa":
        benchmark, asked = read_rsvqa(data, request.file, split=request.part())
    else:
        benchmark, asked = read_choices(data, request.file)
    reasoner = models.reasoner(request.model, gsd_m=request.gsd_m)
    eyes = ReasonerLook(request, reasoner, request.guard())
    found, outcome = go_through(
        _spread(asked, request.limit),
        lambda one: _judged(reasoner, one, eyes),
        name=lambda one: one.name,
        tell=tell,
    )
    by_kind: dict[str, list[bool]] = {}
    for one, own in found:
        by_kind.setdefault(one.kind, []).append(own.is_right)
    rates = {kind: float(np.mean(own)) for kind, own in by_kind.items()}
    metrics = {
        "overall_accuracy": float(np.mean([own.is_right for _, own in found])),
        "average_accuracy": float(np.mean(list(rates.values()))),
        "unanswered": float(sum(own.status != "found" for _, own in found)),
    }
    rows = tuple((kind, share(rate), str(len(by_kind[kind]))) for kind, rate in rates.items())
    return state(
        "vqa",
        benchmark,
        outcome,
        models=(model_of(reasoner.card, reasoner.manner),),
        metrics=metrics | {f"accuracy_{kind}": rate for kind, rate in rates.items()},
        tables=(
            figure_table("", metrics),
            Table(head=("type", "right %", "questions"), rows=rows),
        ),
        notes=(
            "average: mean over the types; an answer that could not be read or is missing is wrong",
            way_note(request.way, reasoner),
        ),
        details={
            "answers": {
                one.name: {"said": own.answer, "right": one.answer, "is_right": own.is_right}
                for one, own in found
            }
        },
        began=began,
    )


def _spread(asked: tuple[AskedPicture, ...], limit: int) -> tuple[AskedPicture, ...]:
    """Return the first questions, taken from the types in turn."""
    if not limit:
        return asked
    turns: dict[str, int] = {}
    keyed = []
    for number, one in enumerate(asked):
        turns[one.kind] = turns.get(one.kind, 0) + 1
        keyed.append((turns[one.kind], number))
    return tuple(asked[number] for _, number in sorted(keyed)[:limit])


def _judged(reasoner: Reasoner, one: AskedPicture, eyes: ReasonerLook) -> _Judged:
    reply = reasoner.answer([eyes.look(one.file)[0].picture.pixels], one.question)
    has_answer = reply.status == "found"
    return _Judged(
        status=reply.status,
        answer=reply.answer[:_LONGEST],
        is_right=has_answer and is_right(reply.answer, one.answer, one.options),
    )
