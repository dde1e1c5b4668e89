"""The judge: each rule by hand-made questions and hand-made answers."""

from __future__ import annotations

import pytest

from eoagent.app.evaluation.judging import judge
from eoagent.app.evaluation.questions import Expectation
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.figure import Figure

AREA = {"name": "water_area", "value": 30.0, "unit": "km2", "rel_tol": 0.02}
SHARE = {"name": "water_share", "value": 20.0, "unit": "percent", "abs_tol": 0.5}
NET = {"name": "net_change", "value": -25.0, "unit": "km2", "rel_tol": 0.04}


def _answer(*results, status="answered", text="Said.", question_back=""):
    figures = tuple(
        Figure(id=f"f{n}", step=1, name="x", value=value, unit=unit, label="x", method="made")
        for n, (value, unit) in enumerate(results, 1)
    )
    return AnswerRecord(
        schema="eoagent/answer/1",
        question="?",
        status=status,
        text=text,
        results=figures,
        figures=figures,
        question_back=question_back,
    )


def _judged(answer, *figures, **expect):
    whole = {"status": "answered", "figures": list(figures), **expect}
    return judge(Expectation.model_validate(whole), answer)


def _outcome(answer, *figures, **expect):
    return _judged(answer, *figures, **expect).outcome


@pytest.mark.parametrize(
    ("value", "unit", "outcome"),
    [
        (30.0, "km2", "right"),
        (30.6, "km2", "right"),
        (29.4e6, "m2", "right"),
        (3000, "ha", "right"),
        (30.61, "km2", "wrong"),
        (30.0, "m2", "wrong"),
        (30.0, "km", "wrong"),
        (-30.0, "km2", "wrong"),
    ],
)
def test_a_number_is_converted_and_held_to_its_tolerance(value, unit, outcome):
    assert _outcome(_answer((value, unit)), AREA) == outcome


@pytest.mark.parametrize(
    ("wanted", "given", "outcome"),
    [
        ({"value": 0.27, "unit": "index", "abs_tol": 0.005}, (0.272, "1"), "right"),
        ({"value": 0.27, "unit": "index", "abs_tol": 0.005}, (27.2, "percent"), "right"),
        ({"value": 0.27, "unit": "index", "abs_tol": 0.005}, (0.28, "1"), "wrong"),
        ({"value": 9, "unit": "count", "abs_tol": 0}, (9, "count"), "right"),
        ({"value": 9, "unit": "count", "abs_tol": 0}, (10, "count"), "wrong"),
        ({"value": 9, "unit": "count", "abs_tol": 0}, (9, "1"), "wrong"),
        ({"value": -4.7e5, "unit": "m2/yr", "rel_tol": 0.05}, (-0.46, "km2/yr"), "right"),
        ({"value": -4.7e5, "unit": "m2/yr", "rel_tol": 0.05}, (-0.46, "km2"), "wrong"),
        ({"value": 359.5, "unit": "deg", "abs_tol": 2}, (0.5, "deg"), "right"),
        ({"value": 359.5, "unit": "deg", "abs_tol": 2}, (3.0, "deg"), "wrong"),
        ({"value": 179.99, "unit": "deg", "abs_tol": 0.1}, (-179.99, "deg"), "right"),
        ({"value": -12.1, "unit": "dB", "abs_tol": 0.1}, (12.1, "dB"), "wrong"),
        ({"value": 0.1, "unit": "km", "abs_tol": 0}, (100, "m"), "right"),
    ],
)
def test_units_of_every_kind_are_compared(wanted, given, outcome):
    assert _outcome(_answer(given), {"name": "figure", **wanted}) == outcome


def test_numbers_are_matched_in_the_questions_order():
    assert _outcome(_answer((30.0, "km2"), (20.0, "percent")), AREA, SHARE) == "right"
    judged = _judged(_answer((20.0, "percent"), (30.0, "km2")), AREA, SHARE)
    assert judged.outcome == "wrong"
    assert judged.reason.startswith("water_area: 20 percent, and 30 km2 is right: another kind")


