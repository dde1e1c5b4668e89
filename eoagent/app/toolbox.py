"""Runs tools by name: finds the plugin, checks the arguments, looks in the cache, lists items."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue, ValidationError

from eoagent import __version__, plugins
from eoagent.app.each import run_each
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.planner import Limits
from eoagent.contracts.record import canonical_json, digest
from eoagent.contracts.store import ArtifactStore, Origins
from eoagent.contracts.tool import Arguments, Options, Services, Tool, ToolCard
from eoagent.io.ledger import Ledger
from eoagent.planner.execution import Call, Outcome

__all__ = ["Bench", "Toolbox", "explain_invalid"]

_GROUP = "eoagent.tools"
_MAX_ARGUMENT_CHARS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the tools of one run work with."""

    store: ArtifactStore
    """Where artifacts lie."""
    origins: Origins
    """The guard of this run."""
    options: Options
    """Limits and habits."""
    limits: Limits
    """Limits of the run."""
    cache: Ledger | None
    """Where earlier results are looked up; None runs everything."""


class Toolbox:
    """The executor of the graph; a plugin is imported when its tool is first named."""

    def __init__(self, bench: Bench, tools: Sequence[Tool] = ()) -> None:
        self._bench = bench
        self._own = {tool.card.name: tool for tool in tools}
        self._loaded: dict[str, Tool] = {}
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """Return the names of all tools there are, in order."""
        return tuple(sorted({*plugins.find(_GROUP), *self._own}))

    def cards(self) -> tuple[ToolCard, ...]:
        """Return the cards of all tools there are."""
        return tuple(self.tool(name).card for name in self.names())

    def tool(self, name: str) -> Tool:
        """Return a tool by name.

        Raises:
            NotFound: if there is none.
        """
        with self._lock:
            if name in self._own:
                return self._own[name]
            if name not in self._loaded:
                if name not in plugins.find(_GROUP):
                    known = ", ".join(self.names())
                    raise NotFound(f"there is no tool '{name}'", hint=f"tools: {known}")
                self._loaded[name] = plugins.load(_GROUP, name)
            return self._loaded[name]

    def check(self, tool: str, arguments: Mapping[str, JsonValue]) -> None:
        """Check a call before it is made.

        Raises:
            NotFound: if there is no such tool.
            InputError: if the arguments do not fit it.
        """
        self._validate(self.tool(tool), arguments)

    def run(self, call: Call) -> Outcome:
        """Run a call, or take its result from an earlier, equal one.

        Raises:
            EoAgentError: whatever the tool raises.
        """
        if call.each is not None:
            limit = self._bench.limits.max_items
            return run_each(call, self._bench.store, self.run, max_items=limit)
        tool = self.tool(call.tool)
        arguments = self._validate(tool, call.arguments)
        cache, key = self._bench.cache, ""
        if cache is not None and tool.card.cacheable:
            key = self._key(tool, arguments)
            known = cache.cache_get(key, self._bench.store)
            if known is not None:
                return Outcome(result=known, cached=True)
        result = tool(arguments, self._services(call))
        if cache is not None and key:
            cache.cache_put(key, result)
        return Outcome(result=result)

    def _services(self, call: Call) -> Services:
        return Services(
            store=self._bench.store,
            origins=self._bench.origins,
            figures=call.figures,
            deadline=call.deadline,
            progress=call.progress,
            options=self._bench.options,
        )

    def _key(self, tool: Tool, arguments: Arguments) -> str:
        said = arguments.model_dump(mode="json")
        habits = [self._bench.options.max_vertices]
        return digest([tool.card.name, tool.card.version, __version__, sys.version, habits, said])

    def _validate(self, tool: Tool, arguments: Mapping[str, JsonValue]) -> Arguments:
        name = tool.card.name
        try:
            size = len(canonical_json(arguments))
        except ValueError as error:
            raise InputError(
                f"{name}: an argument is not finite", hint="give finite numbers"
            ) from error
        if size > _MAX_ARGUMENT_CHARS:
            raise InputError(
                f"{name}: the arguments have {size} characters, at most {_MAX_ARGUMENT_CHARS} fit",
                hint="hand over an artifact instead",
            )
        try:
            return tool.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            raise explain_invalid(tool, error) from error


def explain_invalid(tool: Tool, error: ValidationError) -> InputError:
    """Return the one clear error for arguments that do not fit: which, why, and what would."""
    known = ", ".join(tool.arguments.model_fields)
    problems = []
    for problem in error.errors(include_url=False, include_context=False)[:3]:
        where = ".".join(str(part) for part in problem["loc"]) or "arguments"
        if problem["type"] == "extra_forbidden":
            problems.append(f"'{where}' is not an argument")
        elif problem["type"] == "missing":
            problems.append(f"'{where}' is missing")
        else:
            problems.append(f"'{where}': {_plain(problem)}")
    return InputError(f"{tool.card.name}: {'; '.join(problems)}", hint=f"arguments are: {known}")


def _plain(problem: Any) -> str:
    text = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] in {"value_error", "assertion_error"}:
        return text
    given = repr(problem.get("input"))
    return f"{text} (given {given[:80]})"
