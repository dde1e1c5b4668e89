"""The budgets of a run: time, tokens and cost, and whether the user stopped it."""

from __future__ import annotations

from eoagent.contracts.draft import Spent
from eoagent.contracts.planner import Limits
from eoagent.planner.running import WallClock
from eoagent.planner.state import State

__all__ = ["over_budget"]


def over_budget(state: State, limits: Limits, clock: WallClock) -> str:
    """Return why a run must not go on, or an empty text while it may.

    Tokens and cost are known after a call only, so a run may go over by one call.
    """
    if clock.is_stopped():
        return "you stopped the run"
    if clock.remaining_s <= 0:
        return f"the time limit of {limits.max_seconds:g} s was reached"
    spent = Spent.model_validate(state.get("spent", {}))
    tokens = spent.input_tokens + spent.output_tokens
    if tokens >= limits.max_tokens:
        return f"the limit of {limits.max_tokens} tokens was reached"
    if limits.max_cost_usd is not None and spent.cost_usd >= limits.max_cost_usd:
        return f"the cost limit of {limits.max_cost_usd:g} USD was reached"
    return ""
