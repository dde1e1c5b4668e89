"""Questions answered with a language model's recorded replies: no model and no key are needed.

The replies were written by somebody who saw the requests alone, one conversation a question.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eoagent import Agent
from eoagent.app.evaluation.running import evaluate_questions
from eoagent.app.recording import Player

RECORDING = Path(__file__).parent / "recordings" / "qa.json"


@pytest.fixture(scope="module")
def evaluation(shared_data, tmp_path_factory):
    recorded = set(json.loads(RECORDING.read_text(encoding="utf-8"))["replies"])
    lines = (shared_data / "qa_multistep.jsonl").read_text(encoding="utf-8").splitlines()
    chosen = [line for line in lines if json.loads(line)["id"] in recorded]
    assert len(chosen) == len(recorded) == 41
    home = tmp_path_factory.mktemp("recorded")
    questions = home / "questions.jsonl"
    questions.write_text("\n".join(chosen), encoding="utf-8")
    player = Player(RECORDING, data=shared_data)
    agent = Agent(planner=player, home=home / "home")
    found = evaluate_questions(agent, shared_data, file=questions, on_question=player.begin)
    return found, player.strays


def test_all_are_right_and_go_as_they_were_recorded(evaluation):
    found, strays = evaluation
    assert [v.line() for v in found.verdicts if v.outcome != "right"] == []
    assert strays == {}


def test_no_number_is_unverified_and_refusals_are_those_that_are_due(evaluation):
    found, _ = evaluation
    assert found.total.unverified == 0
    assert found.total.abstention.recall == found.total.abstention.precision == 1.0


def test_most_questions_take_a_plan_and_an_answer(evaluation):
    found, _ = evaluation
    calls = sorted(v.usage.model_calls for v in found.verdicts)
    assert calls[len(calls) // 2] == 2
    assert sum(calls) <= 2.2 * len(calls)
