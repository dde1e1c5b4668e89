"""The nodes of the graph: what happens between a question and its answer, one method a node."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal

from langgraph.config import get_stream_writer
from langgraph.types import Command, Send, interrupt

from eoagent.contracts.draft import Spent
from eoagent.contracts.errors import BudgetExceeded, ModelError, SourceError
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Line, Turn, View
from eoagent.contracts.price import Price
from eoagent.contracts.record import canonical_json
from eoagent.planner.answering import check_draft, finish
from eoagent.planner.approval import Approval, question_about
from eoagent.planner.budget import over_budget
from eoagent.planner.evidence import Casebook, Findings
from eoagent.planner.execution import Call
from eoagent.planner.gate import admit_steps, check_plan, refused_record
from eoagent.planner.history import carry_over
from eoagent.planner.running import WallClock, price_call, run_call
from eoagent.planner.state import State, Task, blank
from eoagent.planner.views import newest_artifacts, pending_steps, view_of
from eoagent.planner.wiring import Wiring

__all__ = ["Nodes"]

JsonDict = dict[str, Any]

_FIGURE_ID: Final = re.compile(r"f[1-9][0-9]{0,5}")


class Nodes:
    """The nodes as methods, so that they share the wiring and nothing else."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._casebook = Casebook(wiring.recorder)

    def repair(self, state: State) -> State:
        """Start a turn: drop what an interrupted turn left half done, start the clock."""
        run = self._wiring.begin(state)
        self._casebook.begin(run)
        return {**blank(self._wiring.clock()), "run": run}

    def plan(self, state: State) -> Command[Literal["plan", "gate", "write", "check"]]:
        """Ask the planner for steps, or for the answer once it has seen enough."""
        limits, rounds = self._wiring.limits, state["rounds"] + 1
        reason = self._over(state)
        if state["rounds"] >= limits.max_rounds:
            reason = f"the planner was asked {limits.max_rounds} times and did not finish"
        if reason:
            return Command(goto="write", update={"stopped": reason})
        try:
            plan = self._wiring.planner.plan(self._view(state), self._line(state))
        except BudgetExceeded as error:
            return Command(goto="write", update={"stopped": str(error), "rounds": rounds})
        except (ModelError, SourceError) as error:
            if not state["records"]:
                raise
            reason = self._wiring.redact(f"the planner failed: {error.explain()}")
            return Command(goto="write", update={"stopped": reason, "rounds": rounds})
        plan = Plan.model_validate(self._wiring.redact(plan.to_dict()))
        if plan.steps:
            check_plan(plan.steps, {step["n"] for step in state["plan"]})
            get_stream_writer()({"kind": "plan", "plan": plan.to_dict()})
        update = {
            "plan": state["plan"] + [step.to_dict() for step in plan.steps],
            "reading": plan.reading or state["reading"],
            "assumptions": state["assumptions"] + list(plan.assumptions),
            "turns": [*state["turns"], _turn(plan).to_dict()],
            "spent": _more(state, plan.spent),
            "rounds": rounds,
        }
        if plan.steps:
            return Command(goto="gate", update=update)
        if plan.draft is not None:
            return Command(goto="check", update={**update, "draft": plan.draft.to_dict()})
        return Command(goto="plan" if plan.refused or plan.loads else "write", update=update)

    def gate(self, state: State) -> Command[Literal["plan", "run", "write", "approve"]]:
        """Number what was run, then let the next steps through or end the run."""
        evidence = self._casebook.of(state.get("run", ""))
        records = evidence.number(state["fresh"], state.get("figure_base", 0))
        known = {**self._findings(state).records, **records}
        pending = [step for step in pending_steps(state) if step.n not in records]
        admission = admit_steps(
            pending,
            known,
            executor=self._wiring.executor,
            limits=self._wiring.limits,
            stopped=over_budget(state, self._wiring.limits, self._clock(state)),
        )
        ended = {**records, **admission.ended}
        writer = get_stream_writer()
        for record in ended.values():
            evidence.write(record)
            writer({"kind": "step-end", "record": record.to_dict()})
        update: JsonDict = {
            "fresh": None,
            "records": {str(n): record.status for n, record in ended.items()},
            "stopped": admission.stopped,
        }
        if any(r.ended_as for r in records.values()):
            return Command(goto="write", update=update)
        if not admission.ready:
            return Command(goto="write" if admission.stopped else "plan", update=update)
        return self._let_through(state, admission.ready, update)

    def _let_through(
        self, state: State, ready: list[JsonDict], update: JsonDict
    ) -> Command[Literal["plan", "run", "write", "approve"]]:
        """Send calls off, or first to the user where they take more than the policy lets pass."""
        tasks = [_task(call, state) for call in ready]
        prices = [price_call(self._wiring.executor, self._call(task)) for task in tasks]
        price = Price.total(prices)
        spent = Price.model_validate(state.get("paid", {}))
        reason = question_about(
            price,
            spent=spent,
            approved=Price.model_validate(state.get("approved", {})),
            policy=self._wiring.policy,
        )
        total = spent + price
        if not reason:
            sends = [Send("run", task) for task in tasks]
            return Command(goto=sends, update={**update, "paid": total.to_dict()})
        costly = [call for call, own in zip(ready, prices, strict=True) if own != Price()]
        asked = Approval(reason=reason, price=total, tools=tuple(call["tool"] for call in costly))
        waiting = {
            "calls": costly,
            "others": [call for call in ready if call not in costly],
            "approval": asked.to_dict(),
            "since": self._wiring.clock(),
        }
        return Command(goto="approve", update={**update, "waiting": waiting})

    def approve(self, state: State) -> Command[Literal["run", "gate"]]:
        """Ask the user; a no ends the calls that wait, and the time to decide does not count."""
        waiting = state["waiting"]
        asked = Approval.model_validate(waiting["approval"])
        is_approved = interrupt(asked.to_dict()) is True
        started = state["started"] + self._wiring.clock() - waiting["since"]
        update: JsonDict = {"waiting": {}, "started": started}
        calls = waiting["others"] + (waiting["calls"] if is_approved else [])
        if is_approved:
            update |= {"paid": waiting["approval"]["price"], "approved": asked.price.to_dict()}
        else:
            update["records"] = self._refuse(state, waiting["calls"], asked)
        later: State = {**state, "started": started}
        sends = [Send("run", _task(call, later)) for call in calls]
        return Command(goto=sends or "gate", update=update)

    def _refuse(self, state: State, calls: list[JsonDict], asked: Approval) -> dict[str, str]:
        """Write down calls that were not approved, and return how they ended."""
        evidence, writer = self._casebook.of(state.get("run", "")), get_stream_writer()
        for call in calls:
            record = refused_record(call, asked)
            evidence.write(record)
            writer({"kind": "step-end", "record": record.to_dict()})
        return {str(call["n"]): "failed" for call in calls}

    def run(self, state: Task) -> JsonDict:
        """Run one tool call; whatever it does, an outcome comes back."""
        raw, writer = state["call"], get_stream_writer()
        writer({"kind": "step-start", "step": Step.model_validate(_as_step(raw)).to_dict()})
        outcome = run_call(self._wiring.executor, self._call(state, writer), raw)
        outcome = self._wiring.redact(outcome)
        return {"fresh": [self._casebook.of(state["run"]).hand_in(outcome)]}

    def write(self, state: State) -> JsonDict:
        """Ask the planner for the answer's text."""
        draft = self._wiring.planner.write(self._view(state), self._line(state))
        return {"draft": self._wiring.redact(draft.to_dict()), "spent": _more(state, draft.spent)}

    def check(self, state: State) -> Command[Literal["write", "__end__"]]:
        """Hold the draft to the evidence; send it back once, then mark what still stands."""
        findings = self._findings(state)
        checked = check_draft(state, findings)
        if checked.complaint and state["rewrites"] < 1 and not self._over(state):
            update = {"rewrites": 1, "complaint": checked.complaint}
            return Command(goto="write", update=update)
        answer = finish(
            state,
            findings,
            checked,
            planner=self._wiring.planner.name,
            versions=self._wiring.versions,
            seconds=self._wiring.clock() - state["started"],
        )
        whole = answer.model_dump(mode="json", by_alias=True)
        get_stream_writer()({"kind": "answer", "answer": whole})
        self._wiring.end(answer)
        self._casebook.end(state.get("run", ""))
        brief = {key: whole[key] for key in ("run", "status", "text", "question_back")}
        kept = carry_over(state, answer, findings.figures)
        return Command(goto="__end__", update={"answer": brief, "draft": {}, **kept})

    def _over(self, state: State) -> str:
        return over_budget(state, self._wiring.limits, self._clock(state))

    def _clock(self, state: State | Task) -> WallClock:
        ends = state["started"] + self._wiring.limits.max_seconds
        return WallClock(ends=ends, clock=self._wiring.clock, is_stopped=self._wiring.is_stopped)

    def _view(self, state: State) -> View:
        names, findings = self._wiring.executor.names(), self._findings(state)
        view = view_of(state, findings, names, may_ask=not self._over(state))
        return view.model_copy(update={"sights": self._wiring.look(newest_artifacts(view))})

    def _findings(self, state: State) -> Findings:
        evidence = self._casebook.of(state.get("run", ""))
        return evidence.findings(map(int, state["records"]), state.get("earlier", {}))

    def _line(self, state: State) -> Line:
        writer = get_stream_writer()
        return Line(
            say=lambda text: writer({"kind": "token", "text": text}), deadline=self._clock(state)
        )

    def _call(self, task: Task, writer: Callable[[Any], None] = lambda _event: None) -> Call:
        raw = task["call"]

        def progress(done: float, what: str) -> None:
            writer({"kind": "step-progress", "n": raw["n"], "done": done, "what": what})

        return Call(
            n=raw["n"],
            tool=raw["tool"],
            arguments=raw["arguments"],
            each=raw["each"],
            figures=self._casebook.of(task["run"]).figures(task["earlier"]),
            deadline=self._clock(task),
            progress=progress,
        )


def _task(call: JsonDict, state: State) -> Task:
    """Return what the run node is handed; of earlier figures only those that a call may name."""
    earlier = state.get("earlier", {})
    if not call["each"]:
        named = set(_FIGURE_ID.findall(canonical_json(call["arguments"])))
        earlier = {i: figure for i, figure in earlier.items() if i in named}
    return {
        "call": call,
        "run": state.get("run", ""),
        "earlier": earlier,
        "started": state["started"],
    }


def _turn(plan: Plan) -> Turn:
    return Turn(
        said=plan.said,
        steps=tuple(step.n for step in plan.steps),
        refused=plan.refused,
        loads=plan.loads,
    )


def _more(state: State, spent: Spent) -> JsonDict:
    return (Spent.model_validate(state.get("spent", {})) + spent).to_dict()


def _as_step(raw: JsonDict) -> JsonDict:
    return {key: raw[key] for key in ("n", "tool", "arguments", "each", "why")}
