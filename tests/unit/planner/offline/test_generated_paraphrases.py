"""Generated wordings keep to the plan of their plain question, and near misses get no number."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location(
    "eoagent_test_paraphrasing", _HERE / "paraphrasing.py"
)
assert _spec is not None
assert _spec.loader is not None
paraphrasing = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = paraphrasing
_spec.loader.exec_module(paraphrasing)

_COUNT = 205
"""Wordings of each family."""
_SCENES = 3
"""Scenes that a search finds for a near miss."""
_NEAR_MISSES = [
    (question, group["given"])
    for group in tomllib.loads((_HERE / "near_misses.toml").read_text(encoding="utf-8"))["group"]
    for question in group["questions"].strip().splitlines()
]


def test_the_same_questions_are_written_each_time():
    first = paraphrasing.paraphrases("a", _COUNT)
    assert first == paraphrasing.paraphrases("a", _COUNT)
    assert len({one.question for one in first}) == _COUNT


def test_there_are_templates_for_every_family_in_both_languages():
    assert paraphrasing.families() == list("abcdefghij")
    for family in paraphrasing.families():
        chinese = sum(not one.question.isascii() for one in paraphrasing.paraphrases(family, 200))
        assert 10 < chinese < 150, family


@pytest.mark.parametrize("family", "abcdefgij")
def test_a_question_in_other_words_gets_the_same_plan(decide, family):
    plain, declined, others = {}, [], []
    for one in paraphrasing.paraphrases(family, _COUNT):
        key = (one.canonical, one.given)
        if key not in plain:
            plain[key] = decide(one.canonical, one.given, one.found)
            assert plain[key].kind == "plan", (one.canonical, plain[key].message)
            answers = tuple(answer.partition(".")[2] for answer in plain[key].answers)
            assert answers == one.answers, one.canonical
        decision = decide(one.question, one.given, one.found)
        if decision.kind != "plan":
            declined.append((one.question, decision.message))
        elif (decision.text, decision.answers) != (plain[key].text, plain[key].answers):
            others.append((one.question, decision.text))
    assert not others, others
    assert len(declined) <= 0.05 * _COUNT, declined


def test_what_is_to_be_asked_back_or_refused_is_so_in_other_words(decide):
    for one in paraphrasing.paraphrases("h", _COUNT):
        decision = decide(one.question, one.given, one.found)
        assert decision.kind in {"ask", "refuse"}, (one.question, decision.text)


def test_there_are_near_misses_in_both_languages():
    assert len(_NEAR_MISSES) > 350
    assert sum(not question.isascii() for question, _ in _NEAR_MISSES) > 60


@pytest.mark.parametrize(("question", "given"), _NEAR_MISSES)
def test_a_near_miss_gets_no_number(decide, question, given):
    decision = decide(question, given, _SCENES)
    assert decision.kind in {"ask", "refuse"}, decision.text
    assert len(decision.message) > 15
