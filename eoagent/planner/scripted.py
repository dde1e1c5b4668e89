"""A planner that follows a script, for tests, examples and replays of known plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eoagent.contracts.plan import Plan
from eoagent.contracts.planner import QUIET, Draft, Line, View

__all__ = ["ScriptedPlanner"]


class ScriptedPlanner:
    """Gives the plans it was given, one a round, then the draft; misbehaves if told to."""

    def __init__(
        self,
        plans: Iterable[Plan] | Callable[[View], Plan],
        draft: Draft | Callable[[View], Draft],
        *,
        name: str = "scripted",
    ) -> None:
        self.name = name
        self._next: Callable[[View], Plan]
        if callable(plans):
            self._next = plans
        else:
            rest = iter(plans)
            self._next = lambda _view: next(rest, Plan())
        self._draft = draft

    def plan(self, view: View, line: Line = QUIET) -> Plan:
        """Return the next plan of the script; an empty one when the script is over."""
        del line
        return self._next(view)

    def write(self, view: View, line: Line = QUIET) -> Draft:
        """Return the script's draft."""
        del line
        return self._draft(view) if callable(self._draft) else self._draft
