"""Implicit questions about pictures: each kind has its plan, and the model gets the very words."""

from __future__ import annotations

import pytest

from eoagent.contracts.planner import Input, View
from eoagent.planner.offline.offline_planner import OfflinePlanner
from eoagent.planner.offline.reasonchinese import reason_in_chinese
from eoagent.planner.offline.reasonphrases import reason_in_english, stop_words

_PAIR = "reason(raster=$2, before=$1, want=answer"


def _compared(cover, first):
    """Return the steps that compare a cover of two images, the first of them with a number."""
    return (
        f"threshold(raster=$1, rule={cover}); threshold(raster=$2, rule={cover}); "
        f"compare(first=${first}, second=${first + 1})"
    )


_PLANS = {
    ("Where would rescue boats best land?", "shot1"): "reason(raster=$1)",
    ("哪里适合停船？", "shot1"): "reason(raster=$1)",
    ("If the river rises, which buildings would be cut off?", "shot1"): "reason(raster=$1)",
    ("Find where trucks unload", "shot1"): "reason(raster=$1)",
    ("Why is the field brown?", "shot1"): "reason(raster=$1, want=answer)",
    ("Where could people shelter from a flood?", "flat1"): "reason(raster=$1)",
    ("From all bands, what crop grows here?", "aerial"): (
        "reason(raster=$1, want=answer, pictures=spectral)"
    ),
    ("What changed between the two images?", "shot1+shot2"): f"{_PAIR})",
    ("What changed between the two images?", "before+after"): (
        f"{_compared('vegetation', 3)}; {_compared('water', 6)}; "
        f"{_PAIR}, measured=$5.gained+$5.lost+$8.gained+$8.lost)"
    ),
    ("What changed in the forest, in words?", "before+after"): (
        f"{_compared('vegetation', 3)}; {_PAIR}, measured=$5.gained+$5.lost)"
    ),
    ("What changed in the forest, in words?", "shot1+shot2"): (
        "segment(raster=$1, phrase=forest); segment(raster=$2, phrase=forest); "
        f"compare(first=$3, second=$4); {_PAIR}, measured=$5.gained+$5.lost)"
    ),
    ("Why did the lake shrink between the two images?", "before+after"): (
        f"{_compared('water', 3)}; {_PAIR}, measured=$5.gained+$5.lost)"
    ),
}


@pytest.mark.parametrize(("question", "given"), _PLANS)
def test_each_kind_of_question_has_its_plan(decide, question, given):
    decision = decide(question, given)
    assert (decision.kind, decision.text) == ("plan", _PLANS[question, given]), decision.message


@pytest.mark.parametrize(
    "question",
    ["Hello, could you tell me where a helicopter  could land,\nplease?", "请问哪里适合停船？"],
)
def test_the_model_gets_the_question_as_it_was_put(first_plan, question):
    (step,) = first_plan(question, ["shot1"]).steps
    assert step.arguments["question"] == " ".join(question.split())


@pytest.mark.parametrize(
    "question",
    [
        "How many ships are there?",
        "Where are the swimming pools?",
        "What area is water?",
        "What is the mean NDVI?",
        "Which area would be water?",
        "Is there an airport?",
        "Describe the image",
        "图中有多少艘船？",
    ],
)
def test_what_is_measured_is_never_given_to_a_model_that_reasons(decide, question):
    assert "reason(" not in decide(question, "aerial").text


def test_a_word_of_what_no_picture_shows_keeps_a_question_away():
    assert reason_in_english("Where could the boats land?") is not None
    for word in (word for word in stop_words() if word.isascii()):
        assert reason_in_english(f"Where could the {word} boats land?") is None, word


def test_a_chinese_word_of_what_no_picture_shows_keeps_a_question_away():
    assert reason_in_chinese("哪里适合停船？") is not None
    for word in (word for word in stop_words() if not word.isascii()):
        assert reason_in_chinese(f"{word}哪里适合停船？") is None, word


def test_names_digits_and_second_sentences_keep_a_question_away():
    for said in ("Where could Anna land?", "Where could 3 boats land?", "Where could it be? Why?"):
        assert reason_in_english(said) is None, said
    assert reason_in_english(f"Where could boats land {'and land ' * 40}?") is None
    assert reason_in_chinese(f"哪里适合{'停' * 100}？") is None


def test_without_a_picture_it_asks_which_one_and_a_catalog_is_left_to_others():
    question = "Where would rescue boats best land?"
    (step,) = OfflinePlanner().plan(View(question=question)).steps
    assert (step.tool, "Which image is meant?" in str(step.arguments)) == ("ask_user", True)
    given = (Input(kind="catalog", href="catalog"),)
    steps = OfflinePlanner().plan(View(question=question, inputs=given)).steps
    assert [step.tool for step in steps] == ["cannot_answer"]


def test_bands_that_an_image_lacks_are_named(decide):
    decision = decide("Using the infrared pictures, why is the field brown?", "shot1")
    assert decision.kind == "refuse"
    assert "only the bands red, green, blue" in decision.message
