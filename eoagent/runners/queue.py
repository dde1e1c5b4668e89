"""One queue and one thread per model: requests wait their turn and share its passes.

The model is loaded when it is first asked. Requests of one task that wait together go through the
model together, at most `max_batch` items a pass; a long request gives way to others after each
pass. A caller waits until its deadline and no longer, whatever the model does meanwhile. A model
that hangs is left behind with its thread; one that dies is loaded again, a few times.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from eoagent.contracts.errors import (
    BudgetExceeded,
    ModelError,
)
from eoagent.contracts.runner import Counters, Runner
from eoagent.runners.crew import Crew
from eoagent.runners.desk import Desk
from eoagent.runners.request import Request

__all__ = ["ModelQueue"]

_LOOK_S: Final = 600.0
_LISTEN_S: Final = 0.1
"""Longest time in which a listener does not see that its request has ended."""


class ModelQueue:
    """A model behind a queue; may be asked by any number of threads."""

    def __init__(
        self,
        load: Callable[[], Runner],
        *,
        name: str,
        max_batch: int,
        room: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
        pass_s: float = math.inf,
        most_restarts: int = 3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a queue; nothing is loaded and no thread runs until it is asked.

        Args:
            load: loads the model; called in the queue's own thread.
            name: what the model is called in messages.
            max_batch: most items in one pass.
            room: held while the model is loaded; makes room for it.
            pass_s: longest time that loading or a pass may take before the model counts as hung.
            most_restarts: times within five minutes that a lost model is loaded again.
            clock: seconds that only rise.
        """
        self._name = name
        self._clock = clock
        self._desk = Desk(clock)
        self._crew = Crew(
            load,
            self._desk,
            name=name,
            max_batch=max_batch,
            room=room,
            pass_s=pass_s,
            most_restarts=most_restarts,
            clock=clock,
        )

    @property
    def counters(self) -> Counters:
        """What the model has done since it was first asked."""
        return self._desk.counters

    @property
    def memory_mb(self) -> int:
        """Memory that the model holds now, MB, with that of models that hang."""
        return self._crew.memory_mb

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
        return self.wait(self.submit(task, items), deadline_s=deadline_s)

    def submit(self, task: str, items: Sequence[Any]) -> Request:
        """Queue items, at least one, for the caller to `wait` for or to `cancel`.

        Raises:
            ModelError: if the queue is closed, or the model hangs again and again.
        """
        request = Request(task=task, items=items, asked=self._clock())
        with self._desk.changed:
            self._crew.check()
            self._desk.add(request)
            self._crew.start()
        return request

    def wait(
        self,
        request: Request,
        *,
        deadline_s: float,
        listen: Callable[[float], None] | None = None,
    ) -> list[Any]:
        """Return the results of a request; errors as `ask`.

        Args:
            request: what was submitted.
            deadline_s: longest time that the caller waits, seconds.
            listen: called again and again meanwhile, in the thread of the caller, with how long it
                may wait for something to hand on, seconds.
        """
        end = self._clock() + deadline_s
        try:
            while not request.done.is_set() and (left := end - self._clock()) > 0:
                pause_s = min(left, self._crew.patience_s(), _LOOK_S)
                if listen is None:
                    request.done.wait(pause_s)
                else:
                    listen(min(pause_s, _LISTEN_S))
        finally:  # an interrupt too leaves nothing behind that nobody waits for
            is_late = self._desk.settle(request)
        if is_late:
            self._desk.count(timeouts=1)
            raise BudgetExceeded(
                f"{self._name} had {deadline_s:g} s for {len(request.items)} {request.task} and "
                f"finished {len(request.results)}",
                hint="ask for fewer at once, or allow more time",
            )
        if request.error is not None:
            raise request.error
        return request.results

    def cancel(self, request: Request) -> bool:
        """Take a request back; what was not begun is not done. Return whether it was open."""
        error = ModelError(f"the request to {self._name} was taken back")
        was_open = self._desk.settle(request, error)
        self._desk.count(cancelled=int(was_open))
        return was_open

    def unload(self) -> None:
        """Give the memory of the model back after the pass in progress; it is loaded when asked.

        Returns once the memory is free, or the model is found to hang.
        """
        self._crew.unload()

    def close(self) -> None:
        """Fail what is open, give the memory back and end the thread; twice is as once."""
        self._crew.close()
