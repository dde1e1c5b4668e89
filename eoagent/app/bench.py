"""Tools by themselves, outside of any question: listed, described, run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from eoagent.app.authority import handles_in, hrefs_of
from eoagent.app.handles import HandleBook, carry_in
from eoagent.app.session import Session, Situation
from eoagent.app.shelf import OwnTool
from eoagent.app.toolbox import Toolbox
from eoagent.app.workshop import open_workshop
from eoagent.contracts.tool import ToolCard, ToolResult
from eoagent.io.origin import OriginGuard

__all__ = ["run_tool", "tool_cards", "tool_schema"]


def tool_cards() -> tuple[ToolCard, ...]:
    """Return the cards of all installed tools, in order of name."""
    return _toolbox().cards()


def tool_schema(name: str) -> dict[str, Any]:
    """Return a tool's card and the JSON schema of its arguments.

    Raises:
        NotFound: if there is no such tool.
    """
    tool = _toolbox().tool(name)
    return {"card": tool.card.to_dict(), "arguments": tool.arguments.model_json_schema()}


def run_tool(
    name: str,
    arguments: Mapping[str, JsonValue],
    *,
    home: Path | str | None = None,
    reasoner: str = "",
    tools: Sequence[OwnTool] = (),
) -> ToolResult:
    """Run one tool and return its result.

    Places and handles in the arguments count as typed; the places behind a raster whose handle is
    among them are held against the rules as when it was opened.

    Args:
        name: the tool.
        arguments: its arguments, as JSON types; artifacts by handle.
        home: folder of the store; default `EOAGENT_HOME` or the platform's.
        reasoner: card or server of the model that reasons about pictures; empty takes what is set.
        tools: tools and functions of your own, besides the installed ones.

    Raises:
        NotFound: if there is no such tool.
        EoAgentError: whatever the tool raises.
    """
    shop = open_workshop(home, reasoner=reasoner)
    origins = OriginGuard(allow_hosts=shop.settings.allow_hosts, access=shop.access)
    for href in hrefs_of(arguments):
        origins.type_in(href)
    book = HandleBook()
    carry_in(handles_in(arguments), book=book, store=shop.store, origins=origins)
    situation = Situation(origins=origins, handles=book)
    return Session(shop, situation, tools=tools).run(name, arguments).result


def _toolbox() -> Toolbox:
    return Session(open_workshop(), Situation(origins=OriginGuard())).toolbox
