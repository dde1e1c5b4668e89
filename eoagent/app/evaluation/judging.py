"""Judge an answer by what its question expects: pure rules, no model, no second reading.

Numbers are read from `answer.results` alone, in their order. Results of unit `choice` are words:
they may name what was asked for, and they do not count as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from eoagent.app.evaluation.questions import Expectation, ExpectedFigure
from eoagent.app.evaluation.rules import Unjudged, why_broken
from eoagent.app.evaluation.wording import direction_in, is_named, is_stated
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.figure import Figure
from eoagent.contracts.units import convert, same_kind

__all__ = ["OUTCOMES", "Judgement", "Outcome", "judge"]

Outcome = Literal["right", "wrong", "declined", "asked", "failed", "unjudged"]
OUTCOMES: Final[tuple[Outcome, ...]] = (
    "right",
    "wrong",
    "declined",
    "asked",
    "failed",
    "unjudged",
)
"""`right` or `wrong`; `declined` or `asked` back though there is an answer; `failed` to end;
`unjudged` where an answer was given and no rule can tell what it is worth."""

_SIGNED: Final = frozenset({"change", "net", "trend", "slope", "difference", "delta"})
"""Parts of a figure's name that make it a change, whose sign may be said in words."""
_FALLS: Final = frozenset({"lost", "loss", "decrease", "decline", "drop", "fall", "shrinkage"})
"""Parts of a figure's name that say the direction: a loss of 5 may be given as a change of -5."""
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What an answer is worth, and why where it is not right."""

    outcome: Outcome
    reason: str = ""


def judge(expect: Expectation, answer: AnswerRecord) -> Judgement:
    """Judge an answer.

    Args:
        expect: what it has to be.
        answer: what it is; status, text and results are looked at.
    """
    accepted = {expect.status, *expect.also_accept}
    if expect.status == "answered":
        accepted.add("partial")  # what it gives is judged, and what it lacks is missed there
    if answer.status not in accepted:
        return _not_accepted(expect, answer)
    if expect.rule is not None and answer.status in {"answered", "partial"}:
        if isinstance(expect.rule, Unjudged):
            return Judgement(outcome="unjudged", reason=expect.rule.why)
        broken = why_broken(expect.rule, answer)
        return Judgement(outcome="wrong" if broken else "right", reason=broken)
    problems = [f"does not state {entry}" for entry in _unstated(expect, answer)]
    if answer.status in {"answered", "partial"}:
        if expect.status == "answered" or expect.figures:
            problems = _misses(expect, answer.results, answer.text) + problems
        if expect.choice and not _names_choice(expect.choice, answer):
            problems.append(f"does not name {' or '.join(expect.choice)}")
    if problems:
        return Judgement(outcome="wrong", reason="; ".join(problems))
    return Judgement(outcome="right")


def _not_accepted(expect: Expectation, answer: AnswerRecord) -> Judgement:
    if expect.status == "answered" and answer.status == "cannot_answer":
        return Judgement(outcome="declined", reason=f"cannot answer: {answer.text}")
    if expect.status == "answered" and answer.status == "clarify":
        asked = answer.question_back or answer.text
        return Judgement(outcome="asked", reason=f"asks back: {asked}")
    reason = f"ended as {answer.status}, and {expect.status} is right: {answer.text}"
    return Judgement(outcome="wrong", reason=reason)


def _unstated(expect: Expectation, answer: AnswerRecord) -> list[str]:
    return [entry for entry in expect.must_state if not is_stated(entry, answer.text)]


def _misses(expect: Expectation, results: Sequence[Figure], text: str) -> list[str]:
    """Return what is wrong with the numbers of an answer."""
    numbers = [figure for figure in results if figure.unit != "choice"]
    words = [str(figure.value) for figure in results if figure.unit == "choice"]
    wanted = expect.figures
    if len(numbers) > len(wanted):
        extra = ", ".join(_shown(figure) for figure in numbers)
        return [f"gives {len(numbers)} numbers where {len(wanted)} are asked for: {extra}"]
    if expect.any_of and wanted:
        tried = [_miss(figure, given, words, text) for figure in wanted for given in numbers]
        if "" in tried:
            return []
        return tried[: len(wanted)] or [f"gives no number; one of {_names(wanted)} is wanted"]
    paired = zip(wanted, numbers, strict=False)
    found = [miss for figure, given in paired if (miss := _miss(figure, given, words, text))]
    if len(numbers) < len(wanted):
        found.append(f"lacks {_names(wanted[len(numbers) :])}")
    return found


def _miss(wanted: ExpectedFigure, given: Figure, words: Sequence[str], text: str) -> str:
    """Return why a number is not the one that is wanted, or nothing where it is."""
    told = f"{wanted.name}: {_shown(given)}, and {wanted.value:g} {wanted.unit} is right"
    if not same_kind(given.unit, wanted.unit):
        return f"{told}: another kind of unit"
    value = convert(given.number, given.unit, wanted.unit)
    if _is_close(value, wanted):
        said = direction_in(words, are_choices=True)
        is_contrary = _is_signed(wanted) and said * wanted.value < 0
        return f"{told}: the words say the other direction" if is_contrary else ""
    if _is_close(-value, wanted):
        return "" if _sign_is_said(wanted, value, words, text) else f"{told}: another sign"
    return told


def _is_close(value: float, wanted: ExpectedFigure) -> bool:
    off = abs(value - wanted.value)
    if wanted.unit == "deg":
        off = min(off % 360, -off % 360)  # a bearing or longitude is the same after a full turn
    return off <= wanted.room + _ROUNDING * abs(wanted.value)


def _sign_is_said(wanted: ExpectedFigure, value: float, words: Sequence[str], text: str) -> bool:
    """Return whether a number of the other sign means the same change."""
    if _FALLS & _parts(wanted):
        return wanted.value > 0 > value
    if not _is_signed(wanted) or value < 0:
        return False  # "fell by -5" takes the sign back
    said = direction_in(words, are_choices=True) or direction_in([text])
    return said * wanted.value > 0


def _is_signed(wanted: ExpectedFigure) -> bool:
    return bool(_SIGNED & _parts(wanted))


def _parts(wanted: ExpectedFigure) -> set[str]:
    return set(wanted.name.casefold().split("_"))


def _names_choice(choices: Sequence[str], answer: AnswerRecord) -> bool:
    """Return whether an answer names one of the choices.

    Where a direction is asked for and a result states one, the result counts and not the words
    around it.
    """
    words = [str(figure.value) for figure in answer.results if figure.unit == "choice"]
    wanted, said = (direction_in(texts, are_choices=True) for texts in (choices, words))
    if wanted and said:
        return wanted == said
    return any(is_named(choice, text) for choice in choices for text in (*words, answer.text))


def _shown(figure: Figure) -> str:
    return f"{figure.number:g} {figure.unit}"


def _names(figures: Sequence[ExpectedFigure]) -> str:
    return ", ".join(figure.name for figure in figures)
