"""Runs tools by name: checks the arguments, looks in the cache, goes through lists."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue, ValidationError

from eoagent import __version__
from eoagent.app.authority import authorise, written_by
from eoagent.app.each import Room, run_each
from eoagent.app.handles import HandleBook, OwnStore
from eoagent.app.items import room_for_items
from eoagent.app.pricing import price_of
from eoagent.app.shelf import Shelf
from eoagent.app.tidy import tidy_error, tidy_result
from eoagent.contracts.errors import EoAgentError, InputError
from eoagent.contracts.models import Indexes, Models, NoIndexes, NoModels
from eoagent.contracts.planner import Limits
from eoagent.contracts.price import Price
from eoagent.contracts.record import canonical_json, digest
from eoagent.contracts.store import ArtifactStore, Origins
from eoagent.contracts.tool import Arguments, Options, Services, Tool, ToolCard
from eoagent.io.href import redact_text
from eoagent.io.ledger import Ledger
from eoagent.io.outfolder import inside
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
    handles: HandleBook = field(default_factory=HandleBook)
    """Artifacts that calls may name: those handed in, and soon those of the run."""
    models: Models = field(default_factory=NoModels)
    """Models by what they can do."""
    indexes: Indexes = field(default_factory=NoIndexes)
    """Indexes by name."""


class Toolbox:
    """The executor of the graph: the tools of a shelf at work in one run."""

    def __init__(self, bench: Bench, shelf: Shelf | None = None) -> None:
        self._bench = bench
        self._store = OwnStore(bench.store, bench.handles)
        self._shelf = shelf or Shelf()
        self._room = Room(room_for_items(bench.limits, bench.options), bench.limits.max_items)
        if bench.options.knowledge:
            bench.origins.type_in(bench.options.knowledge)

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
            NotFound: if there is no such tool, or the arguments name an artifact of somebody else.
            InputError: if the arguments do not fit it.
            SourceError: if they name a place that the user did not type and no step reached.
        """
        self._admit(self.tool(tool), arguments)

    def price(self, call: Call) -> Price:
        """Return what a call would take; no source is opened for it.

        Raises:
            NotFound: if there is no such tool, or an artifact has gone.
            InputError: if the arguments do not fit the tool.
        """
        tool = self.tool(call.tool)
        return price_of(
            call,
            tool,
            self._services(call),
            check=lambda arguments: self._validate(tool, arguments),
            max_items=self._bench.limits.max_items,
        )

    def run(self, call: Call) -> Outcome:
        """Run a call, or take its result from an earlier, equal one.

        Nothing of a tool runs before it is known that the call is authorised.

        Raises:
            EoAgentError: whatever the tool raises.
        """
        try:
            return self._run_each(call) if call.each is not None else self._run_one(call)
        except EoAgentError as error:
            tidy_error(error)
            raise

    def _run_each(self, call: Call) -> Outcome:
        named = {**call.arguments, "each": call.each}
        authorise(named, handles=self._bench.handles, origins=self._bench.origins)
        outcome = run_each(call, self._store, self.run, room=self._room)
        return Outcome(result=tidy_result(outcome.result))

    def _run_one(self, call: Call) -> Outcome:
        tool = self.tool(call.tool)
        arguments = self._admit(tool, call.arguments)
        cache, key = self._bench.cache, ""
        if cache is not None and tool.card.cacheable:
            key = self._key(tool, arguments, self._services(call))
            known = cache.cache_get(key, self._bench.store)
            if known is not None:
                self._bench.handles.add(a.handle for a in known.artifacts.values())
                return Outcome(result=tidy_result(known), cached=True)
        result = tool(arguments, self._services(call))
        if cache is not None and key:
            cache.cache_put(key, result)
        return Outcome(result=tidy_result(result))

    def _services(self, call: Call) -> Services:
        return Services(
            store=self._store,
            origins=self._bench.origins,
            figures=call.figures,
            deadline=call.deadline,
            progress=call.progress,
            options=self._bench.options,
            models=self._bench.models,
            indexes=self._bench.indexes,
        )

    def _key(self, tool: Tool, arguments: Arguments, services: Services) -> str:
        """Return what a result is found by: arguments, versions, and what else it hangs on."""
        said = arguments.model_dump(mode="json")
        state = getattr(tool, "depends", None)
        rest: JsonValue = None if state is None else state(arguments, services)
        habits = (
            [self._bench.options.max_vertices, rest] if rest else [self._bench.options.max_vertices]
        )
        return digest([tool.card.name, tool.card.version, __version__, sys.version, habits, said])

    def _admit(self, tool: Tool, arguments: Mapping[str, JsonValue]) -> Arguments:
        """Return the arguments as the tool wants them, once they may be handed to it."""
        valid = self._validate(tool, arguments)
        said = valid.model_dump(mode="json")
        authorise(said, handles=self._bench.handles, origins=self._bench.origins)
        if tool.card.outward and self._bench.options.out_dir is not None:
            for path in written_by(said):
                inside(self._bench.options.out_dir, path)
        return valid

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
