"""The requests that are open at a model: who waits, who is served next, and what was done."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.runner import Counters
from eoagent.runners.request import Request, Share

__all__ = ["Desk"]


class Desk:
    """Open requests and counters; each method takes the lock `changed`, which may be held."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count time with a clock of seconds that only rise."""
        self._clock = clock
        self._open: set[Request] = set()
        self._waiting: deque[Request] = deque()
        self._counters = Counters()
        self.changed = threading.Condition(threading.RLock())
        """Held while anything here changes, and told of it."""

    @property
    def counters(self) -> Counters:
        """What was done."""
        with self.changed:
            return self._counters

    @property
    def next_task(self) -> str | None:
        """Task of the request that waits longest; None where none waits."""
        with self.changed:
            return self._waiting[0].task if self._waiting else None

    def add(self, request: Request) -> None:
        """Let a request wait."""
        with self.changed:
            self.count(requests=1, items=len(request.items))
            self._open.add(request)
            self._waiting.append(request)
            self.changed.notify_all()

    def gather(self, room: int) -> list[Share]:
        """Take at most `room` items of one task from those who wait, the longest waiting first."""
        shares = []
        with self.changed:
            task, now = self.next_task, self._clock()
            for request in [request for request in self._waiting if request.task == task]:
                if not room:
                    break
                if not request.taken:
                    self.count(waiting_s=now - request.asked)
                items = request.items[request.taken : request.taken + room]
                request.taken += len(items)
                room -= len(items)
                self._waiting.remove(request)
                if request.taken < len(request.items):
                    self._waiting.append(request)
                shares.append(Share(request=request, items=items))
        return shares

    def deliver(self, shares: Sequence[Share], results: Sequence[Any]) -> None:
        """Hand out the results of a pass, and end the requests that have all of theirs."""
        with self.changed:
            start = 0
            for share in shares:
                request, end = share.request, start + len(share.items)
                if request in self._open:  # else its caller is gone, and has what there was
                    request.results.extend(results[start:end])
                    if len(request.results) == len(request.items):
                        self.settle(request)
                start = end

    def settle(self, request: Request, error: EoAgentError | None = None) -> bool:
        """End a request, with its results or an error; return False if it had ended."""
        with self.changed:
            if request not in self._open:
                return False
            self._open.remove(request)
            if request in self._waiting:
                self._waiting.remove(request)
            request.error = error
            request.done.set()
            return True

    def fail(self, request: Request, error: EoAgentError) -> None:
        """End a request with an error of the model; nothing happens if it had ended."""
        with self.changed:
            if self.settle(request, error):
                self.count(failures=1)

    def fail_all(self, error: EoAgentError) -> None:
        """End all open requests with an error of the model."""
        with self.changed:
            for request in list(self._open):
                self.fail(request, error)

    def count(self, *, largest_batch: int = 0, **more: float) -> None:
        """Add to the counters; of `largest_batch` they keep the most."""
        with self.changed:
            old = self._counters
            changes = {name: getattr(old, name) + value for name, value in more.items()}
            changes["largest_batch"] = max(old.largest_batch, largest_batch)
            self._counters = old.model_copy(update=changes)
