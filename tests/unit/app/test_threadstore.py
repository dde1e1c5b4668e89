"""In one conversation one question is answered at a time, and whatever ends it gives it back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from eoagent import Agent
from eoagent.app import threadstore
from eoagent.app.workshop import checkpoints
from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.planner.scripted import ScriptedPlanner

_ASKER = """
import sys
from eoagent import Agent
from eoagent.contracts.plan import Plan
from eoagent.contracts.planner import Draft
from eoagent.planner.scripted import ScriptedPlanner

def plan(view):
    print("answering", flush=True)
    sys.stdin.readline()
    return Plan()

agent = Agent(ScriptedPlanner(plan, Draft(text="Noted.")), home=sys.argv[1])
agent.thread("survey").ask("the question of another process")
print("answered", flush=True)
"""


class Watched(ScriptedPlanner):
    """Answers at once, and keeps what it was told of earlier questions."""

    def __init__(self, meanwhile=lambda: None):
        self.told = []
        self._meanwhile = meanwhile
        super().__init__(self._plan, Draft(text="Noted."))

    def _plan(self, view):
        self.told.append([exchange.question for exchange in view.history])
        self._meanwhile()
        return Plan()


@pytest.fixture
def impatient(monkeypatch):
    """Let nobody wait for another answer."""
    monkeypatch.setattr(threadstore, "PATIENCE_S", 0.05)


@pytest.fixture
def other(tmp_path):
    """A process that is answering a question in the conversation `survey`."""
    with subprocess.Popen(
        [sys.executable, "-c", _ASKER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout.readline() == "answering\n"
        yield child
        child.kill()


def _refused(agent, thread="survey"):
    with pytest.raises(InputError) as caught:
        agent.ask("What now?", thread=thread)
    assert str(caught.value) == f"the conversation '{thread}' is being answered elsewhere"
    assert caught.value.hint == "wait for that answer, or ask in another conversation"


def test_a_second_process_is_refused_until_the_first_has_answered(tmp_path, other):
    planner = Watched()
    agent = Agent(planner, home=tmp_path)
    began = time.monotonic()
    _refused(agent)
    assert time.monotonic() - began > 1.5, "a short answer is waited for"
    assert len(agent.workshop.ledger.list_runs()) == 1, "what was refused is no run"
    agent.ask("Something else?", thread="another")
    agent.ask("Something else?")
    other.communicate("\n")
    agent.ask("What now?", thread="survey")
    assert planner.told[-1] == ["the question of another process"]
    said = [turn.question for turn in agent.thread("survey").turns()]
    assert said == ["the question of another process", "What now?"]


def test_many_may_open_the_conversations_of_a_new_home_at_once(tmp_path):
    start, failed = threading.Barrier(8), []

    def use(home):
        start.wait()
        try:
            with checkpoints(home) as saver:
                saver.delete_thread("none")
        except SourceError as error:
            failed.append(str(error))

    for k in range(60):
        users = [threading.Thread(target=use, args=(tmp_path / str(k),)) for _ in range(8)]
        for user in users:
            user.start()
        for user in users:
            user.join()
    assert failed == []


@pytest.mark.usefixtures("impatient")
def test_a_killed_process_gives_the_conversation_back(tmp_path, other):
    agent = Agent(Watched(), home=tmp_path)
    _refused(agent)
    other.kill()
    other.wait()
    assert agent.ask("What now?", thread="survey").text == "Noted."


def test_threads_that_ask_at_once_are_answered_one_after_the_other(tmp_path):
    planner = Watched()
    failed = []

    def ask(n):
        try:
            Agent(planner, home=tmp_path).ask(f"question {n}", thread="survey")
        except InputError as error:
            failed.append(error)

    workers = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    answered = 4 - len(failed)  # on a busy machine one may have waited too long
    assert answered >= 1
    assert sorted(len(told) for told in planner.told) == list(range(answered))
    turns = Agent(planner, home=tmp_path).thread("survey").turns()
    assert [turn.turn for turn in turns] == list(range(1, answered + 1))


@pytest.mark.usefixtures("impatient")
def test_another_thread_of_the_same_agent_is_refused(tmp_path):
    inside, done = threading.Event(), threading.Event()

    def meanwhile():
        inside.set()
        assert done.wait(30)

    agent = Agent(Watched(meanwhile), home=tmp_path)
    worker = threading.Thread(target=agent.ask, args=("first",), kwargs={"thread": "survey"})
    worker.start()
    assert inside.wait(30)
    _refused(agent)
    done.set()
    worker.join()
    agent.ask("second", thread="survey")
    questions = [turn.question for turn in agent.thread("survey").turns()]
    assert questions == ["first", "second"]


@pytest.mark.usefixtures("impatient")
def test_a_question_that_fails_gives_the_conversation_back(tmp_path):
    def fail():
        raise SourceError("the model is away", href="model")

    with pytest.raises(SourceError, match="the model is away"):
        Agent(Watched(fail), home=tmp_path).ask("What now?", thread="survey")
    assert Agent(Watched(), home=tmp_path).ask("What now?", thread="survey").text == "Noted."


@pytest.mark.usefixtures("impatient")
def test_events_that_nobody_follows_any_more_give_the_conversation_back(tmp_path):
    step = Step(n=1, tool="calculate", arguments={})
    planner = ScriptedPlanner(
        lambda view: Plan(steps=() if view.plan else (step,)), Draft(text="Noted.")
    )
    agent = Agent(planner, home=tmp_path)
    events = agent.stream("What now?", thread="survey")
    assert next(events).kind == "plan"
    _refused(agent)
    events.close()
    assert agent.ask("What now?", thread="survey").text == "Noted."
    forgotten = agent.stream("What now?", thread="survey")
    assert next(forgotten).kind == "plan"
    del forgotten
    assert agent.ask("And now?", thread="survey").text == "Noted."
    assert len(agent.thread("survey").turns()) == 2


@pytest.mark.usefixtures("impatient")
def test_the_next_question_may_be_asked_as_soon_as_the_answer_is_told(tmp_path):
    agent = Agent(Watched(), home=tmp_path)
    for event in agent.stream("What now?", thread="survey"):
        if event.kind == "answer":
            agent.ask("And then?", thread="survey")
    assert len(agent.thread("survey").turns()) == 2


def test_a_single_question_takes_no_lock(tmp_path):
    agent = Agent(Watched(), home=tmp_path)
    agent.ask("What now?")
    assert not (tmp_path / "locks").exists()
    for _ in range(2):
        agent.ask("What now?", thread="a name/../that is no file name")
    (lock,) = (tmp_path / "locks").iterdir()
    assert len(lock.name) == len("0123456789abcdef.lock")