def test_numbers_that_are_missing_are_named():
    judged = _judged(_answer((30.0, "km2")), AREA, SHARE)
    assert (judged.outcome, judged.reason) == ("wrong", "lacks water_share")


def test_more_numbers_than_asked_are_wrong():
    judged = _judged(_answer((30.0, "km2"), (20.0, "percent")), AREA)
    assert judged.outcome == "wrong"
    assert judged.reason == "gives 2 numbers where 1 are asked for: 30 km2, 20 percent"


def test_choices_among_the_results_do_not_count_as_numbers():
    answer = _answer(("scene-b", "choice"), (30.0, "km2"), ("2010", "choice"))
    assert _outcome(answer, AREA, choice="scene-b") == "right"
    assert _outcome(answer, AREA, choice=["1990", "2010"]) == "right"
    assert _outcome(answer, AREA, choice="scene-a") == "wrong"


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ([(30.0, "km2")], "right"),
        ([(20.0, "percent")], "right"),
        ([(20.0, "percent"), (30.0, "km2")], "right"),
        ([(35.0, "km2")], "wrong"),
        ([], "wrong"),
        ([(30.0, "km2"), (20.0, "percent"), (1, "count")], "wrong"),
    ],
)
def test_one_number_is_enough_where_any_will_do(results, outcome):
    assert _outcome(_answer(*results), AREA, SHARE, any_of=True) == outcome


@pytest.mark.parametrize(
    ("results", "text", "outcome"),
    [
        ([(-25.0, "km2")], "Said.", "right"),
        ([(25.0, "km2")], "Water shrank by 25 km².", "right"),
        ([(25.0, "km2")], "水体减少了 25 平方公里", "right"),
        ([(25.0, "km2"), ("decreased", "choice")], "Said.", "right"),
        ([(25.0, "km2"), ("down", "choice")], "Said.", "right"),
        ([(25.0, "km2"), ("2010", "choice")], "It fell by 25.", "right"),
        ([(25.0, "km2")], "Said.", "wrong"),
        ([(25.0, "km2")], "It grew by 25 km².", "wrong"),
        ([(25.0, "km2")], "It grew or fell by 25 km².", "wrong"),
        ([(25.0, "km2"), ("increased", "choice")], "It fell.", "wrong"),
        ([(-25.0, "km2"), ("increased", "choice")], "Said.", "wrong"),
        ([(27.0, "km2")], "It fell.", "wrong"),
    ],
)
def test_the_sign_of_a_change_may_be_said_in_words(results, text, outcome):
    assert _outcome(_answer(*results, text=text), NET) == outcome


def test_a_minus_and_a_word_do_not_cancel_out():
    rise = {**NET, "value": 25.0}
    assert _outcome(_answer((25.0, "km2"), text="It rose."), rise) == "right"
    assert _outcome(_answer((-25.0, "km2"), text="It rose by -25."), rise) == "wrong"


def test_only_a_change_has_a_sign_in_words():
    mean = {"name": "mean_ndwi", "value": -0.06, "unit": "index", "abs_tol": 0.005}
    assert _outcome(_answer((0.06, "1"), text="It fell to 0.06."), mean) == "wrong"


def test_a_loss_may_be_given_as_a_change_below_zero():
    lost = {"name": "lost", "value": 84.0, "unit": "km2", "rel_tol": 0.02}
    gained = {**lost, "name": "gained"}
    assert _outcome(_answer((-84.0, "km2")), lost) == "right"
    assert _outcome(_answer((84.0, "km2"), ("decreased", "choice")), lost) == "right"
    assert _outcome(_answer((-84.0, "km2")), gained) == "wrong"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("The year is 2010.", "right"),
        ("2010年水面最小", "right"),
        ("It was in 2010-07.", "right"),
        ("12010 of them", "wrong"),
        ("It is 52.2010 km².", "wrong"),
        ("It is 2010.5 km².", "wrong"),
        ("b2010", "wrong"),
    ],
)
def test_a_choice_is_named_in_whole_words(text, outcome):
    assert _outcome(_answer(text=text), choice="2010") == outcome


