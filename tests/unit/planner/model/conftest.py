"""What the tests of the language-model planner share: a real tokenizer, tools, runs, records."""

from __future__ import annotations

import json
from pathlib import Path

import mistral_common
import pytest
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from eoagent import Agent
from eoagent.app.shelf import Shelf
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.io.sampleworld.world import write_world
from eoagent.planner.model.toolspec import spec_of


@pytest.fixture(scope="session")
def tokens():
    """Count tokens as Tekken does, the tokenizer of Mistral's models (2024-09-11)."""
    file = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
    tokenizer = Tekkenizer.from_file(file)
    return lambda text: len(tokenizer.encode(text, False, False))


@pytest.fixture(scope="session")
def tokens_of(tokens):
    """Count the tokens of messages: their texts, and the calls in them as JSON."""

    def count(messages):
        total = 0
        for message in messages:
            total += 4 + tokens(str(message.text))
            for call in getattr(message, "tool_calls", []):
                said = {"name": call["name"], "arguments": call["args"], "id": call["id"]}
                total += tokens(json.dumps(said, ensure_ascii=False))
        return total

    return count


@pytest.fixture(scope="session")
def specs():
    """Every installed tool as a model is told about it."""
    return tuple(spec_of(tool) for tool in Shelf().every())


@pytest.fixture(scope="session")
def items(tmp_path_factory):
    """Items of the sample world, the clear ones of 10 m first."""
    folder = tmp_path_factory.mktemp("world")
    world = write_world(folder, size=180)
    scenes = sorted(world.scenes, key=lambda scene: (scene.cloud_pct, scene.gsd_m, scene.href))
    return [str((folder / scene.href).with_suffix(".json")) for scene in scenes]


@pytest.fixture(scope="session")
def ten_steps(chatmodels, items, tmp_path_factory):
    """The requests and the definitions of a run of ten steps over real imagery, in six rounds."""
    calls, says = chatmodels.calls, chatmodels.says
    first, second = items[:2]
    model = chatmodels.ScriptedChat(
        script=[
            calls(("open_image", {"hrefs": [first]}), ("open_image", {"hrefs": [second]})),
            calls(
                ("threshold", {"raster": "$1", "rule": "water"}),
                ("threshold", {"raster": "$2", "rule": "water"}),
                text="I take water by its index in both.",
            ),
            calls(
                ("measure", {"target": "$3", "quantities": ["area"]}),
                ("describe_data", {"target": "$1"}),
            ),
            calls(("compare", {"before": "$3", "after": "$4"})),
            calls(
                ("regions", {"mask": "$3"}), ("spectral_index", {"raster": "$1", "index": "NDVI"})
            ),
            calls(("zonal_stats", {"raster": "$9", "zones": "$8"})),
            says("Water covers {f1}.\nRESULTS: f1"),
        ]
    )
    agent = Agent(planner=model, home=tmp_path_factory.mktemp("home"))
    answer = agent.ask("How much water is there, and what changed?", images=[first, second])
    assert answer.status == "answered"
    assert len(answer.steps) == 10
    return model, answer


@pytest.fixture
def figure():
    """Make a figure by number."""

    def make(n, step=1, **more):
        given = {"name": "area", "value": 1234567.0 + n, "unit": "m2", "error": 4321.0}
        given |= {"label": f"area of open water, part {n}", "method": "given by the test"}
        return Figure.model_validate(given | {"id": f"f{n}", "step": step} | more)

    return make


@pytest.fixture
def done():
    """Make the record of a step that has ended."""

    def make(n, **more):
        given = {"n": n, "tool": "threshold", "arguments": {"raster": "raster:0123456789ab"}}
        given |= {"references": {}, "status": "done"}
        return StepRecord.model_validate(given | more)

    return make
