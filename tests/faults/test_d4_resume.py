"""Fault row D4: a conversation killed at any point of a run goes on with the next message.

The thread opens, what the model is shown is well formed, nothing has a second effect, and nothing
of the turns before is lost.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).with_name("killed_chat.py")

POINTS = (
    "before start_run",
    "after start_run",
    "before repair",
    "before model call",
    "after model call",
    "before gate",
    "after gate",
    "before effect",
    "after effect",
    "before effect:2",
    "after effect:2",
    "before effect:3",
    "after store put",
    "before cache_put",
    "after cache_put",
    "after tool",
    "after tool:2",
    "after tool:4",
    "before ledger append",
    "before ledger append:2",
    "after ledger append:3",
    "before checkpoint put:3",
    "after checkpoint put:5",
    "before checkpoint writes:4",
    "after checkpoint writes:6",
    "before model call:2",
    "before write",
    "after write",
    "before check",
    "before check:2",
    "before answer",
    "before finish_run",
    "after finish_run",
    "before transcript add",
    "after transcript add",
)
QUICK = (
    "before start_run",
    "after start_run",
    "before repair",
    "before model call",
    "after gate",
    "after effect",
    "after cache_put",
    "after tool:2",
    "before ledger append",
    "after checkpoint put:5",
    "after checkpoint writes:6",
    "before write",
    "before check:2",
    "before finish_run",
    "before transcript add",
)
"""Those that every run of the tests passes."""
TOLD = ("after finish_run", "before transcript add", "after transcript add")
"""Points after which the turn counts as answered."""


@pytest.fixture(scope="module")
def chat():
    spec = importlib.util.spec_from_file_location("killed_chat", _SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _kill(folder, point):
    ended = subprocess.run(
        [sys.executable, str(_SCRIPT), str(folder)],
        env=os.environ | {"KILL_AT": point},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == -signal.SIGKILL, (point, ended.stderr.decode()[-2000:])


def _check_well_formed(messages):
    """Every call has its reply right after it, and no reply is without a call."""
    open_calls = []
    for message in messages:
        if message.type == "tool":
            assert open_calls.pop(0) == message.tool_call_id
            continue
        assert not open_calls, "a call without a reply"
        open_calls = [call["id"] for call in getattr(message, "tool_calls", [])]
    assert not open_calls, "a call without a reply"


def _check_one(chat, folder, point):
    _kill(folder, point)
    begun, kept = _lines(folder), _kept(folder)
    model = chat.model(has_rewrite=False)
    agent = chat.agent(folder, model, chat.Killer(""))
    thread = agent.thread(chat.THREAD)
    is_told = point in TOLD
    assert [said.question for said in thread.turns()] == [chat.FIRST, chat.SECOND][: 1 + is_told]

    answer = thread.ask(chat.THIRD, out_dir=folder / "out")
    assert (answer.status, answer.unverified) == ("answered", ())
    assert [figure.value for figure in answer.results] == [len("green"), len("blue")]
    assert answer.text == "5 and 4."
    assert [step.tool for step in answer.steps] == ["tally", "tally", "tally", "export"]
    for request in model.requests:
        _check_well_formed(request)
    assert chat.FIRST in str(model.requests[0])

    _check_effects(folder, begun, kept)
    _check_books(agent, answer, point)
    asked = [said.question for said in thread.turns()]
    assert asked == [chat.FIRST, *([chat.SECOND] if is_told else []), chat.THIRD]


def _lines(folder):
    return (folder / "effects.txt").read_text(encoding="utf-8").splitlines()


def _kept(folder):
    """Return how many results are kept by content."""
    with closing(sqlite3.connect(folder / "home" / "ledger.sqlite")) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM cache").fetchone()[0])


def _check_effects(folder, begun, kept):
    """A call is made again only if it was cut off before its result was kept."""
    first, calls = 2, 3
    ended = _lines(folder)
    assert len(ended) == len(begun) + calls - (kept - first)
    at_work = len(begun) - kept  # two steps run side by side
    assert 0 <= at_work <= 2
    assert len(ended) == first + calls + at_work
    assert set(ended) == {"red ", "sum table", "green ", "blue "}
    assert _kept(folder) == first + calls
    tables = [path.read_text() for path in (folder / "home" / "objects").rglob("*.json")]
    assert len(tables) == len(set(tables)), "nothing is stored twice"
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["sum.csv"]
    assert (folder / "out" / "sum.csv").read_text() == "colour\nsum\n"


def _check_books(agent, answer, point):
    ledger = agent.workshop.ledger
    ledger.file.check()
    runs = ledger.list_runs()
    killed = [run for run in runs if run.question.startswith("How many are green")]
    assert [run.status for run in runs if run not in killed] == ["answered", "answered"]
    ending = "answered" if point in TOLD else "interrupted"
    assert [run.status for run in killed] == ([] if point == "before start_run" else [ending])
    for run in runs:
        numbers = [call.record.n for call in ledger.calls(run.id)]
        assert numbers == sorted(set(numbers)), "a step is written once"
    first = ledger.get_run(runs[-1].id)
    assert first.answer is not None
    assert first.answer["text"] == "3."


def test_there_are_at_least_twelve_points():
    assert len(QUICK) >= 12
    assert set(QUICK) < set(POINTS)


@pytest.mark.parametrize("point", QUICK)
def test_a_conversation_that_was_killed_goes_on_with_the_next_message(chat, tmp_path, point):
    _check_one(chat, tmp_path, point)


@pytest.mark.full
@pytest.mark.parametrize("round_", range(5))
@pytest.mark.parametrize("point", POINTS)
def test_it_does_so_every_time(chat, tmp_path, point, round_):
    _check_one(chat, tmp_path, point)
