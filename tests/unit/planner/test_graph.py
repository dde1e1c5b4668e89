"""The graph under a scripted planner and an executor that keeps books."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft, Limits
from eoagent.contracts.tool import ToolResult
from eoagent.planner.execution import Outcome
from eoagent.planner.graph import Wiring, build_graph, recursion_limit
from eoagent.planner.scripted import ScriptedPlanner


def _number(name: str, value: float, unit: str = "m2") -> FigureDraft:
    return FigureDraft(name=name, value=value, unit=unit, label=name, method="given by the test")


@dataclass
class Books:
    """Executor and recorder in one: `double`, `fail`, `crash`, `end`, `slow`, `make`."""

    calls: list[tuple[str, dict]] = field(default_factory=list)
    recorded: list[tuple[str, int]] = field(default_factory=list)
    together: int = 0
    _inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def names(self):
        return ("double",)

    def check(self, tool, arguments):
        if tool not in {"double", "fail", "crash", "end", "slow", "make"}:
            raise NotFound(f"no tool '{tool}'", hint="there is: double")
        if tool == "double" and not isinstance(arguments.get("value"), (int, float, str)):
            raise InputError("value is missing", hint="give value")

    def run(self, call):
        with self._lock:
            self.calls.append((call.tool, dict(call.arguments)))
            self._inside += 1
            self.together = max(self.together, self._inside)
        try:
            return Outcome(result=self._result(call))
        finally:
            with self._lock:
                self._inside -= 1

    def _result(self, call):
        if call.tool == "fail":
            raise InputError("cannot do that", hint="do something else")
        if call.tool == "crash":
            raise ZeroDivisionError("secret detail")
        if call.tool == "slow":
            time.sleep(0.2)
        if call.tool == "end":
            return ToolResult(ended_as="clarify", message="Which one?")
        if call.tool == "make":
            return ToolResult(
                artifacts={"mask": Artifact(kind="mask", id="0123456789ab", title="m")}
            )
        value = call.arguments.get("value", 1.0)
        if isinstance(value, str):
            value = call.figures[value].number
        return ToolResult(figures=(_number("twice", 2 * value),))

    def append(self, run, record, figures):
        self.recorded.append((record.status, record.n))


def _ask(plans, draft, *, books=None, limits=None, question="How much?"):
    books = books or Books()
    limits = limits or Limits()
    wiring = Wiring(
        planner=ScriptedPlanner(plans, draft),
        executor=books,
        recorder=books,
        limits=limits,
        versions={},
    )
    graph = build_graph(wiring, InMemorySaver())
    config = {"configurable": {"thread_id": "t"}, "recursion_limit": recursion_limit(limits)}
    state = graph.invoke({"question": question, "inputs": []}, config, durability="sync")
    return state["answer"], books, state


def _double(n, value):
    return Step(n=n, tool="double", arguments={"value": value})


def test_one_step_gives_its_figure_with_unit_in_the_text():
    answer, books, _ = _ask(
        [Plan(steps=(_double(1, 1.5e6),))], Draft(text="It is {f1}, or {f1:ha}.", results=("f1",))
    )
    assert answer["status"] == "answered"
    assert answer["text"] == "It is 3 km², or 300 ha."
    assert [f["value"] for f in answer["results"]] == [3e6]
    assert books.recorded == [("done", 1)]


def test_a_whole_chain_with_references_runs_from_one_plan():
    steps = (_double(1, 1.0), _double(2, "$1"), _double(3, "$2.twice"))
    answer, _, _ = _ask([Plan(steps=steps)], Draft(text="{f3}", results=("f3",)))
    assert [f["value"] for f in answer["figures"]] == [2.0, 4.0, 8.0]
    assert answer["steps"][2]["references"] == {"value": "$2.twice"}
    assert answer["steps"][2]["arguments"] == {"value": "f2"}


def test_independent_steps_run_together_and_are_numbered_by_step():
    steps = tuple(Step(n=n, tool="slow", arguments={"value": float(n)}) for n in (1, 2, 3))
    answer, books, _ = _ask([Plan(steps=steps)], Draft(text="{f1}", results=("f1",)))
    assert books.together >= 2
    assert [f["value"] for f in answer["figures"]] == [2.0, 4.0, 6.0]


def test_a_failed_step_skips_its_dependents_and_keeps_its_siblings():
    steps = (Step(n=1, tool="fail"), _double(2, "$1"), _double(3, 4.0))
    answer, _, _ = _ask([Plan(steps=steps)], Draft(text="{f1}", results=("f1",), status="partial"))
    assert [s["status"] for s in answer["steps"]] == ["failed", "skipped", "done"]
    assert answer["steps"][0]["error"] == {
        "kind": "InputError",
        "message": "cannot do that",
        "hint": "do something else",
    }
    assert answer["steps"][1]["error"]["message"] == "not run: step 1 (fail) failed"
    assert answer["status"] == "partial"


def test_an_unexpected_exception_becomes_an_internal_error_without_its_text(caplog):
    answer, _, _ = _ask([Plan(steps=(Step(n=1, tool="crash"),))], Draft(text="nothing"))
    error = answer["steps"][0]["error"]
    assert error["kind"] == "InternalError"
    assert "secret detail" not in json.dumps(answer)
    assert "crash failed in a way it must not" in caplog.text


def test_a_failed_check_and_an_unknown_tool_end_as_failed_steps_with_hints():
    steps = (Step(n=1, tool="double"), Step(n=2, tool="nonsense"))
    answer, books, _ = _ask([Plan(steps=steps)], Draft(text="nothing", status="cannot_answer"))
    assert [s["error"]["hint"] for s in answer["steps"]] == ["give value", "there is: double"]
    assert books.calls == []


def test_a_reference_to_an_output_that_is_not_there_names_those_that_are():
    steps = (_double(1, 1.0), _double(2, "$1.area"))
    answer, _, _ = _ask([Plan(steps=steps)], Draft(text="{f1}", results=("f1",)))
    assert answer["steps"][1]["error"]["message"] == "$1.area: step 1 (double) has no output 'area'"
    assert answer["steps"][1]["error"]["hint"] == "it has: twice"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((_double(1, 1.0), _double(1, 2.0)), "step 1 (double) has a number that is taken"),
        ((_double(1, "$2"), _double(2, 2.0)), "refers to step 2, which does not come before it"),
        ((_double(1, "$1"),), "refers to step 1, which does not come before it"),
    ],
)
def test_a_plan_with_impossible_numbers_is_refused(steps, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(").replace(")", r"\)")):
        _ask([Plan(steps=steps)], Draft(text=""))


def test_a_tool_that_ends_the_run_decides_the_status():
    steps = (Step(n=1, tool="end"),)
    answer, _, _ = _ask([Plan(steps=steps)], Draft(text="Which one?"))
    assert answer["status"] == "clarify"
    assert answer["question_back"] == "Which one?"


def test_a_number_written_by_hand_is_sent_back_once_and_then_marked():
    drafts = iter(
        [Draft(text="It is 42 m².", results=("f1",)), Draft(text="It is 43 m².", results=("f1",))]
    )
    complaints = []

    def write(view):
        complaints.append(view.complaint)
        return next(drafts)

    answer, _, _ = _ask([Plan(steps=(_double(1, 1.0),))], write)
    assert complaints[0] == ""
    assert "no figure stands behind: 42" in complaints[1]
    assert answer["unverified"] == ["43"]
    assert "[unverified: 43]" in answer["text"]


def test_a_reference_to_no_figure_is_never_shown_as_a_number():
    answer, _, _ = _ask(
        [Plan(steps=(_double(1, 1.0),))], Draft(text="It is {f9}.", results=("f9",))
    )
    assert "[no such figure]" in answer["text"]
    assert answer["results"] == []
    assert answer["status"] == "partial"


def _always(tool, argument):
    def plan(view):
        n = len(view.steps) + 1
        return Plan(steps=(Step(n=n, tool=tool, arguments=argument(n)),))

    return plan


@pytest.mark.parametrize(
    ("argument", "limits", "calls", "reason"),
    [
        (lambda n: {"value": 1.0}, Limits(), 3, "same call of double was asked for more than 3"),
        (lambda n: {"value": float(n % 2)}, Limits(), 6, "same call of double"),
        (lambda n: {"value": float(n)}, Limits(max_steps=8, max_rounds=99), 8, "limit of 8 steps"),
        (lambda n: {"value": float(n)}, Limits(max_rounds=5), 5, "asked 5 times"),
        (
            lambda n: {"value": 1.0, "pad": "x" * 400 * n},
            Limits(max_steps=6),
            6,
            "limit of 6 steps",
        ),
    ],
)
def test_a_planner_that_never_ends_is_stopped_with_a_partial_answer(
    argument, limits, calls, reason
):
    answer, books, _ = _ask(
        _always("double", argument), Draft(text="{f1} so far", results=("f1",)), limits=limits
    )
    assert len(books.calls) == calls
    assert answer["status"] == "partial"
    assert any(reason in warning for warning in answer["warnings"])


def test_four_hundred_steps_at_once_are_cut_at_the_limit():
    steps = tuple(_double(n, float(n)) for n in range(1, 401))
    answer, books, _ = _ask([Plan(steps=steps)], Draft(text="{f1}", results=("f1",)))
    assert len(books.calls) == 40
    assert answer["status"] == "partial"


def test_the_time_limit_stops_a_run_between_steps():
    limits = Limits(max_seconds=0.3, max_rounds=50)
    answer, books, _ = _ask(
        _always("slow", lambda n: {"value": float(n)}),
        Draft(text="{f1}", results=("f1",)),
        limits=limits,
    )
    assert len(books.calls) <= 3
    assert any("time limit of 0.3 s" in w for w in answer["warnings"])


def test_the_state_holds_handles_and_no_payload():
    steps = (Step(n=1, tool="make"),)
    _, _, state = _ask([Plan(steps=steps)], Draft(text="made"))
    assert state["records"]["1"]["outputs"] == {"mask": "mask:0123456789ab"}
    assert "payload" not in json.dumps(state)
