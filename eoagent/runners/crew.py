"""The thread that works a queue off, with the model that it loads, and what is done when it fails.

A model that dies is loaded again, some times within a while and no more. A thread whose pass takes
longer than any may is left behind with its model, since Python cannot end it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from eoagent.contracts.errors import EoAgentError, InternalError, ModelError
from eoagent.contracts.runner import Runner
from eoagent.runners.desk import Desk
from eoagent.runners.failures import RunnerLostError, first_line
from eoagent.runners.passing import Passes
from eoagent.runners.request import Share, Worker
from eoagent.runners.restarts import Restarts

__all__ = ["Crew"]

_CLOSE_S: Final = 30.0
_LOOK_S: Final = 600.0
_MOST_HUNG: Final = 3
"""Threads that hang at once; with more, nothing is asked until one of them comes back."""
_MOST_SHORTAGES: Final = 3
"""Batches that ran out of memory before the model is loaded anew."""
_RESTARTS_S: Final = 300.0


class Crew:
    """One thread at work, and those that hang."""

    def __init__(
        self,
        load: Callable[[], Runner],
        desk: Desk,
        *,
        name: str,
        max_batch: int,
        room: Callable[[], AbstractContextManager[None]],
        pass_s: float,
        most_restarts: int,
        clock: Callable[[], float],
    ) -> None:
        """Serve a desk; arguments as those of `ModelQueue`."""
        self._load = load
        self._desk = desk
        self._changed = desk.changed
        self._name = name
        self._room = room
        self._pass_s = pass_s
        self._clock = clock
        self._worker: Worker | None = None
        self._hung: list[Worker] = []
        self._restarts = Restarts(most_restarts, window_s=_RESTARTS_S, clock=clock)
        self._passes = Passes(name=name, max_batch=max_batch, clock=clock, desk=desk)
        self._is_closed = False
        self._is_to_unload = False

    @property
    def memory_mb(self) -> int:
        """Memory that the model holds now, MB, with that of models that hang."""
        with self._changed:
            held = [*self._hung, self._worker] if self._worker is not None else self._hung
            return sum(worker.memory_mb for worker in held)

    def check(self) -> None:
        """Refuse to be asked.

        Raises:
            ModelError: if it is closed, or hangs again and again.
        """
        with self._changed:
            if self._is_closed:
                raise self._closed()
            self._give_up_hung()
            if len(self._hung) >= _MOST_HUNG:
                raise self._worn_out(f"{len(self._hung)} of its passes still hang")

    def start(self) -> None:
        """See that somebody works."""
        with self._changed:
            if self._worker is not None:
                return
            worker = self._worker = Worker()
            worker.thread = threading.Thread(
                target=self._work, args=(worker,), name=f"model {self._name}", daemon=True
            )
            worker.thread.start()

    def unload(self) -> None:
        """Give the memory of the model back after the pass in progress; it is loaded when asked.

        Returns once the memory is free, or the model is found to hang.
        """
        with self._changed:
            worker = self._worker
            if worker is None or worker.runner is None:
                return
            self._is_to_unload = True
            self._changed.notify_all()
            while self._is_to_unload and self._worker is worker:
                self._changed.wait(min(self.patience_s(), _LOOK_S))
            self._desk.count(evictions=int(worker not in self._hung))

    def close(self) -> None:
        """Fail what is open, give the memory back and end the thread; twice is as once."""
        with self._changed:
            self._is_closed = True
            self._desk.fail_all(self._closed())
            self._changed.notify_all()
            thread = self._worker.thread if self._worker is not None else None
            patience_s = min(self.patience_s() + 1.0, _CLOSE_S)
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience_s)

    def patience_s(self) -> float:
        """Return when to look again whether the model hangs, which is then left behind."""
        with self._changed:
            self._give_up_hung()
            worker = self._worker
            if worker is None or worker.since is None:
                return max(self._pass_s, 0.001)
            return max(worker.since + self._pass_s - self._clock(), 0.001)

    def _closed(self) -> ModelError:
        return ModelError(f"{self._name} was closed and answers no more")

    def _worn_out(self, why: str) -> ModelError:
        return ModelError(
            f"{self._name} is not asked now: {why}",
            hint=f"try later; check the weights: eoagent models verify {self._name}",
        )

    def _give_up_hung(self) -> None:
        """Leave a thread behind whose pass takes longer than any may; the lock is held."""
        worker = self._worker
        if worker is None or worker.since is None or self._clock() < worker.since + self._pass_s:
            return
        self._worker, self._is_to_unload = None, False
        self._hung.append(worker)
        self._restarts.note()
        self._desk.count(hangs=1, restarts=1)
        error = ModelError(
            f"{self._name} did not come back within {self._pass_s:g} s and was given up",
            hint="ask for fewer at once, or allow more time",
        )
        for share in worker.shares:
            self._desk.fail(share.request, error)
        if len(self._hung) >= _MOST_HUNG:
            self._desk.fail_all(self._worn_out(f"{len(self._hung)} of its passes still hang"))
        elif self._desk.next_task is not None:
            self.start()
        self._changed.notify_all()

    def _work(self, worker: Worker) -> None:
        try:
            while batch := self._next_batch(worker):
                self._serve(worker, batch)
        finally:
            # A fault of ours gets here with requests open: nobody is left waiting for them, and
            # it goes on to whatever reports the faults of threads.
            self._end(worker, sys.exception())

    def _end(self, worker: Worker, fault: BaseException | None) -> None:
        with self._changed:
            self._drop(worker)
            if worker in self._hung:
                self._hung.remove(worker)
            if self._worker is not worker:
                return
            self._worker = None
            if fault is not None:
                said = f"the thread of {self._name} ended: {type(fault).__name__}: {fault}"
                error = InternalError(said)
                error.__cause__ = fault
                self._desk.fail_all(error)

    def _drop(self, worker: Worker) -> None:
        """Give the memory back and tell who waits for it; the lock is held."""
        runner, worker.runner = worker.runner, None
        if runner is not None:
            runner.close()
        if self._worker is worker:
            self._is_to_unload = False
        self._changed.notify_all()

    def _next_batch(self, worker: Worker) -> list[Share]:
        """Wait for work and return the shares of the next pass; none once the thread is to end."""
        with self._changed:
            worker.since, worker.shares = None, []
            while self._worker is worker:
                if self._is_to_unload:
                    self._drop(worker)
                if self._is_closed:
                    return []
                task = self._desk.next_task
                if task is not None:
                    worker.since = self._clock()
                    worker.shares = self._desk.gather(self._passes.room(task))
                    return worker.shares
                self._changed.wait()
            return []

    def _serve(self, worker: Worker, batch: list[Share]) -> None:
        """Run a batch; where it fails, run its shares one by one, so that none harms another."""
        batch = [share for share in batch if not share.request.done.is_set()]
        runner = self._ready_runner(worker) if batch else None
        if runner is None:
            return
        items = [item for share in batch for item in share.items]
        try:
            results = self._passes.run(runner, batch[0].request.task, items, worker=worker)
        except EoAgentError as error:
            failure = error
        else:
            self._desk.deliver(batch, results)
            return
        if isinstance(failure, RunnerLostError):
            self._lose(worker)
        if len(batch) == 1:
            self._desk.fail(batch[0].request, failure)
            return
        for share in batch:
            self._serve(worker, [share])

    def _ready_runner(self, worker: Worker) -> Runner | None:
        """Return the model, loaded if it is not; None where that fails all open requests."""
        with self._changed:
            if self._worker is not worker:
                return None
            if worker.runner is not None and self._passes.shortages >= _MOST_SHORTAGES:
                self._desk.count(restarts=1)
                self._drop(worker)
            if worker.runner is not None:
                return worker.runner
            rest_s = self._restarts.rest_s()
            if rest_s:
                self._desk.fail_all(
                    self._worn_out(f"it was lost too often, it rests {rest_s:.0f} s")
                )
                return None
            worker.since = None  # to wait for room is not to hang; it has its own limit
        try:
            with self._room():
                with self._changed:
                    worker.since = self._clock()
                runner = self._load()
                if self._keep(worker, runner):
                    return runner
        except (EoAgentError, MemoryError, RuntimeError) as error:
            failure = _typed(error, self._name)
        else:
            runner.close()  # it took so long that it was given up
            return None
        with self._changed:
            if isinstance(failure, RunnerLostError):
                self._restarts.note()
            if self._worker is worker:
                self._desk.fail_all(failure)
        return None

    def _keep(self, worker: Worker, runner: Runner) -> bool:
        with self._changed:
            if self._worker is not worker:
                return False
            worker.runner, worker.since = runner, self._clock()
            self._passes.shortages = 0
            self._desk.count(loads=1)
            return True

    def _lose(self, worker: Worker) -> None:
        with self._changed:
            self._restarts.note()
            self._desk.count(restarts=1)
            self._drop(worker)


def _typed(error: Exception, name: str) -> EoAgentError:
    if isinstance(error, EoAgentError):
        return error
    failure = ModelError(f"{name} could not be loaded: {first_line(error)}")
    failure.__cause__ = error
    return failure
