"""Steps and items side by side in whole runs: as many as the settings say, and the same figures."""

from __future__ import annotations

import json
import threading

import pytest

from eoagent import Agent
from eoagent.contracts.artifact import TableRef
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.contracts.tool import Arguments, FunctionTool, Output, ToolCard, ToolResult
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings

CHAIN = (
    Step(n=1, tool="list_scenes"),
    Step(n=2, tool="open_image", arguments={"hrefs": ["$item.href"]}, each="$1"),
    Step(n=3, tool="threshold", arguments={"raster": "$item.raster", "rule": "water"}, each="$2"),
    Step(
        n=4,
        tool="measure",
        arguments={"target": "$item.mask", "quantities": ["area", "share"]},
        each="$3",
    ),
)


class Nothing(Arguments):
    """Arguments of a tool that needs none."""

    name: str = ""
    """Makes two calls differ."""


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_a_question_is_answered_however_few_steps_may_run_at_once(tmp_path, scene, at_once):
    agent = Agent("offline", home=tmp_path / "home", settings=Settings(max_parallel=at_once))
    assert agent.ask("How much of it is water?", images=[scene]).status == "answered"


def test_two_steps_do_run_at_once_where_two_may(tmp_path):
    both = threading.Barrier(2)

    def meet(_arguments, _services):
        both.wait(30)
        draft = FigureDraft(name="one", value=1, unit="count", label="one", method="met")
        return ToolResult(figures=(draft,))

    tool = FunctionTool(
        card=ToolCard(name="meet", summary="Meets.", cacheable=False),
        arguments=Nothing,
        function=meet,
    )
    steps = tuple(Step(n=n, tool="meet", arguments={"name": str(n)}) for n in (1, 2))
    planner = ScriptedPlanner([Plan(steps=steps)], Draft(text="{f1} and {f2}", results=("f1",)))
    agent = Agent(planner, tools=[tool], home=tmp_path / "home", settings=Settings(max_parallel=2))
    assert agent.ask("Do they meet?").status == "answered"


def _lister(scenes):
    """Return a tool that lists scenes, by name and place."""

    def listed(_arguments, services):
        file = services.store.scratch(".json")
        rows = [[path.stem, str(path)] for path in scenes]
        file.write_text(json.dumps({"columns": ["item", "href"], "rows": rows}))
        ref = TableRef(path="", columns=("item", "href"), rows=len(rows), label="scenes")
        table = services.store.put(
            "table", title="scenes", payload=ref.to_dict(), preview={}, file=file
        )
        return ToolResult(artifacts={"table": table})

    card = ToolCard(
        name="list_scenes",
        summary="Lists.",
        outputs=(Output(name="table", kind="table", about="scenes"),),
        cacheable=False,
    )
    return FunctionTool(card=card, arguments=Nothing, function=listed)


def _water_of_each(home, scenes, at_once):
    """Return the table of areas and shares, and the progress that was reported."""
    settings = Settings(max_parallel=at_once)
    store = Agent(home=home, settings=settings).workshop.store
    planner = ScriptedPlanner([Plan(steps=CHAIN)], Draft(text="{f3} scenes", results=("f3",)))
    agent = Agent(planner, tools=[_lister(scenes)], home=home, settings=settings)
    events = list(agent.stream("How much water is in each?", images=scenes, use_cache=False))
    answer = events[-1].data
    assert answer.status == "answered", [step.error for step in answer.steps]
    made = TableRef.model_validate(store.get(answer.steps[-1].artifacts[0]).payload)
    content = json.loads(store.locate(made.path).read_text(encoding="utf-8"))
    said = [event.data[1] for event in events if event.kind == "step-progress"]
    return content, said


def test_items_at_once_give_the_same_table_as_one_after_the_other(tmp_path, write_scene):
    water = [5, 20, 35, 50]
    scenes = [write_scene(tmp_path / f"s{n}.tif", water=n) for n in water]
    alone, _ = _water_of_each(tmp_path / "alone", scenes, 1)
    together, said = _water_of_each(tmp_path / "together", scenes, 4)
    assert together == alone
    assert [row[0] for row in together["rows"]] == ["s5", "s20", "s35", "s50"]
    share = together["columns"].index("share")
    assert [row[share] for row in together["rows"]] == pytest.approx(
        [100 * n / 60 for n in water], rel=1e-3
    )
    assert sum(what.startswith("threshold: s") for what in said) == 4
