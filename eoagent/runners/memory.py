"""Keep the models that are loaded within a budget: the one used longest ago goes first."""

from __future__ import annotations

import threading
from collections.abc import Callable

from eoagent.contracts.errors import BudgetExceeded
from eoagent.contracts.runner import Runner
from eoagent.runners.queue import ModelQueue

__all__ = ["MemoryBudget"]


class MemoryBudget:
    """Lets one model load at a time, after making room for it."""

    def __init__(self, most_mb: int) -> None:
        """Allow `most_mb` MB of weights at once."""
        self._most_mb = most_mb
        # A thread that holds this waits for others to unload; none of those can be waiting for
        # it, since only a model that is loaded is asked to, and that one is in no `load`.
        self._loading = threading.Lock()
        self._lock = threading.Lock()
        self._queues: list[ModelQueue] = []

    def use(self, queue: ModelQueue) -> None:
        """Note that a model is being asked: it is the last one to go."""
        with self._lock:
            if queue in self._queues:
                self._queues.remove(queue)
            self._queues.append(queue)

    def load(self, load: Callable[[], Runner], *, need_mb: int, name: str) -> Runner:
        """Load a model once others that were used longer ago have made room for it.

        Raises:
            BudgetExceeded: if it alone is over the budget.
            EoAgentError: what loading it raises.
        """
        if need_mb > self._most_mb:
            raise BudgetExceeded(
                f"{name} needs {need_mb} MB for its weights, and models may take {self._most_mb}",
                hint="allow models more memory, or take a smaller one",
            )
        with self._loading:
            self._make_room(need_mb)
            return load()

    def _make_room(self, need_mb: int) -> None:
        with self._lock:
            queues = list(self._queues)
        held = {queue: queue.memory_mb for queue in queues}
        for queue in queues:
            if sum(held.values()) + need_mb <= self._most_mb:
                return
            if held[queue]:
                queue.unload()
                held[queue] = 0
