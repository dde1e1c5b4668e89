"""From state to what a planner sees: everything in order, nothing more than it may see."""

from __future__ import annotations

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import View
from eoagent.planner.evidence import Evidence, Findings
from eoagent.planner.views import pending_steps, view_of


def _record(n):
    return StepRecord(n=n, tool="t", arguments={}, references={}, status="done", figures=(f"f{n}",))


def _figure(n):
    return Figure(id=f"f{n}", step=n, name="a", value=1.0, unit="m2", label="l", method="m")


def _findings(state):
    written = [(_record(n), [_figure(n)]) for n in (10, 9, 2, 1)]
    numbers = map(int, state.get("records", {}))
    return Evidence("r1", None, written).findings(numbers, state.get("earlier", {}))


_STATE = {
    "question": "How much?",
    "inputs": [{"kind": "image", "href": "a.tif"}],
    "bands": ["red", "nir"],
    "gsd_m": 0.5,
    "plan": [Step(n=n, tool="t").to_dict() for n in (1, 2, 3, 10, 11)],
    "records": {str(n): "done" for n in (10, 2, 1)},
    "earlier": {f"f{n}": _figure(n).to_dict() for n in (30, 4)},
    "stopped": "the limit of 10 steps was reached",
    "complaint": "no figure stands behind: 42",
    "run": "r1",
    "draft": {"text": "x"},
}


def test_steps_and_figures_come_by_number_and_not_by_spelling():
    findings = _findings(_STATE)
    assert list(findings.records) == [1, 2, 10]
    assert list(findings.figures) == ["f1", "f2", "f10"]
    assert list(findings.known) == ["f4", "f30", "f1", "f2", "f10"]


def test_what_was_planned_and_has_no_record_is_pending():
    assert [step.n for step in pending_steps(_STATE)] == [3, 11]


def test_a_planner_sees_the_question_and_what_came_of_it():
    view = view_of(_STATE, _findings(_STATE), ("measure", "threshold"))
    assert view.question == "How much?"
    assert [(i.kind, i.href) for i in view.inputs] == [("image", "a.tif")]
    assert (view.bands, view.gsd_m) == (("red", "nir"), 0.5)
    assert view.tools == ("measure", "threshold")
    assert [step.n for step in view.steps] == [1, 2, 10]
    assert [figure.id for figure in view.figures] == ["f1", "f2", "f10"]
    assert [figure.id for figure in view.earlier] == ["f4", "f30"]
    assert view.stopped == "the limit of 10 steps was reached"
    assert view.complaint == "no figure stands behind: 42"


def test_a_view_of_a_fresh_state_is_empty_and_complete():
    view = view_of({"question": "How much?"}, Findings(), ())
    assert view == View(question="How much?")


def test_a_view_survives_a_checkpoint():
    view = view_of(_STATE, _findings(_STATE), ("measure",))
    assert View.model_validate(view.to_dict()) == view
