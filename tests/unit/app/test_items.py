"""Items side by side: how many, in which order, and what happens when one breaks off."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from eoagent.app.items import room_for_items, run_side_by_side
from eoagent.contracts.planner import Limits
from eoagent.contracts.tool import Options

_PLACE: ContextVar[str] = ContextVar("place", default="nowhere")


def _quiet(_index, _done):
    """Take a report and forget it."""


@pytest.mark.parametrize(
    ("parallel", "memory_mb", "block_pixels", "room"),
    [
        (2, 2000, 8_000_000, 2),
        (16, 2000, 8_000_000, 5),
        (16, 64, 8_000_000, 1),
        (16, 2000, 1_000_000, 16),
        (1, 64_000, 65_536, 1),
    ],
)
def test_the_room_is_bounded_by_threads_and_by_memory(parallel, memory_mb, block_pixels, room):
    limits = Limits(max_parallel=parallel, max_memory_mb=memory_mb)
    assert room_for_items(limits, Options(block_pixels=block_pixels)) == room


def test_results_come_in_the_order_of_the_tasks():
    gate = threading.Event()

    def first():
        assert gate.wait(30)
        return 1

    def second():
        gate.set()
        return 2

    heard = []
    found = run_side_by_side(
        [first, second], workers=2, on_done=lambda n, done: heard.append((n, done))
    )
    assert found == [1, 2]
    assert sorted(n for n, _ in heard) == [0, 1]
    assert [done for _, done in heard] == [1, 2]


def test_reports_come_in_the_thread_that_asked():
    threads = set()
    run_side_by_side(
        [lambda: None] * 4, workers=2, on_done=lambda *_: threads.add(threading.get_ident())
    )
    assert threads == {threading.get_ident()}


def test_a_task_sees_the_context_of_the_caller_and_changes_its_own_copy():
    token = _PLACE.set("here")

    def look():
        seen = _PLACE.get()
        _PLACE.set("elsewhere")
        return seen

    try:
        assert run_side_by_side([look] * 3, workers=1, on_done=_quiet) == ["here"] * 3
        assert _PLACE.get() == "here"
    finally:
        _PLACE.reset(token)


def test_what_a_task_raises_comes_through_and_tasks_that_wait_are_dropped():
    ran, never = [], threading.Event()

    def task(n):
        def work():
            ran.append(n)
            if n == 0:
                raise ZeroDivisionError("a bug")
            never.wait(0.2)  # all of them would take a minute and a half

        return work

    with pytest.raises(ZeroDivisionError, match="a bug"):
        run_side_by_side([task(n) for n in range(500)], workers=1, on_done=_quiet)
    assert len(ran) < 100


def test_no_tasks_give_nothing():
    assert run_side_by_side([], workers=2, on_done=_quiet) == []
