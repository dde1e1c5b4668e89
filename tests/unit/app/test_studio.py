"""The graph as LangGraph Studio loads it: by the path in `langgraph.json`, with its own saver."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from langgraph.checkpoint.memory import InMemorySaver

from eoagent import Agent
from eoagent.app.studio import graph_of
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft, Limits
from eoagent.planner.graph import recursion_limit
from eoagent.planner.scripted import ScriptedPlanner

ROOT = Path(__file__).parents[3]


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "scene.tif"
    profile = {"driver": "GTiff", "width": 40, "height": 30, "count": 2, "dtype": "uint16"}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    with rasterio.open(path, "w", **profile, **place) as file:
        bands = np.full((2, 30, 40), 1000, np.uint16)
        bands[1, :, :10] = 3000
        file.write(bands)
        file.descriptions = ("red", "nir")
    return path


def _config(thread):
    limit = recursion_limit(Limits())
    return {"configurable": {"thread_id": thread}, "recursion_limit": limit}


def test_the_file_names_a_graph_without_a_saver_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("EOAGENT_HOME", str(tmp_path / "home"))
    named = json.loads((ROOT / "langgraph.json").read_text())["graphs"]["eoagent"]
    path, _, name = named.partition(":")
    spec = importlib.util.spec_from_file_location("studio", ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    graph = getattr(module, name)()
    assert graph.checkpointer is None
    assert {"plan", "gate", "approve", "run", "write", "check"} <= set(graph.nodes)


def test_a_question_is_answered_and_its_evidence_kept(scene, tmp_path):
    agent = Agent(home=tmp_path / "home")
    graph = graph_of(agent)
    graph.checkpointer = InMemorySaver()
    asked = {
        "question": "Where NDVI is above 0.2, what is the area in hectares?",
        "inputs": [{"kind": "image", "href": str(scene)}],
    }
    state = graph.invoke(asked, _config("t"))
    assert state["answer"]["status"] == "answered"
    assert "3.00 ± 0.15 ha" in state["answer"]["text"]
    run = agent.workshop.ledger.get_run(state["answer"]["run"])
    assert run.summary.status == "answered"
    assert run.answer["results"][0]["value"] == pytest.approx(30_000, rel=2e-3)
    again = graph.invoke({"question": "And what is the mean NDVI?"}, _config("t"))
    assert again["history"][0]["question"] == asked["question"]


def test_a_place_that_nobody_named_is_refused(scene, tmp_path):
    other = tmp_path / "other.tif"
    other.write_bytes(scene.read_bytes())
    step = Step(n=1, tool="open_image", arguments={"hrefs": [str(other)]})
    planner = ScriptedPlanner([Plan(steps=(step,))], Draft(text="Done."))
    agent = Agent(planner, home=tmp_path / "home")
    graph = graph_of(agent)
    graph.checkpointer = InMemorySaver()
    asked = {"question": "?", "inputs": [{"kind": "image", "href": str(scene)}]}
    state = graph.invoke(asked, _config("t"))
    assert state["records"] == {"1": "failed"}
    (call,) = agent.workshop.ledger.calls(state["answer"]["run"])
    assert "did not type" in call.record.error["message"]
