"""References between steps: who waits for whom, and what stands in for `$2.area`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from eoagent.contracts.errors import InputError
from eoagent.contracts.plan import REFERENCE, Step, StepRecord, references_in

__all__ = ["ITEM", "lifted", "references_of", "resolve", "waits_for"]

ITEM = "$item"
"""Stands for one item of the list that a step runs over."""


def references_of(step: Step) -> dict[str, str]:
    """Return every reference of a step by argument path; `each` is listed under that name."""
    found = references_in(step.arguments)
    if step.each and REFERENCE.match(step.each):
        found["each"] = step.each
    return found


def waits_for(step: Step) -> set[int]:
    """Return the numbers of the steps that must have ended before this one can run."""
    numbers = set()
    for reference in references_of(step).values():
        match = REFERENCE.match(reference)
        if match:
            numbers.add(int(match.group(1)))
    return numbers


def lifted(step: Step, records: Mapping[int, StepRecord]) -> Step:
    """Return a step as one that runs for every item, if it refers to a column of such a step.

    Where step 4 ran once per item and its table has the column `mask`, `$4.mask` in a later step
    means the mask of each item.

    Raises:
        InputError: if it takes columns of two lists at once.
    """
    columns = {
        reference: match
        for path, reference in references_of(step).items()
        if path != "each"
        and (match := REFERENCE.match(reference)) is not None
        and _is_column(records[int(match.group(1))], match.group(2))
    }
    if not columns:
        return step
    lists = sorted({int(match.group(1)) for match in columns.values()})
    over = f"${lists[-1]}"
    if step.each not in (None, over) or len(lists) > 1:
        raise InputError(
            f"step {step.n} ({step.tool}) takes columns of several lists: "
            f"{', '.join(f'${n}' for n in lists)}",
            hint="the table of a later step carries the columns of the one it ran over: take all "
            "from the latest",
        )
    items = {reference: f"{ITEM}.{match.group(2)}" for reference, match in columns.items()}
    return step.model_copy(update={"each": over, "arguments": _replaced(step.arguments, items)})


def _is_column(record: StepRecord, name: str | None) -> bool:
    return bool(record.each and name and record.outputs and name not in record.outputs)


def _replaced(value: JsonValue, items: Mapping[str, str]) -> JsonValue:
    if isinstance(value, dict):
        return {key: _replaced(item, items) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, items) for item in value]
    return items.get(value, value) if isinstance(value, str) else value


def resolve(value: JsonValue, records: Mapping[int, StepRecord]) -> JsonValue:
    """Return an argument value with its references replaced by handles and figure ids.

    Raises:
        InputError: if a reference names an output that its step does not have.
    """
    if isinstance(value, dict):
        return {key: resolve(item, records) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, records) for item in value]
    if not isinstance(value, str):
        return value
    match = REFERENCE.match(value)
    return _look_up(value, records[int(match.group(1))], match.group(2)) if match else value


def _look_up(reference: str, record: StepRecord, name: str | None) -> str:
    if not record.outputs:
        raise InputError(
            f"{reference} refers to step {record.n} ({record.tool}), which gave no output",
            hint="refer to a step that makes an artifact or a figure",
        )
    if name is None:
        return next(iter(record.outputs.values()))
    if name not in record.outputs:
        raise InputError(
            f"{reference}: step {record.n} ({record.tool}) has no output '{name}'",
            hint=f"it has: {', '.join(record.outputs)}",
        )
    return record.outputs[name]
