"""From state to what a planner may see, and back from JSON to records."""

from __future__ import annotations

from eoagent.contracts.draft import Draft
from eoagent.contracts.plan import Step
from eoagent.contracts.planner import Exchange, Input, Turn, View
from eoagent.planner.evidence import Findings
from eoagent.planner.state import State

__all__ = ["newest_artifacts", "pending_steps", "view_of"]


def pending_steps(state: State) -> list[Step]:
    """Return the planned steps that have no record yet, in order."""
    done = state.get("records", {})
    steps = (Step.model_validate(raw) for raw in state.get("plan", []))
    return [step for step in steps if str(step.n) not in done]


def view_of(
    state: State, findings: Findings, tools: tuple[str, ...], *, may_ask: bool = True
) -> View:
    """Return what the planner sees: the state, what the steps gave, and the names of the tools."""
    draft = state.get("draft")
    return View(
        question=state["question"],
        inputs=tuple(Input.model_validate(raw) for raw in state.get("inputs", [])),
        bands=tuple(state.get("bands", [])),
        gsd_m=state.get("gsd_m"),
        tools=tools,
        steps=tuple(findings.records.values()),
        figures=tuple(findings.figures.values()),
        stopped=state.get("stopped", ""),
        complaint=state.get("complaint", ""),
        draft=Draft.model_validate(draft) if draft else None,
        plan=tuple(Step.model_validate(raw) for raw in state.get("plan", [])),
        turns=tuple(Turn.model_validate(raw) for raw in state.get("turns", [])),
        history=tuple(Exchange.model_validate(raw) for raw in state.get("history", [])),
        earlier=tuple(findings.earlier.values()),
        may_ask=may_ask,
    )


def newest_artifacts(view: View) -> tuple[str, ...]:
    """Return the artifacts that the newest round of planning made, in order of step."""
    steps = view.turns[-1].steps if view.turns else ()
    records = {record.n: record for record in view.steps}
    made = (handle for n in steps if n in records for handle in records[n].artifacts)
    return tuple(dict.fromkeys(made))
