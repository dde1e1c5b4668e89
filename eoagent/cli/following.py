"""Run a question aside, so that Ctrl-C reaches its reader at once, whatever a step does."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Final

from eoagent.contracts.events import Event

__all__ = ["BREAK_OFF_S", "Followed", "Foreground", "Line", "Question", "Start"]

BREAK_OFF_S: Final = 2.0
"""A second Ctrl-C within so many seconds of the first breaks a run off."""

_POLL_S: Final = 0.2
_GRACE_S: Final = 0.5
_STOPPING: Final = (
    "stopping: the answer comes with what there is by now "
    f"(Ctrl-C twice within {BREAK_OFF_S:g} s breaks off)"
)
_ENDING: Final = "what you broke off has not ended yet; waiting for it (Ctrl-C goes back)"


@dataclass(frozen=True, slots=True)
class Line:
    """Something to tell the reader while a run goes on."""

    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the run asks its reader, yes or no; it waits until `reply` is set."""

    text: str
    reply: Future[bool] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Press:
    """A press of Ctrl-C."""

    at: float


Followed = Event | Line | Question
"""What a reader of a run sees."""
Start = Callable[[threading.Event, Callable[[str], bool]], Iterator[Event]]
"""Makes a run, given what ends it when set, and whom to ask for approval."""

_OVER: Final = object()


class Foreground:
    """Follows one run at a time; each works in a thread of its own.

    Args:
        is_kept: whether Ctrl-C ends the run with a partial answer, and only a second one breaks it
            off; otherwise the first one does.
        clock: seconds.
    """

    def __init__(
        self, *, is_kept: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_kept = is_kept
        self._clock = clock
        self._left: Future[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a run that was broken off has not ended yet."""
        return self._left is not None and not self._left.done()

    def follow(self, start: Start) -> Generator[Followed, None, None]:
        """Yield what happens in a run; to be called and read in the main thread.

        Raises:
            KeyboardInterrupt: if the user broke it off; it ends by itself, and nobody sees how.
            EoAgentError: whatever the run raises.
        """
        yield from self._wait_for_left()
        aside = _Aside(start)
        try:
            with _interrupts(lambda: aside.put(_Press(self._clock()))):
                yield from self._items(aside)
            aside.result()
        finally:
            aside.leave()
            self._left = aside.future

    def _items(self, aside: _Aside) -> Iterator[Followed]:
        last_press: float | None = None
        for item in aside.items():
            if isinstance(item, Question):
                with _interrupts(None):
                    yield item
            elif not isinstance(item, _Press):
                yield item
            else:
                is_second = last_press is not None and item.at - last_press <= BREAK_OFF_S
                if is_second or not self._is_kept:
                    raise KeyboardInterrupt
                last_press = item.at
                aside.stop.set()
                yield Line(_STOPPING)

    def _wait_for_left(self) -> Iterator[Followed]:
        """Let a run that was broken off end first: two at once would tangle their thread."""
        if self._left is None:
            return
        wait([self._left], timeout=_GRACE_S)
        if self.is_busy:
            yield Line(_ENDING)
        while self.is_busy:
            wait([self._left], timeout=_POLL_S)
        self._left = None


class _Aside:
    """A run in a thread of its own, and what it has told so far."""

    def __init__(self, start: Start) -> None:
        self.stop = threading.Event()
        """Ends the run with what it has when set."""
        self._is_left = threading.Event()
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._asked: list[Question] = []
        pool = ThreadPoolExecutor(1, thread_name_prefix="eoagent-question")
        self.future: Future[None] = pool.submit(self._work, start)
        """Done when the run has ended."""
        pool.shutdown(wait=False)

    def put(self, item: Any) -> None:
        """Add something to be told; safe in a signal handler."""
        self._queue.put(item)

    def items(self) -> Iterator[Any]:
        """Yield what is told until the run is over."""
        while True:
            try:
                item = self._queue.get(timeout=_POLL_S)  # lets signals in on every platform
            except Empty:
                continue
            if item is _OVER:
                return
            yield item

    def result(self) -> None:
        """Raise what the run raised."""
        self.future.result()

    def leave(self) -> None:
        """Follow it no longer: it is stopped, and whatever it asks is denied."""
        self._is_left.set()
        self.stop.set()
        for question in self._asked:
            if not question.reply.done():
                question.reply.set_result(False)

    def _work(self, start: Start) -> None:
        try:
            for event in start(self.stop, self._ask):
                if self._is_left.is_set():
                    return
                self.put(event)
        finally:
            self.put(_OVER)

    def _ask(self, text: str) -> bool:
        question = Question(text)
        self._asked.append(question)
        if self._is_left.is_set():
            return False
        self.put(question)
        return question.reply.result()


@contextmanager
def _interrupts(press: Callable[[], None] | None) -> Iterator[None]:
    """Tell of each Ctrl-C instead of raising it, or raise it again where nobody is to be told.

    The handler that was there before is back afterwards.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        if press is not None:
            press()

    chosen = signal.default_int_handler if press is None else handle
    before = signal.signal(signal.SIGINT, chosen)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
