"""Sign addresses of Microsoft's Planetary Computer: a token for each container, kept in memory.

A token opens one container of one storage account for about an hour. It is asked for when a file
is first read, used until shortly before it lapses, and written down nowhere.

Source: https://planetarycomputer.microsoft.com/docs/concepts/sas/ (tokens and their service) and
https://learn.microsoft.com/azure/storage/common/storage-use-azurite (accounts in paths).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Admitted, Outgoing
from eoagent.io.access_key import KeySource
from eoagent.io.address import Resolver, is_public, resolve_host
from eoagent.io.fetch import RemoteLimits, Wires
from eoagent.io.hosts import HostBook
from eoagent.io.href import UrlHref, parse_href, redact
from eoagent.io.wire import Deadline, Reply, WireError

__all__ = ["PlanetaryAccess", "Token", "container_of"]

_AZURE: Final = ".blob.core.windows.net"
_KEY_HEADER: Final = "Ocp-Apim-Subscription-Key"
_EARLY: Final = timedelta(seconds=60)
_MOST_BYTES: Final = 16 * 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9%&=._~+:/,;*-]{8,4096}")
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token for one container; empty for one that the service does not know."""

    text: str = field(repr=False)
    """The query that signs an address."""
    expires: datetime
    """When it lapses, UTC."""


def container_of(url: str) -> tuple[str, str] | None:
    """Return the storage account and the container of an address, or None if it has none.

    The account is the first label of a host of Azure's; other hosts, such as a stand-in for Azure
    on one's own machine, state it as the first folder.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    folders = [folder for folder in parts.path.split("/") if folder]
    if host.endswith(_AZURE):
        folders = [host.removesuffix(_AZURE), *folders]
    return (folders[0], folders[1]) if len(folders) > 2 else None


class PlanetaryAccess:
    """Signs addresses in Azure's storage with tokens of one service; may be shared by threads."""

    def __init__(
        self,
        section: str,
        endpoint: str,
        *,
        key: KeySource,
        resolver: Resolver = resolve_host,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Make the way in; nothing is asked for yet.

        Args:
            section: how the settings name it.
            endpoint: the service, without account and container.
            key: subscription key, which may be empty.
            resolver: turns a host and a port into addresses.
            clock: the time, UTC.
        """
        self._section = section
        self._endpoint = endpoint.rstrip("/")
        self._key = key
        self._resolver = resolver
        self._clock = clock or _now
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._tokens: dict[tuple[str, str], Token] = {}

    def sign(self, asked: Outgoing, *, left_s: float) -> Outgoing:
        """Return the request to the signed address, or as it is where it is signed already.

        Raises:
            SourceError: if the service refuses, or gives no token.
            WireError: if it cannot be reached, which a further try may mend.
        """
        container = container_of(asked.url)
        query = urlsplit(asked.url).query
        if container is None or {"sig", "se"} <= {name for name, _ in parse_qsl(query)}:
            return asked
        token = self._kept(container)
        if token is None:
            with self._asking:  # many readers of one container ask once
                token = self._kept(container) or self._ask(container, asked.url, left_s)
                with self._lock:
                    self._tokens[container] = token
        if not token.text:
            return asked
        return replace(asked, url=f"{asked.url}{'&' if query else '?'}{token.text}")

    def renew(self, url: str) -> bool:
        """Forget the token of an address; say whether there was one."""
        with self._lock:
            token = self._tokens.pop(container_of(url) or ("", ""), None)
        return token is not None and bool(token.text)

    def advice(self, status: int, headers: Mapping[str, str]) -> str:
        """Return what to do about an address that is refused in spite of its token."""
        del headers
        if status not in (401, 403, 404, 409):
            return ""
        return (
            f'its address was signed by the service that [stac."{self._section}"] states, where '
            "that knows its container: check that the file exists and is open to you"
        )

    def _kept(self, container: tuple[str, str]) -> Token | None:
        with self._lock:
            token = self._tokens.get(container)
        return token if token is not None and token.expires - _EARLY > self._clock() else None

    def _ask(self, container: tuple[str, str], url: str, left_s: float) -> Token:
        """Return a new token, or an empty one for a container that the service does not know."""
        account, name = (quote(part, safe="") for part in container)
        place = parse_href(f"{self._endpoint}/{account}/{name}")
        if not isinstance(place, UrlHref):
            raise _failed(url, f"{redact(self._endpoint)!r} is no web address")
        book = HostBook(resolver=self._resolver, clock=lambda: 0.0)
        addresses = book.addresses(place, private_ok=True)  # the settings name it
        headers = {"Accept": "application/json"}
        key = self._key.find(url)
        if key:
            headers[_KEY_HEADER] = key
        if key and place.scheme == "http" and any(map(is_public, addresses)):
            raise _failed(url, "the service that signs would be sent a key over plain http")
        admitted = Admitted(scheme=place.scheme, href=place.url, typed=True, addresses=addresses)
        with Wires() as wires:
            try:
                reply = wires.lend(admitted, RemoteLimits()).exchange(
                    place.url,
                    headers=headers,
                    deadline=Deadline(left_s),
                    body_limit=lambda _: _MOST_BYTES,
                )
            except WireError as error:
                raise WireError(f"the service that signs its address: {error}") from error
        return self._read(reply, url)

    def _read(self, reply: Reply, url: str) -> Token:
        now = self._clock()
        if reply.status in _PASSING:
            raise WireError(f"the service that signs its address answers {reply.status}")
        if reply.status == 404:
            return Token(text="", expires=now + timedelta(minutes=10))
        if reply.status != 200:
            raise _failed(
                url,
                f"the service that signs its address answers {reply.status}",
                hint=f'check the key and the endpoint of [stac."{self._section}"] in eoagent.toml',
            )
        said = _members(reply.body)
        token, expiry = said.get("token"), said.get("msft:expiry")
        moment = _moment(expiry)
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or moment is None:
            raise _failed(
                url,
                "the service that signs its address gave no token that can be used",
                hint=f'check the endpoint of [stac."{self._section}"] in eoagent.toml',
            )
        # A clock that runs ahead must not have every request ask for a token of its own.
        return Token(text=token, expires=max(moment, now + 2 * _EARLY))


def _members(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _failed(url: str, why: str, *, hint: str = "") -> SourceError:
    shown = redact(url)
    return SourceError(f"{shown!r} could not be read: {why}", href=shown, hint=hint)


def _now() -> datetime:
    return datetime.now(tz=UTC)
