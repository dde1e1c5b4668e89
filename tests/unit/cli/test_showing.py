"""What a reader sees: progress of what takes long, clear answers, nothing that moves the cursor."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from eoagent.cli import showing
from eoagent.cli.following import Line, Question
from eoagent.contracts.events import Event
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import Step, StepRecord


def _figure(n: int, value: float, unit: str, label: str) -> Figure:
    return Figure(id=f"f{n}", step=1, name="a", value=value, unit=unit, label=label, method="m")


def _answer(**fields) -> SimpleNamespace:
    plain = {
        "status": "answered",
        "text": "The text.",
        "results": (),
        "assumptions": (),
        "warnings": (),
        "unverified": (),
    }
    return SimpleNamespace(**(plain | fields))


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    hands = SimpleNamespace(now=0.0)
    monkeypatch.setattr(showing.time, "monotonic", lambda: hands.now)
    return hands


def _start(n: int) -> Event:
    return Event(kind="step-start", step=n, data=Step(n=n, tool="threshold"))


def _progress(n: int, share: float) -> Event:
    return Event(kind="step-progress", step=n, data=(share, "reading strips"))


def test_a_step_that_takes_long_says_how_far_it_is(clock, capsys):
    def events():
        yield _start(1)
        clock.now = 0.5
        yield _progress(1, 0.1)
        clock.now = 1.5
        yield _progress(1, 0.25)
        clock.now = 3.0
        yield _progress(1, 0.5)
        clock.now = 7.0
        yield _progress(1, 0.75)
        yield Event(kind="answer", data="the answer")

    assert showing.watch(events()) == "the answer"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.split("\n")[:2] == [
        "  step 1: reading strips 25%",
        "  step 1: reading strips 75%",
    ]
    assert "10%" not in captured.err


def test_each_step_leaves_a_line_with_its_end(clock, capsys):
    record = StepRecord(
        n=2,
        tool="measure",
        arguments={},
        references={},
        status="failed",
        seconds=0.25,
        error={"kind": "InputError", "message": "no [bold]mask[/]", "hint": ""},
    )
    showing.watch(
        [Event(kind="step-end", step=2, data=record), Event(kind="answer", data="answer")]
    )
    assert capsys.readouterr().err == "  2. measure 0.25 s [failed] no [bold]mask[/]\n"


def test_results_stand_in_a_column_with_their_labels(capsys, tmp_path):
    results = (
        _figure(1, 32_975_112.5, "m2", "area of open water"),
        _figure(2, 21.094, "percent", "share of open water"),
    )
    answer = _answer(results=results, assumptions=("a choice",), warnings=("a note",))
    showing.show_answer(answer, tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "The text.",
        "  32.98 km²  area of open water",
        "    21.09 %  share of open water",
        "  note: a note",
        "  chosen: a choice",
        f"  kept in: {tmp_path} (report.html, answer.json)",
    ]


def test_many_results_are_cut_and_counted(capsys):
    results = tuple(_figure(n, n, "count", f"item {n}") for n in range(1, 51))
    showing.show_answer(_answer(results=results), None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "  and 10 more"
    assert len(lines) == 42


def test_what_no_figure_stands_behind_is_marked(capsys):
    showing.show_answer(_answer(status="partial", unverified=("42",)), None)
    assert capsys.readouterr().out.splitlines() == ["[partial]", "The text.", "  unverified: 42"]


def test_text_from_files_cannot_move_the_cursor_or_turn_the_line(capsys):
    text = "a\x1b[2Jb\u202ec\x9bd [red]e[/] :smile:"
    showing.show_answer(_answer(text=text, warnings=(text,)), None)
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "a\\x1b[2Jb\\u202ec\\x9bd [red]e[/] :smile:"


def test_words_wrap_on_a_terminal_only(monkeypatch):
    for is_terminal in (True, False):
        stream = io.StringIO()
        console = showing.Console(
            file=stream, force_terminal=is_terminal, width=20, color_system=None
        )
        showing.say(console, "one two three four five six")
        assert (stream.getvalue().count("\n") > 1) == is_terminal


def test_a_tour_shows_question_answer_and_truth(capsys):
    stop = SimpleNamespace(
        question="How much?", truth_lines=lambda _a: ["water: 1, truth 1"], holds=lambda _a: True
    )
    showing.show_demo_answer(_answer(), stop)
    assert capsys.readouterr().out == "\n> How much?\nThe text.\n  water: 1, truth 1\n"


def _terminal(monkeypatch, *, width=40, height=10, reply=None):
    """Let the steps go to a terminal; return what it is sent."""
    stream = io.StringIO()
    console = showing.Console(
        file=stream, force_terminal=True, width=width, height=height, color_system=None
    )
    monkeypatch.setattr(showing, "Console", lambda **_more: console)
    keyboard = io.StringIO(reply or "")
    keyboard.isatty = lambda: reply is not None
    monkeypatch.setattr(sys, "stdin", keyboard)
    return stream


def _token(text: str) -> Event:
    return Event(kind="token", data=text)


def _moving(console, *pieces):
    moving = showing._Moving()
    for piece in pieces:
        moving.write(piece)
    with console.capture() as captured:
        console.print(moving)
    return captured.get().splitlines()[:-1]


def test_what_a_model_writes_is_shown_as_it_comes_and_gone_when_the_answer_stands(monkeypatch):
    stream = _terminal(monkeypatch)

    def events():
        yield _token("Water covers ")
        yield _token("33 km\x1b[2J")
        end = showing.time.monotonic() + 20
        while "Water covers 33 km\\x1b[2J" not in stream.getvalue():
            assert showing.time.monotonic() < end
        yield Event(kind="answer", data="the answer")

    assert showing.watch(events()) == "the answer"
    assert stream.getvalue().endswith("\x1b[1A\x1b[2K\x1b[1A\x1b[2K")  # both lines wiped


def test_a_pipe_sees_no_half_written_text(capsys):
    answer = Event(kind="answer", data="the answer")
    showing.watch([_token("Water "), _token("covers"), answer])
    assert capsys.readouterr() == ("", "")


def test_the_end_of_a_long_text_is_in_view():
    console = showing.Console(width=30, height=8, color_system=None, file=io.StringIO())
    text = " ".join(f"word{n:02}" for n in range(60))
    lines = _moving(console, text)
    assert len(lines) == 5
    assert lines[-1].split()[-1] == "word59"
    assert _moving(console, "x" * 1_000_000)[-1]


@pytest.mark.parametrize("between", [_token(""), Event(kind="plan", data=())])
def test_a_new_text_takes_the_place_of_the_last_one(between):
    console = showing.Console(width=40, height=8, color_system=None, file=io.StringIO())
    moving = showing._Moving()
    steps = showing._Steps(console, moving)
    moving.write("first text")
    moving.write("") if between.kind == "token" else steps.take(between)
    moving.write("second text")
    assert moving._written == "second text"


def test_what_is_to_be_told_meanwhile_has_a_line(capsys):
    showing.watch([Line("stopping"), Event(kind="answer", data="the answer")])
    assert capsys.readouterr().err == "stopping\n"


def _asked(text="read 3 GB?"):
    question = Question(text)
    showing.watch([question, Event(kind="answer", data="the answer")])
    return question.reply.result(timeout=0)


@pytest.mark.parametrize(
    ("reply", "approved"),
    [("y\n", True), ("Yes \n", True), ("\n", False), ("n\n", False), ("", False)],
)
def test_a_question_of_the_run_is_put_to_who_sits_there(monkeypatch, reply, approved):
    stream = _terminal(monkeypatch, reply=reply)
    assert _asked("read \x1b[2J3 GB?") is approved
    assert "read \\x1b[2J3 GB? [y/N]" in stream.getvalue()


def test_control_c_at_a_question_is_a_no(monkeypatch):
    _terminal(monkeypatch, reply="y\n")

    def interrupted(_prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr(showing.Console(), "input", interrupted)
    assert _asked() is False


def test_nobody_there_means_no_and_says_what_would_mean_yes(capsys):
    assert _asked() is False
    assert capsys.readouterr().err == (
        "read 3 GB? No: nobody can be asked here; --yes approves beforehand.\n"
    )


def test_what_is_under_way_is_named_until_it_ends():
    console = showing.Console(width=40, height=8, color_system=None, file=io.StringIO())
    moving = showing._Moving()
    steps = showing._Steps(console, moving)

    def label():
        with console.capture() as captured:
            console.print(moving)
        return captured.get().split("\n")[-2].split(" ", 1)[1]

    assert label() == "reading the question"
    steps.take(_start(1))
    steps.take(_start(2))
    assert label() == "step 2: threshold"
    for n in (2, 1):
        record = StepRecord(
            n=n, tool="threshold", arguments={}, references={}, status="done", seconds=0.1
        )
        assert label() == "step 2: threshold"
        steps.take(Event(kind="step-end", step=n, data=record))
    assert label() == "thinking"
    moving.write("Water")
    assert label() == "writing"
