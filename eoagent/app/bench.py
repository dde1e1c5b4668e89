"""Tools by themselves, outside of any question: listed, described, run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from eoagent.app.toolbox import Bench, Toolbox
from eoagent.app.workshop import Workshop, open_workshop
from eoagent.contracts.errors import BudgetExceeded
from eoagent.contracts.tool import ToolCard
from eoagent.io.origin import OriginGuard
from eoagent.planner.execution import Call

__all__ = ["run_tool", "tool_cards", "tool_schema"]


class _Clock:
    """A deadline by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    @property
    def remaining_s(self) -> float:
        return self._ends - time.monotonic()

    def check(self) -> None:
        if self.remaining_s <= 0:
            raise BudgetExceeded("the time limit was reached", hint="raise max_seconds in settings")


def tool_cards() -> tuple[ToolCard, ...]:
    """Return the cards of all installed tools, in order of name."""
    return _toolbox(open_workshop(), OriginGuard()).cards()


def tool_schema(name: str) -> dict[str, Any]:
    """Return a tool's card and the JSON schema of its arguments.

    Raises:
        NotFound: if there is no such tool.
    """
    tool = _toolbox(open_workshop(), OriginGuard()).tool(name)
    return {"card": tool.card.to_dict(), "arguments": tool.arguments.model_json_schema()}


def run_tool(name: str, arguments: dict[str, JsonValue]) -> dict[str, Any]:
    """Run one tool and return its result as JSON types; hrefs in the arguments count as typed.

    Raises:
        NotFound: if there is no such tool.
        EoAgentError: whatever the tool raises.
    """
    shop, origins = open_workshop(), OriginGuard()
    for href in _hrefs(arguments):
        origins.type_in(href)
    call = Call(
        n=1,
        tool=name,
        arguments=arguments,
        each=None,
        figures={},
        deadline=_Clock(shop.settings.max_seconds),
        progress=lambda _done, _what: None,
    )
    return _toolbox(shop, origins).run(call).result.to_dict()


def _toolbox(shop: Workshop, origins: OriginGuard) -> Toolbox:
    bench = Bench(
        store=shop.store,
        origins=origins,
        options=shop.settings.options(),
        limits=shop.settings.limits(),
        cache=None,
    )
    return Toolbox(bench)


def _hrefs(arguments: dict[str, JsonValue]) -> Iterator[str]:
    for key, value in arguments.items():
        if key == "href" and isinstance(value, str):
            yield value
        elif key == "hrefs" and isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))
