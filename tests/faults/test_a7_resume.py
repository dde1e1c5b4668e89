"""Fault row A7, for questions: killed at any step and asked again, a question ends as if it was not.

What had been computed is taken from the store, not computed again, and the run that broke off is
told from those that ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from eoagent import Agent
from eoagent.io.sampleworld.world import write_world

_QUESTION = "How much water was lost between the first and the second image?"
_ASK = """
import os, signal, sys
from eoagent import Agent
home, thread, ends, *images = sys.argv[1:]
given = {"thread": thread} if thread else {}
for event in Agent(home=home).stream(sys.argv[0] and os.environ["QUESTION"], images=images, **given):
    if event.kind == "step-end" and event.step is not None:
        ends = int(ends) - 1
        if ends == 0:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    world = write_world(folder, size=180)
    days = [scene for scene in world.scenes if scene.gsd_m == 10 and scene.cloud_pct == 0]
    return [str((folder / scene.href).with_suffix(".json")) for scene in (days[0], days[-1])]


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    """The answer of a run that nothing interrupts."""
    answer = Agent(home=tmp_path_factory.mktemp("whole")).ask(_QUESTION, images=images)
    assert answer.status == "answered"
    return answer


def _killed(home, images, *, after, thread=""):
    """Ask in a child that is killed when that many steps have ended."""
    ended = subprocess.run(
        [sys.executable, "-c", _ASK, str(home), thread, str(after), *images],
        env=os.environ | {"QUESTION": _QUESTION},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def _told(answer):
    return [(f.name, f.value, f.unit, f.error) for f in answer.results], answer.text


@pytest.mark.parametrize("thread", ["", "fire"])
@pytest.mark.parametrize("after", [1, 2, 3, 4, 5])
def test_a_question_that_was_killed_at_a_step_ends_the_same_when_asked_again(
    images, whole, tmp_path, after, thread
):
    _killed(tmp_path, images, after=after, thread=thread)
    agent = Agent(home=tmp_path)
    again = agent.ask(_QUESTION, images=images, **({"thread": thread} if thread else {}))
    assert _told(again) == _told(whole)
    assert len(again.steps) == len(whole.steps)
    opened = 2  # an opened image is a reference: it is looked at anew
    assert sum(step.status == "cached" for step in again.steps) >= after - opened


def test_a_run_that_was_killed_is_no_answer_in_the_list_of_runs(images, tmp_path):
    _killed(tmp_path, images, after=2)
    agent = Agent(home=tmp_path)
    agent.ask(_QUESTION, images=images)
    states = [run.status for run in agent.workshop.ledger.list_runs()]
    assert states[0] == "answered"
    assert states[1] in {"running", "interrupted", "failed"}
    assert len(states) == 2


def test_a_deadline_in_the_middle_gives_what_there_is_and_says_that_it_is_partial(images, tmp_path):
    answer = Agent(home=tmp_path).ask(_QUESTION, images=images, max_steps=3)
    assert answer.status == "partial"
    assert "the limit of 3 steps was reached" in answer.text
    assert answer.unverified == ()
    whole = Agent(home=tmp_path).ask(_QUESTION, images=images)
    assert whole.status == "answered"
