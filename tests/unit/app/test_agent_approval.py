"""What takes more than the settings let pass is asked about before it runs."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from eoagent import Agent
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings


@pytest.fixture
def scene(tmp_path, servers):
    """A raster of 40 kB as it is read, behind a web server on this machine."""
    path = tmp_path / "scene.tif"
    profile = {"driver": "GTiff", "width": 100, "height": 100, "count": 2, "dtype": "uint16"}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    with rasterio.open(path, "w", **profile, **place) as file:
        file.write(np.arange(20_000, dtype=np.uint16).reshape(2, 100, 100))
        file.descriptions = ("red", "nir")
    with servers.Server(path.read_bytes()) as server:
        yield server.url()


def _ask(scene, home, *, settings=None, **given):
    steps = (
        Step(n=1, tool="open_image", arguments={"hrefs": [scene]}),
        Step(n=2, tool="spectral_index", arguments={"raster": "$1", "index": "ndvi"}),
        Step(n=3, tool="zonal_stats", arguments={"raster": "$2", "statistics": ["mean"]}),
    )
    planner = ScriptedPlanner(
        [Plan(steps=steps)],
        lambda view: Draft(text="Done.", results=tuple(f.id for f in view.figures)),
    )
    settings = settings or Settings(approve_bytes=1000)
    return Agent(planner, home=home, settings=settings).ask("?", images=[scene], **given)


def test_nothing_is_approved_by_itself(scene, tmp_path):
    answer = _ask(scene, tmp_path / "home")
    assert [step.status for step in answer.steps] == ["done", "failed", "skipped"]
    error = answer.steps[1].error
    assert error["kind"] == "BudgetExceeded"
    assert "not approved: at most 40 kB to read, more than 1 kB" in error["message"]


def test_whoever_is_asked_sees_the_price_and_one_yes_covers_the_plan(scene, tmp_path):
    asked = []

    def approve(approval):
        asked.append(approval)
        return True

    answer = _ask(scene, tmp_path / "home", approve=approve)
    (one,) = asked
    assert one.price.bytes == 40_000
    assert one.tools == ("spectral_index",)
    assert answer.status == "answered"


@pytest.mark.parametrize("given", [{"approve": True}, {"settings": Settings(approve_bytes=10**6)}])
def test_a_yes_beforehand_or_a_higher_limit_asks_nobody(scene, tmp_path, given):
    assert _ask(scene, tmp_path / "home", **given).status == "answered"


def test_a_no_in_a_conversation_leaves_it_usable(scene, tmp_path):
    first = _ask(scene, tmp_path / "home", thread="t", approve=lambda _approval: False)
    assert first.steps[1].status == "failed"
    assert _ask(scene, tmp_path / "home", thread="t", approve=True).status == "answered"


def test_an_approval_that_breaks_off_leaves_the_conversation_usable(scene, tmp_path):
    def leave(_approval):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _ask(scene, tmp_path / "home", thread="t", approve=leave)
    assert _ask(scene, tmp_path / "home", thread="t", approve=True).status == "answered"


def test_a_folder_that_was_named_is_written_to_without_a_question_and_nothing_is_sent(tmp_path):
    from eoagent.contracts.price import Price
    from eoagent.planner.approval import Policy, needs_approval

    policy = Policy(may_write=True)
    assert needs_approval(Price(outward=("export writes 'a.tif'",)), policy) == ""
    assert "mail sends" in needs_approval(Price(outward=("mail sends to 'x'",)), policy)
    assert needs_approval(Price(outward=("export writes 'a.tif'",)), Policy())
