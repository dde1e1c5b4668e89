"""Tools over a model that finds phrases, in runs: asked about first, run once, named in answers."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from eoagent import Agent
from eoagent.app.modelling import HomeModels
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings

SHIP = (200, 40, 40)


@pytest.fixture
def model(meaning, monkeypatch):
    """A model that takes two seconds for a phrase, as its card says."""
    one = meaning.ColourSegmenter({"ship": SHIP})
    models = meaning.OneModels(segmenter=one)
    monkeypatch.setattr(HomeModels, "segmenter", lambda self, *a, **k: models.segmenter(*a, **k))
    return one


@pytest.fixture
def ask(tmp_path):
    """Ask for what two tools find in a picture of 100 x 100 pixels with three ships."""
    pixels = np.full((3, 100, 100), 90, np.uint8)
    for row, col in ((5, 5), (50, 60), (90, 20)):
        pixels[:, row : row + 6, col : col + 9] = np.array(SHIP)[:, None, None]

    def run(*tools, gsd_m=0.5, **given):
        path = tmp_path / f"scene{gsd_m}.tif"
        place = {"crs": "EPSG:32633", "transform": Affine(gsd_m, 0, 5e5, 0, -gsd_m, 5e6)}
        shape = {"width": 100, "height": 100, "count": 3, "dtype": "uint8", "photometric": "RGB"}
        with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
            file.write(pixels)
        steps = [Step(n=1, tool="open_image", arguments={"hrefs": [str(path)]})]
        steps += [
            Step(n=n, tool=tool, arguments={"raster": "$1", **said})
            for n, (tool, said) in enumerate(tools, 2)
        ]
        planner = ScriptedPlanner(
            [Plan(steps=tuple(steps))],
            lambda view: Draft(text="Done.", results=tuple(f.id for f in view.figures)),
        )
        settings = given.pop("settings", Settings())
        with_home = Agent(planner, home=tmp_path / "home", settings=settings)
        return with_home.ask("?", images=[str(path)], **given)

    return run


SHIPS = {"classes": ["ships"]}


def test_a_plan_of_several_tools_asks_the_model_once(ask, model):
    answer = ask(("detect", SHIPS), ("count_objects", SHIPS))
    assert answer.status == "answered"
    counts = [f.value for f in answer.figures if f.name.startswith("count")]
    assert counts == [3, 3, 3]
    assert len(model.asked) == 4  # two by two tiles
    again = ask(("count_objects", SHIPS), ("segment", {"phrase": "ship in the image"}))
    assert len(model.asked) == 4
    assert any("model painted" in said for said in again.assumptions)
    assert {s.href for f in again.figures for s in f.sources} >= {"model:painted"}


def test_what_takes_long_is_asked_about_with_its_price(ask, model):
    asked = []

    def approve(approval):
        asked.append(approval)
        return False

    strict = Settings(approve_seconds=7)
    answer = ask(("detect", SHIPS), settings=strict, approve=approve)
    assert asked[0].price.seconds == 8.0
    assert answer.steps[1].error["kind"] == "BudgetExceeded"
    assert model.asked == []
    assert ask(("detect", SHIPS), settings=strict, approve=True).status == "answered"
    assert ask(("detect", SHIPS), settings=strict).status == "answered"  # it takes nothing now


def test_cars_in_coarse_pixels_fail_the_step_with_the_reason_whether_there_is_a_model(ask):
    answer = ask(("count_objects", {"classes": ["cars"]}), gsd_m=10.0)
    assert answer.steps[1].error["kind"] == "InputError"
    assert "'cars' is about 5.8 m long" in answer.steps[1].error["message"]
