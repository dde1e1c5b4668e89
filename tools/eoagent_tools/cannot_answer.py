"""Refuse a request, with the reason and what would make it possible."""

from __future__ import annotations

from pydantic import Field

from eoagent.contracts.tool import Arguments, FunctionTool, Services, ToolCard, ToolResult

__all__ = ["TOOL", "CannotAnswer", "cannot_answer"]


class CannotAnswer(Arguments):
    """Arguments of `cannot_answer`."""

    reason: str = Field(min_length=3, max_length=1200)
    """Why it cannot be answered from the data and tools there are."""
    needs: str = Field(default="", max_length=600)
    """What would make it possible: data, a date, a band, a model."""


def cannot_answer(arguments: CannotAnswer, services: Services) -> ToolResult:
    """End the run with a refusal."""
    del services
    needs = f" What it would take: {arguments.needs}" if arguments.needs else ""
    return ToolResult(ended_as="cannot_answer", message=f"{arguments.reason}{needs}")


TOOL = FunctionTool(
    card=ToolCard(
        name="cannot_answer",
        summary="A refusal with its reason and what would make an answer possible.",
        group="talk",
        ends_run=True,
        cacheable=False,
    ),
    arguments=CannotAnswer,
    function=cannot_answer,
)
