"""Ask a server with the OpenAI protocol for replies, within bounds of time, tries and size."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import JsonValue, SecretStr

from eoagent.contracts.dialogue import OnText
from eoagent.contracts.errors import BudgetExceeded, EoAgentError
from eoagent.io.address import Resolver, resolve_host
from eoagent.io.chatserver_address import ServerAddress
from eoagent.io.chatserver_events import TooMuchError, event_data
from eoagent.io.chatserver_faults import FaultError, as_error, cleaner, readable_json
from eoagent.io.chatserver_link import ServerLink, take
from eoagent.io.chatserver_reply import ReplyParts, Said
from eoagent.io.chatserver_telling import Telling
from eoagent.io.wire import Deadline, Reply

__all__ = ["ChatServer", "Said"]

_LOG: Final = logging.getLogger(__name__)
_ATTEMPTS: Final = 4
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 20.0
_LONGEST_ASKED_S: Final = 60.0
"""Longest pause that a server is granted when it asks for one."""
_LIST_BYTES: Final = 1024 * 1024
_LIST_S: Final = 30.0
_REPLY_BYTES: Final = 256 * 1024
_TOKEN_BYTES: Final = 2048
"""Bytes of a reply for each token that it may have; a piece of a stream takes a few hundred."""
_MOST_NAMES: Final = 10
_FORMS: Final[tuple[Mapping[str, JsonValue], ...]] = (
    MappingProxyType({"stream": True, "stream_options": {"include_usage": True}}),
    MappingProxyType({"stream": True}),
    MappingProxyType({"stream": False}),
)
"""Forms of a request, the best first; a server that refuses one is asked in the next."""

_T = TypeVar("_T")


class ChatServer:
    """A server that a user named; may be shared by threads, nothing is sent before it is asked."""

    def __init__(
        self,
        address: ServerAddress,
        *,
        key: SecretStr | None = None,
        timeout_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        resolver: Resolver = resolve_host,
    ) -> None:
        """Make one.

        Args:
            address: where it is.
            key: sent as a bearer token, and never shown.
            timeout_s: longest time for one request, all tries included; a try is given up after
                half of it without a word.
            clock: seconds.
            sleep: waits between tries.
            jitter: gives a number from 0 to 1.
            resolver: turns a host and a port into addresses.

        Raises:
            InputError: if the key holds what no header can carry.
        """
        secret = "" if key is None else key.get_secret_value().strip()
        self._address = address
        self._timeout_s = timeout_s
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._clean = cleaner(secret)
        self._form = 0
        self._link = ServerLink(
            address,
            key=SecretStr(secret),
            clean=self._clean,
            silence_s=timeout_s / 2,
            clock=clock,
            resolver=resolver,
        )

    @property
    def shown(self) -> str:
        """Its address as it may be written down."""
        return self._address.shown

    def models(self) -> tuple[tuple[str, str], ...]:
        """Return the models that it offers: the name of each, and what it says it was made from.

        Raises:
            ModelError: if it cannot be had.
            BudgetExceeded: if the time that it may take passes.
        """
        deadline = Deadline(min(self._timeout_s, _LIST_S), clock=self._clock)
        return self._try(lambda: self._list(deadline), deadline)

    def complete(
        self, asked: Mapping[str, JsonValue], *, max_tokens: int, on_text: OnText | None = None
    ) -> Said:
        """Return a reply, whole: what broke off is asked for again.

        Args:
            asked: the request, without the fields that say in which form the reply comes.
            max_tokens: most tokens of the reply.
            on_text: told each new piece; what it raises ends the request.

        Raises:
            InputError: if the request is more than the server can read.
            ModelError: if it fails for good, or again and again; says how often it was tried.
            BudgetExceeded: if the time that it may take passes.
        """
        deadline = Deadline(self._timeout_s, clock=self._clock)
        telling = Telling(on_text)
        whole = {**asked, "max_tokens": max_tokens}
        limit = _REPLY_BYTES + _TOKEN_BYTES * max_tokens

        def ask() -> Said:
            return self._ask_in_some_form(whole, telling, deadline, limit)

        return self._try(ask, deadline)

    def _try(self, ask: Callable[[], _T], deadline: Deadline) -> _T:
        """Ask until there is an answer, or a fault that no further try mends."""
        for tries in range(1, _ATTEMPTS + 1):
            try:
                return ask()
            except FaultError as fault:
                if not deadline.left_s:
                    raise self._late(fault, tries, deadline) from fault
                if fault.kind != "passing" or tries == _ATTEMPTS:
                    raise self._final(fault, tries) from fault
                why, pause = fault.why, self._pause(fault, tries)
                if pause >= deadline.left_s:
                    raise self._late(fault, tries, deadline) from fault
            _LOG.info("%s %s; it is asked again in %.1f s", self.shown, why, pause)
            self._sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _pause(self, fault: FaultError, tries: int) -> float:
        if fault.wait_s:
            return min(fault.wait_s, _LONGEST_ASKED_S)
        longest: float = min(_FIRST_WAIT_S * 2 ** (tries - 1), _LONGEST_WAIT_S)
        return longest * (0.5 + self._jitter() / 2)

    def _late(self, fault: FaultError, tries: int, deadline: Deadline) -> BudgetExceeded:
        often = f" in {tries} tries" if tries > 1 else ""
        return BudgetExceeded(
            f"no whole reply came from the reasoner's server {self.shown} within the "
            f"{deadline.seconds:g} s that it may take{often}: it {fault.why}",
            hint="allow more time with reasoner_timeout_s, or ask about less",
        )

    def _final(self, fault: FaultError, tries: int) -> EoAgentError:
        if fault.kind == "model":
            fault.hint = self._names_hint(fault.hint)
        return as_error(fault, server=self.shown, tries=tries)

    def _names_hint(self, otherwise: str) -> str:
        """Return what may be named as the model, as far as the server says."""
        try:
            names = [name for name, _ in self._list(Deadline(_LIST_S, clock=self._clock))]
        except FaultError:
            return otherwise
        if not names:
            return "set reasoner_model to the name that the server was started with"
        shown = ", ".join(self._clean(name) for name in names[:_MOST_NAMES])
        return f"set reasoner_model to one that it has: {shown}"

    def _list(self, deadline: Deadline) -> tuple[tuple[str, str], ...]:
        try:
            with self._link.open(self._address.models_url, deadline=deadline) as (_, chunks):
                record = readable_json(take(chunks, _LIST_BYTES))
        except TooMuchError as error:
            raise FaultError("lists too many models", kind="final") from error
        listed = record.get("data") if isinstance(record, dict) else None
        if not isinstance(listed, list):
            raise FaultError(
                "lists no models",
                kind="final",
                hint="check that the address is that of a server with the OpenAI protocol, or "
                "set reasoner_model",
            )
        rows = [row for row in listed if isinstance(row, dict) and isinstance(row.get("id"), str)]
        return tuple((row["id"], _text(row.get("root"))) for row in rows)

    def _ask_in_some_form(
        self, asked: Mapping[str, JsonValue], telling: Telling, deadline: Deadline, limit: int
    ) -> Said:
        for form in range(self._form, len(_FORMS)):
            body = json.dumps({**asked, **_FORMS[form]}).encode()
            try:
                said = self._ask(body, telling, deadline, limit)
            except FaultError as fault:
                if fault.kind != "form" or form == len(_FORMS) - 1:
                    raise
            else:
                self._form = form
                return said
        raise AssertionError("the last form returns or raises")

    def _ask(self, body: bytes, telling: Telling, deadline: Deadline, limit: int) -> Said:
        parts = ReplyParts(telling, self._clean)
        url = self._address.chat_url
        try:
            with self._link.open(url, deadline=deadline, post=body) as (head, chunks):
                _read(parts, head, chunks, limit)
        except TooMuchError as error:
            raise FaultError(
                f"sends more than the {limit} bytes that a reply may have",
                kind="final",
                hint="see what the server's log says",
            ) from error
        return parts.said()


def _read(parts: ReplyParts, head: Reply, chunks: Iterator[bytes], limit: int) -> None:
    """Read a reply as it came: a server may send one document where a stream was asked for.

    What does not say that it is a stream is told by how it begins.
    """
    if "event-stream" not in head.headers.get("content-type", "").lower():
        body = take(chunks, limit)
        if not body.startswith((b"data:", b"\xef\xbb\xbfdata:", b":")):
            parts.add_whole(body)
            return
        chunks = iter([body])
    for data in event_data(chunks, max_bytes=limit):
        parts.add_event(data)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
