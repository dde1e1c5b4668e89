"""An area of interest narrows a search of a catalog, and is never passed over."""

from __future__ import annotations

import json

import pytest

from eoagent.io.sampleworld.world import write_world


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, size=180)
    return folder / "catalog.json"


@pytest.fixture
def box_of(catalog):
    """The box of the scenes, moved by some degrees."""
    items = (json.loads(path.read_text()) for path in catalog.parent.rglob("ostavia-s2-*.json"))
    bbox = next(item["bbox"] for item in items)
    return lambda by: [side + by for side in bbox]


def _outline(path, box):
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    path.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": geometry}))
    return path


def test_scenes_are_counted_inside_a_box(agent, catalog, box_of):
    everywhere = agent.ask("How many scenes are there in 2023?", catalog=catalog)
    box = ",".join(map(str, box_of(0.0)))
    inside = agent.ask("How many scenes are there in 2023?", catalog=catalog, aoi=box)
    assert inside.results[0].value == everywhere.results[0].value > 0
    far = ",".join(map(str, box_of(5.0)))
    nowhere = agent.ask("How many scenes are there in 2023?", catalog=catalog, aoi=far)
    assert nowhere.status == "cannot_answer"
    assert "no scene" in nowhere.text


def test_an_outline_narrows_a_search_as_a_box_does(agent, catalog, box_of, tmp_path):
    near, far = (_outline(tmp_path / f"{by}.geojson", box_of(by)) for by in (0.0, 5.0))
    found = agent.ask("How many scenes are there in 2023?", catalog=catalog, aoi=near)
    assert found.status == "answered", found.text
    missed = agent.ask("How many scenes are there in 2023?", catalog=catalog, aoi=far)
    assert missed.status == "cannot_answer"


def test_an_area_that_a_question_about_an_image_would_not_use_is_asked_about(
    agent, scene, tmp_path
):
    question = "How much of it is water?"
    box = agent.ask(question, images=[scene], aoi="12,45,13,46")
    assert box.status == "clarify"
    assert "--features" in box.text
    outline = _outline(tmp_path / "area.geojson", [12, 45, 13, 46])
    file = agent.ask(question, images=[scene], aoi=outline)
    assert file.status == "clarify"
    assert "area" in file.text
