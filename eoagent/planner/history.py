"""What a conversation keeps of its earlier questions: words, handles and figures, never pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import REFERENCE
from eoagent.contracts.planner import Exchange
from eoagent.planner.rendering import REFERENCE_IN_TEXT
from eoagent.planner.state import State

__all__ = ["carry_over"]

JsonDict = dict[str, Any]

_MAX_EXCHANGES: Final = 8
_MAX_INPUTS: Final = 12
_MAX_ARTIFACTS: Final = 12
_MAX_OLD_ARTIFACTS: Final = 6
_MAX_RESULTS: Final = 16
_MAX_OTHERS: Final = 8
_BOOKKEEPING: Final = frozenset({"items", "count", "ids"})
_MAX_FIGURES: Final = 24
_MAX_QUESTION: Final = 300
_MAX_TEXT: Final = 500
_MAX_TITLE: Final = 60


def carry_over(state: State, answer: AnswerRecord, figures: Mapping[str, Figure]) -> State:
    """Return the history that the next question of a conversation starts with.

    It is written with the answer and not before, so a turn that was interrupted leaves no trace in
    it: its steps are in the ledger, and their results are had again by content.

    Args:
        state: the state of the run that was answered.
        answer: its answer.
        figures: the figures that it made, by id.
    """
    exchange = _exchange(answer)
    cited = [i for i, _ in REFERENCE_IN_TEXT.findall(state.get("draft", {}).get("text", ""))]
    told = [*(figure.id for figure in answer.results), *cited]
    fresh = {i: _kept(figures[i], answer.run) for i in _worth_keeping(told, figures)}
    answered = [*state.get("answered", []), *(i for i in told if i in fresh)]
    answered = answered[-_MAX_FIGURES:]
    return {
        "history": [
            *(_without(old, exchange) for old in state.get("history", [])),
            exchange.to_dict(),
        ][-_MAX_EXCHANGES:],
        "earlier": _kept_longest(_once({**state.get("earlier", {}), **fresh}, answered), answered),
        "answered": answered,
        "figure_base": state.get("figure_base", 0) + len(figures),
        "asked_back": state["question"] if answer.status == "clarify" else "",
    }


def _worth_keeping(told: list[str], figures: Mapping[str, Figure]) -> list[str]:
    """Return the ids of the figures that the answer told, and of some others; no bookkeeping."""
    results = [i for i in dict.fromkeys(told) if i in figures]
    others = [i for i, f in figures.items() if i not in results and f.name not in _BOOKKEEPING]
    return results[:_MAX_RESULTS] + others[: max(0, _MAX_OTHERS - len(results))]


def _exchange(answer: AnswerRecord) -> Exchange:
    behind = _behind(answer)
    ranked = sorted(answer.artifacts, key=lambda a: (a.id not in behind, a.kind == "table"))
    done = [step.tool for step in answer.steps if step.status in {"done", "cached"}]
    return Exchange(
        question=_short(answer.question, _MAX_QUESTION),
        status=answer.status,
        text=_short(answer.text, _MAX_TEXT),
        inputs=tuple(
            f"{i.get('kind', '')} {i.get('href', '')}" for i in answer.inputs[:_MAX_INPUTS]
        ),
        artifacts=tuple((a.id, _short(a.title, _MAX_TITLE)) for a in ranked[:_MAX_ARTIFACTS]),
        tools=tuple(dict.fromkeys(done)),
        run=answer.run,
    )


def _behind(answer: AnswerRecord) -> set[str]:
    """Return the artifacts that the results rest on, through however many steps."""
    steps = {step.n: step for step in answer.steps}
    wanted = [figure.step for figure in answer.results if figure.id in _ids(answer)]
    seen: set[int] = set()
    found: set[str] = set()
    while wanted:
        n = wanted.pop()
        if n in seen or n not in steps:
            continue
        seen.add(n)
        found |= set(steps[n].artifacts)
        for reference in (*steps[n].references.values(), steps[n].each or ""):
            match = REFERENCE.match(reference)
            if match is not None:
                wanted.append(int(match.group(1)))
        found |= {value for value in steps[n].arguments.values() if isinstance(value, str)}
    return found


def _ids(answer: AnswerRecord) -> set[str]:
    return {identity for step in answer.steps for identity in step.figures}


def _without(exchange: JsonDict, newer: Exchange) -> JsonDict:
    """Return an older exchange without the artifacts that a newer one names again."""
    told = {handle for handle, _ in newer.artifacts}
    kept = [pair for pair in exchange["artifacts"] if pair[0] not in told]
    return {**exchange, "artifacts": kept[:_MAX_OLD_ARTIFACTS]}


def _kept(figure: Figure, run: str) -> JsonDict:
    """Return a figure without its sources, which its run in the ledger keeps."""
    method = f"{_short(figure.method, 160)}; measured for an earlier question, run {run}"
    label = _short(_label(figure), 200)
    return figure.model_copy(update={"sources": (), "method": method, "label": label}).to_dict()


def _label(figure: Figure) -> str:
    """Return a figure's label with its scene or date, if it comes from one and does not say so."""
    told = {s.item_id or (s.time.label if s.time else "") for s in figure.sources} - {""}
    name = told.pop() if len(told) == 1 else ""
    return figure.label if name in figure.label else f"{figure.label} [{name}]"


def _once(figures: dict[str, JsonDict], answered: list[str]) -> dict[str, JsonDict]:
    """Return figures without those that no answer told and a newer one says again."""
    newest = {(raw["label"], str(raw["value"]), raw["unit"]): i for i, raw in figures.items()}
    return {i: figures[i] for i in figures if i in newest.values() or i in answered}


def _kept_longest(figures: dict[str, JsonDict], answered: list[str]) -> dict[str, JsonDict]:
    """Return as many figures as are kept: those that answered first, then the newest."""
    ranked = sorted(figures, key=lambda i: (i in answered, int(i[1:])))[-_MAX_FIGURES:]
    return {i: figures[i] for i in sorted(ranked, key=lambda i: int(i[1:]))}


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
