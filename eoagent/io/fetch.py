"""Fetch from an admitted place: redirects re-admitted one by one, passing faults tried again."""

from __future__ import annotations

import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import httpx

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Admitted, Origins, Outgoing
from eoagent.io.access_advice import advise, is_login
from eoagent.io.href import UrlHref, parse_href, redact
from eoagent.io.retryafter import retry_after_s
from eoagent.io.wire import Deadline, Reply, Wire, WireError

__all__ = ["Fetcher", "RemoteLimits", "Wires"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SEE_OTHER: Final = 303
_MOST_REDIRECTS: Final = 5
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_EXPIRED: Final = frozenset({401, 403, 404, 410})
_REFUSED: Final = frozenset({401, 403})
_ERROR_BODY: Final = 16 * 1024
_MOST_WIRES: Final = 32
_WORDS: Final = {
    401: "it wants a login",
    403: "it refuses access",
    404: "there is no such document",
    410: "the document is gone",
    416: "the part that was asked for is not there",
    429: "it asks for fewer requests",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteLimits:
    """How long, how often and how much a remote read may take."""

    deadline_s: float = 60.0
    """Longest time for one read, all tries and redirects included."""
    connect_s: float = 10.0
    """Longest wait for one address to take the connection."""
    silence_s: float = 20.0
    """Longest wait for the next byte."""
    attempts: int = 4
    """Most tries of one read."""
    backoff_s: float = 0.25
    """Pause before the second try; doubles with each further one."""
    block_bytes: int = 256 * 1024
    """Size of the blocks that a remote file is read and kept in."""
    cache_bytes: int = 64 * 1024 * 1024
    """Most bytes of blocks kept per file."""
    request_bytes: int = 8 * 1024 * 1024
    """Most bytes asked for at once."""
    whole_bytes: int = 64 * 1024 * 1024
    """Largest file that is taken whole from a server that serves no ranges."""
    max_bytes: int = 8 * 1024**3
    """Most bytes that one open file may bring in."""


class Wires:
    """Connections kept open to the places in use; may be shared by files and threads."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        """Make an empty set; `tls` replaces the usual certificates to trust."""
        self._tls = tls
        self._lock = threading.Lock()
        self._wires: OrderedDict[tuple[object, ...], Wire] = OrderedDict()

    def lend(self, admitted: Admitted, limits: RemoteLimits) -> Wire:
        """Return the wire to a place, made if there is none."""
        place = _as_url(admitted)
        key = (*place.origin, admitted.addresses, limits.connect_s, limits.silence_s)
        with self._lock:
            wire = self._wires.get(key)
            if wire is None:
                if self._tls is None and place.scheme == "https":
                    self._tls = httpx.create_ssl_context()
                wire = Wire(
                    admitted, tls=self._tls, connect_s=limits.connect_s, silence_s=limits.silence_s
                )
                self._wires[key] = wire
            self._wires.move_to_end(key)
            idle = self._wires.popitem(last=False)[1] if len(self._wires) > _MOST_WIRES else None
        if idle is not None:
            idle.close()
        return wire

    def close(self) -> None:
        """Drop all connections."""
        with self._lock:
            wires = list(self._wires.values())
            self._wires.clear()
        for wire in wires:
            wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Fetcher:
    """Gets one remote document, or parts of it, again and again."""

    def __init__(
        self,
        admitted: Admitted,
        origins: Origins | None,
        wires: Wires,
        *,
        limits: RemoteLimits,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a fetcher; without `origins` no redirect is followed."""
        self._start = admitted
        self._place = admitted
        self._origins = origins
        self._wires = wires
        self._limits = limits
        self._sleep = sleep
        self._may_renew = True
        self.shown = redact(admitted.href)
        """The address without credentials and query, for messages."""

    def ask(
        self,
        *,
        headers: Mapping[str, str],
        body_limit: Callable[[Reply], int],
        fault: Callable[[Reply], str],
        post: bytes | None = None,
    ) -> Reply:
        """Return a reply of status 2xx that is sound.

        Args:
            headers: what to send beside the usual.
            body_limit: sees status and headers, says how many bytes of the body to read.
            fault: sees the reply, says what a further try may mend, or "".
            post: body of a POST that may be sent more than once; without it a GET is sent.

        Raises:
            SourceError: if no sound reply came in the tries and the time that there are.
        """
        deadline = Deadline(self._limits.deadline_s)
        redirects = tries = 0
        self._may_renew = True
        while True:
            try:
                reply = self._exchange(headers, body_limit, deadline, post)
            except WireError as error:
                why, wait = str(error), 0.0
            else:
                if reply.status in _REDIRECTS:
                    if post is not None and reply.status == _SEE_OTHER:
                        raise self.failed("it answers a search with a redirect to another document")
                    redirects += 1
                    self._follow(reply, redirects)
                    continue
                why, wait = self._judge(reply, fault)
                if not why:
                    return reply
            pause = max(wait, self._limits.backoff_s * 2**tries)
            tries += 1
            if tries >= self._limits.attempts:
                raise self.failed(f"{why} (tried {tries} times)", hint="try again later")
            if pause >= deadline.left_s:
                raise self.failed(
                    f"{why}; the {deadline.seconds:g} s that it may take leave no further try",
                    hint="try again later, or allow more time",
                )
            self._sleep(pause)

    def _judge(self, reply: Reply, fault: Callable[[Reply], str]) -> tuple[str, float]:
        """Say what a further try may mend, or "", and how long to wait; raise what none can."""
        if reply.status in _PASSING:
            return _say(reply.status), retry_after_s(reply.headers)
        if reply.status in _EXPIRED and self._place is not self._start:
            # A signed address that a redirect led to lapses; the first one gives another.
            self._place = self._start
            return _say(reply.status), 0.0
        if reply.status in _REFUSED and self._may_renew and self._place.access is not None:
            self._may_renew = False  # a token that was kept may have been called back
            if self._place.access.renew(_url_of(self._place)):
                return _say(reply.status), 0.0
        if not 200 <= reply.status < 300:
            raise self.failed(
                _say(reply.status), hint=self._advice(reply.status, reply) or "check the address"
            )
        return fault(reply), 0.0

    def _advice(self, status: int, reply: Reply) -> str:
        """Return which setting opens a place that refuses, or ""."""
        if self._place.access is not None:
            return self._place.access.advice(status, reply.headers)
        return advise(_url_of(self._place), status)

    def failed(self, why: str, *, hint: str = "") -> SourceError:
        """Return the error that says why the document could not be had."""
        return SourceError(f"{self.shown!r} could not be read: {why}", href=self.shown, hint=hint)

    def _exchange(
        self,
        headers: Mapping[str, str],
        body_limit: Callable[[Reply], int],
        deadline: Deadline,
        post: bytes | None,
    ) -> Reply:
        def limit(head: Reply) -> int:
            return body_limit(head) if 200 <= head.status < 300 else _ERROR_BODY

        asked = Outgoing(url=_url_of(self._place), headers=headers, post=post)
        if self._place.access is not None:
            asked = self._place.access.sign(asked, left_s=deadline.left_s)
        return self._wires.lend(self._place, self._limits).exchange(
            asked.url, headers=asked.headers, deadline=deadline, body_limit=limit, post=post
        )

    def _follow(self, reply: Reply, redirects: int) -> None:
        """Go where a redirect leads, if the guard admits it."""
        location = reply.headers.get("location", "")
        if redirects > _MOST_REDIRECTS:
            raise self.failed(f"it redirects more than {_MOST_REDIRECTS} times")
        if not location:
            why = f"it redirects ({reply.status}) without saying where to"
            raise self.failed(why, hint=self._advice(reply.status, reply))
        if self._origins is None:
            raise self.failed(f"it redirects to {redact(location)!r}, which is not followed here")
        if is_login(location):
            raise self.failed("it asks for a login", hint=self._advice(401, reply))
        try:
            target = parse_href(location, base_url=_url_of(self._place))
            url = target.url if isinstance(target, UrlHref) else location
            self._place = self._origins.admit(url, base=self._start.href)
        except SourceError as error:
            raise self.failed(f"it redirects to a place that is not open: {error}") from error


def _as_url(admitted: Admitted) -> UrlHref:
    place = parse_href(admitted.href)
    if not isinstance(place, UrlHref):
        raise SourceError(
            f"{admitted.href!r} is a local file, not a web address", href=admitted.href
        )
    return place


def _url_of(admitted: Admitted) -> str:
    return admitted.url or admitted.href


def _say(status: int) -> str:
    words = _WORDS.get(status)
    return f"the server answers {status}" + (f", {words}" if words else "")
