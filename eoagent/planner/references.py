"""References between steps: who waits for whom, and what stands in for `$2.area`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from eoagent.contracts.errors import InputError
from eoagent.contracts.plan import REFERENCE, Step, StepRecord, references_in

__all__ = ["ITEM", "references_of", "resolve", "waits_for"]

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
