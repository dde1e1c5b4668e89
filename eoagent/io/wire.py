"""Exchange HTTP messages with one admitted place, over its pinned addresses and under a deadline.

Knows no ranges, caches or retries: that is `remote.py`. No proxies, cookies, stored credentials or
automatic redirects take part.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import httpcore

from eoagent.contracts.errors import InternalError
from eoagent.contracts.store import Admitted

__all__ = ["Deadline", "Reply", "Wire", "WireError"]

_AGENT: Final = "eoagent"


class Deadline:
    """A moment by which something must be done."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Set the moment `seconds` from now."""
        self._clock = clock
        self._end = clock() + seconds
        self.seconds = seconds
        """How much time was given."""

    @property
    def left_s(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self._end - self._clock())


class WireError(Exception):
    """An exchange broke off; the caller may try again. Never leaves `eoagent.io`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered."""

    status: int
    """HTTP status code."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers by lower-case name; repeated ones joined with a comma."""
    body: bytes = b""
    """The body, or as much of it as was asked for."""
    is_whole: bool = True
    """Whether the body was read to its end."""

    @property
    def stated_bytes(self) -> int:
        """Length of the body as the server states it; -1 where it does not."""
        stated = self.headers.get("content-length", "")
        return int(stated) if stated.isdecimal() and len(stated) < 20 else -1

    @property
    def has_known_end(self) -> bool:
        """Whether the server said how long the body is, so that a cut one shows."""
        packing = self.headers.get("transfer-encoding", "").lower()
        return "content-length" in self.headers or "chunked" in packing


class Wire:
    """A connection, kept open, to one admitted place; one exchange at a time."""

    def __init__(
        self,
        admitted: Admitted,
        *,
        tls: ssl.SSLContext | None,
        connect_s: float = 10.0,
        silence_s: float = 20.0,
    ) -> None:
        """Make a wire; nothing is connected yet.

        Args:
            admitted: the place, with the addresses to connect to.
            tls: certificates to trust, for https; the host name is always verified.
            connect_s: longest wait for one address to take the connection.
            silence_s: longest wait for the next byte.
        """
        self._lock = threading.Lock()
        self._backend = _PinnedBackend(admitted.addresses)
        self._connect_s = connect_s
        self._silence_s = silence_s
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=1,
            http2=False,
            network_backend=self._backend,
        )

    def exchange(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        deadline: Deadline,
        body_limit: Callable[[Reply], int],
        post: bytes | None = None,
    ) -> Reply:
        """Ask for a document; `body_limit` sees status and headers and says how much to read.

        A limit below the body's length cuts it there and drops the connection. With `post` the
        request is a POST of these bytes, else a GET.

        Raises:
            WireError: if the exchange breaks off or the deadline passes.
        """
        with self.open(url, headers=headers, deadline=deadline, post=post) as (head, chunks):
            body, is_whole = _read(chunks, body_limit(head), deadline)
        return Reply(status=head.status, headers=head.headers, body=body, is_whole=is_whole)

    @contextmanager
    def open(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        deadline: Deadline,
        post: bytes | None = None,
    ) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """Ask for a document and give its head, and its body piece by piece as it comes.

        Inside the block the wire is taken; what is not read when it ends is dropped.

        Raises:
            WireError: if the exchange breaks off or the deadline passes, inside the block too.
        """
        wanted: list[tuple[bytes | str, bytes | str]] = [
            ("User-Agent", _AGENT),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            *headers.items(),
        ]
        timeouts = {
            "connect": self._connect_s,
            "read": self._silence_s,
            "write": self._silence_s,
            "pool": self._silence_s,
        }
        try:
            with self._lock:
                self._backend.deadline = deadline
                with self._pool.stream(
                    "GET" if post is None else "POST",
                    url,
                    headers=wanted,
                    content=post,
                    extensions={"timeout": timeouts},
                ) as response:
                    head = Reply(status=response.status, headers=_join(response.headers))
                    yield head, response.iter_stream()
        except httpcore.TimeoutException as error:
            waited = "the deadline passed" if not deadline.left_s else "the server fell silent"
            raise WireError(waited) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise WireError(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Drop the connection; a later exchange makes a new one."""
        with self._lock:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _join(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _read(chunks: Iterable[bytes], limit: int, deadline: Deadline) -> tuple[bytes, bool]:
    """Read at most `limit` bytes; say whether that was all."""
    body = bytearray()
    if limit <= 0:
        return b"", False
    for chunk in chunks:
        if len(body) + len(chunk) > limit:
            return bytes(body + chunk[: limit - len(body)]), False
        body += chunk
        if not deadline.left_s:
            raise WireError("the deadline passed")
    return bytes(body), True


class _PinnedBackend(httpcore.NetworkBackend):
    """Connects to the admitted addresses, whatever the host name would resolve to now."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses
        self._inner = httpcore.SyncBackend()
        self.deadline = Deadline(0.0)
        """When the exchange in progress must be over."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first admitted address that answers; `host` is not looked up."""
        failure: Exception | None = None
        for address in self._addresses:
            try:
                stream = self._inner.connect_tcp(
                    address,
                    port,
                    timeout=_within(timeout, self.deadline, httpcore.ConnectTimeout),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _TimedStream(stream, self)
        if failure is not None:
            raise failure
        raise InternalError(f"host {host!r} was admitted without an address")


class _TimedStream(httpcore.NetworkStream):
    """A stream of which no single wait outlasts the deadline of the exchange."""

    def __init__(self, inner: httpcore.NetworkStream, backend: _PinnedBackend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, at most `max_bytes`."""
        wait = _within(timeout, self._backend.deadline, httpcore.ReadTimeout)
        return self._inner.read(max_bytes, wait)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of a buffer."""
        wait = _within(timeout, self._backend.deadline, httpcore.WriteTimeout)
        self._inner.write(buffer, wait)

    def close(self) -> None:
        """Close the stream."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Speak TLS from here on, verified against the host name."""
        wait = _within(timeout, self._backend.deadline, httpcore.ConnectTimeout)
        inner = self._inner.start_tls(ssl_context, server_hostname, wait)
        return _TimedStream(inner, self._backend)

    def get_extra_info(self, info: str) -> Any:
        """Return what the stream below knows about itself."""
        return self._inner.get_extra_info(info)


def _within(timeout: float | None, deadline: Deadline, late: type[Exception]) -> float:
    """Return the shorter of a timeout and what the deadline leaves, or raise `late`."""
    left = deadline.left_s
    if not left:
        raise late("the deadline passed")
    return left if timeout is None else min(timeout, left)
