"""Tools by themselves, and the toolbox that runs them."""

from __future__ import annotations

import threading

import pytest
from pydantic import Field

from eoagent import Agent
from eoagent.app.bench import run_tool, tool_cards, tool_schema
from eoagent.app.request import Request
from eoagent.contracts.errors import BudgetExceeded, InputError, NotFound
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.planner import Limits
from eoagent.contracts.tool import Arguments, FunctionTool, Output, ToolCard, ToolResult
from eoagent.io.origin import OriginGuard
from eoagent.planner.execution import Call
from eoagent.settings import Settings


class Square(Arguments):
    """Arguments of `square`."""

    value: float = Field(ge=0)
    """What is squared."""


class Counting:
    """A tool that counts how often it runs."""

    def __init__(self, *, cacheable: bool = True) -> None:
        self.ran = 0
        self.tool = FunctionTool(
            card=ToolCard(
                name="square",
                summary="The square of a number.",
                outputs=(Output(name="square", kind="figure", about="the square, 1"),),
                cacheable=cacheable,
            ),
            arguments=Square,
            function=self._run,
        )

    def _run(self, arguments, services):
        services.deadline.check()
        self.ran += 1
        draft = FigureDraft(
            name="square", value=arguments.value**2, unit="1", label="square", method="multiplied"
        )
        return ToolResult(figures=(draft,))


class Patient:
    """A deadline that never comes."""

    remaining_s = 1e9

    def check(self):
        pass


def _call(**arguments):
    return Call(
        n=1,
        tool="square",
        arguments=arguments,
        each=None,
        figures={},
        deadline=Patient(),
        progress=lambda _share, _what: None,
    )


@pytest.fixture
def counting():
    return Counting()


@pytest.fixture
def toolbox(tmp_path, counting):
    agent = Agent(home=tmp_path / "home", tools=[counting.tool], settings=Settings())
    return agent.toolbox(Request(question="q?"), OriginGuard(), Limits())


def test_an_equal_call_is_answered_from_the_first(toolbox, counting):
    first, second = toolbox.run(_call(value=3)), toolbox.run(_call(value=3.0))
    assert (first.cached, second.cached) == (False, True)
    assert first.result == second.result
    assert counting.ran == 1
    assert not toolbox.run(_call(value=4)).cached


def test_a_call_that_is_not_cacheable_runs_each_time(tmp_path):
    counting = Counting(cacheable=False)
    agent = Agent(home=tmp_path / "home", tools=[counting.tool], settings=Settings())
    toolbox = agent.toolbox(Request(question="q?"), OriginGuard(), Limits())
    assert not toolbox.run(_call(value=3)).cached
    assert not toolbox.run(_call(value=3)).cached
    assert counting.ran == 2


def test_a_request_without_cache_runs_each_time(tmp_path, counting):
    agent = Agent(home=tmp_path / "home", tools=[counting.tool], settings=Settings())
    toolbox = agent.toolbox(Request(question="q?", use_cache=False), OriginGuard(), Limits())
    assert not toolbox.run(_call(value=3)).cached
    assert not toolbox.run(_call(value=3)).cached


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "'value' is missing"),
        ({"value": 1, "speed": 2}, "'speed' is not an argument"),
        ({"value": -1}, "greater than or equal to 0 (given -1)"),
        ({"value": "x"}, "'value': Input should be a valid number"),
        ({"value": float("nan")}, "not finite"),
        ({"value": "x" * 200_000}, "at most 100000 fit"),
        ({"value": ["https://h.example/?sig=SECRET"]}, "https://h.example/?..."),
    ],
)
def test_arguments_that_do_not_fit_are_named_with_what_would(toolbox, arguments, said):
    with pytest.raises(InputError) as error:
        toolbox.check("square", arguments)
    assert said in str(error.value)
    assert "SECRET" not in error.value.explain()
    assert error.value.hint


def test_a_tool_of_ones_own_stands_beside_the_installed_ones(toolbox):
    assert {"square", "open_image"} <= set(toolbox.names())
    assert toolbox.tool("square").card.name == "square"
    with pytest.raises(NotFound, match="no tool 'cube'") as error:
        toolbox.tool("cube")
    assert "square" in error.value.hint


def test_a_toolbox_may_be_used_by_threads(toolbox, counting):
    problems = []

    def work(value):
        try:
            assert toolbox.run(_call(value=value)).result.figures[0].value == value**2
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            problems.append(error)

    workers = [threading.Thread(target=work, args=(float(n % 4),)) for n in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert problems == []
    assert 4 <= counting.ran <= 16


def test_cards_and_schemas_are_had_without_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("EOAGENT_HOME", str(tmp_path / "home"))
    names = [card.name for card in tool_cards()]
    assert names == sorted(names)
    schema = tool_schema("threshold")
    assert schema["card"]["name"] == "threshold"
    assert "raster" in schema["arguments"]["properties"]


def test_a_tool_runs_by_itself_and_trusts_the_places_named(tmp_path, scene, counting):
    result = run_tool("open_image", {"hrefs": [str(scene)]}, home=tmp_path / "home")
    assert result.artifacts["raster"].payload["bands"][0]["name"] == "blue"
    own = run_tool("square", {"value": 3}, home=tmp_path / "home", tools=[counting.tool])
    assert own.figures[0].value == 9


def test_a_tool_by_itself_keeps_to_the_time_of_the_settings(tmp_path, counting, monkeypatch):
    monkeypatch.setenv("EOAGENT_MAX_SECONDS", "1e-9")
    with pytest.raises(BudgetExceeded, match="time limit"):
        run_tool("square", {"value": 3}, home=tmp_path / "home", tools=[counting.tool])
