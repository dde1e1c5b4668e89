"""What a process that died between ledger and transcript left, and a reply to a question back."""

from __future__ import annotations

import pytest

from eoagent import Agent
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.io.transcript import Transcript
from eoagent.planner.scripted import ScriptedPlanner


class _DiedError(Exception):
    """Stands in for the end of the process."""


def _agent(home, text="Yes.", status="answered"):
    return Agent(ScriptedPlanner([], Draft(text=text, status=status)), home=home)


def _told(conversation):
    return [(said.turn, said.question, said.answer) for said in conversation.turns()]


def test_a_turn_that_was_finished_and_not_told_is_told_when_the_thread_is_opened(
    tmp_path, monkeypatch
):
    _agent(tmp_path, "One.").thread("t").ask("First?")

    def die(*_given):
        raise _DiedError

    with monkeypatch.context() as patched:
        patched.setattr(Transcript, "add", die)
        with pytest.raises(_DiedError):
            _agent(tmp_path, "Two.").ask("Second?", thread="t")
    thread = _agent(tmp_path).thread("t")
    assert _told(thread) == [(1, "First?", "One."), (2, "Second?", "Two.")]
    _agent(tmp_path, "Three.").ask("Third?", thread="t")
    _agent(tmp_path).thread("t")
    assert _told(thread)[2:] == [(3, "Third?", "Three.")]


def test_a_thread_that_is_not_there_yet_opens_and_leaves_no_file(tmp_path):
    agent = _agent(tmp_path)
    agent.thread("new")
    assert not (tmp_path / "threads.sqlite").exists()


def test_a_run_that_was_pruned_is_not_missed(tmp_path, monkeypatch):
    agent = _agent(tmp_path, "One.")
    with monkeypatch.context() as patched:
        patched.setattr(Transcript, "add", lambda *_given: None)
        agent.ask("First?", thread="t")
    (run,) = agent.workshop.ledger.list_runs()
    with agent.workshop.ledger.file.writing() as connection:
        connection.execute("INSERT INTO pruning VALUES (?)", (run.id,))
        connection.execute("DELETE FROM runs WHERE id = ?", (run.id,))
    agent.thread("t")
    assert _agent(tmp_path, "Two.").thread("t").ask("Second?").text == "Two."


def test_a_reply_that_was_cut_off_does_not_lose_the_question_that_it_replied_to(tmp_path):
    seen = []

    def plan(view):
        seen.append(view.question)
        if len(seen) == 2:
            raise _DiedError
        return Plan(steps=()) if seen[1:] else Plan(steps=(_BACK,))

    def write(view):
        back = [step.message for step in view.steps]
        return Draft(text="".join(back) or "Done.", status="clarify" if back else "answered")

    agent = Agent(ScriptedPlanner(plan, write), home=tmp_path)
    thread = agent.thread("t")
    assert thread.ask("How much of it?").status == "clarify"
    with pytest.raises(_DiedError):
        thread.ask("the water")
    thread.ask("the forest")
    assert seen == ["How much of it?", "How much of it? the water", "How much of it? the forest"]
    thread.ask("And now?")
    assert seen[-1] == "And now?"


_BACK = Step(n=1, tool="ask_user", arguments={"question": "Of what?"})
