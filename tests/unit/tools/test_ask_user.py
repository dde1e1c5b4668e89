"""`ask_user` ends the run with one question."""

from __future__ import annotations


def test_the_question_comes_back_with_its_choices(bench):
    result = bench("ask_user", question="Which lake?", choices=["Garda", "Como"])
    assert result.ended_as == "clarify"
    assert result.message == "Which lake? (Garda / Como)"


def test_without_choices_the_question_stands_alone(bench):
    assert bench("ask_user", question="Which lake?").message == "Which lake?"


def test_an_empty_question_is_refused(bench):
    assert "question" in bench.refused("ask_user", question="")
    assert "choices" in bench.refused("ask_user", question="Which?", choices=["x"] * 11)
