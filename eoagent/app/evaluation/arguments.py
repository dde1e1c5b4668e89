"""Compare the calls that a run made with the calls that were expected: pure measures, 0 to 1.

A share of nothing expected is 1: whoever was asked for nothing has done all of it.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import TimeRange
from eoagent.io.dates import parse_time

__all__ = [
    "Call",
    "arguments_share",
    "box_iou",
    "calls_of",
    "measure_calls",
    "same_value",
    "time_overlap",
    "tools_in_any_order",
    "tools_in_order",
    "tools_in_prefix",
]

_BOX_SIDES: Final = 4
_BOX_NAMES: Final = frozenset({"bbox", "box"})
_TIME_NAMES: Final = frozenset({"datetime", "time", "date", "dates", "time_range"})
_CLOSE: Final = 1e-6
_INSTANT: Final = timedelta(microseconds=1)
"""The least time there is here, so that an instant overlaps with itself."""
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\Z")
_PATH: Final = re.compile(r"(?:[^\s]*|(?:[a-z]:)?[/\\].*)[/\\][^/\\]*\.[a-z0-9]{1,8}\Z")
"""A path to a file; one with spaces in its folders begins at a root, as sentences do not."""


class Call(BaseModel):
    """A tool call: the tool's name and its arguments."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    tool: str = Field(min_length=1)
    """Name of the tool."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """Arguments by name; references are resolved."""


def calls_of(answer: AnswerRecord) -> tuple[Call, ...]:
    """Return the calls that a run made, failed ones too, in order; skipped steps are none."""
    return tuple(
        Call(tool=step.tool, arguments=step.arguments)
        for step in answer.steps
        if step.status != "skipped"
    )


def box_iou(expected: Sequence[float], used: Sequence[float], *, turns: bool = False) -> float:
    """Return the intersection of two boxes over their union.

    Args:
        expected: left, lower, right, upper (or west, south, east, north), in one unit.
        used: the same of the other box.
        turns: whether left and right are longitudes, so that west > east crosses 180 degrees;
            otherwise corners are put in order.

    Returns:
        0 to 1. Boxes without area are worth 1 if they are the same and 0 if not.
    """
    first, second = list(_parts(expected, turns=turns)), list(_parts(used, turns=turns))
    common = sum(_common(a, b) for a in first for b in second)
    union = sum(map(_area, first)) + sum(map(_area, second)) - common
    if union <= 0:
        return float(first == second)
    return min(1.0, common / union)


def _parts(box: Sequence[float], *, turns: bool) -> Iterator[tuple[float, float, float, float]]:
    left, lower, right, upper = box
    low, high = sorted((lower, upper))
    if turns and left > right:
        yield (left, low, 180.0, high)
        yield (-180.0, low, right, high)
    else:
        yield (min(left, right), low, max(left, right), high)


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _common(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


def time_overlap(expected: TimeRange, used: TimeRange) -> float:
    """Return the time that two spans share over the time that either covers (Jaccard).

    Spans that are open at one end are worth 1 if they are the same and 0 if not.
    """
    if expected == used:
        return 1.0
    if None in (expected.start, expected.end, used.start, used.end):
        return 0.0
    ends = [(span.start, span.end) for span in (expected, used)]
    (a0, a1), (b0, b1) = [(s, e) for s, e in ends if s is not None and e is not None]
    common = min(a1, b1) - max(a0, b0) + _INSTANT
    if common <= timedelta(0):
        return 0.0
    both = (a1 - a0 + _INSTANT) + (b1 - b0 + _INSTANT)
    return common / (both - common)


def tools_in_any_order(expected: Sequence[str], called: Sequence[str]) -> float:
    """Return the share of the different expected tools that were called at all."""
    wanted = set(expected)
    return len(wanted & set(called)) / len(wanted) if wanted else 1.0


def tools_in_order(expected: Sequence[str], called: Sequence[str]) -> float:
    """Return the share of expected calls in the longest run of them that was called in order.

    Other calls may come between (the longest common subsequence).
    """
    if not expected:
        return 1.0
    best = [0] * (len(called) + 1)
    for tool in expected:
        corner = 0
        for i, other in enumerate(called, 1):
            above = best[i]
            best[i] = corner + 1 if tool == other else max(above, best[i - 1])
            corner = above
    return best[-1] / len(expected)


def tools_in_prefix(expected: Sequence[str], called: Sequence[str]) -> float:
    """Return the share of expected calls that were made step by step before the first other one."""
    if not expected:
        return 1.0
    same = 0
    for tool, other in zip(expected, called, strict=False):
        if tool != other:
            break
        same += 1
    return same / len(expected)


def same_value(expected: JsonValue, used: JsonValue) -> bool:
    """Return whether two argument values say the same.

    Case, outer space and the way a text is encoded do not matter, numbers may stand as texts and
    differ by a millionth, a list may be written out as text (`(1, 2)`), and of a path to a file
    only the file's name counts. The order inside a list counts.
    """
    first, second = _plain(expected), _plain(used)
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=_CLOSE, abs_tol=_CLOSE * _CLOSE)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_value, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same_value(first[k], second[k]) for k in first)
    return type(first) is type(second) and first == second


def _plain(value: JsonValue) -> JsonValue:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return value
    text = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if _NUMBER.match(text):
        return float(text)
    if text[:1] in {"(", "["} and text[-1:] in {")", "]"}:
        try:
            listed: JsonValue = json.loads(f"[{text[1:-1]}]")
        except ValueError:
            return text
        return listed
    if _PATH.match(text):
        return PurePosixPath(text.replace("\\", "/")).name
    return text


def arguments_share(expected: Sequence[Call], called: Sequence[Call]) -> float:
    """Return the share of expected argument values that were given, each to the expected tool.

    Every expected call takes the call of its tool that agrees best with it and is not taken yet.
    """
    count = sum(len(call.arguments) for call in expected)
    if not count:
        return 1.0
    return sum(_agreeing(first, second) for first, second in _pairs(expected, called)) / count


def _pairs(expected: Sequence[Call], called: Sequence[Call]) -> Iterator[tuple[Call, Call]]:
    """Yield the expected calls that have a counterpart, each with it."""
    left = list(called)
    for call in expected:
        own = [other for other in left if other.tool == call.tool]
        if own:
            best = max(own, key=lambda other: _agreeing(call, other))
            left.remove(best)
            yield call, best


def _agreeing(expected: Call, used: Call) -> int:
    given = used.arguments
    wanted = expected.arguments.items()
    return sum(name in given and same_value(value, given[name]) for name, value in wanted)


def measure_calls(expected: Sequence[Call], called: Sequence[Call]) -> dict[str, float]:
    """Return what can be told of a run's calls beside the expected ones, each 0 to 1.

    Returns:
        `tools_any_order`, `tools_in_order`, `arguments`; and where an expected call has one,
        `box_iou` and `time_overlap`, means over its boxes (degrees) and times; 0 where the run
        gave none there.
    """
    names, others = [c.tool for c in expected], [c.tool for c in called]
    found = {
        "tools_any_order": tools_in_any_order(names, others),
        "tools_in_order": tools_in_order(names, others),
        "arguments": arguments_share(expected, called),
    }
    boxes, times = list(_boxes(expected, called)), list(_times(expected, called))
    if boxes:
        found["box_iou"] = sum(boxes) / len(boxes)
    if times:
        found["time_overlap"] = sum(times) / len(times)
    return found


def _sides(
    expected: Sequence[Call], called: Sequence[Call], names: frozenset[str]
) -> Iterator[tuple[JsonValue, JsonValue]]:
    """Yield each expected argument of some names, with what was given there or None."""
    given = {id(first): second for first, second in _pairs(expected, called)}
    for call in expected:
        used: Mapping[str, JsonValue] = given[id(call)].arguments if id(call) in given else {}
        for name in sorted(names & call.arguments.keys()):
            yield call.arguments[name], used.get(name)


def _boxes(expected: Sequence[Call], called: Sequence[Call]) -> Iterator[float]:
    for wanted, used in _sides(expected, called, _BOX_NAMES):
        box, other = _box(wanted), _box(used)
        if box:
            is_on_earth = abs(box[0]) <= 180 and abs(box[2]) <= 180
            yield box_iou(box, other, turns=is_on_earth) if other else 0.0


def _box(value: JsonValue) -> list[float]:
    listed = _plain(value)
    if not isinstance(listed, list) or len(listed) != _BOX_SIDES:
        return []
    sides = [side for side in listed if isinstance(side, (int, float))]
    return [float(side) for side in sides] if len(sides) == _BOX_SIDES else []


def _times(expected: Sequence[Call], called: Sequence[Call]) -> Iterator[float]:
    for wanted, used in _sides(expected, called, _TIME_NAMES):
        span, other = _time(wanted), _time(used)
        if span:
            yield time_overlap(span, other) if other else 0.0


def _time(value: JsonValue) -> TimeRange | None:
    try:
        return parse_time(value) if isinstance(value, str) else None
    except InputError:
        return None
