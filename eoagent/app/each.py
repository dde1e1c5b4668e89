"""Run a step once per item of a list, and put what came of it into one table."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from pydantic import JsonValue

from eoagent.app.eachtable import (
    ItemOutcome,
    figures_of_items,
    remarks_on_items,
    store_items,
)
from eoagent.app.items import run_side_by_side
from eoagent.contracts.artifact import FeaturesRef, TableRef, handle_kind
from eoagent.contracts.errors import BudgetExceeded, EoAgentError, InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.tool import ToolResult
from eoagent.io.stored_features import load_stored, store_features
from eoagent.planner.execution import Call, Outcome
from eoagent.planner.references import ITEM

__all__ = ["Room", "check_count", "filled", "items_of", "run_each"]

_NOT_DONE: Final = "not done: the time limit of the run was reached"


class Room:
    """How many items all steps of a run may work on at the same time, and how many a list has."""

    def __init__(self, at_once: int, max_items: int) -> None:
        self.at_once = at_once
        """Items at work at the same time."""
        self.max_items = max_items
        """Most items that a step may run over."""
        self.slots = threading.BoundedSemaphore(at_once)
        """One for each item at work; steps that run side by side share them."""


def run_each(
    call: Call, store: ArtifactStore, run: Callable[[Call], Outcome], *, room: Room
) -> Outcome:
    """Run a call once per item of `call.each`, several at a time; the table keeps their order.

    Items that fail are listed, the others stand. When the time is over, items that are not done
    are listed as not done, and the table is partial.

    Raises:
        InputError: if the list is of a kind without items, empty or too long, or if every item
            failed.
        BudgetExceeded: if the time was over before any item was done.
    """
    assert call.each is not None
    labels, value_of = items_of(call.each, store)
    check_count(call.each, len(labels), room.max_items)

    def task(n: int) -> Callable[[], ItemOutcome]:
        def work() -> ItemOutcome:
            with room.slots:
                return _run_one(call, labels[n], lambda: value_of(n), run)

        return work

    items = run_side_by_side(
        [task(n) for n in range(len(labels))],
        workers=room.at_once,
        on_done=lambda n, done: call.progress(done / len(labels), f"{call.tool}: {labels[n]}"),
    )
    return _outcome(call, store, items)


def check_count(handle: str, count: int, most: int) -> None:
    """Check how many items a list has.

    Raises:
        InputError: if it is empty or too long.
    """
    if not 0 < count <= most:
        raise InputError(
            f"{handle} has {count} items; a step runs over 1 to {most}", hint="select fewer"
        )


def _outcome(call: Call, store: ArtifactStore, items: list[ItemOutcome]) -> Outcome:
    count = len(items)
    done = [item for item in items if item.ended == "done"]
    failed = [item for item in items if item.ended == "failed"]
    left = count - len(done) - len(failed)
    if not done and left:
        raise BudgetExceeded(
            f"the time limit of the run was reached before any of {count} items was done",
            hint="raise --max-seconds, or select fewer",
        )
    if not done:
        raise InputError(f"all {count} items failed; the first: {failed[0].row['error']}")
    warnings = [f"{len(failed)} of {count} items failed"] if failed else []
    if left:
        warnings.append(f"partial: the time was over before {left} of {count} items were done")
    figure = FigureDraft(
        name="items",
        value=len(done),
        unit="count",
        label=f"items that {call.tool} ran over",
        method="counted",
    )
    table = store_items(store, call.tool, items, is_partial=left > 0)
    figures = (figure, *figures_of_items(items))
    result = ToolResult(
        artifacts={"table": table},
        figures=figures,
        assumptions=remarks_on_items(done, [item.choices for item in done]),
        warnings=(*warnings, *remarks_on_items(done, [item.warnings for item in done])),
    )
    return Outcome(result=result)


def _run_one(
    call: Call, label: str, value: Callable[[], JsonValue], run: Callable[[Call], Outcome]
) -> ItemOutcome:
    row: dict[str, Any] = {"item": label}
    late = ItemOutcome(ended="not done", row={**row, "error": _NOT_DONE})
    if call.deadline.remaining_s <= 0:
        return late
    given = value()
    one = _call_of(call, given)  # arguments that do not fit the items end the step
    row |= _handles(given)
    try:
        result = run(one).result
    except EoAgentError as error:
        if isinstance(error, BudgetExceeded) and call.deadline.remaining_s <= 0:
            return late
        return ItemOutcome(ended="failed", row={**row, "error": error.explain()})
    row |= {figure.name: figure.value for figure in result.figures}
    row |= {name: artifact.handle for name, artifact in result.artifacts.items()}
    made = tuple(artifact.handle for artifact in result.artifacts.values())
    return ItemOutcome(
        ended="done",
        row=row,
        figures=result.figures,
        made=made,
        choices=result.assumptions,
        warnings=result.warnings,
    )


def _handles(item: JsonValue) -> dict[str, str]:
    """Return the artifacts that an item is or that its row holds, to be carried along."""
    if isinstance(item, dict):
        held = {k: v for k, v in item.items() if isinstance(v, str)}
        return {k: v for k, v in held.items() if handle_kind(v) is not None}
    if isinstance(item, str) and handle_kind(item) is not None:
        return {str(handle_kind(item)): item}
    return {}


def _call_of(call: Call, item: JsonValue) -> Call:
    return Call(
        n=call.n,
        tool=call.tool,
        arguments={key: filled(argument, item) for key, argument in call.arguments.items()},
        each=None,
        figures=call.figures,
        deadline=call.deadline,
        progress=lambda _done, _what: None,
    )


def items_of(handle: str, store: ArtifactStore) -> tuple[list[str], Callable[[int], JsonValue]]:
    """Return the labels of all items, and what gives the value of one: a handle, row, href or id.

    Raises:
        InputError: if the handle is of a kind without items.
        NotFound: if it has gone.
    """
    kind, artifact = handle_kind(handle), store.get(handle)
    if kind in {"features", "boxes", "aoi"}:
        whole = load_stored(store, FeaturesRef.model_validate(artifact.payload))
        labels = [f"{artifact.title} {i + 1}" for i in range(len(whole))]
        return labels, lambda i: store_features(store, whole.take(np.array([i]))).handle
    if kind == "table":
        ref = TableRef.model_validate(artifact.payload)
        content = json.loads(store.locate(ref.path).read_text(encoding="utf-8"))
        rows = [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
        return [str(row.get("item", i + 1)) for i, row in enumerate(rows)], lambda i: rows[i]
    if kind == "scenes":
        scenes = artifact.payload.get("items", [])
        return [str(scene["id"]) for scene in scenes], lambda i: str(scenes[i]["href"])
    if kind == "tiles":  # an id: several tiles may lie in one file
        tiles = artifact.payload.get("items", [])
        return [f"{t['rank']}: {t['item_id'] or t['id'][:8]}" for t in tiles], lambda i: str(
            tiles[i]["id"]
        )
    raise InputError(
        f"{handle} is a {kind} and has no items to run over",
        hint="give features:, boxes:, scenes:, tiles: or table:",
    )


def filled(argument: JsonValue, item: JsonValue) -> JsonValue:
    """Return an argument with `$item` and `$item.column` replaced.

    Raises:
        InputError: if a column is named that the item does not have, or none of a row.
    """
    if isinstance(argument, dict):
        return {key: filled(value, item) for key, value in argument.items()}
    if isinstance(argument, list):
        return [filled(value, item) for value in argument]
    if argument == ITEM:
        if isinstance(item, dict):
            raise InputError(
                f"{ITEM} is a whole row of a table",
                hint=f"write one of: {', '.join(f'{ITEM}.{column}' for column in item)}",
            )
        return item
    if isinstance(argument, str) and argument.startswith(f"{ITEM}."):
        column = argument.removeprefix(f"{ITEM}.")
        if not isinstance(item, dict) or column not in item:
            have = ", ".join(item) if isinstance(item, dict) else "no columns"
            raise InputError(f"{argument}: the items have no '{column}'", hint=f"they have: {have}")
        return item[column]
    return argument
