"""A model that crashes, hangs, talks nonsense or gives what is no number harms its request alone."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from eoagent.contracts.errors import (
    BudgetExceeded,
    EoAgentError,
    InputError,
    ModelError,
)
from eoagent.contracts.runner import Placement
from eoagent.runners.failures import RunnerLostError
from eoagent.runners.isolated.runner import IsolatedRunner
from eoagent.runners.memory import MemoryBudget
from eoagent.runners.queue import ModelQueue
from eoagent.runners.queues import ModelQueues

_spec = importlib.util.spec_from_file_location(
    "model_kind", Path(__file__).with_name("model_kind.py")
)
model_kind = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(model_kind)

START_S = 30.0
PASS_S = 0.4
LONG_S = 60.0

ENDS = {  # what ends the process, and what is said of it
    "exit": "ended during 1 double.*exit code 1",
    "exits": "ended during 1 double.*exit code 3",
    "kill": "ended during 1 double.*signal 9",
    "segv": "ended during 1 double.*signal 11",
    "hang": "did not finish 1 double within 0.4 s",
    "stop": "did not finish 1 double within 0.4 s",
    "garbage": "sent nonsense for 1 double: b'Tracebac' begins no message",
    "2 GB": "sent nonsense for 1 double: 2147483678 bytes are more than",
    "cut": "ended during 1 double",
    "no json": "sent nonsense for 1 double: a message cannot be read: JSONDecodeError",
    "assert": "lost its device: .*device-side assert",
}
SAID = {  # what the process survives
    "input": (InputError, "that is no number"),
    "fails": (ModelError, "the model failed"),
    "torch": (ModelError, "expected scalar type Float but found Half"),
    "bug": (EoAgentError, "the process of faulty failed: ZeroDivisionError: a bug"),
    "huge": (ModelError, "ran out of memory on a single item of double"),
    "nan": (ModelError, "item 0 of 1: it is not finite"),
    "inf": (ModelError, "item 0 of 1: it is not finite"),
    "zero": (ModelError, "item 0 of 1: it is zero"),
    "shape": (ModelError, "its shape is 3, not 1"),
    "dtype": (ModelError, "it is of float64, not float32"),
    "text": (ModelError, "it is a str, not an array"),
    "few": (ModelError, "faulty gave 0 results for 1 items"),
}


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    model_kind.install(tmp_path, monkeypatch)


def _isolated(start="", *, start_s=START_S, **options):
    card = model_kind.make_card()
    card = card.model_copy(update={"options": {"start": start, **options}})
    return IsolatedRunner(card, Path("none"), Placement(), start_s=start_s, pass_s=PASS_S)


@pytest.fixture
def queue(plugin):
    made = ModelQueue(
        _isolated, name="faulty", max_batch=8, pass_s=LONG_S, most_restarts=len(ENDS) + 1
    )
    yield made
    made.close()


def _ask(queue, items, deadline_s=LONG_S):
    return [float(one[0]) for one in queue.ask("double", items, deadline_s=deadline_s)]


def _check(queue, trick, kind, said):
    began = time.monotonic()
    with pytest.raises(kind, match=said):
        queue.ask("double", [(1, trick)], deadline_s=LONG_S)
    assert time.monotonic() - began < LONG_S
    assert _ask(queue, [1, 2, 3]) == [2, 4, 6]


def test_what_a_model_says_harms_no_process(queue):
    for trick, (kind, said) in SAID.items():
        _check(queue, trick, kind, said)
    assert _ask(queue, [(5, "talks")]) == [10]  # what libraries print is not between messages
    assert queue.counters.loads == 1
    assert queue.counters.refused_results == 7


@pytest.mark.parametrize("trick", ["segv", "hang", "garbage"])
def test_a_process_that_ends_hangs_or_talks_nonsense_is_replaced(queue, trick):
    _check(queue, trick, ModelError, ENDS[trick])
    assert (queue.counters.restarts, queue.counters.loads) == (1, 2)


@pytest.mark.full
@pytest.mark.parametrize("trick", sorted(ENDS))
def test_every_way_to_end_is_a_typed_error_in_time(queue, trick):
    _check(queue, trick, ModelError, ENDS[trick])


@pytest.mark.parametrize("start", ["exits", "hang", "fails", "bug"])
def test_a_process_that_does_not_start_is_a_typed_error(plugin, start):
    said = {
        "exits": "ended during loading.*exit code 3",
        "hang": "did not finish loading within 1.5 s",
        "fails": "the model failed",
        "bug": "the process of faulty failed: ZeroDivisionError: a bug",
    }[start]
    start_s = 1.5 if start == "hang" else START_S
    queue = ModelQueue(lambda: _isolated(start, start_s=start_s), name="faulty", max_batch=8)
    with pytest.raises(EoAgentError, match=said):
        _ask(queue, [1])
    assert queue.memory_mb == 0
    queue.close()


def test_a_model_that_dies_again_and_again_is_left_alone_for_a_while(plugin):
    now = [0.0]
    queue = ModelQueue(_isolated, name="faulty", max_batch=8, most_restarts=1, clock=lambda: now[0])
    for _ in range(2):
        with pytest.raises(ModelError, match="ended during"):
            _ask(queue, [(1, "exits")])
    with pytest.raises(ModelError, match="not asked now: it was lost too often, it rests 300 s"):
        _ask(queue, [1])
    assert queue.counters.loads == 2
    now[0] = 301.0
    assert _ask(queue, [1]) == [2]
    queue.close()


def test_a_request_that_kills_the_model_takes_no_other_with_it(queue):
    items = [(n, "kill") if n == 5 else n for n in range(1, 9)]
    _ask(queue, [1])
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(_ask, queue, [item]) for item in items]
        for n, one in enumerate(asked, 1):
            if n == 5:
                with pytest.raises(RunnerLostError, match="signal 9"):
                    one.result()
            else:
                assert one.result() == [2 * n]
    assert queue.counters.restarts <= 2


def test_the_process_of_a_model_ends_with_its_parent(plugin, tmp_path):
    code = (
        "import sys, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "import faulty_models\n"
        "from eoagent.contracts.runner import Placement\n"
        "from eoagent.runners.isolated.runner import IsolatedRunner\n"
        "runner = IsolatedRunner(faulty_models.make_card(), Path('none'), Placement())\n"
        "print(runner._process.pid, flush=True)\n"
        "runner.run('double', [(1, 'hang')])\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + LONG_S
    while _is_running(child):
        assert time.monotonic() < end
        time.sleep(0.01)


def _is_running(process):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _mixed(count):
    """Requests of which every fifth does something wrong, with what is right for each."""
    tricks = ["nan", "huge", "fails", "few", "input", "large", "shape"]
    return [[(n, tricks[n // 5 % len(tricks)])] if n % 5 == 0 else [n] for n in range(1, count + 1)]


def _end_of(queue, items, deadline_s):
    began = time.monotonic()
    try:
        found = _ask(queue, items, deadline_s)
    except EoAgentError as error:
        return error, time.monotonic() - began
    return found, time.monotonic() - began


def _run_mixed(queue, requests, deadline_s):
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda items: _end_of(queue, items, deadline_s), requests))


def _judge(requests, ended, deadline_s):
    for items, (found, seconds) in zip(requests, ended, strict=True):
        assert seconds < deadline_s + 5.0  # a thread may wait for its turn on a busy machine
        value = items[0] if isinstance(items[0], int) else items[0][0]
        if isinstance(items[0], int) or items[0][1] == "large":
            assert found == [2 * value], items
        else:
            assert isinstance(found, ModelError | InputError), items


def test_a_hundred_mixed_requests_end_right_or_with_a_typed_error():
    runner = model_kind.Runner(model_kind.make_card(), most=6)
    queue = ModelQueue(lambda: runner, name="faulty", max_batch=16)
    requests = _mixed(100)
    ended = _run_mixed(queue, requests, LONG_S)
    _judge(requests, ended, LONG_S)
    assert queue.counters.requests == 100
    assert queue.counters.out_of_memory > 0
    queue.close()
    assert runner.is_closed


@pytest.mark.full
def test_a_hundred_mixed_requests_to_a_process_end_right_or_with_a_typed_error(plugin):
    queue = ModelQueue(
        lambda: _isolated(most=6), name="faulty", max_batch=16, pass_s=LONG_S, most_restarts=60
    )
    requests = _mixed(100)
    deadly = sorted(ENDS)
    for place in range(0, 100, 12):
        if isinstance(requests[place][0], int):
            requests[place] = [(place + 1, deadly[place // 12 % len(deadly)])]
    ended = _run_mixed(queue, requests, 120.0)
    _judge(requests, ended, 120.0)
    assert queue.counters.restarts <= 60
    assert _ask(queue, [1]) == [2]
    queue.close()


def test_micro_batching_takes_at_most_a_third_of_the_passes():
    gate, runner = threading.Event(), model_kind.Runner(model_kind.make_card())
    whole = runner.run

    def run(task, items):
        assert gate.wait(LONG_S)
        return whole(task, items)

    runner.run = run
    queue = ModelQueue(lambda: runner, name="faulty", max_batch=16)
    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(_ask, queue, [n]) for n in range(1, 101)]
        while queue.counters.requests < 100:
            time.sleep(0.001)
        gate.set()
        assert [one.result() for one in asked] == [[2 * n] for n in range(1, 101)]
    cost = len(runner.passes)  # a pass costs the same, whatever is in it
    assert cost <= 100 / 3
    assert cost == queue.counters.batches
    queue.close()


class Hanging:
    """A model in this process that hangs until it is let go."""

    card, memory_mb = None, 5

    def __init__(self, gate):
        self.gate, self.is_closed = gate, False

    def run(self, task, items):
        if "hang" in items:
            assert self.gate.wait(LONG_S)
        return [np.ones(1, np.float32) for _ in items]

    def result_form(self, task):
        return None

    def close(self):
        self.is_closed = True


def test_a_model_that_hangs_here_is_left_behind_and_loaded_anew():
    gate, made = threading.Event(), []

    def load():
        made.append(Hanging(gate))
        return made[-1]

    queue = ModelQueue(load, name="hanging", max_batch=8, pass_s=0.15)
    with pytest.raises(BudgetExceeded, match="hanging had 0.05 s for 1 double"):
        queue.ask("double", ["hang"], deadline_s=0.05)
    assert len(queue.ask("double", [1], deadline_s=LONG_S)) == 1
    assert len(made) == 2
    assert queue.memory_mb == 10  # what hangs holds its memory, and that is said
    for _ in range(2):
        with pytest.raises(ModelError, match="hanging did not come back within 0.15 s"):
            queue.ask("double", ["hang"], deadline_s=LONG_S)
    with pytest.raises(ModelError, match="3 of its passes still hang"):
        queue.ask("double", [1], deadline_s=LONG_S)
    assert (queue.counters.hangs, queue.counters.restarts) == (3, 3)
    gate.set()
    end = time.monotonic() + LONG_S
    while queue.memory_mb:
        assert time.monotonic() < end
        time.sleep(0.001)
    assert len(queue.ask("double", [1], deadline_s=LONG_S)) == 1
    assert [one.is_closed for one in made] == [True, True, True, False]
    queue.close()


def test_who_waits_behind_a_hanging_pass_is_served_by_the_next_model():
    gate = threading.Event()
    queue = ModelQueue(lambda: Hanging(gate), name="hanging", max_batch=1, pass_s=0.1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(queue.ask, "double", ["hang"], deadline_s=LONG_S)
        while not queue.counters.waiting_s:
            time.sleep(0.001)
        second = pool.submit(queue.ask, "double", [1], deadline_s=LONG_S)
        assert len(second.result()) == 1
        with pytest.raises(ModelError, match="was given up"):
            first.result()
    gate.set()
    queue.close()


class Held:
    """Counts the memory that all models hold at once."""

    def __init__(self):
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def add(self, memory_mb):
        with self.lock:
            self.now += memory_mb
            self.most = max(self.most, self.now)


def test_loaded_models_stay_within_the_budget_under_load():
    held, budget = Held(), MemoryBudget(250)

    class Weighed(model_kind.Runner):
        def close(self):
            held.add(-self.memory_mb)

    def load():
        held.add(100)
        return Weighed(None)

    queues = [
        ModelQueue(load, name=f"m{n}", max_batch=8, room=lambda n=n: budget.room(100, name=f"m{n}"))
        for n in range(5)
    ]

    def ask(n):
        budget.use(queues[n % 5])
        return _ask(queues[n % 5], [n + 1])

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(100))) == [[2 * n + 2] for n in range(100)]
    assert held.most <= 250
    assert held.now == sum(queue.memory_mb for queue in queues)
    assert sum(queue.counters.evictions for queue in queues) >= 3
    for queue in queues:
        queue.close()
    assert held.now == 0


def test_what_hangs_keeps_its_share_of_the_budget():
    gate, budget = threading.Event(), MemoryBudget(9)
    queues = [
        ModelQueue(
            lambda: Hanging(gate),
            name=name,
            max_batch=8,
            pass_s=0.05,
            room=lambda name=name: budget.room(5, name=name),
        )
        for name in ("first", "second")
    ]
    for queue in queues:
        budget.use(queue)
    with pytest.raises(ModelError, match="was given up"):
        queues[0].ask("double", ["hang"], deadline_s=LONG_S)
    with pytest.raises(BudgetExceeded, match="second needs 5 MB.* of which 5 are held by others"):
        queues[1].ask("double", [1], deadline_s=LONG_S)
    gate.set()
    for queue in queues:
        queue.close()


def test_isolated_models_of_a_pool_share_its_budget(plugin):
    queues = ModelQueues(memory_mb=150, pass_s=START_S, isolate=True)
    for name in ("one", "two"):
        card = model_kind.make_card(id=name)
        queue = queues.get(card, Path("none"), Placement())
        assert _ask(queue, [1]) == [2]
    counters = queues.counters()
    assert [one.evictions for one in counters.values()] == [1, 0]
    queues.close()
    with pytest.raises(ModelError, match="the models were closed"):
        queues.get(model_kind.make_card(), Path("none"), Placement())
