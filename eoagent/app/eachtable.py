"""What a step gave for the items of a list: one table, few figures, remarks told once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from eoagent.app.handles import MADE
from eoagent.contracts.artifact import Artifact, TableRef
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.store import ArtifactStore

__all__ = ["ItemOutcome", "figures_of_items", "remarks_on_items", "store_items"]

_MAX_SHOWN: Final = 24
"""Figures of items that a step hands on besides its table."""
_MAX_SAID: Final = 6
"""Remarks on items that a step hands on."""
_PREVIEW_CHARS: Final = 280


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """What became of one item."""

    ended: Literal["done", "failed", "not done"]
    """How it ended."""
    row: dict[str, Any]
    """Its row of the table: the item, what it carries along, figures and artifacts by name."""
    figures: tuple[FigureDraft, ...] = ()
    """Figures that the call gave."""
    made: tuple[str, ...] = ()
    """Handles that the call gave."""
    choices: tuple[str, ...] = ()
    """Choices that the tool made for it."""
    warnings: tuple[str, ...] = ()
    """What the reader should know about it."""


def store_items(
    store: ArtifactStore, tool: str, items: Sequence[ItemOutcome], *, is_partial: bool
) -> Artifact:
    """Return the table of a step that ran a tool over items, a row per item in their order."""
    rows = [item.row for item in items]
    units: dict[str, str] = {}
    for figure in (figure for item in items for figure in item.figures):
        units.setdefault(figure.name, figure.unit)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    content = {
        "columns": columns,
        "units": units,
        "figures": [{figure.name: figure.to_dict() for figure in item.figures} for item in items],
        "rows": [[row.get(column) for column in columns] for row in rows],
        MADE: sorted({handle for item in items for handle in item.made}),
    }
    file = store.scratch(".json")
    file.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    made = ", ".join(column for column in columns if column not in {"item", "error"})
    label = f"{tool} for each of {len(rows)}: {made}{', partial' if is_partial else ''}"[:120]
    ref = TableRef(path="", columns=tuple(columns), rows=len(rows), label=label)
    preview = {"columns": columns, "rows": len(rows), "shown": _shown_rows(items)}
    return store.put("table", title=label, payload=ref.to_dict(), preview=preview, file=file)


def figures_of_items(items: Sequence[ItemOutcome]) -> list[FigureDraft]:
    """Return the figures of the items one by one, where they are few enough to be cited.

    `area_2` is the area of the second item; all of them are in the table in any case.
    """
    if sum(len(item.figures) for item in items) > _MAX_SHOWN:
        return []
    return [
        figure.model_copy(
            update={
                "name": f"{figure.name[:36]}_{place}",
                "label": f"{item.row['item']}: {figure.label}"[:200],
            }
        )
        for place, item in enumerate(items, 1)
        for figure in item.figures
    ]


def remarks_on_items(
    items: Sequence[ItemOutcome], told: Sequence[tuple[str, ...]]
) -> tuple[str, ...]:
    """Return what the tool said of its items, once where it holds for all of them."""
    every = dict.fromkeys(text for texts in told for text in texts)
    lines = []
    for text in every:
        whose = [item.row["item"] for item, texts in zip(items, told, strict=True) if text in texts]
        lines.append(text if len(whose) == len(items) else f"{', '.join(whose[:3])}: {text}")
    more = len(lines) - _MAX_SAID
    return (
        *lines[:_MAX_SAID],
        *((f"and {more} more remarks on single items",) if more > 0 else ()),
    )


def _shown_rows(items: Sequence[ItemOutcome]) -> list[dict[str, Any]]:
    """Return the first rows in brief, as many as a preview has room for; at least one.

    Where the figures are handed on one by one, the rows show the artifacts alone.
    """
    is_told = bool(figures_of_items(items))
    size, shown = 0, list[dict[str, Any]]()
    for item in items:
        names = {figure.name for figure in item.figures}
        row = {
            key: _brief(value)
            for key, value in item.row.items()
            if value not in (None, "") and not (is_told and key in names)
        }
        size += len(json.dumps(row, ensure_ascii=False))
        if shown and size > _PREVIEW_CHARS:
            break
        shown.append(row)
    return shown


def _brief(value: Any) -> Any:
    """Return a number with six digits; text as it is."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
