"""Follow a run from asynchronous code: it works in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from eoagent.contracts.events import Event

__all__ = ["Either", "follow_aside"]


class Either:
    """Set when one of two events is: the listener left, or whoever asked wants the run to end."""

    def __init__(self, first: threading.Event, second: Any) -> None:
        self._events = (first, second)

    def is_set(self) -> bool:
        """Return whether one of the events is set."""
        return any(event.is_set() for event in self._events)


async def follow_aside(
    start: Callable[[threading.Event], Iterator[Event]],
) -> AsyncGenerator[Event, None]:
    """Yield the events of a run that is made in a worker thread.

    Whoever stops listening stops the run: it ends with what it has, and its evidence is kept.

    Args:
        start: makes the run; is handed what ends it when set.

    Raises:
        EoAgentError: whatever the run raises.
    """
    stop = threading.Event()
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Any] = asyncio.Queue()
    over = object()

    def tell(item: Any) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, item)

    def work() -> None:
        try:
            for event in start(stop):
                tell(event)
        finally:
            tell(over)

    worker = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        while (item := await queue.get()) is not over:
            yield item
        await worker
    finally:
        stop.set()
        if not worker.done():
            await asyncio.wait([worker])
        if not worker.cancelled():
            worker.exception()
