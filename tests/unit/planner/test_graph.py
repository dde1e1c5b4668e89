"""The graph under a scripted planner and an executor that keeps books."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft, Limits
from eoagent.contracts.price import Price
from eoagent.contracts.tool import ToolResult
from eoagent.planner.approval import Approval, Policy
from eoagent.planner.execution import Outcome
from eoagent.planner.graph import build_graph, recursion_limit
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.planner.wiring import Wiring


def _number(name: str, value: float, unit: str = "m2") -> FigureDraft:
    return FigureDraft(name=name, value=value, unit=unit, label=name, method="given by the test")


@dataclass
class Books:
    """Executor and recorder in one: `double`, `fail`, `crash`, `slow`, `make`, `big` and more."""

    calls: list[tuple[str, dict]] = field(default_factory=list)
    recorded: list[tuple[str, int]] = field(default_factory=list)
    written: list = field(default_factory=list)
    together: int = 0
    _inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def names(self):
        return ("double",)

    def check(self, tool, arguments):
        if tool not in {"double", "fail", "crash", "end", "slow", "make", "big", "strange"}:
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

    def price(self, call):
        if call.tool == "strange":
            raise ZeroDivisionError("somebody's price function")
        if call.tool == "big":
            return Price(bytes=call.arguments["bytes"], is_upper_bound=True)
        return Price()

    def append(self, run, record, figures):
        self.recorded.append((record.status, record.n))
        self.written.append((record, figures))

    def recall(self, run):
        return self.written


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
    start = {"question": question, "inputs": []}
    told = list(graph.stream(start, config, stream_mode="custom", durability="sync"))
    answer = next(event["answer"] for event in told if event["kind"] == "answer")
    return answer, books, graph.get_state(config).values


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


def test_the_state_holds_how_steps_ended_and_neither_payloads_nor_figures():
    steps = (Step(n=1, tool="make"), _double(2, 1.0))
    answer, books, state = _ask([Plan(steps=steps)], Draft(text="{f1}", results=("f1",)))
    assert state["records"] == {"1": "done", "2": "done"}
    assert books.written[0][0].outputs == {"mask": "mask:0123456789ab"}
    assert [figure.id for figure in books.written[1][1]] == ["f1"]
    assert answer["artifacts"][0]["id"] == "mask:0123456789ab"
    assert set(state["answer"]) == {"run", "status", "text", "question_back"}
    assert "payload" not in json.dumps(state)
    assert "given by the test" not in json.dumps({**state, "earlier": {}})


def _run_asked(steps, replies, *, policy=None, draft=None):
    """Run a plan whose calls may be asked about; return the answer, the questions and the books."""
    books = Books()
    wiring = Wiring(
        planner=ScriptedPlanner([Plan(steps=tuple(steps))], draft or Draft(text="Done.")),
        executor=books,
        recorder=books,
        limits=Limits(),
        versions={},
        policy=policy or Policy(max_bytes=1000),
    )
    graph = build_graph(wiring, InMemorySaver())
    config = {"configurable": {"thread_id": "t"}, "recursion_limit": recursion_limit(Limits())}
    asked, given, answer = [], {"question": "How much?", "inputs": []}, None
    while answer is None:
        for event in graph.stream(given, config, stream_mode="custom", durability="sync"):
            answer = event["answer"] if event["kind"] == "answer" else answer
        if answer is None:
            (pending,) = graph.get_state(config).interrupts
            asked.append(Approval.model_validate(pending.value))
            given = Command(resume=replies.pop(0))
    return answer, asked, books


def _big(n, size, **more):
    return Step(n=n, tool="big", arguments={"bytes": size, **more})


def test_what_stays_below_the_policy_is_not_asked_about():
    answer, asked, _ = _run_asked([_big(1, 400), _big(2, 500)], [])
    assert asked == []
    assert [step["status"] for step in answer["steps"]] == ["done", "done"]


def test_what_exceeds_it_is_asked_about_once_with_its_price_and_then_run():
    answer, asked, books = _run_asked([_big(1, 800), _big(2, 900)], [True])
    (one,) = asked
    assert one.price.bytes == 1700
    assert one.tools == ("big", "big")
    assert "at most 1.7 kB to read, more than 1 kB" in one.reason
    assert [step["status"] for step in answer["steps"]] == ["done", "done"]
    assert sorted(books.recorded) == [("done", 1), ("done", 2)]


def test_a_no_ends_the_calls_and_lets_the_planner_go_on():
    answer, asked, books = _run_asked([_big(1, 1800), _double(2, 4.0), _double(3, "$1")], [False])
    assert [one.tools for one in asked] == [("big",)]
    assert books.recorded[0] == ("failed", 1)
    assert [step["status"] for step in answer["steps"]] == ["failed", "done", "skipped"]
    error = answer["steps"][0]["error"]
    assert error["kind"] == "BudgetExceeded"
    assert error["message"].startswith("not approved: at most 1.8 kB to read")
    assert "--yes" in error["hint"]


def test_small_calls_that_add_up_are_asked_about_and_one_yes_covers_what_was_shown():
    steps = [_big(1, 600), _big(2, 600, after="$1"), _big(3, 0, after="$2")]
    answer, asked, _ = _run_asked(steps, [True])
    assert [one.price.bytes for one in asked] == [1200]
    assert answer["steps"][2]["status"] == "done"


def test_more_than_was_approved_is_asked_about_again():
    steps = [_big(1, 1200), _big(2, 300, after="$1")]
    _, asked, _ = _run_asked(steps, [True, True])
    assert [one.price.bytes for one in asked] == [1200, 1500]


def test_only_a_plain_yes_is_a_yes():
    answer, _, _ = _run_asked([_big(1, 1200)], ["no"])
    assert answer["steps"][0]["status"] == "failed"


@pytest.mark.parametrize("is_approved", [True, False])
def test_a_call_whose_price_function_fails_is_asked_about(caplog, is_approved):
    answer, asked, _ = _run_asked([Step(n=1, tool="strange", arguments={})], [is_approved])
    assert [one.price.outward for one in asked] == [
        ("strange does what its price function fails to tell",)
    ]
    assert answer["steps"][0]["status"] == ("done" if is_approved else "failed")
    assert any("not approved" in text for text in answer["warnings"]) != is_approved
    assert "the price of strange cannot be told" in caplog.text
    assert "somebody's" not in caplog.text
