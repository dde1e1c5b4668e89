"""Run items through a model in passes that its memory takes, and check what comes out.

Where memory runs out, the pass is tried again with half as many items, down to one; how many went
through is remembered for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from eoagent.contracts.errors import ModelError
from eoagent.contracts.runner import Runner
from eoagent.runners.desk import Desk
from eoagent.runners.failures import (
    RunnerLostError,
    first_line,
    free_unused,
    is_device_lost,
    is_out_of_memory,
)
from eoagent.runners.request import Worker
from eoagent.runners.results import check_results

__all__ = ["Passes"]

_REMEMBER_S: Final = 300.0


class Passes:
    """How many items a model takes at once; used by one thread at a time."""

    def __init__(
        self, *, name: str, max_batch: int, clock: Callable[[], float], desk: Desk
    ) -> None:
        """Allow `max_batch` items in a pass.

        Args:
            name: what the model is called in messages.
            max_batch: most items in one pass.
            clock: seconds that only rise.
            desk: counts.
        """
        self._name = name
        self._max_batch = max_batch
        self._clock = clock
        self._desk = desk
        self._smaller: dict[str, tuple[int, float]] = {}
        self.shortages = 0
        """Batches that ran out of memory since the model was loaded."""

    def room(self, task: str) -> int:
        """Return how many items of a task go in one pass now."""
        size, until = self._smaller.get(task, (self._max_batch, 0.0))
        if self._clock() >= until:
            self._smaller.pop(task, None)
            return self._max_batch
        return min(size, self._max_batch)

    def run(self, runner: Runner, task: str, items: Sequence[Any], *, worker: Worker) -> list[Any]:
        """Return the results of items, in order; each pass of the worker has its own time.

        Raises:
            InputError: if the model refuses an item.
            RunnerLostError: if it cannot be asked again.
            ModelError: if it fails, has no memory for one item, or gives what cannot be used.
        """
        results: list[Any] = []
        is_short = False
        while len(results) < len(items):
            worker.since = self._clock()
            part = items[len(results) : len(results) + self.room(task)]
            found = self._pass(runner, task, part)
            if found is not None:
                results.extend(found)
                continue
            # What failed is gone with its error here, so what it held can be given back.
            free_unused()
            self.shortages += not is_short
            is_short = True
            if len(part) == 1:
                raise ModelError(
                    f"{self._name} ran out of memory on a single item of {task}",
                    hint="take another device or half precision, or end what else holds memory",
                )
            self._smaller[task] = (len(part) // 2, self._clock() + _REMEMBER_S)
        return results

    def _pass(self, runner: Runner, task: str, items: Sequence[Any]) -> Sequence[Any] | None:
        """Return the results of one pass, or None where memory ran out."""
        began = self._clock()
        try:
            results = runner.run(task, items)
        except RunnerLostError:
            raise
        except (ModelError, MemoryError, RuntimeError) as error:
            if is_out_of_memory(error):
                self._desk.count(out_of_memory=1)
                return None
            if is_device_lost(error):
                raise RunnerLostError(
                    f"{self._name} lost its device: {first_line(error)}",
                    hint="start the process anew; with isolated models only theirs is",
                ) from error
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"{self._name} failed: {first_line(error)}") from error
        finally:
            self._desk.count(batches=1, busy_s=self._clock() - began, largest_batch=len(items))
        try:
            check_results(results, count=len(items), form=runner.result_form(task), name=self._name)
        except ModelError:
            self._desk.count(refused_results=1)
            raise
        return results
