"""Ask the user one question back, when the request cannot be read in one way."""

from __future__ import annotations

from pydantic import Field

from eoagent.contracts.tool import Arguments, FunctionTool, Services, ToolCard, ToolResult

__all__ = ["TOOL", "AskUser", "ask_user"]


class AskUser(Arguments):
    """Arguments of `ask_user`."""

    question: str = Field(min_length=3, max_length=600)
    """The question to the user: one, and answerable in a few words."""
    choices: tuple[str, ...] = Field(default=(), max_length=10)
    """Answers to choose from, if they are known."""


def ask_user(arguments: AskUser, services: Services) -> ToolResult:
    """End the run with a question; the user's next message continues it."""
    del services
    listed = f" ({' / '.join(arguments.choices)})" if arguments.choices else ""
    return ToolResult(ended_as="clarify", message=f"{arguments.question}{listed}")


TOOL = FunctionTool(
    card=ToolCard(
        name="ask_user",
        summary="One question back to the user, when the request cannot be read in one way.",
        group="talk",
        ends_run=True,
        cacheable=False,
    ),
    arguments=AskUser,
    function=ask_user,
)
