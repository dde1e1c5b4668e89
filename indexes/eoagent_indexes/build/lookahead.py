"""Do the next few pieces of work in threads while the first is being used, in their order.

Each thread is one that can be named, so that what it opened can be closed by it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from types import TracebackType
from typing import Any, Self, TypeVar

__all__ = ["Lanes", "ahead"]

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Lanes:
    """Threads that take work in turn; a context manager that waits for what they have begun."""

    def __init__(self, count: int) -> None:
        """Name the number of threads."""
        self._lanes = [
            ThreadPoolExecutor(1, thread_name_prefix=f"eoagent-read-{n}") for n in range(count)
        ]
        self._turns = cycle(self._lanes)

    def submit(
        self, work: Callable[[_Given], _Made], item: _Given, *, lane: int | None = None
    ) -> Future[_Made]:
        """Give work to the thread of a number, or to the one whose turn it is."""
        chosen = next(self._turns) if lane is None else self._lanes[lane % len(self._lanes)]
        return chosen.submit(work, item)

    def everywhere(self, work: Callable[[], Any]) -> None:
        """Have every thread do something once it is through with what it was given before."""
        for lane in self._lanes:
            lane.submit(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for lane in self._lanes:
            lane.shutdown(wait=True)


def ahead(
    lanes: Lanes,
    work: Callable[[_Given], _Made],
    items: Iterable[_Given],
    *,
    depth: int,
    lane_of: Callable[[_Given], int | None] | None = None,
) -> Generator[_Made, None, None]:
    """Yield the results of some work on items, in their order, at most `depth` of them early.

    What the work raises is raised where its result would come.

    Args:
        lanes: the threads.
        work: what is done.
        items: on what.
        depth: how many results may wait.
        lane_of: the number of the thread for an item; by default they take turns.
    """
    waiting: deque[Future[_Made]] = deque()
    try:
        for item in items:
            lane = None if lane_of is None else lane_of(item)
            waiting.append(lanes.submit(work, item, lane=lane))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
