"""The graph, wired by hand: repair, plan, gate, run (in parallel), write, check, answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_stream_writer
from langgraph.errors import GraphBubbleUp
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send

from eoagent.contracts.artifact import shorten_preview
from eoagent.contracts.errors import BudgetExceeded, EoAgentError, InternalError
from eoagent.contracts.plan import Step
from eoagent.contracts.planner import Limits, Planner
from eoagent.contracts.tool import ToolResult
from eoagent.planner.answering import check_draft, finish
from eoagent.planner.execution import Call, Executor, Recorder
from eoagent.planner.gate import admit_steps, check_plan, number_outcomes
from eoagent.planner.state import State, Task
from eoagent.planner.views import figures_of, pending_steps, records_of, view_of

__all__ = ["Graph", "Wiring", "build_graph", "recursion_limit"]

_log = logging.getLogger(__name__)
JsonDict = dict[str, Any]
Graph = CompiledStateGraph[State, None, State, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the nodes work with; none of it is ever part of a checkpoint."""

    planner: Planner
    """Proposes steps and writes the answer."""
    executor: Executor
    """Runs tools."""
    recorder: Recorder
    """Keeps the evidence."""
    limits: Limits
    """Where a run stops."""
    versions: dict[str, str]
    """Versions that answers state."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch; survives a restart of the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deadline:
    """Time left, by the wall clock."""

    ends: float
    clock: Callable[[], float]

    @property
    def remaining_s(self) -> float:
        return self.ends - self.clock()

    def check(self) -> None:
        if self.remaining_s <= 0:
            raise BudgetExceeded(
                "the time limit of the run was reached", hint="raise --max-seconds"
            )


def recursion_limit(limits: Limits) -> int:
    """Return a limit on super-steps that our own limits always reach first."""
    return 3 * limits.max_steps + 2 * limits.max_rounds + 20


def build_graph(wiring: Wiring, checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
    """Wire the nodes; with a checkpointer every super-step is kept."""
    nodes = _Nodes(wiring)
    graph = StateGraph(State)
    graph.add_node("repair", nodes.repair)
    graph.add_node("plan", nodes.plan)
    graph.add_node("gate", nodes.gate)
    graph.add_node("run", nodes.run, input_schema=Task)
    graph.add_node("write", nodes.write)
    graph.add_node("check", nodes.check)
    graph.add_edge(START, "repair")
    graph.add_edge("repair", "plan")
    graph.add_edge("run", "gate")
    graph.add_edge("write", "check")
    return graph.compile(checkpointer=checkpointer, name="eoagent")


class _Nodes:
    """The nodes as methods, so that they share the wiring and nothing else."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def repair(self, state: State) -> JsonDict:
        """Start a turn: drop what an interrupted turn left half done, start the clock."""
        del state
        return {
            "started": self._wiring.clock(),
            "plan": [],
            "fresh": None,
            "records": None,
            "figures": None,
            "assumptions": [],
            "reading": "",
            "rounds": 0,
            "stopped": "",
            "rewrites": 0,
            "complaint": "",
            "draft": {},
            "answer": {},
        }

    def plan(self, state: State) -> Command[Literal["gate", "write"]]:
        """Ask the planner for steps."""
        limits = self._wiring.limits
        if state["rounds"] >= limits.max_rounds:
            reason = f"the planner was asked {limits.max_rounds} times and did not finish"
            return Command(goto="write", update={"stopped": reason})
        plan = self._wiring.planner.plan(view_of(state, self._wiring.executor.names()))
        if not plan.steps:
            return Command(goto="write", update={"rounds": state["rounds"] + 1})
        check_plan(plan.steps, {step["n"] for step in state["plan"]})
        get_stream_writer()({"kind": "plan", "plan": plan.to_dict()})
        update = {
            "plan": state["plan"] + [step.to_dict() for step in plan.steps],
            "reading": plan.reading or state["reading"],
            "assumptions": state["assumptions"] + list(plan.assumptions),
            "rounds": state["rounds"] + 1,
        }
        return Command(goto="gate", update=update)

    def gate(self, state: State) -> Command[Literal["plan", "run", "write"]]:
        """Number what was run, then let the next steps through or end the run."""
        records, figures = number_outcomes(state["fresh"], len(state["figures"]))
        known = {**records_of(state), **records}
        pending = [step for step in pending_steps(state) if step.n not in records]
        admission = admit_steps(
            pending,
            known,
            executor=self._wiring.executor,
            limits=self._wiring.limits,
            seconds=self._wiring.clock() - state["started"],
        )
        ended = {**records, **admission.ended}
        writer = get_stream_writer()
        for record in ended.values():
            own = [figures[i] for i in record.figures]
            self._wiring.recorder.append(state.get("run", ""), record, own)
            writer({"kind": "step-end", "record": record.to_dict()})
        update: JsonDict = {
            "fresh": None,
            "records": {str(n): record.to_dict() for n, record in ended.items()},
            "figures": {i: figure.to_dict() for i, figure in figures.items()},
            "stopped": admission.stopped,
        }
        if any(r.ended_as for r in records.values()):
            return Command(goto="write", update=update)
        if not admission.ready:
            return Command(goto="write" if admission.stopped else "plan", update=update)
        shared = {"figures": {**state["figures"], **update["figures"]}, "started": state["started"]}
        sends = [Send("run", {"call": call, **shared}) for call in admission.ready]
        return Command(goto=sends, update=update)

    def run(self, state: Task) -> JsonDict:
        """Run one tool call; whatever it does, an outcome comes back."""
        raw, writer, began = state["call"], get_stream_writer(), time.perf_counter()
        writer({"kind": "step-start", "step": Step.model_validate(_as_step(raw)).to_dict()})
        call = self._call(state, writer)
        record: JsonDict = {**raw, "status": "done", "outputs": {}}
        figures: list[JsonDict] = []
        try:
            outcome = self._wiring.executor.run(call)
            record |= _digest_of(outcome.result, cached=outcome.cached)
            figures = [figure.to_dict() for figure in outcome.result.figures]
        except GraphBubbleUp:
            raise
        except EoAgentError as error:
            record |= _failure(error)
        except Exception as error:  # noqa: BLE001 - a named boundary: one bad tool must not end the run
            _log.exception("tool %s failed in a way it must not", call.tool)
            record |= _failure(
                InternalError(
                    f"{call.tool} failed unexpectedly: {type(error).__name__}",
                    hint="please report this; the log has the details",
                )
            )
        record["seconds"] = time.perf_counter() - began
        return {"fresh": [{"record": record, "figures": figures}]}

    def write(self, state: State) -> JsonDict:
        """Ask the planner for the answer's text."""
        view = view_of(state, self._wiring.executor.names())
        return {"draft": self._wiring.planner.write(view).to_dict()}

    def check(self, state: State) -> Command[Literal["write", "__end__"]]:
        """Hold the draft to the evidence; send it back once, then mark what still stands."""
        checked = check_draft(state)
        if checked.complaint and state["rewrites"] < 1:
            update = {"rewrites": 1, "complaint": checked.complaint}
            return Command(goto="write", update=update)
        answer = finish(
            state,
            checked,
            planner=self._wiring.planner.name,
            versions=self._wiring.versions,
            seconds=self._wiring.clock() - state["started"],
        )
        return Command(
            goto="__end__", update={"answer": answer.model_dump(mode="json", by_alias=True)}
        )

    def _call(self, task: Task, writer: Callable[[Any], None]) -> Call:
        raw, clock = task["call"], self._wiring.clock

        def progress(done: float, what: str) -> None:
            writer({"kind": "step-progress", "n": raw["n"], "done": done, "what": what})

        return Call(
            n=raw["n"],
            tool=raw["tool"],
            arguments=raw["arguments"],
            each=raw["each"],
            figures=figures_of({"figures": task["figures"]}),
            deadline=_Deadline(ends=task["started"] + self._wiring.limits.max_seconds, clock=clock),
            progress=progress,
        )


def _as_step(raw: JsonDict) -> JsonDict:
    return {key: raw[key] for key in ("n", "tool", "arguments", "each", "why")}


def _digest_of(result: ToolResult, *, cached: bool) -> JsonDict:
    return {
        "status": "cached" if cached else "done",
        "artifacts": list(dict.fromkeys(a.handle for a in result.artifacts.values())),
        "outputs": {name: artifact.handle for name, artifact in result.artifacts.items()},
        "previews": {
            a.handle: shorten_preview({"title": a.title, **a.preview})
            for a in result.artifacts.values()
        },
        "assumptions": list(result.assumptions),
        "warnings": list(result.warnings),
        "ended_as": result.ended_as,
        "message": result.message,
    }


def _failure(error: EoAgentError) -> JsonDict:
    problem = {"kind": error.kind, "message": str(error), "hint": error.hint}
    command = getattr(error, "command", "")
    if command:
        problem["command"] = command
    return {"status": "failed", "error": problem}
