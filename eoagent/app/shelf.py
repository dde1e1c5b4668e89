"""The tools there are: one's own and the installed ones, each imported when first named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from importlib.metadata import EntryPoint
from typing import Any, cast

from eoagent import plugins
from eoagent.app.ownfunction import as_tool
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.tool import Tool

__all__ = ["OwnTool", "Shelf"]

OwnTool = Tool | Callable[..., Any]
"""A tool of one's own: a tool, or a plain function that `as_tool` can make one of."""

_GROUP = "eoagent.tools"


class Shelf:
    """Tools by name, for any number of runs and threads.

    The installed distributions are looked through once, at the first question, since that takes
    longer than all the rest of finding a tool.

    Args:
        tools: tools and functions of one's own; they stand in front of installed ones of the same
            name.

    Raises:
        InputError: if a function cannot be a tool, or two have the same name.
    """

    def __init__(self, tools: Sequence[OwnTool] = ()) -> None:
        self._own = _by_name(_as_tools(tools))
        self._loaded: dict[str, Tool] = {}
        self._lock = threading.RLock()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all tools, in order; none is imported for it."""
        return tuple(sorted({*self._installed, *self._own}))

    def tool(self, name: str) -> Tool:
        """Return a tool by name.

        Raises:
            NotFound: if there is none.
            InputError: if its plugin cannot be imported.
        """
        if name in self._own:
            return self._own[name]
        with self._lock:
            if name not in self._loaded:
                if name not in self._installed:
                    known = ", ".join(self.names)
                    raise NotFound(f"there is no tool '{name}'", hint=f"tools: {known}")
                self._loaded[name] = plugins.load_entry(self._installed[name])
            return self._loaded[name]

    def every(self) -> tuple[Tool, ...]:
        """Return all tools, in order of name, which imports them."""
        return tuple(self.tool(name) for name in self.names)

    @cached_property
    def _installed(self) -> dict[str, EntryPoint]:
        return plugins.find(_GROUP)


def _as_tools(tools: Iterable[OwnTool]) -> Iterable[Tool]:
    for tool in tools:
        is_tool = hasattr(tool, "card") and hasattr(tool, "arguments")
        if is_tool and not isinstance(tool, type):
            yield cast("Tool", tool)
        else:
            yield as_tool(tool)


def _by_name(tools: Iterable[Tool]) -> dict[str, Tool]:
    named: dict[str, Tool] = {}
    for tool in tools:
        name = tool.card.name
        if named.setdefault(name, tool) is not tool:
            raise InputError(f"two of your tools are named '{name}'", hint="rename one of them")
    return named
