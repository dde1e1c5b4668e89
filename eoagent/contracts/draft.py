"""Answers as a planner writes them, and what its language model was paid for them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from eoagent.contracts.record import Record

__all__ = ["Draft", "ModelPrice", "Spent"]


class Spent(Record):
    """What calls of a language model took; nothing for a planner without one."""

    model_calls: int = 0
    """Calls made, failed ones included."""
    input_tokens: int = 0
    """Tokens sent, as the provider counts them, or estimated where it does not say."""
    output_tokens: int = 0
    """Tokens received, likewise."""
    cost_usd: float = 0.0
    """Price by the user's price table, US dollars; 0 where it names no price."""

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            model_calls=self.model_calls + other.model_calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
        )


class ModelPrice(Record):
    """What a language model costs, US dollars for a million tokens."""

    input_usd: float = Field(ge=0)
    """Tokens sent."""
    output_usd: float = Field(ge=0)
    """Tokens received."""


class Draft(Record):
    """An answer as written: figures appear as `{f3}` or `{f3:ha}` and never as bare numbers."""

    text: str
    """The text with references."""
    results: tuple[str, ...] = ()
    """Ids of the figures that answer, in the question's order."""
    status: Literal["answered", "clarify", "cannot_answer", "partial"] = "answered"
    """How the run ended, as the planner sees it; the run may lower it."""
    question_back: str = Field(default="")
    """The question to the user, when the status is `clarify`."""
    spent: Spent = Spent()
    """What writing it took."""
