"""Boxes as lists of four numbers, `[[x1,y1,x2,y2],...]`; `[]` says that there is no such thing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from eoagent.dialogue.grammars.found import Found, Target
from eoagent.dialogue.grammars.literals import Literals, Value, numbers, read_literals

__all__ = ["decode_boxes", "encode_boxes", "says_none"]

_NONE: Final = re.compile(
    r"\W*(?:none|null|n/a|nothing|no(?: matching)? (?:targets?|objects?|results?)(?: found)?)\W*",
    re.IGNORECASE,
)
_BOX_NUMBERS: Final = 4


def encode_boxes(boxes: Sequence[Sequence[float]]) -> str:
    """Return boxes as a model writes them; whole numbers without a point."""
    return f"[{','.join(_spelled(box) for box in boxes)}]"


def decode_boxes(answer: str) -> Found:
    """Return the boxes in an answer: a list of boxes, one flat box, or several side by side.

    Args:
        answer: what a model wrote, without its reasoning.
    """
    literals = read_literals(answer)
    boxes: list[tuple[float, ...]] = []
    broken = sum(_collect(value, boxes, is_member=False) for value in literals.values)
    targets = tuple(Target(box=box) for box in boxes)
    if literals.is_open:
        return Found(status="truncated", targets=targets, broken=broken)
    if targets:
        return Found(status="found", targets=targets, broken=broken)
    is_none = not broken and says_none(answer, literals)
    return Found(status="none" if is_none else "unparseable", broken=broken)


def says_none(answer: str, literals: Literals) -> bool:
    """Return whether an answer says that there is no such thing: empty brackets, or a word."""
    if literals.values:
        return all(_is_empty(value) for value in literals.values)
    return _NONE.fullmatch(answer.strip()) is not None


def _is_empty(value: Value) -> bool:
    return value in ([], {}, [[]])


def _collect(value: Value, boxes: list[tuple[float, ...]], *, is_member: bool) -> int:
    """Take the boxes out of a value; return how many members of its lists are none."""
    box = numbers(value, _BOX_NUMBERS)
    if box is not None:
        boxes.append(box)
        return 0
    if not isinstance(value, list) or not any(isinstance(part, list) for part in value):
        return int(is_member and value != [])
    return sum(_collect(part, boxes, is_member=True) for part in value)


def _spelled(box: Sequence[float]) -> str:
    return f"[{','.join(repr(int(n) if float(n).is_integer() else float(n)) for n in box)}]"
