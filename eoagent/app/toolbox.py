"""Runs tools by name: checks the arguments, looks in the cache, goes through lists."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue, ValidationError

from eoagent import __version__
from eoagent.app.each import Room, run_each
from eoagent.app.items import room_for_items
from eoagent.app.shelf import Shelf
from eoagent.contracts.errors import InputError
from eoagent.contracts.planner import Limits
from eoagent.contracts.record import canonical_json, digest
from eoagent.contracts.store import ArtifactStore, Origins
from eoagent.contracts.tool import Arguments, Options, Services, Tool, ToolCard
from eoagent.io.href import redact_text
from eoagent.io.ledger import Ledger
from eoagent.planner.execution import Call, Outcome

__all__ = ["Bench", "Toolbox", "explain_invalid"]

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
    """The executor of the graph: the tools of a shelf at work in one run."""

    def __init__(self, bench: Bench, shelf: Shelf | None = None) -> None:
        self._bench = bench
        self._shelf = shelf or Shelf()
        self._room = Room(room_for_items(bench.limits, bench.options), bench.limits.max_items)

    def names(self) -> tuple[str, ...]:
        """Return the names of all tools there are, in order; none is imported for it."""
        return self._shelf.names

    def cards(self) -> tuple[ToolCard, ...]:
        """Return the cards of all tools there are, which imports them."""
        return tuple(self.tool(name).card for name in self.names())

    def tool(self, name: str) -> Tool:
        """Return a tool by name.

        Raises:
            NotFound: if there is none.
        """
        return self._shelf.tool(name)

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
            return run_each(call, self._bench.store, self.run, room=self._room)
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
    text = redact_text(f"{tool.card.name}: {'; '.join(problems)}")
    return InputError(text, hint=f"arguments are: {known}")


def _plain(problem: Any) -> str:
    text = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] in {"value_error", "assertion_error"}:
        return text
    given = redact_text(repr(problem.get("input")))
    return f"{text} (given {given[:80]})"
