"""Compare the figures of a kept answer with those of a new run of its plan, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, get_args

from eoagent.app.authority import hrefs_of
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.figure import Figure, Fingerprint
from eoagent.contracts.plan import REFERENCE, references_in
from eoagent.contracts.record import Record

__all__ = ["OUTWARD", "VERDICTS", "FigureVerdict", "compare_figures"]

Verdict = Literal["equal", "within", "changed", "cannot"]
VERDICTS: Final[tuple[str, ...]] = get_args(Verdict)
"""What may become of a figure."""
OUTWARD: Final = frozenset({"export"})
"""Tools that write outside of the store; a replay leaves them out."""
_MODEL: Final = "model:"
"""So begins what stands for a model among sources."""
_RELATIVE_ROUNDING: Final = 1e-12


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


def compare_figures(
    before: AnswerRecord, after: AnswerRecord, refused: Mapping[str, EoAgentError]
) -> Iterator[FigureVerdict]:
    """Yield a verdict for each figure of the kept answer, in its order.

    Args:
        before: the kept answer.
        after: the answer of the replay.
        refused: places of the kept answer that could not be read, with the reason.
    """
    for figure in before.figures:
        twin = _twin(figure, before.figures, after.figures)
        verdict = FigureVerdict(
            id=figure.id,
            label=figure.label,
            verdict="cannot" if twin is None else _judge(figure, twin),
            before=figure.value,
            after=None if twin is None else twin.value,
            unit=figure.unit,
        )
        if twin is None:
            reason = _why_not(figure.step, before, after, refused)
        else:
            reason = _other_source(figure, twin)
        yield verdict.model_copy(update={"reason": reason})


def _twin(figure: Figure, before: Iterable[Figure], after: Iterable[Figure]) -> Figure | None:
    """Return the new figure of the same step and label; equal labels go by their order."""

    def alike(figures: Iterable[Figure]) -> list[Figure]:
        return [f for f in figures if (f.step, f.label) == (figure.step, figure.label)]

    place = [f.id for f in alike(before)].index(figure.id)
    found = alike(after)
    return found[place] if place < len(found) else None


def _judge(before: Figure, after: Figure) -> Verdict:
    if before.value == after.value and before.unit == after.unit:
        return "equal"
    if before.unit != after.unit or isinstance(before.value, str) or isinstance(after.value, str):
        return "changed"
    difference = abs(before.number - after.number)
    if difference <= _RELATIVE_ROUNDING * abs(before.number):
        return "equal"
    return "within" if before.error is not None and difference <= before.error else "changed"


def _other_source(before: Figure, after: Figure) -> str:
    old = {source.href: source.fingerprint for source in before.sources}
    other = [s.href for s in after.sources if s.href in old and s.fingerprint != old[s.href]]
    if other:
        return f"{other[0]} is another file now"
    asked, answers = _models(before), _models(after)
    gone, new = asked.keys() - answers.keys(), answers.keys() - asked.keys()
    if gone and new:
        return f"{min(new)} answers now, and {min(gone)} answered then"
    unseen = [name for name in asked if name in answers and answers[name].kind == "none"]
    return f"whether the weights of {unseen[0]} are those of then is not known" if unseen else ""


def _models(figure: Figure) -> dict[str, Fingerprint]:
    """Return the models among the sources of a figure, each by where it is if it runs elsewhere."""
    found = (source for source in figure.sources if source.href.startswith(_MODEL))
    return {source.item_id or source.href: source.fingerprint for source in found}


def _why_not(
    number: int, before: AnswerRecord, after: AnswerRecord, refused: Mapping[str, EoAgentError]
) -> str:
    """Return why the figures of a step did not come: the first step that failed on the way."""
    planned = {step.n: step for step in before.plan}
    ran = {step.n: step for step in after.steps}
    for n in sorted(_way_to(number, before)):
        if n not in planned:
            continue
        if planned[n].tool in OUTWARD:
            return f"step {n} ({planned[n].tool}) writes outside and is not run again"
        gone = [href for href in hrefs_of(planned[n].arguments) if href in refused]
        if gone:
            return str(refused[gone[0]])
        error = ran[n].error if n in ran else None
        if error:
            return f"step {n} ({planned[n].tool}): {error['message']}"
    return f"step {number} did not run or gave no such figure"


def _way_to(number: int, answer: AnswerRecord) -> set[int]:
    """Return the numbers of a step and of all that it refers to, near and far."""
    refers = {step.n: [*references_in(step.arguments).values(), step.each] for step in answer.plan}
    way, left = set[int](), [number]
    while left:
        n = left.pop()
        if n not in way:
            way.add(n)
            found = (REFERENCE.match(r) for r in refers.get(n, ()) if r)
            left += [int(match.group(1)) for match in found if match]
    return way
