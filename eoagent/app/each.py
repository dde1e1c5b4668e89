"""Run a step once per item of a list, and put what came of it into one table."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import JsonValue

from eoagent.contracts.artifact import Artifact, FeaturesRef, TableRef, handle_kind
from eoagent.contracts.errors import EoAgentError, InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.tool import ToolResult
from eoagent.io.stored_features import load_stored, store_features
from eoagent.planner.execution import Call, Outcome
from eoagent.planner.references import ITEM

__all__ = ["run_each"]


def run_each(
    call: Call, store: ArtifactStore, run: Callable[[Call], Outcome], *, max_items: int
) -> Outcome:
    """Run a call once per item of `call.each`; items that fail are listed, the others stand.

    Raises:
        InputError: if the list is of a kind without items, empty or too long, or if every item
            failed.
    """
    assert call.each is not None
    items = _items(call.each, store)
    if not 0 < len(items) <= max_items:
        raise InputError(
            f"{call.each} has {len(items)} items; a step runs over 1 to {max_items}",
            hint="select fewer",
        )
    rows: list[dict[str, Any]] = []
    drafts: dict[str, FigureDraft] = {}
    for done, (label, value) in enumerate(items):
        call.deadline.check()
        call.progress(done / len(items), f"{call.tool}: {label}")
        rows.append(_run_one(call, label, value, run, drafts))
    failed = [row for row in rows if row.get("error")]
    if len(failed) == len(rows):
        raise InputError(f"all {len(rows)} items failed; the first: {failed[0]['error']}")
    warnings = (f"{len(failed)} of {len(rows)} items failed",) if failed else ()
    table = _store_table(call, store, rows, drafts)
    count = FigureDraft(
        name="items",
        value=len(rows) - len(failed),
        unit="count",
        label=f"items that {call.tool} ran over",
        method="counted",
    )
    return Outcome(
        result=ToolResult(artifacts={"table": table}, figures=(count,), warnings=warnings)
    )


def _run_one(
    call: Call,
    label: str,
    value: JsonValue,
    run: Callable[[Call], Outcome],
    drafts: dict[str, FigureDraft],
) -> dict[str, Any]:
    arguments = {key: _fill(argument, value) for key, argument in call.arguments.items()}
    one = Call(
        n=call.n,
        tool=call.tool,
        arguments=arguments,
        each=None,
        figures=call.figures,
        deadline=call.deadline,
        progress=lambda _done, _what: None,
    )
    row: dict[str, Any] = {"item": label}
    try:
        result = run(one).result
    except EoAgentError as error:
        return {**row, "error": error.explain()}
    for figure in result.figures:
        drafts.setdefault(figure.name, figure)
        row[figure.name] = figure.value
    return row | {name: artifact.handle for name, artifact in result.artifacts.items()}


def _store_table(
    call: Call, store: ArtifactStore, rows: list[dict[str, Any]], drafts: dict[str, FigureDraft]
) -> Artifact:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    content = {
        "columns": columns,
        "units": {name: draft.unit for name, draft in drafts.items()},
        "rows": [[row.get(column) for column in columns] for row in rows],
    }
    file = store.scratch(".json")
    file.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    label = f"{call.tool} for each of {call.each}"
    ref = TableRef(path="", columns=tuple(columns), rows=len(rows), label=label)
    preview = {"columns": columns, "rows": len(rows), "first": rows[0]}
    return store.put("table", title=label, payload=ref.to_dict(), preview=preview, file=file)


def _items(handle: str, store: ArtifactStore) -> list[tuple[str, JsonValue]]:
    """Return (label, value) of every item: a features handle each, or a row of a table."""
    kind, artifact = handle_kind(handle), store.get(handle)
    if kind in {"features", "boxes", "aoi"}:
        ref = FeaturesRef.model_validate(artifact.payload)
        whole = load_stored(store, ref)
        parts = ((i, whole.take(np.array([i]))) for i in range(len(whole)))
        return [
            (f"{artifact.title} {i + 1}", store_features(store, part).handle) for i, part in parts
        ]
    if kind == "table":
        ref_table = TableRef.model_validate(artifact.payload)
        content = json.loads(store.locate(ref_table.path).read_text(encoding="utf-8"))
        rows = [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
        return [(str(row.get("item", i + 1)), row) for i, row in enumerate(rows)]
    if kind == "scenes":
        hrefs = artifact.payload.get("items", [])
        return [(str(item["id"]), str(item["href"])) for item in hrefs]
    raise InputError(
        f"{handle} is a {kind} and has no items to run over",
        hint="give features:, boxes:, scenes: or table:",
    )


def _fill(argument: JsonValue, item: JsonValue) -> JsonValue:
    """Return an argument with `$item` and `$item.column` replaced."""
    if isinstance(argument, dict):
        return {key: _fill(value, item) for key, value in argument.items()}
    if isinstance(argument, list):
        return [_fill(value, item) for value in argument]
    if argument == ITEM:
        return item
    if isinstance(argument, str) and argument.startswith(f"{ITEM}."):
        column = argument.removeprefix(f"{ITEM}.")
        if not isinstance(item, dict) or column not in item:
            have = ", ".join(item) if isinstance(item, dict) else "no columns"
            raise InputError(f"{argument}: the items have no '{column}'", hint=f"they have: {have}")
        return item[column]
    return argument
