"""One queue and one thread per model: requests wait their turn and share its passes.

The model is loaded when it is first asked. Requests of one task that wait together go through the
model together, at most `max_batch` items a pass; a long request gives way to others after each
pass. A caller waits until its deadline and no longer, whatever the model does meanwhile.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from eoagent.contracts.errors import (
    BudgetExceeded,
    EoAgentError,
    InputError,
    InternalError,
    ModelError,
)
from eoagent.contracts.runner import Counters, Runner
from eoagent.runners.request import Request, Share

__all__ = ["ModelQueue"]

_CLOSE_S: Final = 30.0


class ModelQueue:
    """A model behind a queue; may be asked by any number of threads."""

    def __init__(
        self,
        load: Callable[[], Runner],
        *,
        name: str,
        max_batch: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a queue; nothing is loaded and no thread runs until it is asked.

        Args:
            load: loads the model; called in the queue's own thread.
            name: what the model is called in messages.
            max_batch: most items in one pass.
            clock: seconds that only rise, for the counters.
        """
        self._load = load
        self._name = name
        self._max_batch = max_batch
        self._clock = clock
        self._changed = threading.Condition()
        self._open: set[Request] = set()
        self._waiting: deque[Request] = deque()
        self._runner: Runner | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_to_unload = False
        self._counters = Counters()

    @property
    def counters(self) -> Counters:
        """What the model has done since it was first asked."""
        with self._changed:
            return self._counters

    @property
    def memory_mb(self) -> int:
        """Memory that the model holds now, MB; 0 while it is not loaded."""
        with self._changed:
            return 0 if self._runner is None else self._runner.memory_mb

    def ask(self, task: str, items: Sequence[Any], *, deadline_s: float) -> list[Any]:
        """Run items through the model and return a result for each, in order.

        Args:
            task: what the model is to do.
            items: what it is to do it with; none gives no result.
            deadline_s: longest time that the caller waits, seconds; loading counts.

        Raises:
            InputError: if the model refuses an item.
            ModelError: if the model fails, or the queue is closed.
            BudgetExceeded: if the deadline passes; what was not begun is not done.
            EoAgentError: what loading the model raises.
        """
        if not len(items):
            return []
        request = Request(task=task, items=items, asked=self._clock())
        with self._changed:
            if self._is_closed:
                raise self._closed()
            self._count(requests=1, items=len(items))
            self._open.add(request)
            self._waiting.append(request)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name=f"model {self._name}", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()
        request.done.wait(max(0.0, deadline_s))
        self._give_up(request, deadline_s)
        if request.error is not None:
            raise request.error
        return request.results

    def unload(self) -> None:
        """Give the memory of the model back after the pass in progress; it is loaded when asked.

        Returns once the memory is free. Must not be called from the `load` of this queue.
        """
        with self._changed:
            if self._thread is None:
                return
            self._is_to_unload = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._is_to_unload)

    def close(self) -> None:
        """Fail what is open, give the memory back and end the thread; twice is as once."""
        with self._changed:
            self._is_closed = True
            self._fail_open(self._closed())
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_S)

    def _closed(self) -> ModelError:
        return ModelError(f"{self._name} was closed and answers no more")

    def _give_up(self, request: Request, deadline_s: float) -> None:
        with self._changed:
            if request.done.is_set():
                return
            self._settle(request)
            self._count(timeouts=1)
        raise BudgetExceeded(
            f"{self._name} had {deadline_s:g} s for {len(request.items)} {request.task} and "
            f"finished {len(request.results)}",
            hint="ask for fewer at once, or allow more time",
        )

    def _settle(self, request: Request, error: EoAgentError | None = None) -> None:
        """End a request, with its results or an error; the lock is held."""
        if request not in self._open:
            return
        self._open.remove(request)
        if request in self._waiting:
            self._waiting.remove(request)
        if error is not None:
            self._count(failures=1)
        request.error = error
        request.done.set()

    def _fail_open(self, error: EoAgentError) -> None:
        for request in list(self._open):
            self._settle(request, error)

    def _work(self) -> None:
        try:
            while True:
                batch = self._next_batch()
                if not batch:
                    return
                runner = self._ready_runner()
                if runner is not None:
                    self._run(runner, batch)
        finally:
            # A fault of ours gets here with requests open: nobody is left waiting for them, and
            # it goes on to whatever reports the faults of threads.
            self._end(sys.exception())

    def _end(self, fault: BaseException | None) -> None:
        with self._changed:
            if fault is not None:
                said = f"the thread of {self._name} ended: {type(fault).__name__}: {fault}"
                error = InternalError(said)
                error.__cause__ = fault
                self._fail_open(error)
            self._thread = None
            self._drop()

    def _drop(self) -> None:
        """Give the memory back and tell who waits for it; the lock is held."""
        runner, self._runner = self._runner, None
        self._is_to_unload = False
        self._changed.notify_all()
        if runner is not None:
            runner.close()

    def _next_batch(self) -> list[Share]:
        """Wait for work and return the shares of the next pass; none once the queue is closed."""
        with self._changed:
            while True:
                if self._is_to_unload:
                    self._drop()
                if self._is_closed:
                    return []
                if self._waiting:
                    return self._gather()
                self._changed.wait()

    def _gather(self) -> list[Share]:
        """Take items of one task from those who wait, the longest waiting first."""
        task, room, now = self._waiting[0].task, self._max_batch, self._clock()
        shares = []
        for request in [request for request in self._waiting if request.task == task]:
            if not room:
                break
            if not request.taken:
                self._count(waiting_s=now - request.asked)
            items = request.items[request.taken : request.taken + room]
            request.taken += len(items)
            room -= len(items)
            self._waiting.remove(request)
            if request.taken < len(request.items):
                self._waiting.append(request)
            shares.append(Share(request=request, items=items))
        return shares

    def _ready_runner(self) -> Runner | None:
        """Return the model, loaded if it is not; an error of that ends all open requests."""
        if self._runner is not None:
            return self._runner
        try:
            runner = self._load()
        except EoAgentError as error:
            with self._changed:
                self._fail_open(error)
            return None
        with self._changed:
            self._runner = runner
            self._count(loads=1)
        return runner

    def _run(self, runner: Runner, batch: list[Share]) -> None:
        """Run a pass; where it fails, run its shares one by one, so that none harms another."""
        try:
            results = self._pass(runner, batch)
        except (InputError, ModelError) as error:
            if len(batch) > 1:
                for share in batch:
                    self._run(runner, [share])
                return
            with self._changed:
                self._settle(batch[0].request, error)
            return
        with self._changed:
            start = 0
            for share in batch:
                request, end = share.request, start + len(share.items)
                request.results.extend(results[start:end])
                start = end
                if len(request.results) == len(request.items):
                    self._settle(request)

    def _pass(self, runner: Runner, batch: list[Share]) -> Sequence[Any]:
        items = [item for share in batch for item in share.items]
        began = self._clock()
        try:
            results = runner.run(batch[0].request.task, items)
        finally:
            with self._changed:
                self._count(batches=1, busy_s=self._clock() - began)
                largest = max(self._counters.largest_batch, len(items))
                self._counters = self._counters.model_copy(update={"largest_batch": largest})
        if len(results) != len(items):
            raise ModelError(f"{self._name} gave {len(results)} results for {len(items)} items")
        return results

    def _count(self, **more: float) -> None:
        """Add to the counters; the lock is held."""
        old = self._counters
        self._counters = old.model_copy(
            update={name: getattr(old, name) + value for name, value in more.items()}
        )
