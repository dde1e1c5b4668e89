"""Keep the models that are loaded within a budget: the one used longest ago goes first."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from eoagent.contracts.errors import BudgetExceeded, ModelError
from eoagent.runners.queue import ModelQueue

__all__ = ["MemoryBudget"]


class MemoryBudget:
    """Lets one model load at a time, after making room for it."""

    def __init__(self, most_mb: int, *, patience_s: float = 600.0) -> None:
        """Allow `most_mb` MB of weights at once; wait `patience_s` for another that is loaded."""
        self._most_mb = most_mb
        self._patience_s = patience_s
        # A thread that holds this waits for others to unload; none of those can be waiting for
        # it, since only a model that is loaded is asked to, and that one is in no `room`.
        self._loading = threading.Lock()
        self._lock = threading.Lock()
        self._queues: list[ModelQueue] = []

    def use(self, queue: ModelQueue) -> None:
        """Note that a model is being asked: it is the last one to go."""
        with self._lock:
            if queue in self._queues:
                self._queues.remove(queue)
            self._queues.append(queue)

    @contextlib.contextmanager
    def room(self, need_mb: int, *, name: str) -> Iterator[None]:
        """Hold room for a model while it is loaded; others, used longer ago, make it.

        By the end of the block the queue of the model must count its memory.

        Raises:
            BudgetExceeded: if it alone is over the budget, or what hangs holds too much of it.
            ModelError: if another model is being loaded and does not come to an end.
        """
        if need_mb > self._most_mb:
            raise BudgetExceeded(
                f"{name} needs {need_mb} MB for its weights, and models may take {self._most_mb}",
                hint=f"set model_memory_mb to {need_mb} or more, or take a smaller model",
            )
        if not self._loading.acquire(timeout=self._patience_s):
            raise ModelError(
                f"{name} cannot be loaded: another model has been loading for "
                f"{self._patience_s:g} s",
                hint="try later, or start the process anew",
            )
        try:
            self._make_room(need_mb, name)
            yield
        finally:
            self._loading.release()

    def _make_room(self, need_mb: int, name: str) -> None:
        with self._lock:
            queues = list(self._queues)
        held = {queue: queue.memory_mb for queue in queues}
        for queue in queues:
            if sum(held.values()) + need_mb <= self._most_mb:
                return
            if held[queue]:
                queue.unload()
                held[queue] = queue.memory_mb
        if sum(held.values()) + need_mb > self._most_mb:
            raise BudgetExceeded(
                f"{name} needs {need_mb} MB for its weights; models may take {self._most_mb}, of "
                f"which {sum(held.values())} are held by others that do not come back",
                hint="try later, or start the process anew",
            )
