"""Ctrl-C while a run goes on: first it stops the run, then it breaks it off; nothing else breaks."""

from __future__ import annotations

import signal
import threading
import time
from types import SimpleNamespace

import pytest

from eoagent.cli.following import BREAK_OFF_S, Foreground, Line, Question
from eoagent.contracts.errors import InputError
from eoagent.contracts.events import Event

ANSWER = Event(kind="answer", data="the answer")
_LONG_S = 20.0


def _press() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def clock():
    return SimpleNamespace(now=0.0)


@pytest.fixture
def foreground(clock):
    return Foreground(clock=lambda: clock.now)


@pytest.fixture
def waits():
    """A run that ends when it is stopped, and one that does not listen until it is let go."""
    let_go = threading.Event()

    def listens(stop, _ask):
        yield Event(kind="token", data="begun")
        assert stop.wait(_LONG_S)
        yield ANSWER

    def deaf(_stop, _ask):
        yield Event(kind="token", data="begun")
        assert let_go.wait(_LONG_S)
        yield Event(kind="token", data="nobody sees this")
        raise AssertionError("a run that was left goes no further")

    yield SimpleNamespace(listens=listens, deaf=deaf, let_go=let_go)
    let_go.set()


def _until_over(foreground):
    end = time.monotonic() + _LONG_S
    while foreground.is_busy:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_run_is_seen_as_it_happens_and_the_handler_is_back_afterwards(foreground):
    before = signal.getsignal(signal.SIGINT)
    events = [Event(kind="token", data="a"), ANSWER]
    seen = []
    for event in foreground.follow(lambda _stop, _ask: iter(events)):
        assert signal.getsignal(signal.SIGINT) is not before
        seen.append(event)
    assert seen == events
    assert signal.getsignal(signal.SIGINT) is before
    assert not foreground.is_busy


def test_the_run_works_in_another_thread(foreground):
    def start(_stop, _ask):
        yield Event(kind="answer", data=threading.current_thread())

    (event,) = foreground.follow(start)
    assert event.data is not threading.main_thread()


def test_what_a_run_raises_comes_out_after_what_it_told(foreground):
    before = signal.getsignal(signal.SIGINT)

    def start(_stop, _ask):
        yield Event(kind="token", data="a")
        raise InputError("no", hint="do")

    events = foreground.follow(start)
    assert next(events).data == "a"
    with pytest.raises(InputError, match="no"):
        next(events)
    assert signal.getsignal(signal.SIGINT) is before
    assert list(foreground.follow(lambda _stop, _ask: iter([ANSWER]))) == [ANSWER]


def test_the_first_press_stops_the_run_and_its_answer_still_comes(foreground, waits):
    events = foreground.follow(waits.listens)
    assert next(events).data == "begun"
    _press()
    told = next(events)
    assert isinstance(told, Line)
    assert "stopping" in told.text
    assert list(events) == [ANSWER]


def test_a_second_press_soon_after_breaks_off_what_does_not_listen(foreground, waits, clock):
    before = signal.getsignal(signal.SIGINT)
    events = foreground.follow(waits.deaf)
    assert next(events).data == "begun"
    _press()
    assert isinstance(next(events), Line)
    clock.now = BREAK_OFF_S - 0.1
    _press()
    with pytest.raises(KeyboardInterrupt):
        next(events)
    assert signal.getsignal(signal.SIGINT) is before
    assert foreground.is_busy
    waits.let_go.set()
    _until_over(foreground)


def test_a_second_press_much_later_only_reminds(foreground, waits, clock):
    events = foreground.follow(waits.deaf)
    next(events)
    _press()
    assert isinstance(next(events), Line)
    clock.now = BREAK_OFF_S + 0.1
    _press()
    assert isinstance(next(events), Line)
    events.close()


def test_without_anybody_at_a_terminal_the_first_press_breaks_off(waits):
    events = Foreground(is_kept=False).follow(waits.deaf)
    next(events)
    _press()
    with pytest.raises(KeyboardInterrupt):
        next(events)


def test_who_stops_reading_stops_the_run(foreground):
    stopped = threading.Event()

    def start(stop, _ask):
        yield ANSWER
        assert stop.wait(_LONG_S)
        stopped.set()
        yield ANSWER

    events = foreground.follow(start)
    next(events)
    events.close()
    assert stopped.wait(_LONG_S)


def test_the_next_run_waits_until_one_that_was_broken_off_has_ended(foreground, waits):
    events = foreground.follow(waits.deaf)
    next(events)
    events.close()
    later = foreground.follow(lambda _stop, _ask: iter([ANSWER]))
    told = next(later)
    assert isinstance(told, Line)
    assert "waiting" in told.text
    waits.let_go.set()
    assert list(later) == [ANSWER]


def test_waiting_for_it_can_be_given_up(foreground, waits):
    events = foreground.follow(waits.deaf)
    next(events)
    events.close()
    later = foreground.follow(lambda _stop, _ask: iter([ANSWER]))
    next(later)
    timer = threading.Timer(
        0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)
    )
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        next(later)
    assert foreground.is_busy


@pytest.mark.parametrize("reply", [True, False])
def test_a_question_of_the_run_waits_for_its_reply(foreground, reply):
    def start(_stop, ask):
        yield Event(kind="answer", data=ask("read 3 GB?"))

    seen = []
    for event in foreground.follow(start):
        if isinstance(event, Question):
            assert event.text == "read 3 GB?"
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            event.reply.set_result(reply)
        else:
            seen.append(event.data)
    assert seen == [reply]


def test_what_a_run_that_was_left_asks_is_denied(foreground):
    replies = []

    def start(_stop, ask):
        replies.append(ask("first?"))
        replies.append(ask("second?"))
        yield ANSWER

    events = foreground.follow(start)
    assert isinstance(next(events), Question)
    events.close()
    _until_over(foreground)
    assert replies == [False, False]
