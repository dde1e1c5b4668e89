"""Dialogues in which a question is solved by tool calls, as ThinkGeo and Earth-Bench publish them.

Both lay a task out as turns of `user`, `assistant` and `tool`; a turn of the assistant either calls
tools (`tool_calls[].function.name` and `.arguments`) or answers (`content`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from eoagent.app.evaluation.adapters.reading import Layout
from eoagent.app.evaluation.arguments import Call

__all__ = ["Turn", "calls_in", "tools_in"]


class _Function(Layout):
    name: str
    arguments: dict[str, JsonValue] | None = None


class _ToolCall(Layout):
    function: _Function


class Turn(Layout):
    """One turn of a dialogue."""

    role: str = ""
    """`user`, `assistant` or `tool`."""
    content: JsonValue = None
    """What was said, or what a tool returned."""
    tool_calls: tuple[_ToolCall, ...] | None = None
    """The calls of a turn of the assistant."""


def tools_in(turns: Iterable[Turn]) -> list[str]:
    """Return the names of the tools that were called, in order, as the benchmark calls them."""
    return [call.function.name for turn in turns for call in turn.tool_calls or ()]


def calls_in(turns: Iterable[Turn], counterparts: Mapping[str, str]) -> tuple[Call, ...]:
    """Return the calls of a dialogue, in order.

    Args:
        turns: the dialogue.
        counterparts: tools of the benchmark to the tool that does the same here; the others keep
            their names.
    """
    return tuple(
        Call(
            tool=counterparts.get(call.function.name, call.function.name),
            arguments=call.function.arguments or {},
        )
        for turn in turns
        for call in turn.tool_calls or ()
    )
