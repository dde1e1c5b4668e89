"""Carry one request to a chat server that the user named, and what it answers back."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import httpx
from pydantic import SecretStr

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.store import Admitted
from eoagent.io.address import Resolver
from eoagent.io.chatserver_address import ServerAddress
from eoagent.io.chatserver_events import TooMuchError
from eoagent.io.chatserver_faults import Clean, FaultError, judge
from eoagent.io.origin import OriginGuard
from eoagent.io.wire import Deadline, Reply, Wire, WireError

__all__ = ["ServerLink", "take"]

_ERROR_BYTES: Final = 16 * 1024
_CONNECT_S: Final = 10.0


class ServerLink:
    """The way to one server; may be shared by threads, each request has a connection of its own.

    What the user typed is trusted as a place, this machine included. Nothing leads from there to
    another place: redirects are not followed. The key goes into one header, and nowhere else.
    """

    def __init__(
        self,
        address: ServerAddress,
        *,
        key: SecretStr,
        clean: Clean,
        silence_s: float,
        clock: Callable[[], float],
        resolver: Resolver,
    ) -> None:
        """Make a link; nothing is sent yet.

        Args:
            address: the server.
            key: sent as a bearer token; empty sends none.
            clean: makes the server's words fit for a message.
            silence_s: longest wait for the next byte.
            clock: seconds.
            resolver: turns a host and a port into addresses.

        Raises:
            InputError: if the key holds what no header can carry.
        """
        secret = key.get_secret_value()
        if not (secret.isascii() and secret.isprintable() and " " not in secret):
            raise InputError(
                "reasoner_key holds spaces or letters that a key cannot have",
                hint="set it to the key alone",
            )
        self._address = address
        self._key = key
        self._clean = clean
        self._silence_s = silence_s
        self._guard = OriginGuard([address.root], clock=clock, resolver=resolver)
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    @contextmanager
    def open(
        self, url: str, *, deadline: Deadline, post: bytes | None = None
    ) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """Ask for something, and give the head of a good answer and its body as it comes.

        Raises:
            FaultError: if it cannot be reached, breaks off, or answers other than 2xx.
        """
        headers = {} if post is None else {"Content-Type": "application/json"}
        if secret := self._key.get_secret_value():
            headers["Authorization"] = f"Bearer {secret}"
        try:
            place = self._guard.admit(url)
        except SourceError as error:
            raise FaultError(
                f"cannot be reached: {error}", hint="check the address and the network"
            ) from error
        try:
            with (
                self._wire(place) as wire,
                wire.open(url, headers=headers, deadline=deadline, post=post) as (head, chunks),
            ):
                if not 200 <= head.status < 300:
                    told = take(chunks, _ERROR_BYTES, is_cut=True)
                    raise judge(head.status, head.headers, told, self._clean)
                yield head, chunks
        except WireError as error:
            if _is_distrusted(error):
                raise FaultError(
                    f"shows a certificate that is not trusted: {self._clean(str(error))}",
                    kind="final",
                    hint="name the host as its certificate does, or set SSL_CERT_FILE to a file "
                    "with the authority that signed it",
                ) from error
            raise FaultError(
                f"cannot be reached, or breaks off: {self._clean(str(error))}",
                hint="check that it runs, the address (setting reasoner) and the network",
            ) from error

    def _wire(self, place: Admitted) -> Wire:
        if place.scheme == "https":
            with self._lock:
                self._tls = self._tls or httpx.create_ssl_context()
        return Wire(place, tls=self._tls, connect_s=_CONNECT_S, silence_s=self._silence_s)


def _is_distrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def take(chunks: Iterator[bytes], limit: int, *, is_cut: bool = False) -> bytes:
    """Return a body of at most `limit` bytes.

    Args:
        chunks: the body as it comes.
        limit: most bytes.
        is_cut: whether more is left out, else it is refused.

    Raises:
        TooMuchError: if there is more, and it is not cut.
        WireError: if the exchange breaks off.
    """
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            if is_cut:
                return bytes(body[:limit])
            raise TooMuchError
    return bytes(body)
