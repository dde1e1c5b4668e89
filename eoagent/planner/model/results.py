"""What became of a step, told to a language model in as few words as its age allows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Refusal, StepRecord
from eoagent.planner.model.prompt import fence
from eoagent.planner.rendering import quantity

__all__ = ["BARE", "FULL", "SHORT", "SPARE", "tell_refusal", "tell_step", "tell_unfinished"]

FULL: Final = 3
"""With previews, choices and notes."""
SPARE: Final = 2
"""Outputs and figures."""
SHORT: Final = 1
"""Handles, and figures without their labels."""
BARE: Final = 0
"""Handles, and the ids of figures."""

_MOST_FIGURES: Final = (0, 4, 6, 14)
_MOST_HANDLES: Final = (2, 3, 8, 16)
_MOST_ERROR: Final = (40, 100, 480, 480)
_MOST_PREVIEW: Final = 600
_MOST_NOTE: Final = 240
_LABEL: Final = 110


def tell_step(record: StepRecord, figures: Mapping[str, Figure], detail: int = FULL) -> str:
    """Return the result of a step as a tool message."""
    if record.status == "skipped":
        return f"step {record.n} skipped: a step before it failed"
    if record.status == "failed":
        error = record.error or {}
        has_hint = error.get("hint") and detail > SHORT
        hint = f"\nhint: {error['hint'][:_MOST_NOTE]}" if has_hint else ""
        text = f"{error.get('kind', '')}: {error.get('message', '')[: _MOST_ERROR[detail]]}{hint}"
        return f"step {record.n} {record.status}\n{fence(text)}"
    lines = _handles(record, detail) + _figures(record, figures, detail)
    if detail == FULL:
        lines += [f"chosen: {text[:_MOST_NOTE]}" for text in record.assumptions[:4]]
        lines += [f"note: {text[:_MOST_NOTE]}" for text in record.warnings[:4]]
    if record.message:
        lines.append(record.message[:_MOST_NOTE])
    return f"step {record.n} done\n{fence(chr(10).join(lines) or 'nothing to show')}"


def tell_refusal(refusal: Refusal, detail: int = FULL) -> str:
    """Return why a call did not become a step."""
    hint = f"\nhint: {refusal.hint}" if refusal.hint else ""
    has_given = refusal.arguments and detail == FULL
    given = f"\nwhat came: {fence(refusal.arguments)}" if has_given else ""
    name = f"step {refusal.n} was not run: " if refusal.n else ""
    return f"{name}{refusal.message[: _MOST_ERROR[detail]]}{hint}{given}"


def tell_unfinished(n: int) -> str:
    """Return what stands for a step that was interrupted."""
    return f"step {n} was interrupted before it had a result; it may be called again"


def _handles(record: StepRecord, detail: int) -> list[str]:
    names: dict[str, str] = {}
    for name, target in record.outputs.items():
        if ":" in target:
            names.setdefault(target, name)
    main = next(iter(record.outputs.values()), "")
    lines = []
    for handle, name in list(names.items())[: _MOST_HANDLES[detail]]:
        place = f"${record.n}" if handle == main else f"${record.n}.{name}"
        line = f"{place} = {handle}"
        preview = record.previews.get(handle)
        if preview and detail == FULL:
            shown = json.dumps(preview, ensure_ascii=False, separators=(",", ":"))
            line += f" {shown[:_MOST_PREVIEW]}"
        elif preview and detail == SPARE:
            line += f" {str(preview.get('title', ''))[:_LABEL]}"
        lines.append(line)
    if len(names) > len(lines):
        lines.append(f"and {len(names) - len(lines)} more outputs")
    return lines


def _figures(record: StepRecord, figures: Mapping[str, Figure], detail: int) -> list[str]:
    own = [figures[i] for i in record.figures if i in figures]
    own = [f for f in own if f.name != "items"] or own
    if detail == BARE:
        ids = [own[0].id, own[-1].id] if own else []
        return [" to ".join(dict.fromkeys(ids))] if ids else []
    most = _MOST_FIGURES[detail]
    lines = [f"{f.id} {f.name} = {quantity(f)}" for f in own[:most]]
    if detail > SHORT:
        lines = [f"{line}: {_label(f)}" for line, f in zip(lines, own[:most], strict=True)]
    if len(own) > most:
        lines.append(f"and {len(own) - most} more figures, to {own[-1].id}")
    return lines


def _label(figure: Figure) -> str:
    """Return a figure's label, with its scene or date where the label names neither."""
    label = figure.label[:_LABEL]
    images = [s for s in figure.sources if not s.is_model]
    source = next((s for s in images if s.item_id or s.time), None)
    if source is None or len({(s.item_id, s.time) for s in images}) > 1:
        return label
    told = source.item_id or (source.time.label if source.time else "")
    return label if told in label else f"{label} [{told[:40]}]"