@pytest.mark.parametrize(
    ("choice", "text", "outcome"),
    [
        ("yes", "Eyes.", "wrong"),
        ("yes", "YES, it does.", "right"),
        ("1990-2000", "between 1990\u20132000", "right"),
        ("Gilberto Freyre Int'l", "gilberto freyre int\u2019l (REC)", "right"),
        ("VCE", "Venice (VCE) is nearest", "right"),
        ("下降", "指数下降了", "right"),
        ("scenes/bridge_11.jpg", "/data/scenes/bridge_11.jpg", "right"),
        ("s2_pre", "s2_prelude", "wrong"),
        ("s2_pre", "s2_pre.tif", "right"),
        (["fell", "decreased"], "It increased.", "wrong"),
    ],
)
def test_choices_of_many_kinds(choice, text, outcome):
    assert _outcome(_answer(text=text), choice=choice) == outcome


def test_a_direction_among_the_results_counts_and_not_the_words_around_it():
    words = ["fell", "decreased"]
    contrary = _answer(("increased", "choice"), text="In 2009 it decreased.")
    assert _outcome(contrary, choice=words) == "wrong"
    assert _outcome(_answer(("lower", "choice")), choice=words) == "right"


@pytest.mark.parametrize(
    ("entries", "text", "outcome"),
    [
        (["NDWI|MNDWI"], "by mndwi > 0", "right"),
        (["NDWI|水体指数"], "用水体指数", "right"),
        (["NDWI", "threshold"], "by NDWI", "wrong"),
        (["0.3"], "pixels of 0.3 m", "right"),
        (["snow"], "Said.", "wrong"),
    ],
)
def test_statements_have_to_occur_in_the_text(entries, text, outcome):
    judged = _judged(_answer((30.0, "km2"), text=text), AREA, must_state=entries)
    assert judged.outcome == outcome
    assert judged.outcome == "right" or f"does not state {entries[-1]}" in judged.reason


def test_a_statement_is_not_taken_from_the_results():
    assert _outcome(_answer(("NDWI", "choice")), must_state=["NDWI"]) == "wrong"


def test_an_answer_that_does_not_come_is_declined_or_asked_back():
    declined = _judged(_answer(status="cannot_answer", text="No bands."), AREA)
    assert (declined.outcome, declined.reason) == ("declined", "cannot answer: No bands.")
    asked = _judged(_answer(status="clarify", question_back="Which year?"), AREA)
    assert (asked.outcome, asked.reason) == ("asked", "asks back: Which year?")
    accepted = _answer(status="cannot_answer")
    assert _outcome(accepted, AREA, also_accept=["cannot_answer"]) == "right"


def test_a_partial_answer_is_judged_by_what_it_gives():
    assert _outcome(_answer((30.0, "km2"), status="partial"), AREA) == "right"
    assert _outcome(_answer((30.0, "km2"), status="partial"), AREA, SHARE) == "wrong"


@pytest.mark.parametrize(
    ("status", "given", "outcome"),
    [
        ("clarify", "clarify", "right"),
        ("clarify", "cannot_answer", "wrong"),
        ("clarify", "answered", "wrong"),
        ("cannot_answer", "cannot_answer", "right"),
        ("cannot_answer", "clarify", "wrong"),
        ("cannot_answer", "partial", "wrong"),
    ],
)
def test_what_has_no_answer_is_to_be_refused_or_asked_back(status, given, outcome):
    assert _outcome(_answer((1, "count"), status=given), status=status) == outcome


def test_a_refusal_has_to_state_its_reason_too():
    expect = {"status": "cannot_answer", "must_state": ["snow"], "also_accept": ["answered"]}
    assert _outcome(_answer(status="cannot_answer", text="No."), **expect) == "wrong"
    assert _outcome(_answer(status="cannot_answer", text="No snow."), **expect) == "right"
    assert _outcome(_answer((0, "km2"), text="There was no snow."), **expect) == "right"
    wrong = _judged(_answer(status="clarify", text="Snow?"), **expect)
    assert wrong.reason == "ended as clarify, and cannot_answer is right: Snow?"
