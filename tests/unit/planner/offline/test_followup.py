"""Short questions that change one thing of the question before them."""

from __future__ import annotations

import pytest

from eoagent.contracts.planner import Exchange, View
from eoagent.planner.offline.followup import understood


def _read(before, question, status="answered"):
    history = (Exchange(question="What is the mean NDVI?", status="answered", text=""),)
    if before:
        history += (Exchange(question=before, status=status, text=""),)
    return understood(View(question=question, history=history if before else ())).question


@pytest.mark.parametrize(
    ("before", "question", "meant"),
    [
        ("How much water is there?", "And vegetation?", "How much vegetation is there?"),
        ("How much water is there?", "what about the vegetation", "How much vegetation is there?"),
        ("What is the mean NDVI?", "How about NDWI?", "What is the mean NDWI?"),
        (
            "How much water was in the Pucallpa scene of 1985 (MNDWI above 0)?",
            "and in 2020?",
            "How much water was in the Pucallpa scene of 2020 (MNDWI above 0)?",
        ),
        (
            "Mean NDVI on 1 December 2018?",
            "And on 5 January 2019?",
            "Mean NDVI on 5 January 2019?",
        ),
        ("这景影像中有多少水体？", "那植被呢？", "这景影像中有多少植被？"),
        (
            "2019年4月意大利的水面有多大？",
            "那 2020 年 5 月呢？",
            "2020 年 5 月意大利的水面有多大？",
        ),
    ],
)
def test_one_thing_is_changed_and_the_rest_stays(before, question, meant):
    assert _read(before, question) == meant


@pytest.mark.parametrize(
    ("before", "question"),
    [
        ("How much water is there?", "What is the mean NDVI?"),
        ("How much water is there?", "and how many cars?"),
        ("How much water is there?", "and in 2020?"),
        ("How much water is there?", "vegetation?"),
        ("Which has more, water or vegetation?", "and snow?"),
        ("How much water is there?", "and?"),
        ("", "and vegetation?"),
    ],
)
def test_a_question_that_says_more_or_fits_no_one_place_is_left_as_it_is(before, question):
    assert _read(before, question) == question


def test_a_reply_to_a_question_back_is_no_change_of_it():
    assert _read("How much water is there?", "and vegetation?", "clarify") == "and vegetation?"
