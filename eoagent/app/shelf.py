"""The tools there are: one's own and the installed ones, each imported when first named."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import EntryPoint

from eoagent import plugins
from eoagent.contracts.errors import NotFound
from eoagent.contracts.tool import Tool

__all__ = ["Shelf"]

_GROUP = "eoagent.tools"


class Shelf:
    """Tools by name, for any number of runs and threads.

    The installed distributions are looked through once, at the first question, since that takes
    longer than all the rest of finding a tool.

    Args:
        tools: tools of one's own; they stand in front of installed ones of the same name.
    """

    def __init__(self, tools: Sequence[Tool] = ()) -> None:
        self._own = {tool.card.name: tool for tool in tools}
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

    @cached_property
    def _installed(self) -> dict[str, EntryPoint]:
        return plugins.find(_GROUP)
