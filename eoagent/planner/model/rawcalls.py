"""The tool calls of a reply as they came: read strictly, never mended."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk

from eoagent.planner.model.replytext import clean

__all__ = ["RawCall", "as_chunk", "fault_in", "raw_calls"]

_MAX_ARGUMENTS: Final = 8000
_MAX_DEPTH: Final = 12
_MAX_SHOWN: Final = 300
_MAX_INTEGER: Final = 2**63
_WHOLE: Final = "send the call again with one complete JSON object"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCall:
    """A call as it came."""

    name: str
    """The name, as it was given."""
    arguments: dict[str, Any]
    """The arguments; empty where they cannot be read."""
    shown: str
    """The arguments as text, shortened."""
    problem: dict[str, str] | None
    """`message` and `hint`, where the arguments cannot be used at all."""


def as_chunk(message: BaseMessage) -> AIMessageChunk:
    """Return a whole message, or one of another role, as a piece of the model's reply."""
    if isinstance(message, AIMessageChunk):
        return message
    given = message if isinstance(message, AIMessage) else AIMessage(content=message.content)
    valid = [(c["name"], json.dumps(c["args"]), c["id"]) for c in given.tool_calls]
    broken = [(c["name"], c["args"] or "null", c["id"]) for c in given.invalid_tool_calls]
    return AIMessageChunk(
        content=given.content,
        additional_kwargs=given.additional_kwargs,
        response_metadata=given.response_metadata,
        usage_metadata=given.usage_metadata,
        tool_call_chunks=[
            tool_call_chunk(name=name, args=args, id=identity, index=None)
            for name, args, identity in (*valid, *broken)
        ],
    )


def raw_calls(message: AIMessage, *, is_cut: bool) -> tuple[list[RawCall], bool]:
    """Return the calls of a reply, and whether they are in the order they were written.

    The library that streamed it would mend a call that was cut off midway: nothing of that is
    taken.

    Args:
        message: the reply.
        is_cut: whether it ended before its end, so that a call without arguments had lost them.
    """
    chunk = as_chunk(message)
    calls = []
    for place, part in enumerate(chunk.tool_call_chunks):
        raw = part.get("args") or ""
        is_last = place == len(chunk.tool_call_chunks) - 1
        calls.append(_read(clean(str(part.get("name") or "")), raw, is_lost=is_cut and is_last))
    is_ordered = all(isinstance(part.get("index"), int) for part in chunk.tool_call_chunks)
    return calls, is_ordered


def fault_in(value: Any) -> str:
    """Return why a value can be no argument, or an empty text."""
    left: list[tuple[Any, int]] = [(value, 0)]
    while left:
        item, depth = left.pop()
        if depth > _MAX_DEPTH:
            return f"the arguments are nested deeper than {_MAX_DEPTH} levels"
        if isinstance(item, float) and not math.isfinite(item):
            return "an argument is not a finite number"
        if isinstance(item, int) and abs(item) >= _MAX_INTEGER:
            return "an argument is an integer of more than 18 digits"
        if isinstance(item, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in item):
            return "an argument holds characters that are no text"
        if isinstance(item, dict):
            left += [(part, depth + 1) for pair in item.items() for part in pair]
        elif isinstance(item, list):
            left += [(part, depth + 1) for part in item]
    return ""


def _read(name: str, raw: str, *, is_lost: bool) -> RawCall:
    arguments: Any = {}
    problem: dict[str, str] | None = None
    if len(raw) > _MAX_ARGUMENTS:
        problem = {
            "message": f"the arguments have {len(raw)} characters, at most {_MAX_ARGUMENTS} fit",
            "hint": "hand over an artifact instead of its content",
        }
    elif not raw and is_lost:
        problem = {"message": "the arguments were cut off", "hint": _WHOLE}
    else:
        try:
            arguments = json.loads(raw or "{}")
        except (ValueError, RecursionError) as error:
            why = str(error) if isinstance(error, ValueError) else "nested too deep"
            problem = {"message": f"the arguments are no JSON object: {why}", "hint": _WHOLE}
        else:
            problem = _unfit(arguments)
    return RawCall(
        name=name,
        arguments={} if problem else arguments,
        shown=clean(raw)[:_MAX_SHOWN],
        problem=problem,
    )


def _unfit(arguments: Any) -> dict[str, str] | None:
    if not isinstance(arguments, dict):
        kind = {list: "a list", str: "a text", type(None): "null"}.get(type(arguments), "a value")
        return {"message": f"the arguments are {kind} and no JSON object", "hint": _WHOLE}
    fault = fault_in(arguments)
    return {"message": fault, "hint": "give plain, finite values"} if fault else None
