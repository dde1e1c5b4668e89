"""Send and receive messages over two pipes, each within a time; nothing waits for ever."""

from __future__ import annotations

import os
import select
import time
from typing import Any

from eoagent.runners.isolated.frames import HEAD_BYTES, decode, encode, lengths

__all__ = ["Pipes"]

_STEP = 1 << 20


class Pipes:
    """The parent's ends of the two pipes; used by one thread at a time."""

    def __init__(self, out: int, back: int, *, most_bytes: int) -> None:
        """Take the descriptors that requests go to and replies come from."""
        self._out, self._back = out, back
        self._most_bytes = most_bytes
        os.set_blocking(out, False)
        os.set_blocking(back, False)

    def send(self, value: Any, *, within_s: float) -> None:
        """Send a message.

        Raises:
            BadFrameError: if no message can hold it; nothing was sent.
            TimeoutError: if the other side does not take it in time.
            OSError: if the other side is gone.
        """
        data = memoryview(encode(value, most_bytes=self._most_bytes))
        end = time.monotonic() + within_s
        while data:
            _wait(self._out, select.POLLOUT, end)
            try:
                data = data[os.write(self._out, data[:_STEP]) :]
            except BlockingIOError:  # room for less than a page
                continue

    def receive(self, *, within_s: float) -> Any:
        """Return the next message.

        Raises:
            BadFrameError: if what comes is none, or is too long.
            TimeoutError: if it is not there in time.
            EOFError: if the other side is gone.
        """
        end = time.monotonic() + within_s
        head = self._read(HEAD_BYTES, end)
        document, body = lengths(bytes(head), most_bytes=self._most_bytes)
        return decode(bytes(self._read(document, end)), self._read(body, end))

    def _read(self, count: int, end: float) -> bytearray:
        # Grows with what comes, so that a length alone takes no memory.
        data = bytearray()
        while len(data) < count:
            _wait(self._back, select.POLLIN, end)
            try:
                part = os.read(self._back, min(count - len(data), _STEP))
            except BlockingIOError:
                continue
            if not part:
                raise EOFError(f"the pipe ended after {len(data)} of {count} bytes")
            data += part
        return data


def _wait(descriptor: int, event: int, end: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    left = end - time.monotonic()
    if left <= 0 or not poll.poll(min(left, 86_400.0) * 1000):
        raise TimeoutError
