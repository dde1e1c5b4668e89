"""The gate: what is let through, what ends there, and where a run stops."""

from __future__ import annotations

import pytest

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Limits
from eoagent.planner.gate import admit_steps, check_plan, number_outcomes


class _Guard:
    """An executor that refuses some calls before they are made and never runs one."""

    def __init__(self):
        self.checked = []

    def names(self):
        return ("measure",)

    def check(self, tool, arguments):
        self.checked.append((tool, dict(arguments)))
        if tool == "format_disk":
            raise NotFound("no tool 'format_disk'", hint="there is: measure")
        if arguments.get("href") == "/etc/passwd":
            raise SourceError("not given by the user", href="/etc/passwd", hint="pass it")

    def run(self, call):
        raise AssertionError(call)


def _step(n, tool="measure", each=None, **arguments):
    return Step(n=n, tool=tool, arguments=arguments, each=each)


def _record(n, status="done", **outputs):
    return StepRecord(
        n=n, tool="measure", arguments={"n": n}, references={}, status=status, outputs=outputs
    )


def _admit(pending, records=(), *, limits=None, stopped=""):
    guard = _Guard()
    admission = admit_steps(
        list(pending),
        {record.n: record for record in records},
        executor=guard,
        limits=limits or Limits(),
        stopped=stopped,
    )
    return admission, guard


def _ready(admission):
    return [call["n"] for call in admission.ready]


def test_steps_that_wait_for_nothing_go_through_together():
    admission, _ = _admit([_step(1, value=1), _step(2, value=2)])
    assert _ready(admission) == [1, 2]
    assert (admission.ended, admission.stopped) == ({}, "")


def test_a_step_waits_until_what_it_refers_to_has_ended():
    admission, _ = _admit([_step(1), _step(2, target="$1")])
    assert _ready(admission) == [1]
    admission, guard = _admit([_step(2, target="$1")], [_record(1, mask="mask:0123456789ab")])
    assert admission.ready[0]["arguments"] == {"target": "mask:0123456789ab"}
    assert admission.ready[0]["references"] == {"target": "$1"}
    assert guard.checked == [("measure", {"target": "mask:0123456789ab"})]


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_what_hangs_on_a_broken_step_is_skipped_down_the_chain(status):
    pending = [_step(2, target="$1"), _step(3, target="$2"), _step(4, value=1)]
    admission, guard = _admit(pending, [_record(1, status)])
    assert {n: record.status for n, record in admission.ended.items()} == {
        2: "skipped",
        3: "skipped",
    }
    assert admission.ended[2].error == {
        "kind": "InputError",
        "message": f"not run: step 1 (measure) {status}",
        "hint": "repair that step first",
    }
    assert _ready(admission) == [4]
    assert len(guard.checked) == 1


def test_a_call_that_is_not_authorised_ends_at_the_gate_with_the_reason():
    admission, _ = _admit([_step(1, href="/etc/passwd"), _step(2, "format_disk"), _step(3)])
    assert _ready(admission) == [3]
    assert admission.ended[1].status == "failed"
    assert admission.ended[1].error == {
        "kind": "SourceError",
        "message": "not given by the user",
        "hint": "pass it",
    }
    assert admission.ended[2].error["kind"] == "NotFound"
    assert admission.ended[2].error["hint"] == "there is: measure"


def test_a_reference_to_an_output_that_is_not_there_fails_the_step_alone():
    admission, guard = _admit(
        [_step(2, target="$1.area"), _step(3)], [_record(1, mask="mask:0123456789ab")]
    )
    assert admission.ended[2].error["hint"] == "it has: mask"
    assert _ready(admission) == [3]
    assert guard.checked == [("measure", {})]


def test_a_step_over_a_list_has_its_list_resolved_and_its_items_checked_later():
    admission, guard = _admit(
        [_step(2, each="$1", target="$item")], [_record(1, scenes="scenes:0123456789ab")]
    )
    assert admission.ready[0]["each"] == "scenes:0123456789ab"
    assert admission.ready[0]["references"] == {"each": "$1"}
    assert guard.checked == []


def test_time_that_is_over_stops_all():
    admission, _ = _admit([_step(1)], stopped="the time limit of 5 s was reached")
    assert admission.stopped == "the time limit of 5 s was reached"
    assert admission.ready == []


@pytest.mark.parametrize(("limit", "ready"), [(5, [4, 5]), (4, [4]), (3, []), (99, [4, 5, 6])])
def test_steps_that_were_run_count_towards_the_limit(limit, ready):
    done = [_record(1), _record(2, "failed"), _record(3)]
    pending = [_step(n, value=n) for n in (4, 5, 6)]
    admission, _ = _admit(pending, done, limits=Limits(max_steps=limit))
    assert _ready(admission) == ready
    assert (admission.stopped == f"the limit of {limit} steps was reached") == (limit < 6)


def test_the_same_call_is_made_three_times_and_no_more():
    pending = [_step(n, value=1.0) for n in range(1, 6)]
    admission, _ = _admit(pending)
    assert _ready(admission) == [1, 2, 3]
    assert admission.stopped == "the same call of measure was asked for more than 3 times"


def test_calls_are_the_same_by_what_they_resolve_to_whatever_the_order_of_arguments():
    pending = [
        Step(n=2, tool="measure", arguments={"a": "$1", "b": 1}),
        Step(n=3, tool="measure", arguments={"b": 1, "a": "mask:0123456789ab"}),
    ]
    admission, _ = _admit(
        pending, [_record(1, mask="mask:0123456789ab")], limits=Limits(max_repeats=1)
    )
    assert _ready(admission) == [2]
    assert "more than 1 times" in admission.stopped


def test_a_plan_may_only_use_free_numbers_and_earlier_steps():
    check_plan((_step(3, a="$1"), _step(4, a="$3")), {1, 2})
    with pytest.raises(InputError, match="number that is taken") as caught:
        check_plan((_step(2),), {1, 2})
    assert caught.value.hint == "number new steps from 3"
    with pytest.raises(InputError, match="refers to step 4, which does not come before it"):
        check_plan((_step(3, a="$4"), _step(4)), {1, 2})
    with pytest.raises(InputError, match="refers to step 3"):
        check_plan((_step(3, each="$3"),), {1, 2})


def _outcome(n, *names, outputs=None):
    record = {
        "n": n,
        "tool": "measure",
        "arguments": {},
        "references": {},
        "status": "done",
        "outputs": outputs or {},
    }
    figures = [
        {"name": name, "value": 1.0, "unit": "m2", "label": "l", "method": "m"} for name in names
    ]
    return {"record": record, "figures": figures}


def test_figures_are_numbered_by_step_whichever_ended_first():
    fresh = [_outcome(3, "area"), _outcome(2, "mean", "std")]
    records, figures = number_outcomes(fresh, 4)
    assert [(f.id, f.step, f.name) for f in figures.values()] == [
        ("f5", 2, "mean"),
        ("f6", 2, "std"),
        ("f7", 3, "area"),
    ]
    assert records[2].outputs == {"mean": "f5", "std": "f6"}
    assert records[3].figures == ("f7",)


def test_an_artifact_stays_the_primary_output_before_the_figures():
    records, _ = number_outcomes([_outcome(1, "area", outputs={"mask": "mask:0123456789ab"})], 0)
    assert list(records[1].outputs) == ["mask", "area"]
