"""A conversation with a language model, played again from its recording over the shared catalog.

The replies were written by somebody who saw the requests alone; the planner, the tools, the check
of the answers and the memory of the conversation are the real ones.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from eoagent import Agent
from eoagent.app.recording import Player

ROOT = Path(__file__).resolve().parent.parent


def _generate():
    spec = importlib.util.spec_from_file_location("docs_talk", ROOT / "docs" / "talk.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def talk(shared_data, tmp_path_factory):
    """The answers of all turns, the player, and the transcript that they make."""
    module = _generate()
    player = Player(ROOT / "examples" / "conversation.json", data=shared_data)
    agent = Agent(
        planner=player,
        home=tmp_path_factory.mktemp("home"),
        catalog=shared_data / "catalog" / "catalog.json",
    )
    turns = module.hold(agent, player, shared_data)
    return turns, player, module.transcript(turns)


def test_every_turn_goes_as_it_was_recorded(talk):
    turns, player, _ = talk
    assert len(turns) == 10
    assert player.strays == {}
    statuses = [turn.answer.status for turn in turns]
    assert statuses == ["answered"] * 7 + ["cannot_answer"] + ["answered"] * 2


def test_no_number_stands_without_a_figure_behind_it(talk):
    turns, _, _ = talk
    assert all(turn.answer.unverified == () for turn in turns)


def test_the_numbers_are_those_of_the_reference_values(talk, shared_data):
    turns, _, _ = talk
    known = {}
    for line in (shared_data / "qa_multistep.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        known[question["id"]] = [f["value"] for f in question["expect"]["figures"]]

    def km2(turn):
        return [f.number / 1e6 for f in turns[turn - 1].answer.results if f.unit == "m2"]

    years = dict(zip((1985, 1990, 2000, 2010, 2020), known["dev-d01"], strict=True))
    assert km2(2)[0] == pytest.approx(years[1985], rel=0.01)
    assert km2(3)[0] == pytest.approx(years[2020], rel=0.01)
    gained, lost = known["dev-c04"][:2]
    assert km2(4)[:2] == pytest.approx([gained, lost], rel=0.01)
    assert km2(7)[0] == pytest.approx(known["dev-f01"][0], rel=0.02)


def test_the_second_place_is_not_answered_with_the_first(talk):
    turns, _, _ = talk
    opened = [f.sources[0].item_id for f in turns[6].answer.results if f.sources]
    assert set(opened) == {"s2_l2a_aquileia_20190416"}


def test_the_half_is_less_than_the_whole(talk):
    turns, _, _ = talk
    (half, *_), (whole, *_) = (turns[n].answer.results for n in (4, 2))
    assert 0 < half.number < whole.number


def test_a_turn_takes_two_calls_of_the_model_where_nothing_goes_wrong(talk):
    turns, _, _ = talk
    assert [turn.answer.usage.model_calls for turn in turns] == [2, 2, 2, 2, 2, 2, 2, 1, 2, 1]


def test_the_transcript_is_the_one_that_the_examples_show(talk):
    _, _, transcript = talk
    shown = (ROOT / "examples" / "conversation.md").read_text(encoding="utf-8")
    assert transcript == shown


def test_the_answers_stand_in_the_transcript_of_the_thread(talk):
    turns, _, _ = talk
    said = turns[0].conversation.turns()
    assert [s.answer for s in said] == [turn.answer.text for turn in turns]
