"""Describe the tools to a client: name, purpose, schema of arguments and of what comes back."""

from __future__ import annotations

import logging
from typing import Any

import mcp_types as types

from eoagent.app.toolbox import Toolbox
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.tool import ToolCard
from eoagent.mcp.results import CallReport

__all__ = ["describe_tools"]

_log = logging.getLogger(__name__)
_OPEN_WORLD = frozenset({"open", "search"})
"""Groups of tools that may read what lies on other hosts."""


def describe_tools(toolbox: Toolbox) -> tuple[types.Tool, ...]:
    """Return all tools as the protocol lists them; one that cannot be imported is left out.

    What was left out is logged, so that a stranger's broken plugin does not take away the others.
    """
    report = CallReport.model_json_schema(mode="serialization")
    listed = []
    for name in toolbox.names():
        try:
            tool = toolbox.tool(name)
        except EoAgentError as error:
            _log.error("tool %s is not offered: %s", name, error.explain())
            continue
        listed.append(_describe(tool.card, tool.arguments.model_json_schema(), report))
    return tuple(listed)


def _describe(card: ToolCard, arguments: dict[str, Any], report: dict[str, Any]) -> types.Tool:
    return types.Tool(
        name=card.name,
        description=_description(card),
        input_schema=arguments,
        output_schema=report,
        annotations=types.ToolAnnotations(
            read_only_hint=not card.outward,
            destructive_hint=card.outward,
            idempotent_hint=card.cacheable,
            open_world_hint=card.group in _OPEN_WORLD,
        ),
    )


def _description(card: ToolCard) -> str:
    outputs = "; ".join(f"{o.name} ({o.kind}): {o.about}" for o in card.outputs)
    return f"{card.summary}\nGives {outputs}." if outputs else card.summary
