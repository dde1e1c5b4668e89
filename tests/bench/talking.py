"""The rows about conversations: a step, the calls of the model, and two hundred turns."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Any

from child import run_child
from rows import Row

__all__ = ["conversation_rows"]

_SIDES = (("eoagent", "ours"), ("prebuilt agent", "prebuilt"))
_CHAIN = 20
_SHORT_CHAIN = 5
_SHARE = 10


def conversation_rows(turns: int) -> list[Row]:
    """Measure steps, calls and turns, ours beside LangGraph's prebuilt agent.

    The prebuilt agent is held to a tenth of the turns: its file grows with their square.
    """
    rows = []
    for who, side in _SIDES:
        steps = _measured("steps", side, _CHAIN)["steps_s"]
        note = f"{min(steps):.4f} to {max(steps):.4f} s"
        aim = "0.015 s" if side == "ours" else ""
        what = f"one of {_CHAIN} empty steps in a thread"
        rows.append(_row(what, who, steps, aim=aim, note=note))
    for who, side in _SIDES:
        found = _measured("calls", side, _SHORT_CHAIN)
        aim = "2 calls" if side == "ours" else ""
        note = f"{found['calls']} calls of the model"
        rows.append(_row(f"chain of {_SHORT_CHAIN} steps", who, [found["asked_s"]], aim, note))
    for who, side in _SIDES:
        count = turns if side == "ours" else max(turns // _SHARE, 4)
        found = _measured("turns", side, count)
        spent, part = found["turns_s"], max(count // _SHARE, 1)
        first, last = median(spent[1 : part + 1]), median(spent[-part:])
        note = f"{found['bytes'] / 1e6:,.1f} MB; first turns {first:.3f} s, last turns {last:.3f} s"
        aim = "20 MB" if side == "ours" else ""
        rows.append(_row(f"thread of {count} turns, a turn", who, spent, aim, note))
    return rows


def _row(what: str, who: str, spent: list[float], aim: str = "", note: str = "") -> Row:
    return Row(what=what, who=who, runs=len(spent), wall_s=median(spent), aim=aim, note=note)


def _measured(what: str, side: str, count: int) -> dict[str, Any]:
    script = Path(__file__).resolve().with_name("conversation.py")
    spent = run_child([sys.executable, str(script), what, side, "--count", str(count)])
    if spent.code:
        raise SystemExit(f"{what} of {side} failed: {spent.complaint}")
    return spent.answer
