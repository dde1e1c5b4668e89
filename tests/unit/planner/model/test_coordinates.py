"""Coordinates that a model may use are the user's or measured, and no others."""

from __future__ import annotations

import pytest

from eoagent.contracts.figure import Figure
from eoagent.contracts.planner import Exchange, Input, View
from eoagent.planner.model.coordinates import coordinates_of, invented


def _asked(question="", **more):
    return coordinates_of(View(question=question, **more))


def _figure(value, unit="deg"):
    return Figure(name="lon", value=value, unit=unit, label="centre", method="m", id="f1", step=1)


@pytest.mark.parametrize(
    ("question", "box"),
    [
        ("Scenes within 12, 45, 13.5, 46?", [12, 45, 13.5, 46]),
        ("Scenes in 74.45 W, 8.6 S to 74.1 W, 8.2 S?", [-74.45, -8.6, -74.1, -8.2]),
        ("Which scene covers 43.59 N, 4.52 E?", [4.52, 43.59]),
        ("At 12°30' E, 45°15'36\" N?", [12.5, 45.26]),
        ("北纬45度30分，东经12度的影像？", [12, 45.5]),
    ],
)
def test_what_the_user_wrote_may_be_used(question, box):
    assert invented({"bbox": box}, {"bbox"}, _asked(question)) is None


def test_what_came_with_the_question_or_was_said_before_may_be_used():
    box = {"bbox": [12, 45, 13, 46]}
    aoi = Input(kind="aoi", href="12,45,13,46")
    before = Exchange(question="Scenes in 12,45,13,46?", status="answered", text="")
    given = Exchange(question="?", status="answered", text="", inputs=("aoi 12,45,13,46",))
    assert invented(box, {"bbox"}, _asked(inputs=(aoi,))) is None
    assert invented(box, {"bbox"}, _asked(history=(before,))) is None
    assert invented(box, {"bbox"}, _asked(history=(given,))) is None


def test_measured_longitudes_may_be_used_as_they_are_shown():
    known = _asked(figures=(_figure(13.3542588),))
    assert invented({"near": [13.35426, 13.35426]}, {"near"}, known) is None
    assert invented({"near": [13.354, 13.354]}, {"near"}, known) is not None


@pytest.mark.parametrize("number", [6.6, -112.9, 1e-5, 1e30])
def test_what_nobody_gave_is_named_and_refused(number):
    problem = invented({"bbox": [12, number]}, {"bbox"}, _asked("Within 12 km of Italy?"))
    assert problem["message"].startswith(f"`bbox` holds {number:g}")
    assert "find the place by its name" in problem["hint"]


def test_figures_in_other_units_are_no_coordinates():
    assert invented({"point": [7.5]}, {"point"}, _asked(figures=(_figure(7.5, "m"),)))


@pytest.mark.parametrize("value", [None, "$1", "$1.lon", ["$1.lon", "$1.lat"], [], True])
def test_references_and_what_is_no_number_are_left_to_the_tool(value):
    assert invented({"bbox": value}, {"bbox"}, frozenset()) is None


def test_other_arguments_may_hold_any_number():
    assert invented({"value": 0.3, "bands": [1, 2]}, {"bbox"}, frozenset()) is None
