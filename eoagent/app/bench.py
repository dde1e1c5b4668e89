"""Tools by themselves, outside of any question: listed, described, run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from eoagent.app.shelf import Shelf
from eoagent.app.toolbox import Bench, Toolbox
from eoagent.app.workshop import Workshop, open_workshop
from eoagent.contracts.artifact import handle_kind
from eoagent.contracts.errors import BudgetExceeded, EoAgentError
from eoagent.contracts.raster import RasterRef
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.tool import Tool, ToolCard, ToolResult
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


def run_tool(
    name: str,
    arguments: Mapping[str, JsonValue],
    *,
    home: Path | str | None = None,
    tools: Sequence[Tool] = (),
) -> ToolResult:
    """Run one tool and return its result.

    Hrefs in the arguments count as typed, and so do the local files behind a raster whose handle
    is among them: they were typed when it was opened.

    Args:
        name: the tool.
        arguments: its arguments, as JSON types; artifacts by handle.
        home: folder of the store; default `EOAGENT_HOME` or the platform's.
        tools: tools of your own, besides the installed ones.

    Raises:
        NotFound: if there is no such tool.
        EoAgentError: whatever the tool raises.
    """
    shop = open_workshop(home)
    origins = OriginGuard(allow_hosts=shop.settings.allow_hosts)
    for href in (*_hrefs(arguments), *_files_behind(arguments, shop.store)):
        origins.type_in(href)
    call = Call(
        n=1,
        tool=name,
        arguments=dict(arguments),
        each=None,
        figures={},
        deadline=_Clock(shop.settings.max_seconds),
        progress=lambda _done, _what: None,
    )
    return _toolbox(shop, origins, tools).run(call).result


def _toolbox(shop: Workshop, origins: OriginGuard, tools: Sequence[Tool] = ()) -> Toolbox:
    bench = Bench(
        store=shop.store,
        origins=origins,
        options=shop.settings.options(home=shop.home),
        limits=shop.settings.limits(),
        cache=None,
    )
    return Toolbox(bench, Shelf(tools))


def _hrefs(arguments: Mapping[str, JsonValue]) -> Iterator[str]:
    for key, value in arguments.items():
        if key == "href" and isinstance(value, str):
            yield value
        elif key in {"hrefs", "places"} and isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))


def _files_behind(arguments: Mapping[str, JsonValue], store: ArtifactStore) -> Iterator[str]:
    """Yield the local files of the opened rasters among the arguments; the tool judges the rest."""
    for value in arguments.values():
        for handle in value if isinstance(value, list) else [value]:
            if not isinstance(handle, str) or handle_kind(handle) != "raster":
                continue
            try:
                ref = RasterRef.model_validate(store.get(handle).payload)
            except EoAgentError:
                continue
            hrefs = {band.href for band in ref.bands} | ({ref.qa.href} if ref.qa else set())
            yield from sorted(href for href in hrefs if Path(href).is_absolute())
