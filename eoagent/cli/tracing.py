"""What stands behind the numbers of an answer, as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from eoagent.contracts.answer import AnswerRecord, AnswerStep
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.figure import Figure, Source
from eoagent.contracts.record import canonical_json
from eoagent.planner.rendering import numbers_in, quantity

__all__ = ["figure_lines", "figure_table"]

_MAX_ARGUMENTS: Final = 600
_MAX_SOURCES: Final = 12
_HASH_SHOWN: Final = 16


def figure_table(answer: AnswerRecord) -> list[str]:
    """Return a line for each figure of an answer; those that answer are marked with a star.

    Raises:
        InputError: if it has none.
    """
    if not answer.figures:
        raise InputError("the last answer has no figures", hint="ask for something measured")
    results = {figure.id for figure in answer.results}
    rows = [(figure.id, quantity(figure), figure.label) for figure in answer.figures]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [
        f"{'*' if name in results else ' '} {name:<{widths[0]}}  {value:>{widths[1]}}  {label}"
        for name, value, label in rows
    ]


def figure_lines(wanted: str, answers: Iterable[AnswerRecord]) -> list[str]:
    """Return what stands behind a figure: value, error, unit, method, step, and sources.

    An answer also holds earlier figures that it names, without their sources; the one whose step
    made a figure has everything, and is looked for among the earlier ones.

    Args:
        wanted: its id, or its number as it is shown.
        answers: the answers of the conversation, newest first.

    Raises:
        NotFound: if none of them has such a figure.
    """
    found: Figure | None = None
    newest: tuple[Figure, ...] | None = None
    for answer in answers:
        newest = answer.figures if newest is None else newest
        for figure in answer.figures:
            if figure.id == found.id if found else _is(figure, wanted):
                found = figure
                step = next((s for s in answer.steps if figure.id in s.figures), None)
                if step is not None:
                    return [*_lines(figure), *_step_lines(step), *_source_lines(figure)]
    if found is not None:
        return [*_lines(found), *_source_lines(found)]
    known = ", ".join(figure.id for figure in newest or ())
    raise NotFound(f"there is no figure '{wanted}'", hint=f"the last answer has: {known or 'none'}")


def _is(figure: Figure, wanted: str) -> bool:
    """Whether a figure has this id, or is shown with this number."""
    if figure.id == wanted.lower():
        return True
    numbers = numbers_in(wanted)
    return bool(numbers) and numbers <= numbers_in(quantity(figure))


def _lines(figure: Figure) -> list[str]:
    exact = figure.value if isinstance(figure.value, str) else f"{figure.value!r} {figure.unit}"
    stated = "none stated" if figure.error is None else f"± {figure.error!r} {figure.unit}"
    lines = [f"{figure.id}  {figure.label}: {quantity(figure)}", f"  value   {exact}"]
    lines += [] if isinstance(figure.value, str) else [f"  error   {stated}"]
    return [*lines, f"  method  {figure.method}"]


def _step_lines(step: AnswerStep) -> list[str]:
    arguments = canonical_json(step.arguments)
    if len(arguments) > _MAX_ARGUMENTS:
        arguments = f"{arguments[:_MAX_ARGUMENTS]}…"
    each = f" for each of {step.each}" if step.each else ""
    lines = [f"  step    {step.n}. {step.tool}{each}, {step.status} in {step.seconds:.2f} s"]
    lines.append(f"          {arguments}")
    lines += [f"          {place} is {taken}" for place, taken in step.references.items()]
    return lines


def _source_lines(figure: Figure) -> list[str]:
    lines = [f"  source  {_source(source)}" for source in figure.sources[:_MAX_SOURCES]]
    if len(figure.sources) > _MAX_SOURCES:
        lines.append(f"          and {len(figure.sources) - _MAX_SOURCES} more")
    return lines


def _source(source: Source) -> str:
    named = f"{source.item_id} ({source.href})" if source.item_id else source.href
    print_of = source.fingerprint
    value = print_of.value
    short = value if len(value) <= _HASH_SHOWN else f"{value[:_HASH_SHOWN]}…"
    parts = [named, "no fingerprint" if print_of.kind == "none" else f"{print_of.kind} {short}"]
    if source.window is not None:
        w = source.window
        rows, columns = f"{w.row}-{w.row + w.height - 1}", f"{w.col}-{w.col + w.width - 1}"
        parts.append(f"rows {rows}, columns {columns}")
    if source.time is not None:
        parts.append(source.time.label)
    return ", ".join(parts)
