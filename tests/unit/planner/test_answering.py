"""The draft held to the evidence, and what the finished answer keeps of the run."""

from __future__ import annotations

import pytest

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Draft
from eoagent.planner.answering import check_draft, finish
from eoagent.planner.evidence import Findings


def _findings(**changed):
    figure = Figure(
        id="f1",
        step=1,
        name="area",
        value=2.5e6,
        unit="m2",
        label="water",
        method="NDWI > 0.1 in a.tif",
    )
    choice = Figure(
        id="f2", step=1, name="way", value="increased", unit="choice", label="way", method="sign"
    )
    record = StepRecord(
        n=1,
        tool="measure",
        arguments={"value": 0.3},
        references={"target": "$1"},
        status="done",
        artifacts=("mask:0123456789ab",),
        figures=("f1", "f2"),
        previews={"mask:0123456789ab": {"title": "water", "pixels": 7777}},
        assumptions=("threshold 0.1",),
        warnings=("3 % fill",),
        **changed,
    )
    return Findings(records={1: record}, figures={f.id: f for f in (figure, choice)})


def _state(text, *, results=("f1",), status="answered", **changed):
    return {
        "question": "Is water above 45 km2?",
        "inputs": [{"kind": "image", "href": "/data/S2_20190416.tif"}],
        "plan": [Step(n=1, tool="measure", arguments={"target": "$1"}).to_dict()],
        "draft": Draft(text=text, results=results, status=status).to_dict(),
        **changed,
    }


def _check(state):
    return check_draft(state, _findings())


def _finish(state, **changed):
    findings = _findings(**changed)
    checked = check_draft(state, findings)
    return finish(state, findings, checked, planner="p", versions={"x": "1"}, seconds=1.23456)


def test_a_draft_of_references_passes_and_is_rendered():
    checked = _check(_state("Water: {f1} ({f1:ha})."))
    assert checked.text == "Water: 2.500 km² (250 ha)."
    assert (checked.unverified, checked.complaint) == ((), "")


@pytest.mark.parametrize(
    "text",
    [
        "asked: 45",
        "value 0.3",
        "by NDWI > 0.1",
        "7777 pixels",
        "3 % fill",
        "from S2_20190416.tif",
        "taken 2019-04-16",
        "way: {f2}; it increased",
    ],
)
def test_question_arguments_methods_previews_and_dates_may_be_quoted(text):
    assert _check(_state(text)).unverified == ()


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("Water: 2.5 km².", ("2.5",)),
        ("Water: 2.5km².", ("2.5",)),
        ("水体面积为2.5平方公里", ("2.5",)),
        ("Water: {f1}, or 250 ha.", ("250",)),
        ("Water increased.", ("increased",)),
    ],
)
def test_a_claim_without_a_figure_is_named_and_marked_even_when_it_is_true(text, claims):
    checked = _check(_state(text))
    assert checked.unverified == claims
    assert checked.text.endswith(f"[unverified: {', '.join(claims)}]")
    assert checked.complaint.startswith(f"no figure stands behind: {', '.join(claims)}.")
    assert "{f1}" in checked.complaint


@pytest.mark.parametrize("text", ["Water: {f7}.", "Water: {f1:m}.", "Water: {f1:km²}."])
def test_a_reference_that_leads_nowhere_shows_no_number(text):
    checked = _check(_state(text))
    assert checked.complaint
    assert len(checked.unverified) == 1
    assert "2.5" not in checked.text


def test_a_result_that_is_no_figure_is_a_complaint_and_no_result():
    state = _state("Water: {f1}.", results=("f1", "f8"))
    assert "result 'f8' names no figure of this run" in _check(state).complaint
    assert [figure.id for figure in _finish(state).results] == ["f1"]


def test_results_keep_the_order_of_the_question():
    assert [f.id for f in _finish(_state("x", results=("f2", "f1"))).results] == ["f2", "f1"]


def test_an_answer_keeps_what_the_run_assumed_warned_and_made():
    record = _finish(_state("Water: {f1}.", assumptions=["whole image"]))
    assert record.assumptions == ("whole image", "threshold 0.1")
    assert record.warnings == ("3 % fill",)
    assert [(a.id, a.kind, a.title) for a in record.artifacts] == [
        ("mask:0123456789ab", "mask", "water")
    ]
    assert (record.usage.tool_calls, record.usage.seconds) == (1, 1.235)
    assert record.plan[0].arguments == {"target": "$1"}
    assert record.steps[0].references == {"target": "$1"}


@pytest.mark.parametrize(
    ("draft", "results", "stopped", "status"),
    [
        ("answered", ("f1",), "", "answered"),
        ("answered", (), "", "partial"),
        ("answered", ("f1",), "the time limit was reached", "partial"),
        ("answered", ("f9",), "", "partial"),
        ("partial", ("f1",), "", "partial"),
        ("cannot_answer", (), "", "cannot_answer"),
        ("clarify", (), "", "clarify"),
    ],
)
def test_the_run_may_lower_the_status_and_never_raises_it(draft, results, stopped, status):
    record = _finish(_state("x", results=results, status=draft, stopped=stopped))
    assert record.status == status
    assert (stopped in record.warnings) == bool(stopped)


def test_a_tool_that_ended_the_run_has_the_last_word():
    record = _finish(_state("x"), ended_as="clarify", message="Which one?")
    assert (record.status, record.question_back) == ("clarify", "Which one?")
