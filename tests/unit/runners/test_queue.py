"""The queue in front of a model: order, shared passes, deadlines, failures, memory."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import BudgetExceeded, InputError, InternalError, ModelError
from eoagent.runners.queue import ModelQueue
from eoagent.runners.restarts import Restarts

LONG_S = 30.0


class Doubler:
    """A model that doubles numbers, refuses negative ones and can be held up."""

    card = None
    memory_mb = 7

    def __init__(self):
        self.passes = []
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Semaphore(0)
        self.closed = 0
        self.threads = set()

    def run(self, task, items):
        self.passes.append((task, list(items)))
        self.threads.add(threading.get_ident())
        self.entered.release()
        assert self.open.wait(LONG_S)
        if task == "crash":
            raise ZeroDivisionError("a bug")
        if task == "short":
            return items[:-1]
        if any(item < 0 for item in items):
            raise InputError(f"{min(items)} is below 0")
        return [2 * item for item in items]

    def result_form(self, task):
        return None

    def close(self):
        self.closed += 1


@pytest.fixture
def model():
    return Doubler()


@pytest.fixture
def queue(model):
    made = ModelQueue(lambda: model, name="doubler", max_batch=8)
    yield made
    model.open.set()
    made.close()


def _ask(queue, items, task="double", deadline_s=LONG_S):
    return queue.ask(task, items, deadline_s=deadline_s)


def _wait_until(claim):
    end = time.monotonic() + LONG_S
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.001)


def _held(model, queue, pool):
    """Occupy the model with one item, so that what comes next has to wait."""
    model.open.clear()
    first = pool.submit(_ask, queue, [0])
    assert model.entered.acquire(timeout=LONG_S)
    return first


def test_results_come_in_the_order_of_the_items(queue, model):
    assert _ask(queue, list(range(20))) == [2 * n for n in range(20)]
    assert [len(items) for _, items in model.passes] == [8, 8, 4]
    assert _ask(queue, []) == []


def test_a_hundred_waiting_requests_share_their_passes(queue, model):
    with ThreadPoolExecutor(101) as pool:
        first = _held(model, queue, pool)
        asked = [pool.submit(_ask, queue, [n]) for n in range(1, 101)]
        _wait_until(lambda: queue.counters.requests == 101)
        model.open.set()
        assert first.result() == [0]
        assert [one.result() for one in asked] == [[2 * n] for n in range(1, 101)]
    assert len(model.passes) == 1 + 13  # 100 items by 8, where one by one would take 100
    assert len(model.threads) == 1
    counters = queue.counters
    assert (counters.requests, counters.items) == (101, 101)
    assert (counters.batches, counters.largest_batch) == (14, 8)
    assert (counters.failures, counters.timeouts, counters.loads) == (0, 0, 1)
    assert counters.busy_s > 0
    assert counters.waiting_s > 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["double", "twice"]), st.lists(st.integers(0, 99), max_size=20)),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 9),
)
def test_every_caller_gets_its_own_whatever_runs_beside_it(requests, max_batch):
    model = Doubler()
    queue = ModelQueue(lambda: model, name="doubler", max_batch=max_batch)
    with ThreadPoolExecutor(len(requests)) as pool:
        asked = [pool.submit(_ask, queue, items, task) for task, items in requests]
        for (_, items), one in zip(requests, asked, strict=True):
            assert one.result() == [2 * item for item in items]
    queue.close()
    assert all(len(items) <= max_batch for _, items in model.passes)
    done = sorted((task, item) for task, items in model.passes for item in items)
    assert done == sorted((task, item) for task, items in requests for item in items)


def test_tasks_are_never_mixed_in_a_pass(queue, model):
    with ThreadPoolExecutor(7) as pool:
        _held(model, queue, pool)
        asked = [pool.submit(_ask, queue, [n], "ab"[n % 2]) for n in range(6)]
        _wait_until(lambda: queue.counters.requests == 7)
        model.open.set()
        assert [one.result() for one in asked] == [[2 * n] for n in range(6)]
    assert {task: len(items) for task, items in model.passes[1:]} == {"a": 3, "b": 3}


def test_a_long_request_gives_way_after_each_pass(queue, model):
    with ThreadPoolExecutor(3) as pool:
        _held(model, queue, pool)
        long = pool.submit(_ask, queue, [1] * 80)
        _wait_until(lambda: queue.counters.requests == 2)
        short = pool.submit(_ask, queue, [5], "other")
        _wait_until(lambda: queue.counters.requests == 3)
        model.open.set()
        assert short.result() == [10]
        assert long.result() == [2] * 80
    assert [task for task, _ in model.passes].index("other") == 2


def test_a_bad_item_harms_no_other_request(queue, model):
    with ThreadPoolExecutor(6) as pool:
        _held(model, queue, pool)
        asked = [pool.submit(_ask, queue, [n]) for n in (1, -2, 3, -4)]
        _wait_until(lambda: queue.counters.requests == 5)
        model.open.set()
        assert asked[0].result() == [2]
        assert asked[2].result() == [6]
        for one, value in ((asked[1], -2), (asked[3], -4)):
            with pytest.raises(InputError, match=f"{value} is below 0"):
                one.result()
    assert queue.counters.failures == 2


def test_too_few_results_are_an_error_of_the_model(queue):
    with pytest.raises(ModelError, match="doubler gave 2 results for 3 items"):
        _ask(queue, [1, 2, 3], "short")
    assert _ask(queue, [4]) == [8]


def test_a_caller_waits_no_longer_than_its_deadline(queue, model):
    model.open.clear()
    began = time.monotonic()
    with pytest.raises(BudgetExceeded, match="had 0.05 s for 12 double and finished 0") as caught:
        _ask(queue, [1] * 12, deadline_s=0.05)
    assert time.monotonic() - began < LONG_S / 3
    assert "allow more time" in caught.value.hint
    model.open.set()
    assert _ask(queue, [2]) == [4]
    assert [len(items) for _, items in model.passes] == [8, 1]  # the other 4 were not begun
    assert queue.counters.timeouts == 1


def test_a_request_that_was_given_up_waiting_never_runs(queue, model):
    with ThreadPoolExecutor(1) as pool:
        first = _held(model, queue, pool)
        with pytest.raises(BudgetExceeded):
            _ask(queue, [99], deadline_s=0.01)
        model.open.set()
        assert first.result() == [0]
    assert _ask(queue, [1]) == [2]
    assert all(99 not in items for _, items in model.passes)


def test_loading_counts_toward_the_deadline(model):
    release = threading.Event()

    def load():
        assert release.wait(LONG_S)
        return model

    queue = ModelQueue(load, name="slow", max_batch=8)
    with pytest.raises(BudgetExceeded, match=r"slow had 0\.02 s"):
        _ask(queue, [1], deadline_s=0.02)
    release.set()
    assert _ask(queue, [3]) == [6]
    assert queue.counters.loads == 1
    queue.close()


def test_a_model_that_does_not_load_fails_everybody_and_is_tried_again(model):
    tries = []

    def load():
        tries.append(1)
        if len(tries) == 1:
            raise ModelError("the file is cut")
        return model

    queue = ModelQueue(load, name="doubler", max_batch=8)
    with pytest.raises(ModelError, match="the file is cut"):
        _ask(queue, [1])
    assert _ask(queue, [1]) == [2]
    assert len(tries) == 2
    queue.close()


def test_a_bug_in_a_model_reaches_its_callers_and_the_queue_lives_on(queue, model, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    with pytest.raises(InternalError, match="thread of doubler ended: ZeroDivisionError: a bug"):
        _ask(queue, [1], "crash")
    assert _ask(queue, [4]) == [8]  # in a new thread, with the model loaded anew
    assert queue.counters.loads == 2
    assert model.closed == 1
    assert seen == [ZeroDivisionError]


def test_unloading_gives_the_memory_back_until_the_next_request(queue, model):
    assert queue.memory_mb == 0
    queue.unload()  # nothing there
    assert _ask(queue, [1]) == [2]
    assert queue.memory_mb == 7
    queue.unload()
    assert queue.memory_mb == 0
    assert model.closed == 1
    assert _ask(queue, [1]) == [2]
    assert queue.counters.loads == 2


def test_unloading_waits_for_the_pass_in_progress(queue, model):
    with ThreadPoolExecutor(2) as pool:
        first = _held(model, queue, pool)
        unloading = pool.submit(queue.unload)
        assert not unloading.done()
        model.open.set()
        unloading.result(LONG_S)
        assert first.result() == [0]
    assert model.closed == 1


def test_closing_fails_what_waits_and_ends_the_thread(model):
    queue = ModelQueue(lambda: model, name="doubler", max_batch=8)
    with ThreadPoolExecutor(3) as pool:
        first = _held(model, queue, pool)
        second = pool.submit(_ask, queue, [5])
        _wait_until(lambda: queue.counters.requests == 2)
        closing = pool.submit(queue.close)
        for one in (first, second):
            with pytest.raises(ModelError, match="doubler was closed"):
                one.result()
        model.open.set()
        closing.result(LONG_S)
    assert model.closed == 1
    assert not [t for t in threading.enumerate() if t.name == "model doubler"]
    queue.close()
    with pytest.raises(ModelError, match="doubler was closed"):
        _ask(queue, [1])


def test_a_request_that_was_taken_back_never_runs(queue, model):
    with ThreadPoolExecutor(2) as pool:
        first = _held(model, queue, pool)
        request = queue.submit("double", [99])
        waiting = pool.submit(queue.wait, request, deadline_s=LONG_S)
        assert queue.cancel(request)
        with pytest.raises(ModelError, match="the request to doubler was taken back"):
            waiting.result()
        assert not queue.cancel(request)
        model.open.set()
        assert first.result() == [0]
    assert _ask(queue, [1]) == [2]
    assert all(99 not in items for _, items in model.passes)
    assert (queue.counters.cancelled, queue.counters.failures) == (1, 0)


def test_a_request_that_was_taken_back_in_its_pass_gives_nothing(queue, model):
    with ThreadPoolExecutor(1) as pool:
        model.open.clear()
        request = queue.submit("double", list(range(20)))
        waiting = pool.submit(queue.wait, request, deadline_s=LONG_S)
        assert model.entered.acquire(timeout=LONG_S)
        assert queue.cancel(request)
        with pytest.raises(ModelError, match="was taken back"):
            waiting.result()
        model.open.set()
    assert _ask(queue, [1]) == [2]
    assert [len(items) for _, items in model.passes] == [8, 1]  # the other 12 were not begun
    assert request.results == []


def test_an_interrupt_leaves_no_request_behind(queue, model, monkeypatch):
    with ThreadPoolExecutor(1) as pool:
        first = _held(model, queue, pool)
        request = queue.submit("double", [99])

        def interrupted(_timeout):
            raise KeyboardInterrupt

        monkeypatch.setattr(request.done, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            queue.wait(request, deadline_s=LONG_S)
        model.open.set()
        assert first.result() == [0]
    assert _ask(queue, [1]) == [2]
    assert all(99 not in items for _, items in model.passes)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), [1.0, float("nan")], {"a": -np.inf}])
def test_what_is_not_finite_never_leaves_the_queue(queue, model, bad):
    model.run = lambda _task, items: [bad if item == 7 else 2 * item for item in items]
    with pytest.raises(ModelError, match="doubler gave a result .* of item 2 of 3: it is not fin"):
        _ask(queue, [1, 2, 7])
    assert _ask(queue, [1, 2]) == [2, 4]
    assert queue.counters.refused_results == 1


def test_what_torch_raises_is_an_error_of_the_model(queue, model):
    def run(_task, _items):
        raise RuntimeError("expected scalar type Float\nand a trace")

    model.run = run
    with pytest.raises(ModelError, match="doubler failed: expected scalar type Float$"):
        _ask(queue, [1])
    assert queue.counters.loads == 1


def test_what_torch_raises_while_loading_is_an_error_of_the_model():
    def load():
        raise RuntimeError("CUDA out of memory")

    queue = ModelQueue(load, name="doubler", max_batch=8)
    with pytest.raises(ModelError, match="doubler could not be loaded: CUDA out of memory"):
        _ask(queue, [1])
    queue.close()


def test_giving_memory_back_is_counted(queue):
    _ask(queue, [1])
    queue.unload()
    queue.unload()
    assert queue.counters.evictions == 1


@given(st.lists(st.floats(0, 500), max_size=30), st.integers(0, 4))
def test_a_model_is_lost_at_most_so_often_in_any_while(gaps, most):
    now = [0.0]
    restarts = Restarts(most, window_s=100.0, clock=lambda: now[0])
    started = []
    for gap in gaps:
        now[0] += gap
        if restarts.rest_s() == 0:
            started.append(now[0])
            restarts.note()
    for place in range(len(started) - most - 1):  # one more than may be is never within the while
        assert started[place + most + 1] - started[place] >= 100.0 - 1e-6


def test_a_listener_is_called_until_the_request_has_ended(queue, model):
    waits = []
    request = queue.submit("double", [1, 2])
    found = queue.wait(
        request,
        deadline_s=10,
        listen=lambda within_s: (waits.append(within_s), request.done.wait(within_s)),
    )
    assert found == [2, 4]
    assert all(0 < within_s <= 0.1 for within_s in waits)


def test_a_listener_that_fails_takes_the_request_back(queue, model):
    model.open.clear()
    request = queue.submit("double", [1])

    def listen(within_s):
        raise ZeroDivisionError(within_s)

    with pytest.raises(ZeroDivisionError):
        queue.wait(request, deadline_s=10, listen=listen)
    assert request.done.is_set()
    model.open.set()
    assert queue.ask("double", [3], deadline_s=10) == [6]
