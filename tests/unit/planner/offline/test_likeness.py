"""Questions about likeness: what is looked for is read out of its surroundings, or not at all."""

from __future__ import annotations

import pytest

from eoagent.contracts.plan import StepRecord
from eoagent.contracts.planner import Input, View
from eoagent.planner.offline.likeness import Sought, read_sought
from eoagent.planner.offline.offline_planner import OfflinePlanner

INDEX = Input(kind="index", href="coast")
IMAGE = Input(kind="image", href="/data/scene.tif")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "Find harbours with many ships in this area in April 2019",
            {"what": "harbours with many ships", "time": "2019-04", "in_area": True},
        ),
        ("Where are storage tanks?", {"what": "storage tanks", "is_where": True}),
        (
            "Show the ten tiles most similar to this image",
            {"by_picture": True, "count": 10, "is_alike": True, "noun": "tile"},
        ),
        (
            "Which tile of the index looks most like an airport and how much water does it have?",
            {
                "what": "an airport",
                "is_alike": True,
                "is_one": True,
                "noun": "tile",
                "measured": "how much water does it have",
            },
        ),
        (
            "What are the 5 most similar tiles to this picture?",
            {"by_picture": True, "is_alike": True, "count": 5, "noun": "tile"},
        ),
        (
            "find forest near Venice between 2018 and 2019-05",
            {"what": "forest", "place": "Venice", "time": "2018/2019-05"},
        ),
        (
            "Which places look like a quarry, not a mine, in 2020?",
            {"what": "a quarry", "unlike": ("a mine",), "time": "2020", "is_alike": True},
        ),
        (
            "find tiles with storage tanks with at most 10 % cloud",
            {"what": "storage tanks", "max_cloud_pct": 10.0, "is_alike": True},
        ),
        ("find 5 images of solar farms in the index", {"what": "solar farms", "count": 5}),
        ("show me more like this", {"by_picture": True, "is_alike": True}),
        ("储油罐在哪里？", {"what": "storage tanks", "is_where": True}),
        ("与这张图最相似的十个瓦片", {"by_picture": True, "count": 10, "is_alike": True}),
        ("找出有很多船的港口", {"what": "ships and a harbour"}),
        ("哪个瓦片最像机场？", {"what": "an airport", "is_alike": True}),
        (
            "在这个区域内找出2019年4月的港口",
            {"what": "a harbour", "in_area": True, "time": "2019-04"},
        ),
        ("寻找外星飞船", {"what": "", "is_read": False}),
    ],
)
def test_what_is_looked_for_is_read(question, expected):
    found = read_sought(question)
    assert isinstance(found, Sought)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    "question",
    [
        "How much water is there?",
        "Which scene has the most water?",
        "Find the largest lake",
        "What is the mean NDVI?",
        "How many scenes are there in April 2019?",
        "水体面积是多少？",
    ],
)
def test_other_questions_are_none_of_likeness(question):
    assert read_sought(question) is None


def plan(question, *inputs, steps=()):
    return OfflinePlanner().plan(View(question=question, inputs=inputs, steps=tuple(steps)))


def test_find_goes_to_the_index_only_where_one_came_with_the_question():
    with_index = plan("Where are storage tanks?", INDEX)
    assert [s.tool for s in with_index.steps] == ["search_tiles"]
    assert with_index.steps[0].arguments == {"index": "coast", "text": ["storage tanks"], "k": 10}
    without = plan("Where are storage tanks?", IMAGE)
    assert "search_tiles" not in [s.tool for s in without.steps]


def test_likeness_goes_to_the_index_in_any_case():
    steps = plan("Show the ten tiles most similar to this image", IMAGE).steps
    assert [s.tool for s in steps] == ["open_image", "search_tiles"]
    assert steps[1].arguments == {"like": ["$1"], "k": 10}


def test_scenes_are_looked_for_in_a_catalog_that_came_along():
    catalog = Input(kind="catalog", href="/data/catalog.json")
    both = plan("Find scenes of Venice", INDEX, catalog)
    assert "search_tiles" not in [s.tool for s in both.steps]
    tiles = plan("Find tiles with ships", INDEX, catalog)
    assert [s.tool for s in tiles.steps] == ["search_tiles"]


