"""Calls of a model to see a part of the picture larger: `<tool_call>{...}</tool_call>`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eoagent.contracts.reasoner import ReplyStatus
from eoagent.dialogue.grammars.literals import Value, numbers, read_literals

__all__ = ["ZoomAsked", "decode_zoom", "encode_zoom"]

_BEGINS: Final = re.compile(r"<tool_call>", re.IGNORECASE)
_ENDS: Final = re.compile(r"</tool_call>", re.IGNORECASE)
_NAME: Final = "image_zoom_in"
_KEYS: Final = ("bbox", "bbox_2d", "box")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoomAsked:
    """Whether a model asks to see a part larger."""

    status: ReplyStatus
    """Found, or none where it makes no call; unparseable or truncated where it tries to."""
    box: tuple[float, ...] = ()
    """The part, x1, y1, x2, y2 in the model's numbers."""


def encode_zoom(box: Sequence[float]) -> str:
    """Return a call as a model writes it; whole numbers without a point."""
    told = [int(n) if float(n).is_integer() else n for n in box]
    call = json.dumps({"name": _NAME, "arguments": {"bbox": told}})
    return f"<tool_call>\n{call}\n</tool_call>"


def decode_zoom(text: str) -> ZoomAsked:
    """Return the first call in a text.

    Args:
        text: what a model wrote, without its reasoning.
    """
    begins = _BEGINS.search(text)
    if begins is None:
        return ZoomAsked(status="none")
    ends = _ENDS.search(text, begins.end())
    literals = read_literals(text[begins.end() : ends.start() if ends else len(text)])
    box = next((found for value in literals.values if (found := _box(value))), None)
    if literals.is_open and ends is None:
        return ZoomAsked(status="truncated")
    return ZoomAsked(status="found", box=box) if box else ZoomAsked(status="unparseable")


def _box(call: Value) -> tuple[float, ...] | None:
    if not isinstance(call, dict) or call.get("name") != _NAME:
        return None
    given = call.get("arguments")
    if not isinstance(given, dict):
        return None
    return next((box for key in _KEYS if (box := numbers(given.get(key), 4))), None)
