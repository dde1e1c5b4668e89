"""What planner, graph, ledger and checkpoints cost around the tools themselves.

Run as `overhead.py SCENE --runs N`; it prints the seconds of each run as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from typing import Any

from eoagent import Agent
from eoagent.app.answer import Answer
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft, View
from eoagent.contracts.tool import Arguments, FunctionTool, Services, ToolCard, ToolResult
from eoagent.planner.scripted import ScriptedPlanner

__all__ = ["offline_runs", "scripted_runs"]

_QUESTION = "How much of it is water?"


class Nothing(Arguments):
    """Arguments of the tool that does nothing."""


def _one(arguments: Nothing, services: Services) -> ToolResult:
    del arguments, services
    figure = FigureDraft(name="one", value=1, unit="count", label="one", method="none")
    return ToolResult(figures=(figure,))


NOTHING = FunctionTool(
    card=ToolCard(name="nothing", summary="Does nothing.", cacheable=False),
    arguments=Nothing,
    function=_one,
)


def scripted_runs(home: str, runs: int) -> dict[str, list[float]]:
    """Return the seconds of one-step questions, and of the same step called by hand."""

    def plan(view: View) -> Plan:
        return Plan() if view.steps else Plan(steps=(Step(n=1, tool="nothing"),))

    planner = ScriptedPlanner(plan, Draft(text="It is {f1}.", results=("f1",)))
    agent = Agent(planner, tools=[NOTHING], home=home)
    return {"ours": _over_tools(agent, "How many?", runs), "by_hand": _called(runs)}


def offline_runs(home: str, scene: str, runs: int) -> dict[str, list[float]]:
    """Return the seconds of a question about a scene beyond those of its tools."""
    agent = Agent("offline", home=home)
    return {"ours": _over_tools(agent, _QUESTION, runs, images=[scene], use_cache=False)}


def _over_tools(agent: Agent, question: str, runs: int, **given: Any) -> list[float]:
    spent = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        answer: Answer = agent.ask(question, **given)
        whole = time.perf_counter() - began
        if answer.status != "answered":
            raise RuntimeError(f"{answer.status}: {answer.text}")
        spent.append(whole - sum(step.seconds for step in answer.steps))
    return spent[1:]  # the first one also imports the tools


def _called(runs: int) -> list[float]:
    spent = []
    for _ in range(runs):
        began = time.perf_counter()
        Nothing.model_validate({})
        _one(Nothing(), None)  # type: ignore[arg-type]  # it asks for nothing
        spent.append(time.perf_counter() - began)
    return spent


def main() -> None:
    """Measure both planners."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene")
    parser.add_argument("--runs", type=int, default=25)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        found = {
            "scripted": scripted_runs(f"{home}/scripted", asked.runs),
            "offline": offline_runs(f"{home}/offline", asked.scene, asked.runs),
        }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
