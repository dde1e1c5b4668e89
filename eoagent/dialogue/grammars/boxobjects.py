"""Boxes and points as JSON objects: `{"bbox_2d": [...], "label": ...}`, as Qwen writes them.

Think2Seg-RS adds `"positive_points"`; other keys are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from eoagent.dialogue.grammars.boxlist import says_none
from eoagent.dialogue.grammars.found import Found, Target
from eoagent.dialogue.grammars.literals import Value, numbers, read_literals

__all__ = ["decode_objects", "encode_objects"]

_BOX_KEYS: Final = ("bbox_2d", "bbox", "box_2d", "box")
_POINT_KEYS: Final = ("positive_points", "points_2d", "points", "point_2d", "point")
_LABEL_KEYS: Final = ("label", "name", "category", "sub_label")
_BOX_NUMBERS: Final = 4


def encode_objects(targets: Sequence[Target]) -> str:
    """Return targets as a fenced list of JSON objects; whole numbers without a point."""
    told = []
    for target in targets:
        one: dict[str, object] = {}
        if target.box:
            one["bbox_2d"] = [_whole(n) for n in target.box]
        if target.points:
            one["positive_points"] = [[_whole(x), _whole(y)] for x, y in target.points]
        if target.label:
            one["label"] = target.label
        told.append(one)
    return f"```json\n{json.dumps(told)}\n```"


def decode_objects(answer: str) -> Found:
    """Return the targets in an answer.

    Args:
        answer: what a model wrote, without its reasoning.
    """
    literals = read_literals(answer)
    targets: list[Target] = []
    broken = sum(_collect(value, targets) for value in literals.values)
    if literals.is_open:
        return Found(status="truncated", targets=tuple(targets), broken=broken)
    if targets:
        return Found(status="found", targets=tuple(targets), broken=broken)
    is_none = not broken and says_none(answer, literals)
    return Found(status="none" if is_none else "unparseable", broken=broken)


def _collect(value: Value, targets: list[Target]) -> int:
    """Take the targets out of a value; return how many of its objects are none."""
    if not isinstance(value, (list, dict)):
        return 0
    if isinstance(value, list):
        return sum(_collect(part, targets) for part in value)
    target = _target(value)
    if target is not None:
        targets.append(target)
        return 0
    inner = [part for part in value.values() if isinstance(part, (list, dict)) and part]
    if not any(_holds_objects(part) for part in inner):
        return int(bool(value))
    return sum(_collect(part, targets) for part in inner)


def _holds_objects(value: Value) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(part, dict) for part in value)
    )


def _target(value: dict[str, Value]) -> Target | None:
    box = next((n for key in _BOX_KEYS if (n := numbers(value.get(key), _BOX_NUMBERS))), ())
    points = next((found for key in _POINT_KEYS if (found := _points(value.get(key)))), ())
    if not box and not points:
        return None
    label = next((said for key in _LABEL_KEYS if isinstance(said := value.get(key), str)), "")
    return Target(box=box, points=points, label=label)


def _points(value: Value) -> tuple[tuple[float, float], ...]:
    single = numbers(value, 2)
    if single is not None:
        return ((single[0], single[1]),)
    parts = value if isinstance(value, list) else []
    pairs = [numbers(part, 2) for part in parts]
    return tuple((pair[0], pair[1]) for pair in pairs if pair is not None)


def _whole(n: float) -> float:
    return int(n) if float(n).is_integer() else n