def test_area_time_and_place_become_arguments():
    box = Input(kind="aoi", href="12,45,14,46")
    steps = plan("find harbours with many ships in this area in April 2019", INDEX, box).steps
    assert steps[0].arguments["bbox"] == [12, 45, 14, 46]
    assert steps[0].arguments["datetime"] == "2019-04"
    file = Input(kind="aoi", href="/data/area.geojson")
    steps = plan("find harbours", INDEX, file).steps
    assert [s.tool for s in steps] == ["open_features", "search_tiles"]
    assert steps[1].arguments["aoi"] == "$1"
    steps = plan("find harbours near Venice", INDEX).steps
    assert [s.tool for s in steps] == ["find_place", "search_tiles"]
    assert steps[1].arguments["aoi"] == "$1.aoi"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Show the tiles most similar to this image", "--image"),
        ("Find harbours in this area", "--aoi"),
        ("寻找外星飞船", "英文"),
    ],
)
def test_what_is_missing_is_asked_back(question, said):
    steps = plan(question, INDEX).steps
    assert [s.tool for s in steps] == ["ask_user"]
    assert said in steps[0].arguments["question"]


def searched(**outputs):
    named = {"tiles": "tiles:0123456789ab", "count": "f1", "best_score": "f2", "list": "f3"}
    return StepRecord(
        n=1,
        tool="search_tiles",
        arguments={},
        references={},
        status="done",
        outputs={**named, "best_item": "f4", **outputs},
    )


def test_the_best_tile_is_measured_once_it_is_open():
    question = "Which tile of the index looks most like a lake and how much water does it have?"
    first = plan(question, INDEX).steps
    assert [s.tool for s in first] == ["search_tiles", "open_image"]
    assert first[0].arguments["k"] == 1
    assert first[1].arguments == {"tiles": "$1", "item": "1"}
    opened = StepRecord(
        n=2,
        tool="open_image",
        arguments={},
        references={},
        status="done",
        outputs={"raster": "raster:0123456789ab"},
        previews={
            "raster:0123456789ab": {
                "bands": ["green", "red", "nir"],
                "values": "reflectance",
                "gsd_m": [10, 10],
            }
        },
    )
    then = plan(question, INDEX, steps=[searched(), opened]).steps
    assert {"measure"} <= {s.tool for s in then}
    assert any("$2" in str(s.arguments) for s in then)


def test_the_answer_says_what_was_found_and_that_it_is_no_detection():
    view = View(
        question="Where are storage tanks?",
        inputs=(INDEX,),
        steps=(searched(best_lat="f5", best_lon="f6"),),
    )
    draft = OfflinePlanner().write(view)
    assert draft.status == "answered"
    assert draft.results == ("f1", "f5", "f6")
    assert "{f3}" in draft.text
    assert "not detections" in draft.text
    assert "latitude {f5}, longitude {f6}" in draft.text
    one = OfflinePlanner().write(
        View(question="Which tile looks most like a lake?", inputs=(INDEX,), steps=(searched(),))
    )
    assert one.results == ("f2",)
    assert "{f4}" in one.text


def test_a_missing_index_or_model_is_told_with_the_command():
    error = {
        "kind": "ModelMissing",
        "message": "the weights are not installed",
        "hint": "run: eoagent models pull x",
    }
    failed = StepRecord(
        n=1, tool="search_tiles", arguments={}, references={}, status="failed", error=error
    )
    view = View(question="Which tiles look like a lake?", steps=(failed,))
    assert OfflinePlanner().plan(view).steps == ()
    draft = OfflinePlanner().write(view)
    assert draft.status == "cannot_answer"
    assert "eoagent models pull x" in draft.text


def test_a_second_question_that_cannot_be_read_is_refused_before_anything_runs():
    steps = plan("Which tile looks most like a lake and how happy is it?", INDEX).steps
    assert [s.tool for s in steps] == ["cannot_answer"]
    assert "happy" in steps[0].arguments["reason"]


def test_other_questions_with_nothing_but_an_index_ask_for_an_image():
    steps = plan("How much water is there?", INDEX).steps
    assert [s.tool for s in steps] == ["ask_user"]
