"""From state to what a planner may see, and back from JSON to records."""

from __future__ import annotations

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Input, View
from eoagent.planner.state import State

__all__ = ["figures_of", "pending_steps", "records_of", "view_of"]


def records_of(state: State) -> dict[int, StepRecord]:
    """Return the step records by number, in order."""
    raw = state.get("records", {})
    return {int(n): StepRecord.model_validate(raw[n]) for n in sorted(raw, key=int)}


def figures_of(state: State) -> dict[str, Figure]:
    """Return the figures by id, in order of number."""
    raw = state.get("figures", {})
    return {i: Figure.model_validate(raw[i]) for i in sorted(raw, key=lambda i: int(i[1:]))}


def pending_steps(state: State) -> list[Step]:
    """Return the planned steps that have no record yet, in order."""
    done = state.get("records", {})
    steps = (Step.model_validate(raw) for raw in state.get("plan", []))
    return [step for step in steps if str(step.n) not in done]


def view_of(state: State, tools: tuple[str, ...]) -> View:
    """Return what the planner sees of a state, and the names of the tools there are."""
    return View(
        question=state["question"],
        inputs=tuple(Input.model_validate(raw) for raw in state.get("inputs", [])),
        bands=tuple(state.get("bands", [])),
        gsd_m=state.get("gsd_m"),
        tools=tools,
        steps=tuple(records_of(state).values()),
        figures=tuple(figures_of(state).values()),
        stopped=state.get("stopped", ""),
        complaint=state.get("complaint", ""),
    )
